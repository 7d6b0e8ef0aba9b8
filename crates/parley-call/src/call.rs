//! The driver of a call: one task that owns the session, the connection to the server and the peer driver, and carries
//! messages between them. It decides nothing.

mod pair_peers;
mod word_lanes;

use crate::config::{CallConfig, CallTarget, VideoLimits};
use crate::end::EndReason;
use crate::key_frame::KeyFrameRequester;
use crate::peer::{Peer, PeerHandle, PeerSetup};
use crate::port::{Lane, LaneKind, TrackKind};
use crate::session::{
    Input, LaneCommand, Output, PairCommand, Session, SessionConfig, SessionEvent, SignalingCommand,
};
use crate::sfu_port::{GroupTrack, Look};
use crate::signaling::{self, SignalingHandle};
use crate::snapshot::{CallSnapshot, Spotlight};
use crate::stats::CallStats;
use pair_peers::PairPeers;
use parley_media::packet::ReceivedPacket;
use parley_media::video::SenderTimes;
use parley_proto::{Link, LinkSecret, MediaState, ParticipantId, Reaction};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use word_lanes::WordLanes;

/// Commands that may wait.
const COMMANDS_MAX: usize = 32;
/// Events that may wait for the app; more are dropped and counted.
const EVENTS_MAX: usize = 64;
/// A peer driver that takes no command for so long is broken.
const PEER_BUSY_MAX: Duration = Duration::from_secs(5);
/// What is left to say at the end of a call may take so long.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// What the app asks of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallCommand {
    /// What the others call this side; counts when it comes before [`CallCommand::Enter`].
    SetName(String),
    /// Out of the green room and in. The ticket was fetched at the start already.
    Enter,
    /// Tells the other side what microphone, camera and screen do now. With the screen on, its track is added once the other
    /// side can take it.
    SetMediaState(MediaState),
    /// The most video there may be from now on, in place of what the call began with.
    Limit(VideoLimits),
    /// Raises one's hand, or takes it down.
    RaiseHand(bool),
    /// Shows the others a reaction, if they can see it now.
    React(Reaction),
    /// Whether this side lets itself be recorded. Until this was said it does not.
    AllowRecording(bool),
    /// Asks the others whether they may be recorded, or says that they are no more. The answer is [`CallSnapshot::recording`].
    Record(bool),
    /// The password of the room, once [`CallSnapshot::entrance`] asks for it, or before.
    Password(String),
    /// Lets somebody in who waits in the lobby ([`CallSnapshot::waiting`]). For hosts, as everything down to
    /// [`CallCommand::EndForAll`]; from anybody else the server takes none of it.
    Admit(ParticipantId),
    /// Sends somebody away who waits in the lobby.
    Refuse(ParticipantId),
    /// Locks the room, so that nobody new comes in, or opens it again.
    Lock(bool),
    /// Turns the lobby on or off.
    Lobby(bool),
    /// Asks whoever comes for this password from now on, or for none.
    SetPassword(Option<String>),
    /// Puts somebody out of the room.
    Remove(ParticipantId),
    /// Asks somebody, or everybody, to mute.
    AskMute(Option<ParticipantId>),
    /// From so many people on whoever comes listens; 0: nobody. From a host.
    ListenFrom(u16),
    /// Makes somebody a listener, or lets them speak. From a host; oneself too.
    SetListens {
        /// Who.
        id: ParticipantId,
        /// Only listens.
        listens: bool,
    },
    /// Puts somebody large for everybody, or nobody. In a group, from a host; otherwise it does nothing.
    Spotlight(Option<Spotlight>),
    /// What is shown of whom and how large, whole: in rooms of three and more, only that is asked of the server.
    Look(Vec<Look>),
    /// Between whom and this side files move or may, whole, the most urgent first: in a group, connections are made for those.
    FileWays(Vec<FileWay>),
    /// Hangs up and ends the call for everybody. From a guest it does nothing.
    EndForAll,
    /// Hangs up. [`CallEvent::Ended`] follows.
    Leave,
}

/// What somebody of a group has with this side about files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileWay {
    /// Who.
    pub participant: ParticipantId,
    /// Something is to move: a way is made. Otherwise one that they make is met, and that only.
    pub wanted: bool,
}

