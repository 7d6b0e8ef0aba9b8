//! What the SFU wants somebody to be told, over the signaling connection.

use parley_proto::{Down, OffenceCount, ParticipantId, Publication, RoomId, SfuClosed, Source};

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// In which room.
    pub room: RoomId,
    /// Whom.
    pub participant: ParticipantId,
    /// What.
    pub what: What,
}

/// What to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The answer to their offer.
    Answer {
        /// Their number of the connection.
        connection: u32,
        /// The description.
        sdp: String,
    },
    /// A connection is over.
    Closed {
        /// Their number of it.
        connection: u32,
        /// Why.
        reason: SfuClosed,
    },
    /// What others publish.
    Publications(Vec<Publication>),
    /// Which layers of a picture of theirs somebody watches.
    LayersWanted {
        /// Which picture.
        source: Source,
        /// The layers' names.
        rids: Vec<String>,
    },
    /// How their wishes stand.
    Downs(Vec<Down>),
    /// Who speaks.
    Speakers(Vec<ParticipantId>),
    /// What they did that no good client does, since the last time: not for them, but for hosts.
    Offences {
        /// Each kind once.
        list: Vec<OffenceCount>,
        /// Their connection is ended for it.
        kicked: bool,
    },
}
