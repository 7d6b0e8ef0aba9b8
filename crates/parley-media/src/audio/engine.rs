//! The engine: one thread that owns everything between the devices' rings and the encoded packets.
//!
//! Each tick does, in this order:
//!
//! | who | where | why there | what breaks if moved |
//! |---|---|---|---|
//! | commands, device news | first | a mute holds from this very block on | a word too many is sent |
//! | jitter buffers, decoders | first of the playout | each gives 10 ms, made from what has come by now | decoded earlier, packets in time count as late |
//! | mixer | after them | the canceller needs one reference of all | an echo of each person apart cannot be cancelled |
//! | limiter, meter | after the mixer | only the sum can be too loud | several voices overdrive the speaker |
//! | echo reference | last of the playout, before the capture | the canceller must know a sound before its echo comes | the echo comes first and stays |
//! | speaker's ring | then | what is played is exactly what was told | the canceller models another sound |
//! | microphone's ring | first of the capture | 48 kHz mono from here on | |
//! | voice chain | next | its own order is told in [`super::voice`] | |
//! | meter, voice flag, mute | after the chain | the meter lives while muted, and echo is no speech | "you are muted" for the other's voice |
//! | Opus | last | silence must reach it, for it to stop sending | |
//!
//! The speaker's and the microphone's callbacks wake the thread; without devices it sleeps to the next 10 ms of the clock.
//! Nothing in a tick waits, and after a stall a bounded number of blocks is made up for and the rest left out. It opens
//! no device and no file: other threads do and send the result.

use super::capture::Capture;
use super::config::{AudioCommand, AudioConfig, AudioInput, AudioOutput, AudioPorts, StartAudioError};
use super::input::InputSide;
use super::no_signal::NoSignal;
use super::output::OutputSide;
use super::played::Played;
use super::playout::Playout;
use super::record::Recording;
use super::status::{AudioCounters, AudioStatus, StreamState, StreamStatus};
use super::wall::WallAnchor;
use crate::device::sound::{Direction, SoundDevices, SoundEvent, raise_this_thread};
use crate::packet::EncodedAudio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Commands that may wait: more than a person can give in a tick.
const COMMANDS_MAX: usize = 256;
/// Packets that may wait for the network: one second.
const PACKETS_MAX: usize = 50;
/// Blocks made in one tick at most, each way.
const BLOCKS_PER_TICK: usize = 12;
/// Longest sleep: how late a command may take effect when no device and no source wakes the thread.
const SLEEP_MAX: Duration = Duration::from_millis(20);
const PUBLISH_EVERY: Duration = Duration::from_millis(100);

/// A running engine. Dropping it stops the thread and finishes the recording.
#[derive(Debug)]
pub struct AudioEngine {
    commands: SyncSender<AudioCommand>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl AudioEngine {
    /// Starts the thread. Devices and files are opened meanwhile; the status tells how that goes.
    ///
    /// # Errors
    /// When the codec, the recording or the thread cannot be made.
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: the two clocks are read together once"
    )]
    pub fn spawn(config: AudioConfig) -> Result<(Self, AudioPorts), StartAudioError> {
        let (commands, commands_out) = sync_channel(COMMANDS_MAX);
        let (encoded_in, encoded) = tokio::sync::mpsc::channel(PACKETS_MAX);
        let (status_in, status) = watch::channel(AudioStatus::default());
        let stop = Arc::new(AtomicBool::new(false));
        let (input, output, stopped) = (config.input.clone(), config.output.clone(), Arc::clone(&stop));
        let now = Instant::now();
        let anchor = WallAnchor::new(now, std::time::SystemTime::now());
        let mut driver = Driver::new(config, anchor, now, (commands_out, encoded_in, status_in))?;
        let thread = std::thread::Builder::new()
            .name("audio".into())
            .spawn(move || {
                raise_this_thread();
                driver.set_input(&input, Instant::now());
                driver.set_output(&output, Instant::now());
                driver.run(&stopped);
            })
            .map_err(StartAudioError::Thread)?;
        let engine = Self {
            commands,
            stop,
            thread: Some(thread),
        };
        Ok((engine, AudioPorts { encoded, status }))
    }

    /// Asks something of the engine. Waits for a tick at most, and only when hundreds of commands wait already.
    pub fn send(&self, command: AudioCommand) {
        // A thread that is gone has told so by closing the ports.
        let _ = self.commands.send(command);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for AudioEngine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // If it panicked, the closed ports told so.
            let _ = thread.join();
        }
    }
}