/// What the app is told once. What lasts stands in [`CallSnapshot`].
#[derive(Debug)]
pub enum CallEvent {
    /// There is a ticket: the call can be entered, the link can be sent.
    Ready {
        /// The link, with its secret.
        link: Link,
    },
    /// Sound begins to come. A second one for the same participant replaces the first.
    AudioTrack {
        /// From whom.
        participant: ParticipantId,
        /// The packets.
        packets: std::sync::mpsc::Receiver<ReceivedPacket>,
    },
    /// Pictures begin to come. A second one for the same participant replaces the first.
    VideoTrack {
        /// From whom.
        participant: ParticipantId,
        /// The packets.
        packets: std::sync::mpsc::Receiver<ReceivedPacket>,
        /// How to ask them for a key frame.
        key_frames: KeyFrameRequester,
        /// How their clocks go together with those of their sound.
        times: SenderTimes,
    },
    /// A screen begins to come, beside the camera. Whether it is shown now stands in the person's media state: pauses and new
    /// shares come in the same track.
    ScreenTrack {
        /// From whom.
        participant: ParticipantId,
        /// The packets.
        packets: std::sync::mpsc::Receiver<ReceivedPacket>,
        /// How to ask them for a key frame.
        key_frames: KeyFrameRequester,
        /// How its clocks go together with those of what their computer plays.
        times: SenderTimes,
    },
    /// What the computer of whoever shares plays begins to come, beside their voice; as [`CallEvent::ScreenTrack`].
    ScreenSoundTrack {
        /// From whom.
        participant: ParticipantId,
        /// The packets.
        packets: std::sync::mpsc::Receiver<ReceivedPacket>,
    },
    /// No more comes in a track.
    TrackEnded {
        /// From whom.
        participant: ParticipantId,
        /// Which.
        kind: TrackKind,
    },
    /// Somebody reacts.
    Reaction {
        /// Who.
        participant: ParticipantId,
        /// How.
        reaction: Reaction,
    },
    /// A host asks this side to mute its microphone: to be done and shown.
    MuteAsked {
        /// Who asks.
        participant: ParticipantId,
    },
    /// A data channel can be used. A second one of the same kind for the same participant replaces the first.
    Lane {
        /// To whom.
        participant: ParticipantId,
        /// Which.
        kind: LaneKind,
        /// Its two ends.
        lane: Lane,
    },
    /// The call is over; the last event.
    Ended(EndReason),
}

/// The app's end of a call. Dropping `commands` and all its clones hangs up.
#[derive(Debug)]
pub struct CallHandle {
    /// Commands to the call.
    pub commands: mpsc::Sender<CallCommand>,
    /// What happens. Must be drained; the call goes on if it is not, but events are lost.
    pub events: mpsc::Receiver<CallEvent>,
    /// The state, whole, after every change.
    pub state: watch::Receiver<CallSnapshot>,
    /// One sample a second while in the room.
    pub stats: watch::Receiver<CallStats>,
}

impl CallHandle {
    /// Sends a command; waits while too many wait. Does nothing once the call is over.
    pub async fn command(&self, command: CallCommand) {
        // The only error is a call that is over, which the events tell.
        let _ = self.commands.send(command).await;
    }
}

/// A call.
#[derive(Debug)]
pub struct Call;

