//! The driver's task: waits for commands, for what the library tells and for time, one at a time, and acts. All state of
//! the peer has its one owner here; what must be decided was decided by the session, or by the pure parts next door.

mod beside;
mod commands;

use super::addresses;
use super::asking::Asking;
use super::backlog::Backlog;
use super::chain::lips::RemoteTimes;
use super::connection::Connection;
use super::estimate::Bounds;
use super::first_look::FirstLook;
use super::guarded_voice::GuardedVoice;
use super::half::Half;
use super::inflow::{Arrived, InflowWatch, LOOK_EVERY};
use super::ladder::{self, AUDIO_RESERVE, Ladder};
use super::library::LibraryEvent;
use super::loss_watch::{LossWatch, Traffic};
use super::network_watch::NetworkWatch;
use super::privacy;
use super::route::Route;
use super::shared_sound::SharedSound;
use super::shares::{Shares, Wants};
use super::spawn::Unsent;
use super::stats::{Pair, Sampler};
use super::tcp::lines;
use super::tcp::rules::Budget;
use super::way::Selected;
use crate::config::{CandidatePolicy, NetworkOptions, VideoLimits};
use crate::key_frame::KeyFrameRequester;
use crate::port::{ConnectionPhase, PeerCommand, PeerEvent, PeerEventKind, PeerStats, TrackKind};
use crate::relay::relays::Relays;
use parley_media::audio::AudioTargets;
use parley_media::audio::protection::Reads;
use parley_media::video::{EncoderTargets, KeyFrameFlag};
use parley_proto::{Bitrate, Candidate, ControlMessage, MediaState};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
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
    /// Those behind streams.
    relays: Relays,
    sampler: Sampler,
    /// What is lost of the own voice, and what is done against it.
    guarded: GuardedVoice,
    /// Control messages that came before the gate opened.
    held: VecDeque<ControlMessage>,
    /// What is bound.
    addresses: Vec<SocketAddr>,
    /// Whether that is still there.
    network: NetworkWatch,
    /// The pair in use, as it was a second ago at most.
    pair: Option<Pair>,
    /// The addresses that packets go between, as they were a look ago.
    selected: Option<Selected>,
    /// Whether ICE and DTLS stand at this moment.
    up: bool,
    /// What comes.
    inflow: InflowWatch,
    /// What is lost.
    losses: LossWatch,
    /// What pictures are like while nothing is known of the way.
    first_look: FirstLook,
    /// What waits in data channels.
    backlog: Backlog,
}

/// What the driver waits for.
enum Happening {
    Command(PeerCommand),
    CommandsEnded,
    Library(LibraryEvent),
    LibraryTaskEnded,
    Beside(LibraryEvent),
    BesideTaskEnded,
    EstimateChanged,
    KeyFrameWanted(TrackKind),
    KeyFrameDue(TrackKind),
    Look,
    Second,
}