fn start_recording(config: &AudioConfig) -> Result<Option<Recording>, StartAudioError> {
    let Some(path) = &config.record else {
        return Ok(None);
    };
    Recording::start(path)
        .map(Some)
        .map_err(|source| StartAudioError::Record {
            path: path.clone(),
            source,
        })
}

struct Driver {
    commands: Receiver<AudioCommand>,
    playout: Playout,
    capture: Capture,
    input: InputSide,
    no_signal: NoSignal,
    output: OutputSide,
    chain_files: bool,
    counters: AudioCounters,
    status: watch::Sender<AudioStatus>,
    publish_at: Instant,
    /// Started when the first device is wanted.
    devices: Option<SoundDevices>,
    /// Counts the wishes, so that news about an old one is known as such.
    generation: u32,
}

/// The engine's ends of what it is asked by and tells through.
type Ends = (
    Receiver<AudioCommand>,
    tokio::sync::mpsc::Sender<EncodedAudio>,
    watch::Sender<AudioStatus>,
);

impl Driver {
    fn new(
        config: AudioConfig,
        anchor: WallAnchor,
        now: Instant,
        (commands, encoded, status): Ends,
    ) -> Result<Self, StartAudioError> {
        let recording = start_recording(&config)?;
        let capture = Capture::new(config.voice, config.packet_time, config.muted, encoded)?;
        Ok(Self {
            commands,
            playout: Playout::default(),
            capture,
            input: InputSide::new(anchor, now),
            no_signal: NoSignal::default(),
            output: OutputSide::new(Played::new(config.tap, recording, anchor), anchor, now),
            chain_files: config.voice.apply_to_files,
            counters: AudioCounters::default(),
            status,
            publish_at: now,
            devices: None,
            generation: 0,
        })
    }

