//! The driver's task: waits for commands, for what the library tells and for time, one at a time, and acts. All state of
//! the peer has its one owner here; what must be decided was decided by the session, or by the pure parts next door.

use super::addresses;
use super::asking::Asking;
use super::connection::{CommandError, Connection};
use super::estimate::Bounds;
use super::inflow::{Arrived, InflowWatch, LOOK_EVERY};
use super::ladder::{self, AUDIO_RESERVE, Ladder};
use super::library::{LibraryEvent, LibraryEvents};
use super::route::Route;
use super::setup::Blueprint;
use super::spawn::Unsent;
use super::stats::Sampler;
use crate::config::{NetworkOptions, VideoLimits};
use crate::key_frame::KeyFrameRequester;
use crate::port::{ConnectionPhase, PeerCommand, PeerEvent, PeerEventKind, PeerStats, TrackKind};
use parley_media::audio::AudioTargets;
use parley_media::video::{EncoderTargets, KeyFrameFlag};
use parley_proto::{Bitrate, ControlMessage, SdpType};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::Interval;
use webrtc::peer_connection::RTCPeerConnectionState;

/// Control messages kept until the gate opens.
const HELD_MESSAGES_MAX: usize = 16;
/// Places in the events' queue that control messages of the other side leave for what the session must not miss.
const EVENTS_RESERVE: usize = 64;
/// The least the estimate may be: sound and hardly a picture.
const ESTIMATE_MIN: Bitrate = Bitrate::from_kbps(100);

/// A connection and what came of it so far.
pub(super) struct Open {
    connection: Connection,
    library: mpsc::Receiver<LibraryEvent>,
    sampler: Sampler,
    /// Share of the sound that is expected to be lost.
    loss: f32,
    /// Control messages that came before the gate opened.
    held: VecDeque<ControlMessage>,
    /// What is bound.
    addresses: Vec<SocketAddr>,
    /// Whether ICE and DTLS stand at this moment.
    up: bool,
    /// What comes.
    inflow: InflowWatch,
}

/// What the driver waits for.
enum Happening {
    Command(PeerCommand),
    CommandsEnded,
    Library(LibraryEvent),
    LibraryTaskEnded,
    EstimateChanged,
    KeyFrameWanted,
    KeyFrameDue,
    Look,
    Second,
}

/// See the module.
pub(super) struct Driver {
    pub(super) commands: mpsc::Receiver<PeerCommand>,
    pub(super) events: mpsc::Sender<PeerEvent>,
    pub(super) stats: watch::Sender<PeerStats>,
    pub(super) wanted: KeyFrameRequester,
    pub(super) video_targets: watch::Sender<EncoderTargets>,
    pub(super) audio_targets: watch::Sender<AudioTargets>,
    pub(super) own_key_frames: KeyFrameFlag,
    pub(super) limits: VideoLimits,
    pub(super) network: NetworkOptions,
    pub(super) unsent: Arc<Unsent>,
    pub(super) video_route: watch::Sender<Option<Arc<Route>>>,
    pub(super) audio_route: watch::Sender<Option<Arc<Route>>>,
    pub(super) ladder: Ladder,
    pub(super) open: Option<Open>,
    pub(super) asking: Asking,
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

impl Driver {
    /// Runs until the commands' end is dropped.
    pub(super) async fn run(mut self) {
        self.rest_encoder();
        let [mut seconds, mut looks] = [Duration::from_secs(1), LOOK_EVERY].map(every);
        loop {
            match self.next(&mut seconds, &mut looks).await {
                Happening::Command(command) => self.on_command(command).await,
                Happening::CommandsEnded => break,
                Happening::Library(event) => self.on_library(event).await,
                Happening::LibraryTaskEnded => self.on_library_task_ended(),
                Happening::EstimateChanged => self.apply_estimate(),
                Happening::KeyFrameWanted => self.want_key_frame().await,
                Happening::KeyFrameDue => self.ask_for_key_frame().await,
                Happening::Look => self.look(),
                Happening::Second => self.on_second().await,
            }
        }
        self.close().await;
    }

