//! The state of a call as others may see it: whole, cloned, published after every change.

use crate::end::{EndReason, SignalingFault};
use crate::sfu_port::GroupSnapshot;
use parley_proto::{ComesToListen, Door, Link, MediaState, OffenceCount, ParticipantId, Role, WaitingPerson};
use std::time::Instant;

/// The state of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSnapshot {
    /// How far it is.
    pub phase: CallPhase,
    /// The connection to the server.
    pub signaling: SignalingPhase,
    /// Why the last attempt to reach the server failed, while it is not reached.
    pub signaling_fault: Option<SignalingFault>,
    /// The link to send on; known from the ticket on.
    pub link: Option<Link>,
    /// One's own id, while in the room.
    pub me: Option<ParticipantId>,
    /// What one may do, while in the room.
    pub role: Option<Role>,
    /// Whether one only listens: nothing that one's microphone, camera or screen gives is sent.
    pub listens: bool,
    /// What keeps this side from coming in, while [`CallPhase::Joining`].
    pub entrance: Entrance,
    /// Whoever came in now would only listen, and why; before this side is in.
    pub comes_to_listen: Option<ComesToListen>,
    /// How the room's door stands.
    pub door: Door,
    /// Who waits in the lobby, longest first; only hosts know.
    pub waiting: Vec<WaitingPerson>,
    /// The other people.
    pub people: Vec<PersonSnapshot>,
    /// Who was in the room and may come back: a server that began anew does not know them yet.
    pub missing: Vec<ParticipantId>,
    /// When what happened first.
    pub times: CallTimes,
    /// When the other side was first connected and proven.
    pub connected_at: Option<Instant>,
    /// Whether this side may record.
    pub recording: RecordingConsent,
    /// Of whose clients hosts are told that they do what no good one does; nothing for anybody else.
    pub offences: Vec<OffencesSnapshot>,
    /// Whom a host put large for everybody, oneself among them; only in a group.
    pub spotlight: Option<Spotlight>,
    /// How the call through the SFU stands; nothing while media goes directly only.
    pub group: Option<GroupSnapshot>,
    /// Why it is over, once it is.
    pub ended: Option<EndReason>,
}

/// What somebody's client did in a group that no good one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffencesSnapshot {
    /// Whose.
    pub participant: ParticipantId,
    /// What happened, each kind once.
    pub list: Vec<OffenceCount>,
    /// How often the server ended their connection for media for it.
    pub kicks: u32,
}

/// What a host puts large for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spotlight {
    /// Whose.
    pub participant: ParticipantId,
    /// The screen, rather than the picture.
    pub screen: bool,
}

/// What somebody on the way in waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Entrance {
    /// Nothing but the server.
    #[default]
    Free,
    /// The room has a password: [`crate::CallCommand::Password`].
    PasswordNeeded,
    /// The one that was given is not it.
    PasswordWrong,
    /// A host must let this side in.
    Lobby,
}

/// What the others said to this side's wish to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RecordingConsent {
    /// There is no such wish, or it went with the person who was asked.
    #[default]
    Unasked,
    /// They are being asked.
    Asking,
    /// They agreed, and are told that this side records.
    Agreed,
    /// They do not agree, or no longer.
    Refused(RecordingRefusal),
}

/// Why this side may not record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordingRefusal {
    /// There is nobody to be recorded, or they cannot be reached.
    NobodyThere,
    /// Their client said no.
    SaidNo,
    /// Their client does not answer: it cannot show that it is recorded either.
    NoAnswer,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallPhase {
    /// Before [`crate::CallCommand::Enter`]: the server is asked for a ticket, nobody sees this side yet.
    GreenRoom,
    /// On the way into the room.
    Joining,
    /// In the room, alone.
    Waiting,
    /// The other one is there: a way is being found and checked.
    Connecting,
    /// Media flows, and the other side is proven genuine.
    Connected,
    /// Media stopped; a way is being looked for.
    Reconnecting,
    /// Over.
    Ended,
}

/// The connection to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignalingPhase {
    /// Not there yet.
    Connecting,
    /// There.
    Connected,
    /// Lost; trying again.
    Reconnecting,
    /// Somebody came in elsewhere with this side's place. Not tried again; the call goes on for as long as media comes.
    TakenOver,
}

/// Another person in the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSnapshot {
    /// The id, stable while they stay, through reconnects.
    pub id: ParticipantId,
    /// The name they gave.
    pub name: String,
    /// Whether they made the room.
    pub role: Role,
    /// Their connection to the server is gone (media may go on).
    pub away: bool,
    /// They only hear, see, write and raise a hand.
    pub listens: bool,
    /// What they say their microphone and camera do.
    pub media: MediaState,
    /// Whether they said so; before, nothing is known of it.
    pub media_told: bool,
    /// Their hand is raised.
    pub hand_raised: bool,
    /// They record what they see and hear.
    pub recording: bool,
    /// Packets of something that they say is on have not come for a second.
    pub stalled: bool,
    /// Whether they proved to hold the link and to see the same connection.
    pub proven: bool,
}

impl PersonSnapshot {
    /// A guest who has just come: nothing was told of them yet.
    #[must_use]
    pub fn new(id: ParticipantId, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            role: Role::Guest,
            away: false,
            listens: false,
            media: MediaState::default(),
            media_told: false,
            hand_raised: false,
            recording: false,
            stalled: false,
            proven: false,
        }
    }
}

/// When the steps of setting up happened first, to tell where the time went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallTimes {
    /// The call was started (into the green room).
    pub started: Option<Instant>,
    /// The server gave a ticket.
    pub ticket: Option<Instant>,
    /// The person went in.
    pub entered: Option<Instant>,
    /// The server let us in.
    pub joined: Option<Instant>,
    /// Both were in the room.
    pub met: Option<Instant>,
    /// ICE and DTLS stood.
    pub connected: Option<Instant>,
    /// The other side's proof was checked: media may flow.
    pub proven: Option<Instant>,
}

impl CallTimes {
    /// Whether the other side was connected and proven at some time.
    #[must_use]
    pub const fn up(&self) -> bool {
        self.connected.is_some() && self.proven.is_some()
    }

    /// Notes what holds now, if it is for the first time.
    pub(crate) fn note(&mut self, now: Instant, connected: bool, proven: bool) {
        if connected {
            self.connected.get_or_insert(now);
        }
        if proven {
            self.proven.get_or_insert(now);
        }
    }
}

impl CallSnapshot {
    /// A call that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: CallPhase::GreenRoom,
            signaling: SignalingPhase::Connecting,
            signaling_fault: None,
            link: None,
            me: None,
            role: None,
            listens: false,
            entrance: Entrance::default(),
            comes_to_listen: None,
            door: Door::default(),
            waiting: Vec::new(),
            people: Vec::new(),
            missing: Vec::new(),
            times: CallTimes::default(),
            connected_at: None,
            recording: RecordingConsent::default(),
            offences: Vec::new(),
            spotlight: None,
            group: None,
            ended: None,
        }
    }
}

impl Default for CallSnapshot {
    fn default() -> Self {
        Self::new()
    }
}
