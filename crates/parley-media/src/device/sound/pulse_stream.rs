//! A stream of the sound server's: a connection and a thread of its own, which does nothing but copy between the two.
//!
//! | step | microphone | speaker |
//! |---|---|---|
//! | wakes when | the server sends a piece | the server asks for more |
//! | then | puts it into the ring, which wakes the audio thread | takes so much from the ring, sends it in one write |
//!
//! Nothing is allocated once it runs. Its priority is that of the thread that opens it. It ends when its connection does,
//! whoever ended it, and says so to [`Health`].
//!
//! Measured (a microphone and a speaker, 10 ms each, PulseAudio 16.1, two slow cores): 0.6 % of a core, where `cpal`'s streams of the same
//! take 3.7 to 4.6 (see [`crate::device::pulse`]); the server's own work sinks by a fifth.

use super::health::{Health, Pulse};
use super::ring::{MicrophoneFeed, SpeakerFeed};
use super::trouble::{DeviceTrouble, TroubleKind};
use crate::audio::SAMPLE_RATE;
use crate::device::pulse::{COMMANDS, PulseConnection};
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    self, ChannelMap, Command, CreatePlaybackStreamReply, CreateRecordStreamReply, Descriptor,
    DescriptorFlags, PlaybackStreamParams, Prop, Props, ProtocolError, PulseError, RecordStreamParams,
    SampleFormat, SampleSpec,
};
use std::ffi::CString;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the server may take for each answer while a stream is opened: a device that slept has to wake up.
const ANSWER_MAX: Duration = Duration::from_secs(3);
const SAMPLE_BYTES: usize = size_of::<f32>();
const HEAD_BYTES: usize = protocol::DESCRIPTOR_SIZE;
/// Most that is sent at once, whatever the server asks for: more than any buffer of ours.
const WRITE_BYTES_MAX: usize = 256 * 1_024;

/// What to open: 48 kHz, `f32`, as the rest of the engine.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// The device, by the server's name for it.
    pub(super) device: String,
    /// One or two.
    pub(super) channels: u8,
    /// Frames of a piece.
    pub(super) frames: u32,
}

/// The callback's end of a ring.
pub(super) enum Feed {
    Microphone(MicrophoneFeed),
    Speaker(SpeakerFeed),
}

/// A running stream. Dropping it ends it.
#[derive(Debug)]
pub(super) struct PulseStream {
    socket: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl PulseStream {
    /// Opens and starts it.
    pub(super) fn open(wish: &Wish, feed: Feed, health: &Health) -> Result<Self, DeviceTrouble> {
        Self::over(PulseConnection::open(c"Parley", ANSWER_MAX)?, wish, feed, health)
    }

    fn over(
        connection: PulseConnection,
        wish: &Wish,
        feed: Feed,
        health: &Health,
    ) -> Result<Self, DeviceTrouble> {
        let socket = connection.socket().map_err(ProtocolError::from)?;
        let period = Duration::from_nanos(u64::from(wish.frames) * 1_000_000_000 / u64::from(SAMPLE_RATE));
        let flow = Flow {
            connection,
            channels: usize::from(wish.channels.max(1)),
            pulse: health.pulse(period),
        };
        let (name, run) = match feed {
            Feed::Microphone(feed) => ("sound in", flow.record(wish, feed)?),
            Feed::Speaker(feed) => ("sound out", flow.play(wish, feed)?),
        };
        let health = health.clone();
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                let end = run();
                tracing::debug!(name, %end, "a sound stream ended");
                // Where it was dropped, nobody reads this any more.
                health.break_down();
            })
            .map_err(ProtocolError::from)?;
        Ok(Self {
            socket,
            thread: Some(thread),
        })
    }
}