    #[expect(clippy::disallowed_methods, reason = "driver: the audio thread's clock")]
    fn run(&mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            if !self.tick(now) {
                return;
            }
            let rest = self.deadline(now).saturating_duration_since(Instant::now());
            if !rest.is_zero() {
                std::thread::park_timeout(rest);
            }
        }
    }

    /// One round; false when nobody can ask for anything any more.
    fn tick(&mut self, now: Instant) -> bool {
        if !self.obey(now) {
            return false;
        }
        self.hear_of_devices(now);
        self.play(now);
        self.record(now);
        self.publish(now);
        true
    }

    /// Carries out what was asked; false when nobody can ask any more.
    fn obey(&mut self, now: Instant) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.command(command, now),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn command(&mut self, command: AudioCommand, now: Instant) {
        match command {
            AudioCommand::SetMuted(muted) => self.capture.muted = muted,
            AudioCommand::SetInput(input) => self.set_input(&input, now),
            AudioCommand::SetOutput(output) => self.set_output(&output, now),
            AudioCommand::SetVoice(voice) => {
                self.chain_files = voice.apply_to_files;
                self.capture.chain.set(voice);
            }
            AudioCommand::SetTargets(targets) => self.capture.set_targets(targets),
            AudioCommand::AddParticipant { id, packets } => self.playout.add(id, packets),
            AudioCommand::RemoveParticipant(id) => self.playout.remove(id),
            AudioCommand::AddSharedSound { id, packets } => self.playout.add_shared(id, packets),
            AudioCommand::RemoveSharedSound(id) => self.playout.remove_shared(id),
            AudioCommand::HushSharedSound { id, hushed } => self.playout.hush_shared(id, hushed),
            AudioCommand::SetVolume { id, gain } => self.playout.set_volume(id, gain),
            AudioCommand::SetLeastWait { id, wait } => self.playout.set_least_wait(id, wait),
            AudioCommand::Record(recorder) => {
                self.output.played.record_call(recorder.clone());
                self.capture.record_call(recorder);
            }
            AudioCommand::PlayTestSound => self.playout.ring_chime(),
            AudioCommand::TestEcho(on) => self.playout.echo_test.set(on),
        }
        // What was asked shows at once.
        self.publish_at = now;
    }

    fn set_input(&mut self, input: &AudioInput, now: Instant) {
        self.capture.chain.reset();
        self.no_signal.forget();
        self.input.set(input, now);
        let device = match input {
            AudioInput::Device { id } => Some(id.clone()),
            _ => None,
        };
        if let Err(trouble) = self.wish(Direction::In, device) {
            self.input.lost(StreamStatus::failed(None, trouble));
        }
    }

    fn set_output(&mut self, output: &AudioOutput, now: Instant) {
        self.capture.chain.reset();
        self.output.set(output, now);
        let device = match output {
            AudioOutput::Device { id } => Some(id.clone()),
            AudioOutput::Null => None,
        };
        if let Err(trouble) = self.wish(Direction::Out, device) {
            self.output.lost(StreamStatus::failed(None, trouble), now);
        }
    }

    /// Tells the device thread what is wanted now.
    fn wish(&mut self, direction: Direction, device: Option<Option<String>>) -> Result<(), String> {
        self.generation = self.generation.wrapping_add(1);
        match direction {
            Direction::In => self.input.generation = self.generation,
            Direction::Out => self.output.generation = self.generation,
        }
        if device.is_none() && self.devices.is_none() {
            return Ok(());
        }
        if self.devices.is_none() {
            let devices = SoundDevices::spawn(std::thread::current()).map_err(|error| error.to_string())?;
            self.devices = Some(devices);
        }
        let asked = self
            .devices
            .as_ref()
            .is_some_and(|devices| devices.wish(direction, self.generation, device));
        if asked {
            Ok(())
        } else {
            Err("the device thread does not answer".to_owned())
        }
    }

    /// What became of the wished devices. Another device is another echo, so the chain forgets.
    fn hear_of_devices(&mut self, now: Instant) {
        while let Some(news) = self.devices.as_ref().and_then(SoundDevices::news) {
            let (wished, status) = match news.direction {
                Direction::In => (self.input.generation, &self.input.status),
                Direction::Out => (self.output.generation, &self.output.status),
            };
            if news.generation != wished {
                continue;
            }
            self.counters.device_rebuilds += u64::from(status.state != StreamState::Starting);
            self.capture.chain.reset();
            if news.direction == Direction::In {
                self.no_signal.forget();
            }
            self.publish_at = now;
            match (news.event, news.direction) {
                (
                    SoundEvent::Microphone {
                        ring,
                        device,
                        detail,
                        replaced,
                    },
                    _,
                ) => {
                    self.input
                        .opened(ring, StreamStatus::running(device, detail, replaced));
                }
                (
                    SoundEvent::Speaker {
                        ring,
                        period,
                        device,
                        detail,
                        replaced,
                    },
                    _,
                ) => {
                    self.output
                        .opened(ring, period, StreamStatus::running(device, detail, replaced));
                }
                (SoundEvent::Lost(trouble), Direction::In) => self.input.lost(trouble.into()),
                (SoundEvent::Lost(trouble), Direction::Out) => self.output.lost(trouble.into(), now),
            }
        }
    }

    /// The playout half of a tick.
    fn play(&mut self, now: Instant) {
        self.output.prepare(now, &mut self.counters);
        for _ in 0..BLOCKS_PER_TICK {
            let Some(due) = self.output.due(now) else { return };
            // For the time it is due at, however late the thread woke: else a late thread looks like a longer wait.
            let block = self.playout.block(due);
            if self.output.is_audible() {
                self.capture.chain.render(&block);
            }
            self.output.put(&block, due, &mut self.counters);
        }
    }

    /// The capture half of a tick.
    fn record(&mut self, now: Instant) {
        self.input.prepare(now, &mut self.counters);
        if self.input.is_silent() {
            self.capture.idle();
            self.playout.echo_test.lose_microphone();
            return;
        }
        let chained = self.input.is_microphone() || self.chain_files;
        for _ in 0..BLOCKS_PER_TICK {
            let Some((block, captured)) = self.input.next(now) else {
                return;
            };
            if self.input.is_microphone() {
                self.no_signal.hear(&block);
            }
            let heard = self.capture.block(block, captured, chained, &mut self.counters);
            self.playout.echo_test.hear(&heard);
        }
    }

    fn deadline(&self, now: Instant) -> Instant {
        [
            self.input.deadline(),
            self.output.deadline(),
            Some(self.publish_at),
        ]
        .into_iter()
        .flatten()
        .fold(now + SLEEP_MAX, Instant::min)
    }

    fn publish(&mut self, now: Instant) {
        if now < self.publish_at {
            return;
        }
        self.publish_at = now + PUBLISH_EVERY;
        self.status.send_modify(|status| {
            if status.input != self.input.status {
                status.input = self.input.status.clone();
            }
            if status.output != self.output.status {
                status.output = self.output.status.clone();
            }
            status.microphone_level = self.capture.meter.read();
            status.speaker_level = self.playout.meter.read();
            status.speaking_while_muted = self.capture.speaking_while_muted;
            status.no_signal = self.no_signal.is_sure();
            status.steady_signal = self.no_signal.is_steady();
            status.test_sound_playing = self.playout.chime_rings();
            status.echo_test = self.playout.echo_test.state();
            status.participants.clear();
            let participants = self.playout.participants.iter_mut();
            status
                .participants
                .extend(participants.map(super::participant::Participant::describe));
            status.shared.clear();
            let shared = self.playout.shared.iter_mut();
            status
                .shared
                .extend(shared.map(super::participant::Participant::describe));
            status.counters = self.counters;
        });
    }
}

