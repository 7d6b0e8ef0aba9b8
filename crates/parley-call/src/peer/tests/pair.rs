//! Two peers and the little that a session does between them: descriptions and candidates are carried over, media is made
//! up, and what comes is collected.

use super::relay::Relay;
use crate::config::{LocalMedia, LocalScreen, NetworkOptions, VideoLimits};
use crate::key_frame::KeyFrameRequester;
use crate::peer::{Peer, PeerHandle, PeerSetup};
use crate::port::{
    ConnectionPhase, Inflow, Lane, LaneKind, PeerCommand, PeerEvent, PeerEventKind, PeerStats, TrackKind,
};
use bytes::Bytes;
use parley_media::audio::AudioTargets;
use parley_media::packet::{AudioLevel, EncodedAudio, EncodedFrame, ReceivedPacket};
use parley_media::time::CaptureTime;
use parley_media::video::{EncoderTargets, KeyFrameFlag};
use parley_proto::{Candidate, ControlMessage, Resolution, SdpType};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver as Packets;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// No step of a test may take longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// A peer with its ends of media, and what its events told so far.
pub(super) struct Side {
    pub(super) commands: mpsc::Sender<PeerCommand>,
    pub(super) events: mpsc::Receiver<PeerEvent>,
    pub(super) stats: watch::Receiver<PeerStats>,
    pub(super) wish_key_frame: KeyFrameRequester,
    pub(super) video: mpsc::Sender<EncodedFrame>,
    pub(super) screen: mpsc::Sender<EncodedFrame>,
    pub(super) screen_targets: watch::Receiver<EncoderTargets>,
    pub(super) screen_key_frames: KeyFrameFlag,
    pub(super) audio: mpsc::Sender<EncodedAudio>,
    pub(super) video_targets: watch::Receiver<EncoderTargets>,
    pub(super) audio_targets: watch::Receiver<AudioTargets>,
    pub(super) key_frames: KeyFrameFlag,
    pub(super) generation: u32,
    pub(super) phase: Option<ConnectionPhase>,
    pub(super) control_open: bool,
    pub(super) control: VecDeque<ControlMessage>,
    pub(super) failures: Vec<(&'static str, String)>,
    pub(super) local: Option<(SdpType, String)>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) remote_set: usize,
    pub(super) audio_in: Option<Packets<ReceivedPacket>>,
    pub(super) video_in: Option<Packets<ReceivedPacket>>,
    pub(super) screen_in: Option<Packets<ReceivedPacket>>,
    pub(super) screen_sound: mpsc::Sender<EncodedAudio>,
    pub(super) screen_sound_targets: watch::Receiver<AudioTargets>,
    pub(super) screen_sound_in: Option<Packets<ReceivedPacket>>,
    pub(super) negotiations_needed: usize,
    pub(super) received: Vec<(TrackKind, ReceivedPacket)>,
    pub(super) lanes: Vec<(LaneKind, Lane)>,
    pub(super) lanes_stuck: u32,
    /// What was last told to come.
    pub(super) inflow: Inflow,
    /// The newest connection that was asked for.
    pub(super) newest: u32,
    /// What was told of a second connection that is not used yet.
    pub(super) beside: Vec<PeerEventKind>,
}

impl Side {
    pub(super) fn spawn() -> Self {
        Self::spawn_on("127.0.0.1")
    }

