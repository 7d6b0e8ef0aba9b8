//! PulseAudio, or PipeWire's server of that name: one connection, and on it a record stream for each playback of another
//! program (`direct_on_input`), which follow what comes and goes.
//!
//! Whoever owns the value waits in [`Applications::wait`]; everything happens there, on that one thread.

use super::SystemSoundFault;
use super::choice;
use super::mix::Mix;
use crate::audio::{Block, SAMPLE_RATE};
use crate::device::pulse::{COMMANDS, PulseConnection};
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, ChannelVolume, ClientInfo, ClientInfoList, Command, CreateRecordStreamReply, Prop, Props,
    ProtocolError, RecordStreamParams, SampleFormat, SampleSpec, SinkInputInfoList, SubscriptionMask,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A server that begins to say something says the rest within.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How much the server collects before it sends a piece: 20 ms, so that no player plays seconds at once.
const PIECE_BYTES: u32 = SAMPLE_RATE / 50 * size_of::<f32>() as u32;
/// Messages read in one go, so that nobody can hold the thread.
const MESSAGES_MAX: usize = 512;

/// See the module.
pub(crate) struct Applications {
    connection: PulseConnection,
    /// What is asked and not answered yet.
    asked: BTreeMap<u32, Asked>,
    /// Playback changed since it was listed.
    stale: bool,
    clients: Vec<ClientInfo>,
    /// By the index of the playback.
    programs: BTreeMap<u32, Recorded>,
    mix: Mix,
}

/// What an answer is about.
enum Asked {
    Clients,
    Inputs,
    /// A record stream on this playback.
    Record(u32),
    Nothing,
}

/// How far a playback's record stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recorded {
    Asked,
    /// Its sound comes in this channel.
    On(u32),
    /// The server does not want to; asked again when the playback changes.
    Refused,
}

impl Applications {
    /// Connects. Waits for the server's answers, a few milliseconds.
    pub(crate) fn open() -> Result<Self, SystemSoundFault> {
        let path = pulseaudio::socket_path_from_env().ok_or(SystemSoundFault::NoServer)?;
        let stream = UnixStream::connect(path).map_err(|_| SystemSoundFault::NoServer)?;
        Self::begin(stream).map_err(|error| lost(&error))
    }

    fn begin(stream: UnixStream) -> Result<Self, ProtocolError> {
        let mut applications = Self {
            connection: PulseConnection::over(stream, c"Parley (shared sound)", ANSWER_MAX)?,
            asked: BTreeMap::new(),
            stale: true,
            clients: Vec::new(),
            programs: BTreeMap::new(),
            mix: Mix::default(),
        };
        applications.ask(&Command::Subscribe(SubscriptionMask::SINK_INPUT), Asked::Nothing)?;
        applications.refresh()?;
        Ok(applications)
    }