    /// Waits. Every branch is cancel safe.
    async fn next(&mut self, seconds: &mut Interval, looks: &mut Interval) -> Happening {
        let due = self.asking.due();
        let key_frame_due = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        let Some(open) = &mut self.open else {
            return tokio::select! {
                command = self.commands.recv() => command.map_or(Happening::CommandsEnded, Happening::Command),
                () = self.wanted.requested() => Happening::KeyFrameWanted,
            };
        };
        tokio::select! {
            command = self.commands.recv() => command.map_or(Happening::CommandsEnded, Happening::Command),
            Some(event) = open.library.recv() => Happening::Library(event),
            () = open.connection.tasks.ended() => Happening::LibraryTaskEnded,
            Ok(()) = open.connection.estimate.changed() => Happening::EstimateChanged,
            () = self.wanted.requested() => Happening::KeyFrameWanted,
            () = key_frame_due => Happening::KeyFrameDue,
            _ = looks.tick() => Happening::Look,
            _ = seconds.tick() => Happening::Second,
        }
    }

    async fn on_command(&mut self, command: PeerCommand) {
        let name = command.name();
        // A connection that did not open has a number all the same.
        let generation = match &command {
            PeerCommand::Open { generation, .. } => *generation,
            _ => self.generation(),
        };
        if let Err(error) = self.carry_out(command).await {
            tracing::debug!(command = name, %error, "a command failed");
            let detail = error.to_string();
            let kind = PeerEventKind::CommandFailed {
                command: name,
                detail,
            };
            self.tell_of(generation, kind);
        }
    }

    async fn carry_out(&mut self, command: PeerCommand) -> Result<(), CommandError> {
        match command {
            PeerCommand::Open {
                generation,
                ice_servers,
            } => self.open(generation, ice_servers).await?,
            PeerCommand::MakeOffer { ice_restart } => {
                self.check_network(ice_restart)?;
                let sdp = self.connection()?.make_offer(ice_restart).await?;
                self.tell(PeerEventKind::LocalDescription {
                    sdp_type: SdpType::Offer,
                    sdp,
                });
            }
            PeerCommand::SetRemote { sdp_type, sdp } => {
                self.connection()?.set_remote(sdp_type, sdp).await?;
                self.refresh_routes().await;
                self.tell(PeerEventKind::RemoteDescriptionSet { sdp_type });
            }
            PeerCommand::MakeAnswer => {
                self.check_network(true)?;
                let sdp = self.connection()?.make_answer().await?;
                self.refresh_routes().await;
                self.tell(PeerEventKind::LocalDescription {
                    sdp_type: SdpType::Answer,
                    sdp,
                });
            }
            PeerCommand::Rollback => self.connection()?.roll_back().await?,
            PeerCommand::AddCandidate(candidate) => self.connection()?.add_candidate(candidate).await?,
            PeerCommand::AllowMedia => self.allow_media().await?,
            PeerCommand::SendControl(message) => self.connection()?.send_control(&message).await?,
            PeerCommand::Close => self.close().await,
        }
        Ok(())
    }

    fn connection(&self) -> Result<&Connection, CommandError> {
        self.open
            .as_ref()
            .map(|open| &open.connection)
            .ok_or(CommandError::NotOpen)
    }

    /// The library's ICE restart would bind the same addresses again, which is of no use when they are gone.
    fn check_network(&self, restarting: bool) -> Result<(), CommandError> {
        let moved =
            |open: &Open| !open.up && addresses::differ(&open.addresses, &addresses::choose(&self.network));
        if restarting && self.open.as_ref().is_some_and(moved) {
            return Err(CommandError::NetworkChanged);
        }
        Ok(())
    }