    /// With this address alone to bind.
    pub(super) fn spawn_on(address: &str) -> Self {
        let (video, video_out) = mpsc::channel(4);
        let (audio, audio_out) = mpsc::channel(16);
        let (screen, screen_out) = mpsc::channel(4);
        let (screen_targets_in, screen_targets) = watch::channel(EncoderTargets::default());
        let screen_key_frames = KeyFrameFlag::new();
        let (screen_sound, screen_sound_out) = mpsc::channel(16);
        let (sound_targets_in, screen_sound_targets) = watch::channel(AudioTargets::default());
        let (video_targets_in, video_targets) = watch::channel(EncoderTargets::default());
        let (audio_targets_in, audio_targets) = watch::channel(AudioTargets::default());
        let key_frames = KeyFrameFlag::new();
        let PeerHandle {
            commands,
            events,
            stats,
            key_frames: wish_key_frame,
            screen_key_frames: _,
            ..
        } = Peer::spawn(PeerSetup {
            media: LocalMedia {
                video: video_out,
                audio: audio_out,
                video_targets: video_targets_in,
                audio_targets: audio_targets_in,
                key_frames: key_frames.clone(),
                limits: VideoLimits::default(),
                screen: LocalScreen {
                    frames: screen_out,
                    targets: screen_targets_in,
                    key_frames: screen_key_frames.clone(),
                    sound: screen_sound_out,
                    sound_targets: sound_targets_in,
                },
            },
            network: NetworkOptions {
                addresses: vec![address.parse().unwrap()],
                include_loopback: false,
                ..NetworkOptions::default()
            },
        });
        Self {
            commands,
            events,
            stats,
            wish_key_frame,
            video,
            screen,
            screen_targets,
            screen_key_frames,
            audio,
            video_targets,
            audio_targets,
            key_frames,
            generation: 0,
            phase: None,
            control_open: false,
            control: VecDeque::new(),
            failures: Vec::new(),
            local: None,
            candidates: Vec::new(),
            remote_set: 0,
            audio_in: None,
            video_in: None,
            screen_in: None,
            screen_sound,
            screen_sound_targets,
            screen_sound_in: None,
            negotiations_needed: 0,
            received: Vec::new(),
            lanes: Vec::new(),
            lanes_stuck: 0,
            inflow: Inflow::default(),
            newest: 0,
            beside: Vec::new(),
        }
    }

    pub(super) async fn command(&self, command: PeerCommand) {
        self.commands.send(command).await.unwrap();
    }

    pub(super) async fn open(&mut self) {
        self.generation += 1;
        self.newest = self.generation;
        let generation = self.generation;
        self.phase = None;
        self.control_open = false;
        self.audio_in = None;
        self.video_in = None;
        self.screen_in = None;
        self.screen_sound_in = None;
        self.command(PeerCommand::Open {
            generation,
            ice_servers: Vec::new(),
        })
        .await;
    }