#[cfg(test)]
mod late;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{AudioLevel, ReceivedPacket};
    use crate::time::{ArrivalTime, RtpTime};
    use parley_proto::ParticipantId;

    const SOMEBODY: ParticipantId = ParticipantId::from_bytes([1; 16]);

    /// Carries the packets of an engine back to itself, as the network would.
    #[expect(
        clippy::disallowed_methods,
        reason = "the test plays the network, which has a clock"
    )]
    fn carry(ports: &mut AudioPorts, to: &SyncSender<ReceivedPacket>, sequence: &mut u16) {
        while let Ok(packet) = ports.encoded.try_recv() {
            let received = ReceivedPacket {
                sequence: *sequence,
                rtp_time: RtpTime(packet.position_samples as u32),
                marker: packet.talk_spurt_start,
                payload: packet.data,
                arrived: ArrivalTime(Instant::now()),
                redundant: false,
            };
            *sequence = sequence.wrapping_add(1);
            let _ = to.try_send(received);
        }
    }

    /// Where packets go that somebody sends.
    fn hear_somebody(engine: &AudioEngine) -> SyncSender<ReceivedPacket> {
        let (to, packets) = sync_channel(64);
        engine.send(AudioCommand::AddParticipant {
            id: SOMEBODY,
            packets,
        });
        to
    }

    /// Runs the network until the status says what is hoped for, ten seconds at most.
    #[expect(clippy::disallowed_methods, reason = "the test waits for a real thread")]
    fn run_until(
        ports: &mut AudioPorts,
        to: &SyncSender<ReceivedPacket>,
        hope: impl Fn(&AudioStatus) -> bool,
    ) -> bool {
        let mut sequence = 65_500;
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            carry(ports, to, &mut sequence);
            if hope(&ports.status.borrow()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    #[test]
    fn what_is_said_is_heard_mute_silences_it_and_the_recording_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("played.wav");
        let (engine, mut ports) = AudioEngine::spawn(AudioConfig {
            input: AudioInput::Speech,
            record: Some(path.clone()),
            ..AudioConfig::default()
        })
        .unwrap();
        let to = hear_somebody(&engine);
        let loud = |status: &AudioStatus| {
            let heard = status.participants.first();
            heard.is_some_and(|who| who.level.minus_dbov() < 35) && status.speaker_level.minus_dbov() < 35
        };
        assert!(run_until(&mut ports, &to, loud));
        engine.send(AudioCommand::SetMuted(true));
        let muted = |status: &AudioStatus| {
            status.speaker_level > AudioLevel::from_minus_dbov(60) && status.speaking_while_muted
        };
        assert!(run_until(&mut ports, &to, muted));
        drop(engine);
        assert!(ports.encoded.try_recv().is_err() || ports.encoded.is_closed());
        let mut reader = hound::WavReader::open(&path).unwrap();
        let loudest = reader.samples::<i16>().map(|s| s.unwrap().unsigned_abs()).max();
        assert!(loudest > Some(3_000), "{loudest:?}");
    }

    #[test]
    fn a_file_that_is_not_there_is_told_and_another_source_takes_over() {
        let (engine, mut ports) = AudioEngine::spawn(AudioConfig {
            input: AudioInput::Wav {
                path: "/nowhere.wav".into(),
            },
            ..AudioConfig::default()
        })
        .unwrap();
        let to = hear_somebody(&engine);
        let failed = |status: &AudioStatus| {
            status.input.state == crate::audio::StreamState::Failed && status.input.detail.is_some()
        };
        assert!(run_until(&mut ports, &to, failed));
        engine.send(AudioCommand::SetInput(AudioInput::Tone));
        assert!(run_until(&mut ports, &to, |status| status
            .speaker_level
            .minus_dbov()
            < 30));
    }

    #[test]
    fn the_test_sound_plays_and_ends() {
        let (engine, mut ports) = AudioEngine::spawn(AudioConfig::default()).unwrap();
        let (to, _packets) = sync_channel(1);
        engine.send(AudioCommand::PlayTestSound);
        let rings =
            |status: &AudioStatus| status.test_sound_playing && status.speaker_level.minus_dbov() < 40;
        assert!(run_until(&mut ports, &to, rings));
        assert!(run_until(&mut ports, &to, |status| !status.test_sound_playing));
    }
}