    async fn open(&mut self, generation: u32, ice_servers: Vec<String>) -> Result<(), CommandError> {
        self.close().await;
        let (events, library) = LibraryEvents::new();
        let now = clock();
        let addresses = addresses::choose(&self.network);
        let blueprint = Blueprint {
            ice_servers,
            addresses: addresses.clone(),
            bounds: bounds(&self.limits),
            key_frames: self.own_key_frames.clone(),
            events,
        };
        let connection = Connection::open(generation, blueprint, now).await?;
        self.open = Some(Open {
            sampler: Sampler::new(&connection.meter, now),
            connection,
            library,
            loss: 0.0,
            held: VecDeque::new(),
            addresses,
            up: false,
            inflow: InflowWatch::default(),
        });
        self.ladder = Ladder::new(self.limits);
        self.apply_estimate();
        Ok(())
    }

    async fn close(&mut self) {
        self.video_route.send_replace(None);
        self.audio_route.send_replace(None);
        self.rest_encoder();
        self.asking = Asking::default();
        if let Some(open) = self.open.take() {
            open.connection.close().await;
        }
    }

    async fn allow_media(&mut self) -> Result<(), CommandError> {
        self.connection()?.meter.gate.open();
        if let Some(open) = &mut self.open {
            open.connection.open_lanes();
        }
        // What goes out begins with a key frame. What comes does too, or `KeyFrameMissing` follows.
        self.own_key_frames.request();
        self.refresh_routes().await;
        let held = self.open.as_mut().map(|open| std::mem::take(&mut open.held));
        for message in held.into_iter().flatten() {
            self.tell(PeerEventKind::Control(message));
        }
        Ok(())
    }

    async fn refresh_routes(&mut self) {
        for (kind, route) in [
            (TrackKind::Audio, &self.audio_route),
            (TrackKind::Video, &self.video_route),
        ] {
            let new = match self.connection() {
                Ok(connection) => connection.route(kind).await,
                Err(_) => None,
            };
            route.send_replace(new.map(Arc::new));
        }
        self.apply_estimate();
    }

    /// Pictures that nobody is there to see are not encoded.
    fn rest_encoder(&self) {
        self.video_targets
            .send_if_modified(|targets| !std::mem::replace(&mut targets.paused, true));
    }

    async fn on_library(&mut self, event: LibraryEvent) {
        let Some(open) = &mut self.open else {
            return;
        };
        match event {
            LibraryEvent::Candidate(candidate) => self.tell(PeerEventKind::LocalCandidate(candidate)),
            LibraryEvent::NegotiationNeeded => self.tell(PeerEventKind::NegotiationNeeded),
            LibraryEvent::State(state) => self.on_state(state).await,
            LibraryEvent::RemoteTrack(track) => open.connection.on_remote_track(track).await,
            LibraryEvent::Track { kind, packets } => self.tell(PeerEventKind::Track { kind, packets }),
            LibraryEvent::KeyFrameMissing => self.ask_for_key_frame().await,
            LibraryEvent::ControlOpen => {
                open.connection.on_control_open();
                self.tell(PeerEventKind::ControlOpen);
            }
            LibraryEvent::Control(message) => self.on_control(message),
            LibraryEvent::Lane { kind, lane } => self.tell(PeerEventKind::Lane { kind, lane }),
        }
    }

    fn on_control(&mut self, message: ControlMessage) {
        let Some(open) = &mut self.open else {
            return;
        };
        let refused = &open.connection.meter.drops.control_refused;
        if self.events.capacity() < EVENTS_RESERVE {
            refused.one();
        } else if open.connection.meter.gate.is_open() {
            self.tell(PeerEventKind::Control(message));
        } else if open.held.len() < HELD_MESSAGES_MAX {
            open.held.push_back(message);
        } else {
            refused.one();
        }
    }

    async fn on_state(&mut self, state: RTCPeerConnectionState) {
        let phase = match state {
            RTCPeerConnectionState::Connecting => ConnectionPhase::Connecting,
            RTCPeerConnectionState::Connected => ConnectionPhase::Connected,
            RTCPeerConnectionState::Disconnected => ConnectionPhase::Disconnected,
            // Closed by the other side: ours is dropped together with what it tells.
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => ConnectionPhase::Failed,
            _ => return,
        };
        if let Some(open) = &mut self.open {
            open.up = phase == ConnectionPhase::Connected;
        }
        if phase == ConnectionPhase::Connected {
            if let Some(open) = &mut self.open {
                open.connection.on_connected();
            }
            self.refresh_routes().await;
        }
        self.tell(PeerEventKind::Connection(phase));
    }