    /// Waits for what the server says, at most this long, and takes it.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Result<(), SystemSoundFault> {
        self.hear(at_most).map_err(|error| lost(&error))
    }

    /// The next 10 ms of all programs.
    pub(crate) fn block(&mut self) -> Block {
        self.mix.block()
    }

    /// How many programs are heard.
    pub(crate) const fn programs(&self) -> usize {
        self.mix.len()
    }

    /// Samples that came too fast and were thrown away.
    pub(crate) const fn dropped(&self) -> u64 {
        self.mix.dropped()
    }

    fn hear(&mut self, at_most: Duration) -> Result<(), ProtocolError> {
        let at_most = Timespec {
            tv_sec: at_most.as_secs().cast_signed(),
            tv_nsec: at_most.subsec_nanos().into(),
        };
        if !self.connection.has_more() {
            let descriptor = self.connection.descriptor();
            let mut places = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
            match poll(&mut places, Some(&at_most)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
                other => other.map_err(std::io::Error::from)?,
            };
        }
        for _ in 0..MESSAGES_MAX {
            self.read_message()?;
            if !self.connection.has_more() {
                break;
            }
        }
        self.refresh()
    }

    /// Takes one message, waiting for its end.
    fn read_message(&mut self) -> Result<(), ProtocolError> {
        let head = self.connection.read_message()?;
        if head.channel == COMMANDS {
            self.on_command()
        } else {
            self.mix.hear(head.channel, self.connection.sound());
            Ok(())
        }
    }

    fn on_command(&mut self) -> Result<(), ProtocolError> {
        match self.connection.command()? {
            Some((request, Command::Reply)) => self.on_answer(request),
            Some((request, Command::Error(error))) => {
                tracing::debug!(?error, "the sound server refuses");
                self.on_refusal(request);
                Ok(())
            }
            Some((_, Command::SubscribeEvent(_))) => {
                self.stale = true;
                Ok(())
            }
            Some((_, Command::RecordStreamKilled(channel))) => {
                // Its playback ended, or was moved to another device: the list will tell.
                self.mix.remove(channel);
                self.programs
                    .retain(|_, recorded| *recorded != Recorded::On(channel));
                self.stale = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn on_answer(&mut self, request: u32) -> Result<(), ProtocolError> {
        match self.asked.remove(&request) {
            Some(Asked::Clients) => self.clients = self.connection.reply::<ClientInfoList>()?,
            Some(Asked::Inputs) => {
                let inputs = self.connection.reply::<SinkInputInfoList>()?;
                let shared = choice::shared(&inputs, &self.clients, choice::is_own);
                self.follow(&shared)?;
            }
            Some(Asked::Record(input)) => {
                let stream = self.connection.reply::<CreateRecordStreamReply>()?;
                if let Some(recorded) = self.programs.get_mut(&input) {
                    *recorded = Recorded::On(stream.channel);
                    self.mix.add(stream.channel);
                } else {
                    self.ask(&Command::DeleteRecordStream(stream.channel), Asked::Nothing)?;
                }
            }
            Some(Asked::Nothing) | None => {}
        }
        Ok(())
    }

    fn on_refusal(&mut self, request: u32) {
        if let Some(Asked::Record(input)) = self.asked.remove(&request)
            && let Some(recorded) = self.programs.get_mut(&input)
        {
            *recorded = Recorded::Refused;
        }
    }

    /// Asks anew what plays, if that changed and is not being asked already.
    fn refresh(&mut self) -> Result<(), ProtocolError> {
        let listing = |asked: &Asked| matches!(asked, Asked::Clients | Asked::Inputs);
        if !self.stale || self.asked.values().any(listing) {
            return Ok(());
        }
        self.stale = false;
        // In this order: a stream's program is known before the stream.
        self.ask(&Command::GetClientInfoList, Asked::Clients)?;
        self.ask(&Command::GetSinkInputInfoList, Asked::Inputs)
    }

    /// Records exactly these.
    fn follow(&mut self, shared: &[u32]) -> Result<(), ProtocolError> {
        let gone: Vec<_> = self
            .programs
            .extract_if(.., |input, _| !shared.contains(input))
            .collect();
        for (_, recorded) in gone {
            if let Recorded::On(channel) = recorded {
                self.mix.remove(channel);
                // The server ended it already, unless the playback stopped being another program's.
                self.ask(&Command::DeleteRecordStream(channel), Asked::Nothing)?;
            }
        }
        for input in shared {
            if matches!(self.programs.get(input), None | Some(Recorded::Refused)) {
                self.programs.insert(*input, Recorded::Asked);
                let wish = Command::CreateRecordStream(record(*input));
                self.ask(&wish, Asked::Record(*input))?;
            }
        }
        Ok(())
    }

    fn ask(&mut self, command: &Command, about: Asked) -> Result<(), ProtocolError> {
        let request = self.connection.ask(command)?;
        self.asked.insert(request, about);
        Ok(())
    }
}

/// A record stream on one playback: what its program plays, with its own volume, before it is mixed with others.
fn record(input: u32) -> RecordStreamParams {
    let mut what = Props::new();
    what.set(Prop::MediaName, c"Shared with the screen");
    RecordStreamParams {
        sample_spec: SampleSpec {
            format: SampleFormat::Float32Le,
            channels: 1,
            sample_rate: SAMPLE_RATE,
        },
        channel_map: ChannelMap::mono(),
        // Not the device's: the playback's device is the one, whichever that is.
        source_index: None,
        source_name: None,
        buffer_attr: BufferAttr {
            max_length: u32::MAX,
            fragment_size: PIECE_BYTES,
            ..BufferAttr::default()
        },
        flags: StreamFlags {
            adjust_latency: true,
            ..StreamFlags::default()
        },
        direct_on_input_index: Some(input),
        cvolume: Some(ChannelVolume::norm(1)),
        props: what,
        formats: Vec::new(),
    }
}

fn lost(error: &ProtocolError) -> SystemSoundFault {
    SystemSoundFault::Lost(error.to_string())
}