/// See the module.
pub(super) struct Driver {
    pub(super) commands: mpsc::Receiver<PeerCommand>,
    pub(super) events: mpsc::Sender<PeerEvent>,
    pub(super) stats: Half<PeerStats>,
    pub(super) wanted: KeyFrameRequester,
    pub(super) screen_wanted: KeyFrameRequester,
    pub(super) remote_times: RemoteTimes,
    pub(super) video_targets: Half<EncoderTargets>,
    pub(super) audio_targets: Half<AudioTargets>,
    pub(super) own_key_frames: KeyFrameFlag,
    pub(super) screen_targets: Half<EncoderTargets>,
    pub(super) own_screen_key_frames: KeyFrameFlag,
    pub(super) screen_sound_targets: Half<AudioTargets>,
    pub(super) limits: VideoLimits,
    pub(super) network: NetworkOptions,
    /// How many streams to the other side may be opened, over all connections.
    pub(super) tcp_dials: Arc<Mutex<Budget>>,
    pub(super) unsent: Arc<Unsent>,
    pub(super) video_route: watch::Sender<Option<Arc<Route>>>,
    pub(super) audio_route: watch::Sender<Option<Arc<Route>>>,
    pub(super) screen_route: watch::Sender<Option<Arc<Route>>>,
    pub(super) screen_sound_route: watch::Sender<Option<Arc<Route>>>,
    pub(super) shared_sound: SharedSound,
    pub(super) shares: Shares,
    pub(super) ladder: Ladder,
    pub(super) open: Option<Open>,
    /// The one beside it, while the network changes; without `open` there is none.
    pub(super) beside: Option<Open>,
    /// What of ours the other side was told to be on. The ways for pictures and sound stay open when a share ends.
    pub(super) told: Option<MediaState>,
    /// The most of pictures that the other side wants to get, in kbit/s.
    pub(super) takes_kbps: Option<u32>,
    /// The other side speaks what deep redundancy tells.
    pub(super) takes_deep: bool,
    pub(super) asking: Asking,
    pub(super) screen_asking: Asking,
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

impl Driver {
    /// Runs until the commands' end is dropped.
    pub(super) async fn run(mut self) {
        self.rest_encoders();
        let [mut seconds, mut looks] = [Duration::from_secs(1), LOOK_EVERY].map(every);
        loop {
            match self.next(&mut seconds, &mut looks).await {
                Happening::Command(command) => self.on_command(command).await,
                Happening::CommandsEnded => break,
                Happening::Library(event) => self.on_library(event).await,
                Happening::LibraryTaskEnded => self.on_library_task_ended(),
                Happening::Beside(event) => self.on_beside(event).await,
                Happening::BesideTaskEnded => self.on_beside_task_ended(),
                Happening::EstimateChanged => self.apply_estimate(),
                Happening::KeyFrameWanted(kind) => self.want_key_frame(kind).await,
                Happening::KeyFrameDue(kind) => self.ask_for_key_frame(kind).await,
                Happening::Look => {
                    self.follow_way().await;
                    self.look();
                    let first = |open: &mut Open| open.guarded.first(clock(), &open.connection.meter);
                    let is_told = self.open.as_mut().is_some_and(first);
                    if is_told || self.open.as_ref().is_some_and(|open| open.first_look.runs()) {
                        self.apply_estimate();
                    }
                }
                Happening::Second => self.on_second().await,
            }
        }
        self.close().await;
    }

    /// Waits. Every branch is cancel safe.
    async fn next(&mut self, seconds: &mut Interval, looks: &mut Interval) -> Happening {
        let (due, screen_due) = (self.asking.due(), self.screen_asking.due());
        let Some(open) = &mut self.open else {
            return tokio::select! {
                command = self.commands.recv() => command.map_or(Happening::CommandsEnded, Happening::Command),
                () = self.wanted.requested() => Happening::KeyFrameWanted(TrackKind::Video),
                () = self.screen_wanted.requested() => Happening::KeyFrameWanted(TrackKind::Screen),
            };
        };
        tokio::select! {
            command = self.commands.recv() => command.map_or(Happening::CommandsEnded, Happening::Command),
            Some(event) = open.library.recv() => Happening::Library(event),
            () = open.connection.tasks.ended() => Happening::LibraryTaskEnded,
            happening = beside::next(&mut self.beside) => happening,
            Ok(()) = open.connection.estimate.changed() => Happening::EstimateChanged,
            () = self.wanted.requested() => Happening::KeyFrameWanted(TrackKind::Video),
            () = self.screen_wanted.requested() => Happening::KeyFrameWanted(TrackKind::Screen),
            () = wait_for(due) => Happening::KeyFrameDue(TrackKind::Video),
            () = wait_for(screen_due) => Happening::KeyFrameDue(TrackKind::Screen),
            _ = looks.tick() => Happening::Look,
            _ = seconds.tick() => Happening::Second,
        }
    }

    /// Pictures that nobody is there to see are not encoded.
    fn rest_encoders(&self) {
        self.video_targets.end();
        self.screen_targets.end();
        self.audio_targets.end();
        self.screen_sound_targets.end();
    }