impl Drop for PulseStream {
    fn drop(&mut self) {
        // Fails only where the server ended it already; either way no read and no write waits any longer.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What both directions have.
struct Flow {
    connection: PulseConnection,
    channels: usize,
    pulse: Pulse,
}

type Run = Box<dyn FnOnce() -> ProtocolError + Send>;

impl Flow {
    fn record(mut self, wish: &Wish, mut feed: MicrophoneFeed) -> Result<Run, DeviceTrouble> {
        let params = record_params(wish)?;
        let stream: CreateRecordStreamReply = self
            .connection
            .ask_and_wait(&Command::CreateRecordStream(params))?;
        self.connection.wait_for_ever()?;
        Ok(Box::new(move || {
            loop {
                if let Err(end) = self.take_piece(stream.channel, &mut feed) {
                    return end;
                }
            }
        }))
    }

    #[expect(clippy::disallowed_methods, reason = "driver: the moment a device calls")]
    fn take_piece(&mut self, channel: u32, feed: &mut MicrophoneFeed) -> Result<(), ProtocolError> {
        let head = self.connection.read_message()?;
        if head.channel == COMMANDS {
            return self.obey().map(drop);
        }
        if head.channel == channel {
            let samples = self.connection.sound().chunks_exact(SAMPLE_BYTES);
            self.pulse
                .beat(Instant::now(), time_of(samples.len() / self.channels));
            let samples = samples.map(|bytes| bytes.try_into().map_or(0.0, f32::from_le_bytes));
            feed.push(samples, self.channels);
        }
        Ok(())
    }

    fn play(mut self, wish: &Wish, mut feed: SpeakerFeed) -> Result<Run, DeviceTrouble> {
        let params = playback_params(wish)?;
        let stream: CreatePlaybackStreamReply = self
            .connection
            .ask_and_wait(&Command::CreatePlaybackStream(params))?;
        self.connection.wait_for_ever()?;
        let mut piece = Piece::new(stream.channel, stream.buffer_attr.max_length as usize);
        let first = stream.requested_bytes as usize;
        Ok(Box::new(move || {
            if let Err(end) = self.give(first, &mut piece, &mut feed) {
                return end;
            }
            loop {
                if let Err(end) = self.answer(&mut piece, &mut feed) {
                    return end;
                }
            }
        }))
    }

    fn answer(&mut self, piece: &mut Piece, feed: &mut SpeakerFeed) -> Result<(), ProtocolError> {
        let head = self.connection.read_message()?;
        if head.channel != COMMANDS {
            return Ok(());
        }
        let wanted = self.obey()?;
        self.give(wanted, piece, feed)
    }

    /// Sends so many bytes of what is to be heard.
    #[expect(clippy::disallowed_methods, reason = "driver: the moment a device calls")]
    fn give(
        &mut self,
        wanted: usize,
        piece: &mut Piece,
        feed: &mut SpeakerFeed,
    ) -> Result<(), ProtocolError> {
        let frames = wanted.min(WRITE_BYTES_MAX) / (SAMPLE_BYTES * self.channels);
        if frames == 0 {
            return Ok(());
        }
        let now = Instant::now();
        self.pulse.beat(now, time_of(frames));
        let message = piece.fill(frames * self.channels, |samples| {
            feed.pull(samples.chunks_exact_mut(self.channels), now, |sample| sample);
        });
        self.connection.write(message)
    }

    /// How many bytes the command that came asks for, if it is one that does.
    fn obey(&self) -> Result<usize, ProtocolError> {
        match self.connection.command()? {
            Some((_, Command::Request(request))) => Ok(request.length as usize),
            Some((_, Command::PlaybackStreamKilled(_) | Command::RecordStreamKilled(_))) => {
                Err(ProtocolError::ServerError(PulseError::Killed))
            }
            _ => Ok(0),
        }
    }
}

/// A message of sound, kept from one to the next.
struct Piece {
    channel: u32,
    samples: Vec<f32>,
    message: Vec<u8>,
}

impl Piece {
    /// With room for `bytes`, so that nothing is allocated later.
    fn new(channel: u32, bytes: usize) -> Self {
        let bytes = bytes.min(WRITE_BYTES_MAX);
        Self {
            channel,
            samples: Vec::with_capacity(bytes / SAMPLE_BYTES),
            message: Vec::with_capacity(HEAD_BYTES + bytes),
        }
    }

    /// So many samples of what `fill` writes, with their head.
    fn fill(&mut self, samples: usize, fill: impl FnOnce(&mut [f32])) -> &[u8] {
        self.samples.resize(samples, 0.0);
        fill(&mut self.samples);
        let mut head = [0; HEAD_BYTES];
        let described = Descriptor {
            length: u32::try_from(samples * SAMPLE_BYTES).unwrap_or(u32::MAX),
            channel: self.channel,
            offset: 0,
            flags: DescriptorFlags::empty(),
        };
        protocol::encode_descriptor(&mut head, &described);
        self.message.clear();
        self.message.extend_from_slice(&head);
        self.message
            .extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        &self.message
    }
}

fn record_params(wish: &Wish) -> Result<RecordStreamParams, DeviceTrouble> {
    let piece = piece_bytes(wish);
    Ok(RecordStreamParams {
        sample_spec: sample_spec(wish),
        channel_map: channel_map(wish),
        source_index: None,
        source_name: Some(name(wish)?),
        buffer_attr: BufferAttr {
            max_length: piece,
            fragment_size: piece,
            ..BufferAttr::default()
        },
        flags: flags(),
        props: props(),
        ..RecordStreamParams::default()
    })
}

/// Two pieces wait in the server, and it asks for one at a time.
fn playback_params(wish: &Wish) -> Result<PlaybackStreamParams, DeviceTrouble> {
    let piece = piece_bytes(wish);
    Ok(PlaybackStreamParams {
        sample_spec: sample_spec(wish),
        channel_map: channel_map(wish),
        sink_index: None,
        sink_name: Some(name(wish)?),
        buffer_attr: BufferAttr {
            max_length: piece * 2,
            target_length: piece * 2,
            minimum_request_length: piece,
            ..BufferAttr::default()
        },
        flags: flags(),
        props: props(),
        ..PlaybackStreamParams::default()
    })
}

fn piece_bytes(wish: &Wish) -> u32 {
    wish.frames * u32::from(wish.channels) * SAMPLE_BYTES as u32
}

fn name(wish: &Wish) -> Result<CString, DeviceTrouble> {
    CString::new(wish.device.as_str())
        .map_err(|_| DeviceTrouble::new(TroubleKind::Missing, "a device with an odd name"))
}

const fn sample_spec(wish: &Wish) -> SampleSpec {
    SampleSpec {
        format: SampleFormat::Float32Le,
        channels: wish.channels,
        sample_rate: SAMPLE_RATE,
    }
}

fn channel_map(wish: &Wish) -> ChannelMap {
    if wish.channels == 1 {
        ChannelMap::mono()
    } else {
        ChannelMap::stereo()
    }
}

/// The server sets the device so that the whole way takes no longer than our buffers.
fn flags() -> StreamFlags {
    StreamFlags {
        adjust_latency: true,
        ..StreamFlags::default()
    }
}

fn props() -> Props {
    let mut props = Props::new();
    props.set(Prop::MediaName, c"Call");
    props
}

fn time_of(frames: usize) -> Duration {
    Duration::from_nanos(frames as u64 * 1_000_000_000 / u64::from(SAMPLE_RATE))
}

impl From<ProtocolError> for DeviceTrouble {
    fn from(error: ProtocolError) -> Self {
        let kind = match &error {
            ProtocolError::ServerError(PulseError::AccessDenied | PulseError::AuthKey) => TroubleKind::Denied,
            ProtocolError::ServerError(PulseError::Busy) => TroubleKind::Busy,
            ProtocolError::ServerError(PulseError::NoEntity) | ProtocolError::Io(_) => TroubleKind::Missing,
            _ => TroubleKind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::sound::ring;
    use protocol::{AuthReply, Request, SetClientNameReply};
    use std::io::{BufReader, Read as _};

    const CHANNEL: u32 = 7;
    const PIECE: usize = 480 * SAMPLE_BYTES;

    /// A sound server of one stream.
    struct Server(BufReader<UnixStream>);

    impl Server {
        /// Greets who connects and opens the stream that they ask for; gives back what they asked.
        fn greet(&mut self) -> Command {
            let version = protocol::MAX_VERSION;
            let (request, _) = self.hear();
            let reply = AuthReply {
                version,
                ..AuthReply::default()
            };
            protocol::write_reply_message(self.0.get_mut(), request, &reply, version).unwrap();
            let (request, _) = self.hear();
            let reply = SetClientNameReply { client_id: 1 };
            protocol::write_reply_message(self.0.get_mut(), request, &reply, version).unwrap();
            let (request, wish) = self.hear();
            if let Command::CreatePlaybackStream(params) = &wish {
                let reply = CreatePlaybackStreamReply {
                    channel: CHANNEL,
                    requested_bytes: params.buffer_attr.target_length,
                    buffer_attr: params.buffer_attr,
                    ..CreatePlaybackStreamReply::default()
                };
                protocol::write_reply_message(self.0.get_mut(), request, &reply, version).unwrap();
            } else {
                let reply = CreateRecordStreamReply {
                    channel: CHANNEL,
                    ..CreateRecordStreamReply::default()
                };
                protocol::write_reply_message(self.0.get_mut(), request, &reply, version).unwrap();
            }
            wish
        }

        fn hear(&mut self) -> (u32, Command) {
            protocol::read_command_message(&mut self.0, protocol::MAX_VERSION).unwrap()
        }

        fn say(&mut self, command: &Command) {
            protocol::write_command_message(self.0.get_mut(), u32::MAX, command, protocol::MAX_VERSION)
                .unwrap();
        }

        fn samples(&mut self) -> Vec<f32> {
            let head = protocol::read_descriptor(&mut self.0).unwrap();
            assert_eq!(head.channel, CHANNEL);
            let mut sound = vec![0; head.length as usize];
            self.0.read_exact(&mut sound).unwrap();
            sound
                .chunks_exact(SAMPLE_BYTES)
                .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
                .collect()
        }
    }

    /// A stream to a made-up server, once it stands.
    fn open(feed: Feed, health: &Health) -> (Server, PulseStream, Command) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut server = Server(BufReader::new(theirs));
        let wish = Wish {
            device: "headset".into(),
            channels: 1,
            frames: 480,
        };
        let (stream, asked) = std::thread::scope(|scope| {
            let greeted = scope.spawn(|| server.greet());
            let connection = PulseConnection::over(ours, c"test", Duration::from_secs(10)).unwrap();
            let stream = PulseStream::over(connection, &wish, feed, health).unwrap();
            (stream, greeted.join().unwrap())
        });
        (server, stream, asked)
    }

    fn is_broken_soon(health: &Health) -> bool {
        (0..1_000).any(|_| {
            std::thread::park_timeout(Duration::from_millis(10));
            health.is_broken()
        })
    }

    #[test]
    fn a_speaker_gets_what_it_asks_for_and_a_killed_one_is_known_as_broken() {
        let health = Health::default();
        let (feed, mut ring) = ring::speaker(SAMPLE_RATE, std::thread::current()).unwrap();
        ring.write_block(&[0.25; 480]).unwrap();
        let (mut server, stream, asked) = open(Feed::Speaker(feed), &health);
        let Command::CreatePlaybackStream(asked) = asked else {
            panic!("{asked:?}");
        };
        assert_eq!(asked.sink_name.as_deref(), Some(c"headset"));
        let first = server.samples();
        assert_eq!((first.len(), first[0], first[480]), (960, 0.25, 0.0));
        ring.write_block(&[0.5; 480]).unwrap();
        server.say(&Command::Request(Request {
            channel: CHANNEL,
            length: PIECE as u32,
        }));
        assert_eq!(server.samples(), [0.5; 480]);
        assert!(!health.is_broken());
        server.say(&Command::PlaybackStreamKilled(CHANNEL));
        assert!(is_broken_soon(&health));
        drop(stream);
    }

    #[test]
    fn a_microphone_brings_what_comes_and_a_server_that_goes_is_known_as_broken() {
        let health = Health::default();
        let (feed, mut ring) = ring::microphone(SAMPLE_RATE, std::thread::current()).unwrap();
        let (mut server, _stream, _) = open(Feed::Microphone(feed), &health);
        let sound: Vec<u8> = [0.125f32; 480]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        protocol::write_memblock(server.0.get_mut(), CHANNEL + 1, &sound, 0).unwrap();
        protocol::write_memblock(server.0.get_mut(), CHANNEL, &sound, 0).unwrap();
        drop(server);
        assert!(is_broken_soon(&health));
        assert_eq!(ring.read_block(), Some([0.125; 480]));
        assert_eq!(ring.read_block(), None, "another stream's sound is none of ours");
    }

    #[test]
    fn dropping_ends_a_stream_to_a_server_that_says_nothing() {
        let health = Health::default();
        let (feed, _ring) = ring::microphone(SAMPLE_RATE, std::thread::current()).unwrap();
        let (_server, stream, _) = open(Feed::Microphone(feed), &health);
        drop(stream);
        assert!(health.is_broken(), "its thread has ended");
    }
}