impl Call {
    /// Starts a call: reaches for the server and waits in the green room. Must be called inside a tokio runtime.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "driver: the call's one task")]
    pub fn start(config: CallConfig) -> CallHandle {
        let (commands, from_app) = mpsc::channel(COMMANDS_MAX);
        let (to_app, events) = mpsc::channel(EVENTS_MAX);
        let (server, room, secret, invitation) = match config.target {
            CallTarget::Create { server } => (server, None, LinkSecret::from_bytes(rand::random()), None),
            CallTarget::Join { link } => (link.server, Some(link.room), link.secret, link.invitation),
        };
        let session = Session::new(
            clock(),
            SessionConfig {
                server: server.clone(),
                room,
                secret,
                invitation,
                name: config.name,
                media: config.media_state,
                seed: rand::random(),
                only_listens: config.only_listens,
            },
        );
        let (publish, state) = watch::channel(session.snapshot());
        let (publish_stats, stats) = watch::channel(CallStats::default());
        let driver = Driver {
            session,
            signaling: signaling::spawn(server, config.network.proxy.clone()),
            pair_peers: PairPeers::new(config.network.clone()),
            peer: Peer::spawn(PeerSetup {
                media: config.media,
                network: config.network,
            }),
            from_app,
            to_app,
            publish,
            publish_stats,
            word_lanes: WordLanes::default(),
            failed: None,
            dropped: Dropped::default(),
        };
        tokio::spawn(driver.run());
        CallHandle {
            commands,
            events,
            state,
            stats,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

/// What this driver had to throw away.
#[derive(Debug, Clone, Copy, Default)]
struct Dropped {
    signals: u64,
    events: u64,
}

/// What the driver waits for.
enum Happening {
    Input(Input),
    Second,
}

struct Driver {
    session: Session,
    signaling: SignalingHandle,
    peer: PeerHandle,
    from_app: mpsc::Receiver<CallCommand>,
    to_app: mpsc::Sender<CallEvent>,
    publish: watch::Sender<CallSnapshot>,
    publish_stats: watch::Sender<CallStats>,
    word_lanes: WordLanes,
    pair_peers: PairPeers,
    /// A driver that died; told to the session at the next turn.
    failed: Option<&'static str>,
    dropped: Dropped,
}

impl Driver {
    async fn run(mut self) {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(reason) = self.carry_out_all().await {
                return self.say_goodbye(reason).await;
            }
            let happening = match self.failed.take() {
                Some(what) => Happening::Input(Input::DriverFailed(what)),
                None => self.next(&mut seconds).await,
            };
            match happening {
                Happening::Input(input) => self.session.handle(clock(), input),
                Happening::Second => self.sample(),
            }
        }
    }

    /// Waits. Every branch is cancel safe.
    async fn next(&mut self, seconds: &mut tokio::time::Interval) -> Happening {
        let now = clock();
        let takes_frame_at = self.session.takes_frame_at(now);
        let takes_frame = takes_frame_at.is_some_and(|at| at <= now);
        let later = takes_frame_at.filter(|_| !takes_frame);
        let deadline = self.session.poll_timeout().into_iter().chain(later).min();
        let timer = async {
            match deadline {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            command = self.from_app.recv() => Input::Command(command.unwrap_or(CallCommand::Leave)),
            event = self.signaling.events.recv() => match event {
                Some((connection, event)) => Input::Signaling { connection, event },
                None => Input::DriverFailed("the signaling driver ended"),
            },
            event = self.peer.events.recv() => match event {
                Some(event) => Input::Peer(event),
                None => Input::DriverFailed("the peer driver ended"),
            },
            event = self.peer.sfu_events.recv() => match event {
                Some(event) => Input::Sfu(event),
                None => Input::DriverFailed("the driver of the SFU ended"),
            },
            (to, kind, frame) = self.word_lanes.next(), if takes_frame => Input::Frame { to, kind, frame },
            (participant, event) = self.pair_peers.next() => match event {
                Some(event) => Input::Pair { participant, event },
                None => Input::PairEnded { participant },
            },
            () = timer => Input::Timeout,
            _ = seconds.tick() => return Happening::Second,
        };
        Happening::Input(input)
    }

    /// Carries out what the session decided, and publishes what became of it. Gives the reason of the end, at the end.
    async fn carry_out_all(&mut self) -> Option<EndReason> {
        let mut ended = None;
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Signaling(command) => self.signal(command),
                Output::Peer(command) => {
                    // One that is stuck is waited for once, not for each command: people want to get out.
                    if self.failed.is_none()
                        && self
                            .peer
                            .commands
                            .send_timeout(command, PEER_BUSY_MAX)
                            .await
                            .is_err()
                    {
                        self.failed = Some("the peer driver takes no commands");
                    }
                }
                Output::Sfu(command) => {
                    if self.failed.is_none()
                        && self.peer.sfu.send_timeout(command, PEER_BUSY_MAX).await.is_err()
                    {
                        self.failed = Some("the driver of the SFU takes no commands");
                    }
                }
                Output::Lane(command) => self.serve_lane(command),
                Output::Pair(command) => self.serve_pair(command),
                Output::Event(SessionEvent::Ended(reason)) => ended = Some(reason),
                Output::Event(event) => self.tell(event),
            }
        }
        let snapshot = self.session.snapshot();
        self.publish.send_if_modified(|published| {
            let changed = *published != snapshot;
            *published = snapshot;
            changed
        });
        ended
    }

    /// Never waits: while this task waited for the signaling driver, that one could wait for this one.
    fn signal(&mut self, command: SignalingCommand) {
        match self.signaling.commands.try_send(command) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.dropped.signals += 1,
            Err(TrySendError::Closed(_)) => self.failed = Some("the signaling driver is gone"),
        }
    }

    /// The connections for files to people of a group.
    fn serve_pair(&mut self, command: PairCommand) {
        match command {
            PairCommand::Open { participant } => self.pair_peers.open(participant),
            PairCommand::Tell { participant, command } => self.pair_peers.tell(participant, command),
            PairCommand::Close { participant } => self.pair_peers.close(participant),
        }
    }

