//! What must survive a restart, as one change each.

use super::{ApiKey, Banned, Invitation, InvitationId, KeptDoor, KeyId};
use crate::time::Moment;
use parley_proto::{ParticipantId, RoomId};

/// One thing that is so from now on. Written twice it is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An invitation, new or used.
    Invitation(Invitation),
    /// One that is no more.
    InvitationGone(InvitationId),
    /// A key.
    Key(ApiKey),
    /// One that is no more.
    KeyGone(KeyId),
    /// Somebody is kept out.
    Ban {
        /// Whom.
        who: Banned,
        /// Until when.
        until: Moment,
    },
    /// Not any more.
    BanGone(Banned),
    /// How a door stands. The default is as good as none.
    Door {
        /// Of which room.
        room: RoomId,
        /// How.
        door: KeptDoor,
    },
    /// A ticket that must not be used again.
    TicketUsed {
        /// Which.
        jti: String,
        /// When it runs out anyway, in seconds of the UNIX epoch.
        exp_s: u64,
    },
    /// Somebody left a call for good, and comes back by no token.
    Departed {
        /// Who.
        id: ParticipantId,
        /// When.
        at: Moment,
    },
}