    async fn on_library(&mut self, event: LibraryEvent) {
        let Some(open) = &mut self.open else {
            return;
        };
        match event {
            LibraryEvent::Candidate(candidate) => {
                if let Some(candidate) = self.allowed(candidate) {
                    self.tell(PeerEventKind::LocalCandidate(candidate));
                }
            }
            LibraryEvent::NegotiationNeeded => self.tell(PeerEventKind::NegotiationNeeded),
            LibraryEvent::State(state) => self.on_state(state).await,
            LibraryEvent::RemoteTrack(track) => open.connection.on_remote_track(track).await,
            LibraryEvent::Track { kind, packets } => self.tell(PeerEventKind::Track { kind, packets }),
            LibraryEvent::KeyFrameMissing { kind } => self.ask_for_key_frame(kind).await,
            LibraryEvent::ControlOpen => {
                open.connection.on_control_open();
                self.tell(PeerEventKind::ControlOpen);
            }
            LibraryEvent::Control(message) => {
                let room = self.events.capacity() >= EVENTS_RESERVE;
                if let Some(message) = open.on_control(message, room) {
                    self.hand_on(message);
                }
            }
            LibraryEvent::Lane { kind, lane } => self.tell(PeerEventKind::Lane { kind, lane }),
        }
    }

    /// An own candidate as the other side may see it, if it may.
    fn allowed(&self, mut candidate: Candidate) -> Option<Candidate> {
        candidate.candidate = lines::told(&candidate.candidate)?;
        if self.network.candidates == CandidatePolicy::RelayOnly {
            candidate.candidate = privacy::candidate(&candidate.candidate)?;
        }
        Some(candidate)
    }

    /// A control message of an other side that proved who it is.
    fn hand_on(&mut self, message: ControlMessage) {
        self.heed(&message);
        self.tell(PeerEventKind::Control(message));
    }

    /// What of it the driver itself has to follow.
    fn heed(&mut self, message: &ControlMessage) {
        if let ControlMessage::MediaState(media) = message {
            let takes = (media.picture_kbps_max, media.takes_deep_redundancy);
            if (self.takes_kbps, self.takes_deep) != takes {
                (self.takes_kbps, self.takes_deep) = takes;
                self.apply_estimate();
            }
        }
    }

    async fn on_state(&mut self, state: RTCPeerConnectionState) {
        let Some(phase) = self.open.as_mut().and_then(|open| open.on_state(state)) else {
            return;
        };
        if phase == ConnectionPhase::Connected {
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
            self.screen_route.send_replace(None);
            self.screen_sound_route.send_replace(None);
            self.rest_encoders();
            self.tell(PeerEventKind::Connection(ConnectionPhase::Failed));
        }
    }