    /// The lanes of a group, which go through the server.
    fn serve_lane(&mut self, command: LaneCommand) {
        match command {
            LaneCommand::Open { participant } => {
                for kind in [LaneKind::Chat, LaneKind::FileWords] {
                    let lane = self.word_lanes.open(participant, kind);
                    self.hand_on(CallEvent::Lane {
                        participant,
                        kind,
                        lane,
                    });
                }
            }
            LaneCommand::Came {
                participant,
                kind,
                frame,
            } => self.word_lanes.came(participant, kind, frame),
            LaneCommand::EndFiles => self.word_lanes.end_files(),
            LaneCommand::Close { participant } => self.word_lanes.close(participant),
        }
    }

    fn tell(&mut self, event: SessionEvent) {
        let event = match event {
            SessionEvent::GroupTrack(track) => of_group(track),
            SessionEvent::Ready(link) => CallEvent::Ready { link },
            SessionEvent::Track {
                participant,
                kind: TrackKind::Audio,
                packets,
            } => CallEvent::AudioTrack { participant, packets },
            SessionEvent::Track {
                participant,
                kind: TrackKind::Video,
                packets,
            } => CallEvent::VideoTrack {
                participant,
                packets,
                key_frames: self.peer.key_frames.clone(),
                times: self.peer.times.clone(),
            },
            SessionEvent::Track {
                participant,
                kind: TrackKind::Screen,
                packets,
            } => CallEvent::ScreenTrack {
                participant,
                packets,
                key_frames: self.peer.screen_key_frames.clone(),
                times: self.peer.screen_times.clone(),
            },
            SessionEvent::Track {
                participant,
                kind: TrackKind::ScreenSound,
                packets,
            } => CallEvent::ScreenSoundTrack { participant, packets },
            SessionEvent::TrackEnded { participant, kind } => CallEvent::TrackEnded { participant, kind },
            SessionEvent::Reaction {
                participant,
                reaction,
            } => CallEvent::Reaction {
                participant,
                reaction,
            },
            SessionEvent::MuteAsked { participant } => CallEvent::MuteAsked { participant },
            SessionEvent::Lane {
                participant,
                kind,
                lane,
            } => CallEvent::Lane {
                participant,
                kind,
                lane,
            },
            SessionEvent::Ended(reason) => CallEvent::Ended(reason),
        };
        self.hand_on(event);
    }

    fn hand_on(&mut self, event: CallEvent) {
        if self.to_app.try_send(event).is_err() {
            self.dropped.events += 1;
        }
    }

    fn sample(&self) {
        let mut session = self.session.counters();
        session.signals_dropped += self.dropped.signals;
        session.events_dropped += self.dropped.events + self.word_lanes.dropped;
        self.publish_stats.send_replace(CallStats {
            at: Some(clock()),
            peer: self.peer.stats.borrow().clone(),
            session,
        });
    }

    /// Lets the drivers finish what they were told last, then tells the app: it may end the process right after.
    async fn say_goodbye(self, reason: EndReason) {
        let Self {
            signaling,
            peer,
            to_app,
            ..
        } = self;
        let (mut from_server, mut from_peer) = (signaling.events, peer.events);
        drop((signaling.commands, peer.commands, peer.sfu));
        let finished = async {
            while from_peer.recv().await.is_some() {}
            while from_server.recv().await.is_some() {}
        };
        if timeout(GOODBYE_MAX, finished).await.is_err() {
            tracing::debug!("a driver did not end in time");
        }
        // An app that is gone or does not listen needs no goodbye; the snapshot told the end already.
        let _ = timeout(GOODBYE_MAX, to_app.send(CallEvent::Ended(reason))).await;
    }
}

/// What comes through the SFU, with clocks and key frames of its own.
fn of_group(track: GroupTrack) -> CallEvent {
    let GroupTrack {
        participant,
        kind,
        packets,
        key_frames,
        times,
    } = track;
    match kind {
        TrackKind::Audio => CallEvent::AudioTrack { participant, packets },
        TrackKind::Video => CallEvent::VideoTrack {
            participant,
            packets,
            key_frames,
            times,
        },
        TrackKind::Screen => CallEvent::ScreenTrack {
            participant,
            packets,
            key_frames,
            times,
        },
        TrackKind::ScreenSound => CallEvent::ScreenSoundTrack { participant, packets },
    }
}