    /// The library's task never ends while the connection is open, unless something broke in it.
    fn on_library_task_ended(&mut self) {
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.connection.tasks.count() == 0)
        {
            tracing::warn!("the connection's task ended by itself");
            self.video_route.send_replace(None);
            self.audio_route.send_replace(None);
            self.rest_encoder();
            self.tell(PeerEventKind::Connection(ConnectionPhase::Failed));
        }
    }

    fn apply_estimate(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        let estimate = *open.connection.estimate.borrow_and_update();
        let (mut video, audio) = (self.ladder.video(estimate), ladder::audio(estimate, open.loss));
        video.paused = self.video_route.borrow().is_none();
        self.video_targets
            .send_if_modified(|targets| std::mem::replace(targets, video) != video);
        self.audio_targets
            .send_if_modified(|targets| std::mem::replace(targets, audio) != audio);
    }

    /// The decoder wants a key frame: now, or as soon as one may be asked for.
    async fn want_key_frame(&mut self) {
        if self.asking.want(clock()) {
            self.ask_for_key_frame().await;
        }
    }

    async fn ask_for_key_frame(&mut self) {
        let now = clock();
        if self.asking.may_ask(now)
            && let Ok(connection) = self.connection()
            && connection.request_key_frame().await
        {
            self.asking.asked(now);
        }
    }

    /// Sees whether packets still come over a connection that stands.
    fn look(&mut self) {
        let Some(open) = self.open.as_mut().filter(|open| open.up) else {
            return;
        };
        let meter = &open.connection.meter;
        if meter.gate.is_open()
            && let Some(inflow) = open.inflow.look(clock(), Arrived::of(meter))
        {
            tracing::debug!(?inflow, "what comes changed");
            self.tell(PeerEventKind::Inflow(inflow));
        }
    }

    async fn on_second(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        open.loss = ladder::expected_loss(open.loss, open.connection.meter.audio_loss_out.get());
        self.apply_estimate();
        let Some(open) = &mut self.open else {
            return;
        };
        let now = clock();
        let pair = open.connection.pair(now).await;
        if let Some(rtt_ms) = pair.and_then(|pair| pair.rtt_ms) {
            open.connection.meter.round_trip_ms.set(rtt_ms);
        }
        let estimate = open.connection.estimate.borrow().bps();
        let mut sample = open.sampler.sample(&open.connection.meter, pair, estimate, now);
        for (name, counter) in [
            ("frames_unsent", &self.unsent.frames),
            ("audio_unsent", &self.unsent.audio),
        ] {
            if counter.get() > 0 {
                sample.drops.push((name, counter.get()));
            }
        }
        self.stats.send_replace(sample);
    }

    /// Tells the session. One that does not read loses events rather than stopping the call.
    fn tell(&self, kind: PeerEventKind) {
        self.tell_of(self.generation(), kind);
    }

    fn generation(&self) -> u32 {
        self.open.as_ref().map_or(0, |open| open.connection.generation)
    }

    fn tell_of(&self, generation: u32, kind: PeerEventKind) {
        if let Err(error) = self.events.try_send(PeerEvent { generation, kind }) {
            tracing::error!(%error, "an event is lost");
            if let Some(open) = &self.open {
                open.connection.meter.drops.events_full.one();
            }
        }
    }
}

/// Ticks that skip what was missed.
fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

/// The estimate's bounds for these limits of the picture.
fn bounds(limits: &VideoLimits) -> Bounds {
    let with_sound = |video: Bitrate| Bitrate::from_bps(video.scale(1.05).bps() + AUDIO_RESERVE.bps());
    let max = with_sound(limits.bitrate_max).max(ESTIMATE_MIN);
    Bounds {
        start: with_sound(limits.bitrate_start).clamp(ESTIMATE_MIN, max),
        min: ESTIMATE_MIN,
        max,
    }
}