    pub(super) fn apply_estimate(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        let estimate = *open.connection.estimate.borrow_and_update();
        let given_up = open.connection.congestion.take_given_up();
        if given_up {
            // A key frame is made anyway: in the size that is right for what the way carries now.
            self.ladder.forget();
        }
        let voice = ladder::audio(estimate, open.guarded.losses()).bitrate;
        let readable = self
            .audio_route
            .borrow()
            .as_ref()
            .is_none_or(|route| route.red_type.is_some());
        let reads = Reads {
            copies: readable,
            deep: self.takes_deep,
        };
        let shield = open.guarded.shield(voice, estimate, reads);
        open.connection.meter.redundancy.want(shield);
        let audio = ladder::shielded(shield);
        let is_on = |on: fn(MediaState) -> bool| self.told.is_none_or(on);
        let sharing = self.screen_route.borrow().is_some() && is_on(|media| media.screen_on);
        let sounding = self.screen_sound_route.borrow().is_some() && is_on(|media| media.screen_sound_on);
        let sound = sounding.then(|| ladder::screen_sound(estimate, open.guarded.losses()));
        let voice = ladder::on_the_wire(audio).bps() + shield.copies_take().bps();
        let camera_on = is_on(|media| media.camera_on);
        let allotment = &open.connection.meter.files;
        let wants = Wants {
            voice: Bitrate::from_bps(voice),
            screen_sound: sound.map(ladder::on_the_wire),
            screen: sharing,
            camera: camera_on,
            camera_max: self.limits.bitrate_max,
            takes_kbps: self.takes_kbps,
            files: allotment.is_wanted(),
        };
        let split = self.shares.split(clock(), estimate, wants);
        allotment.grant(split.files);
        // A camera that is off takes nothing from the others, and would begin with what they leave.
        let left = || estimate.saturating_sub(wants.before_camera(split.screen));
        let camera = split.camera.or_else(|| (!camera_on).then(left));
        self.ladder.note(clock(), camera);
        let (mut video, mut screen) = self.ladder.pictures(camera, split.screen);
        let takes = self.video_route.borrow().is_some() && self.takes_kbps != Some(0);
        let known = open.connection.congestion.is_known();
        let seen = (takes && !video.paused) || (sharing && !screen.paused);
        if open.first_look.lasts(clock(), known, seen) {
            (video, screen) = (FirstLook::limit(video), FirstLook::limit(screen));
            // What was only guessed is no size to stay at.
            self.ladder.forget();
        }
        self.video_targets.say(video, takes);
        self.screen_targets.say(screen, sharing);
        self.audio_targets.say(audio, self.audio_route.borrow().is_some());
        match sound {
            Some(sound) => self.screen_sound_targets.say(sound, true),
            None => self.screen_sound_targets.end(),
        }
        if given_up {
            self.own_key_frames.request();
            self.own_screen_key_frames.request();
        }
    }

    /// The decoder wants a key frame: now, or as soon as one may be asked for.
    async fn want_key_frame(&mut self, kind: TrackKind) {
        if self.asking_of(kind).want(clock()) {
            self.ask_for_key_frame(kind).await;
        }
    }

    async fn ask_for_key_frame(&mut self, kind: TrackKind) {
        let now = clock();
        if self.asking_of(kind).may_ask(now)
            && let Ok(connection) = self.connection()
            && connection.request_key_frame(kind).await
        {
            self.asking_of(kind).asked(now);
        }
    }

    const fn asking_of(&mut self, kind: TrackKind) -> &mut Asking {
        match kind {
            TrackKind::Screen => &mut self.screen_asking,
            TrackKind::Audio | TrackKind::Video | TrackKind::ScreenSound => &mut self.asking,
        }
    }

    /// Sees whether packets go another way within a connection: through a relay no more, or by another network. The library has no word
    /// for it, and to the estimate it would look like a queue.
    async fn follow_way(&mut self) {
        for open in [&mut self.open, &mut self.beside].into_iter().flatten() {
            let Some(selected) = open.connection.selected().await else {
                continue;
            };
            let before = open.selected.replace(selected);
            if before.is_some() && before != open.selected {
                tracing::info!("packets go another way");
                open.connection.congestion.rerouted(clock());
            }
        }
    }