    /// Takes in everything that has come.
    pub(super) fn take_in(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.on_event(event);
        }
        for (kind, packets) in [
            (TrackKind::Audio, &self.audio_in),
            (TrackKind::Video, &self.video_in),
            (TrackKind::Screen, &self.screen_in),
            (TrackKind::ScreenSound, &self.screen_sound_in),
        ] {
            for packet in packets.iter().flat_map(Packets::try_iter) {
                self.received.push((kind, packet));
            }
        }
    }

    fn on_event(&mut self, event: PeerEvent) {
        assert!(event.generation <= self.newest);
        if event.generation > self.generation {
            return self.beside.push(event.kind);
        }
        match event.kind {
            PeerEventKind::LocalDescription { sdp_type, sdp } => self.local = Some((sdp_type, sdp)),
            PeerEventKind::RemoteDescriptionSet { .. } => self.remote_set += 1,
            PeerEventKind::LocalCandidate(candidate) => self.candidates.push(candidate),
            PeerEventKind::NegotiationNeeded => self.negotiations_needed += 1,
            PeerEventKind::Connection(phase) => self.phase = Some(phase),
            PeerEventKind::ControlOpen => self.control_open = true,
            PeerEventKind::Control(message) => self.control.push_back(message),
            PeerEventKind::Track {
                kind: TrackKind::Audio,
                packets,
            } => self.audio_in = Some(packets),
            PeerEventKind::Track {
                kind: TrackKind::Video,
                packets,
            } => self.video_in = Some(packets),
            PeerEventKind::Lane { kind, lane } => self.lanes.push((kind, lane)),
            PeerEventKind::LanesStuck => self.lanes_stuck += 1,
            PeerEventKind::NetworkChanged(change) => panic!("loopback stays: {change:?}"),
            PeerEventKind::NoRelay => panic!("relays are not asked for here"),
            PeerEventKind::Inflow(inflow) => self.inflow = inflow,
            PeerEventKind::Track {
                kind: TrackKind::Screen,
                packets,
            } => self.screen_in = Some(packets),
            PeerEventKind::Track {
                kind: TrackKind::ScreenSound,
                packets,
            } => self.screen_sound_in = Some(packets),
            PeerEventKind::CommandFailed { command, detail } => self.failures.push((command, detail)),
        }
    }

    /// Waits until `ready` holds.
    pub(super) async fn until(&mut self, what: &str, mut ready: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.take_in();
            if ready(self) {
                return;
            }
            assert!(
                Instant::now() < end,
                "never: {what}; failures: {:?}",
                self.failures
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(super) async fn description(&mut self) -> (SdpType, String) {
        self.until("an own description", |side| side.local.is_some())
            .await;
        self.local.take().unwrap()
    }

    pub(super) async fn set_remote(&mut self, (sdp_type, sdp): (SdpType, String)) {
        let before = self.remote_set;
        self.command(PeerCommand::SetRemote { sdp_type, sdp }).await;
        self.until("the remote description set", |side| side.remote_set > before)
            .await;
    }

    pub(super) fn count(&self, kind: TrackKind) -> usize {
        self.received.iter().filter(|(of, _)| *of == kind).count()
    }

    /// Pictures received whole: their marker bits.
    pub(super) fn pictures(&self) -> usize {
        self.received
            .iter()
            .filter(|(kind, packet)| *kind == TrackKind::Video && packet.marker)
            .count()
    }

    /// Sends one made-up picture, a key frame when one was asked for.
    pub(super) async fn send_picture(&self, bytes: usize) {
        let frame = frame(self.key_frames.take(), bytes);
        let sent = tokio::time::timeout(PATIENCE, self.video.send(frame)).await;
        sent.expect("the pump takes frames").unwrap();
    }

    pub(super) async fn send_sound(&self, number: u64) {
        let sent = tokio::time::timeout(PATIENCE, self.audio.send(sound(number))).await;
        sent.expect("the pump takes sound").unwrap();
    }
}

/// A made-up access unit in Annex B form.
pub(super) fn frame(key_frame: bool, bytes: usize) -> EncodedFrame {
    let mut data = Vec::new();
    if key_frame {
        data.extend_from_slice(&[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 1, 2]);
        data.extend_from_slice(&[0, 0, 0, 1, 0x68, 0xce, 3, 4]);
    }
    data.extend_from_slice(&[0, 0, 0, 1, if key_frame { 0x65 } else { 0x41 }]);
    data.extend((0..bytes).map(|n| (n % 251) as u8 | 1));
    EncodedFrame {
        data: Bytes::from(data),
        key_frame,
        discardable: false,
        resolution: Resolution::new(640, 360),
        captured: CaptureTime(Instant::now()),
    }
}

/// A made-up packet of 20 ms of sound.
pub(super) fn sound(number: u64) -> EncodedAudio {
    EncodedAudio {
        data: Bytes::from_static(&[0x78; 60]),
        position_samples: number * 960,
        captured: CaptureTime(Instant::now()),
        level: AudioLevel::from_minus_dbov(30),
        voice: true,
        talk_spurt_start: number == 0,
    }
}

/// Two peers.
pub(super) struct Pair {
    pub(super) a: Side,
    pub(super) b: Side,
    relay: Option<Relay>,
    /// Neither is told where the other one takes datagrams.
    without_udp: bool,
}

impl Pair {
    pub(super) fn spawn() -> Self {
        Self {
            a: Side::spawn(),
            b: Side::spawn(),
            relay: None,
            without_udp: false,
        }
    }

    /// Two peers between whom no datagrams pass.
    pub(super) fn spawn_without_udp() -> Self {
        Self {
            without_udp: true,
            ..Self::spawn()
        }
    }

    /// Two peers with a relay between them.
    pub(super) async fn spawn_with_relay() -> Self {
        Self {
            relay: Some(Relay::new().await),
            ..Self::spawn()
        }
    }

    /// Loses every n-th media packet from A to B.
    pub(super) fn lose_every(&self, n: u64) {
        let relay = self.relay.as_ref().unwrap();
        relay.loss[0].every.store(n, Ordering::Relaxed);
    }

    /// Media packets lost so far from A to B.
    pub(super) fn lost(&self) -> u64 {
        self.relay.as_ref().unwrap().loss[0].lost.load(Ordering::Relaxed)
    }

    /// Media packets that came to the relay so far, from A, and from B.
    pub(super) fn passed(&self) -> [u64; 2] {
        let relay = self.relay.as_ref().unwrap();
        [0, 1].map(|side| relay.loss[side].media.load(Ordering::Relaxed))
    }

    /// A offers, B answers; candidates are carried over; gives the time from the offer's command to connected.
    pub(super) async fn connect(&mut self) -> Duration {
        self.a.open().await;
        self.b.open().await;
        let start = Instant::now();
        self.a
            .command(PeerCommand::MakeOffer { ice_restart: false })
            .await;
        self.negotiate().await;
        self.until_connected().await;
        start.elapsed()
    }

    /// Carries A's offer to B and the answer back.
    pub(super) async fn negotiate(&mut self) {
        let offer = self.a.description().await;
        self.b.set_remote(offer).await;
        self.b.command(PeerCommand::MakeAnswer).await;
        let answer = self.b.description().await;
        self.a.set_remote(answer).await;
    }

    pub(super) async fn until_connected(&mut self) {
        let end = Instant::now() + PATIENCE;
        while [&self.a, &self.b]
            .iter()
            .any(|side| side.phase != Some(ConnectionPhase::Connected))
        {
            assert!(Instant::now() < end, "{:?} {:?}", self.a.phase, self.b.phase);
            self.carry_candidates().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) async fn carry_candidates(&mut self) {
        self.a.take_in();
        self.b.take_in();
        let through = |side, candidate| match &self.relay {
            Some(relay) => relay.through(side, candidate),
            None if self.without_udp && !candidate.candidate.contains(" tcp ") => None,
            None => Some(candidate),
        };
        let from_a: Vec<_> = self
            .a
            .candidates
            .drain(..)
            .filter_map(|candidate| through(0, candidate))
            .collect();
        let from_b: Vec<_> = self
            .b
            .candidates
            .drain(..)
            .filter_map(|candidate| through(1, candidate))
            .collect();
        for (to, candidates) in [(&self.b, from_a), (&self.a, from_b)] {
            for candidate in candidates {
                to.command(PeerCommand::AddCandidate(candidate)).await;
            }
        }
    }

    pub(super) async fn allow_media(&mut self) {
        self.a.command(PeerCommand::AllowMedia).await;
        self.b.command(PeerCommand::AllowMedia).await;
    }

    /// Sends from both sides for `length`: sound every 20 ms, a picture every 40.
    pub(super) async fn talk(&mut self, length: Duration) {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        for number in 0..(length.as_millis() / 20) as u64 {
            ticks.tick().await;
            for side in [&mut self.a, &mut self.b] {
                side.send_sound(number).await;
                // As the encoder does: no place, no picture.
                if number % 2 == 0 && side.video.capacity() > 0 {
                    side.send_picture(4000).await;
                }
                side.take_in();
            }
        }
    }

    /// Ends both drivers and waits until they are gone.
    pub(super) async fn close(self) {
        for side in [self.a, self.b] {
            drop(side.commands);
            let mut events = side.events;
            let ended = async { while events.recv().await.is_some() {} };
            tokio::time::timeout(PATIENCE, ended)
                .await
                .expect("the driver ends");
        }
    }

    /// Waits until `ready` holds for the two of them.
    pub(super) async fn until(&mut self, what: &str, mut ready: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.carry_candidates().await;
            if ready(self) {
                return;
            }
            assert!(
                Instant::now() < end,
                "never: {what}; failures: {:?} {:?}",
                self.a.failures,
                self.b.failures
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