    /// Sees whether packets still come over a connection that stands, and whether the network under it does.
    fn look(&mut self) {
        if let Some(open) = &mut self.open {
            let (now, beside) = addresses::look(&self.network);
            let pair = open.pair.as_ref();
            let has_more = now.iter().any(|address| !open.addresses.contains(address));
            let toward = pair
                .filter(|_| has_more)
                .and_then(|pair| addresses::toward(pair.remote));
            let change = open.network.look(&now, &beside, pair, toward);
            if let Some(change) = change {
                tracing::info!(?change, "the network of this machine changed");
                self.tell(PeerEventKind::NetworkChanged(change));
            }
        }
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
        open.guarded.second(clock(), &open.connection.meter);
        let meter = &open.connection.meter;
        let (sent, reported) = (meter.audio_sent.get(), meter.audio_loss_out.get());
        let lossy = open.losses.is_much(Traffic {
            expected: meter.packets_expected.get(),
            received: meter.packets_received.get(),
            sent,
            lost_out: reported,
        });
        open.inflow.set_lossy(lossy);
        self.apply_estimate();
        let Some(open) = &mut self.open else {
            return;
        };
        let now = clock();
        if open.backlog.is_due(now) {
            let unanswered = open.connection.unanswered().await;
            if open
                .backlog
                .is_stuck(open.connection.meter.said.get(), unanswered)
            {
                tracing::info!(unanswered, "data channels do not go on after an outage");
                self.tell(PeerEventKind::LanesStuck);
            }
        }
        let Some(open) = &mut self.open else {
            return;
        };
        let pair = open.connection.pair(now, &open.relays).await;
        let may_be_relayed = !open.up || pair.is_none_or(|pair| pair.relay.is_some());
        open.connection.rounds.set(may_be_relayed);
        // Without one now, the last one tells what is no more.
        open.pair = pair.or(open.pair);
        if let Some(rtt_ms) = pair.and_then(|pair| pair.rtt_ms) {
            open.connection.meter.round_trip_ms.set(rtt_ms);
        }
        let estimate = open.connection.estimate.borrow().bps();
        let mut sample = open.sampler.sample(&open.connection.meter, pair, estimate, now);
        sample.drops.extend(open.relays.counted());
        let tcp = open.connection.tcp.as_ref();
        sample.drops.extend(tcp.into_iter().flat_map(|tcp| tcp.counted()));
        for (name, counter) in [
            ("frames_unsent", &self.unsent.frames),
            ("screen_frames_unsent", &self.unsent.screen_frames),
            ("audio_unsent", &self.unsent.audio),
            ("screen_sound_unsent", &self.unsent.screen_sound),
        ] {
            if counter.get() > 0 {
                sample.drops.push((name, counter.get()));
            }
        }
        self.stats.say(sample, true);
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

impl Open {
    /// What follows within it from the library's word of its state.
    fn on_state(&mut self, state: RTCPeerConnectionState) -> Option<ConnectionPhase> {
        let phase = match state {
            RTCPeerConnectionState::Connecting => ConnectionPhase::Connecting,
            RTCPeerConnectionState::Connected => ConnectionPhase::Connected,
            RTCPeerConnectionState::Disconnected => ConnectionPhase::Disconnected,
            // Closed by the other side: ours is dropped together with what it tells.
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => ConnectionPhase::Failed,
            _ => return None,
        };
        self.up = phase == ConnectionPhase::Connected;
        let said = self.connection.meter.said.get();
        self.backlog.on_path(clock(), self.up, said);
        if self.up {
            self.connection.on_connected();
            self.relays.rest();
        } else {
            self.connection.rounds.set(true);
            self.relays.look_again();
        }
        if let Some(tcp) = &self.connection.tcp {
            if self.up {
                tcp.rest();
            } else {
                tcp.look_again();
            }
        }
        Some(phase)
    }

    /// Gives a message of the other side if it may be told now; before the gate opens some are kept. `room`: the session has some.
    fn on_control(&mut self, message: ControlMessage, room: bool) -> Option<ControlMessage> {
        let meter = &self.connection.meter;
        if room && meter.gate.is_open() {
            return Some(message);
        }
        if room && self.held.len() < HELD_MESSAGES_MAX {
            self.held.push_back(message);
        } else {
            meter.drops.control_refused.one();
        }
        None
    }
}

/// Ticks that skip what was missed.
pub(super) fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

pub(super) async fn wait_for(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// The estimate's bounds for these limits of the picture.
pub(super) fn bounds(limits: &VideoLimits) -> Bounds {
    let with_sound = |video: Bitrate| Bitrate::from_bps(video.scale(1.05).bps() + AUDIO_RESERVE.bps());
    let max = with_sound(limits.bitrate_max).max(ESTIMATE_MIN);
    Bounds {
        start: with_sound(limits.bitrate_start).clamp(ESTIMATE_MIN, max),
        min: ESTIMATE_MIN,
        max,
    }
}
