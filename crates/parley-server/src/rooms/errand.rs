//! What the rooms ask of drivers beside sending: to write something down, to hash, to tell an operator.

use super::ClientId;
use crate::access::{Password, PasswordHash, Record};
use crate::sfu::Command;
use crate::time::Moment;
use parley_proto::{ErrorCode, LeaveReason, ParticipantId, Role, RoomId};

/// One of them. The driver takes all there are after each call, so what waits is bounded by what one input can cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Write it down.
    Store(Record),
    /// Answer with [`super::Rooms::password_checked`], whatever comes of it.
    CheckPassword {
        /// Who waits for it.
        client: ClientId,
        /// What is kept.
        hash: PasswordHash,
        /// What was typed.
        password: Password,
    },
    /// Answer with [`super::Rooms::password_hashed`], whatever comes of it.
    HashPassword {
        /// Who wants it.
        client: ClientId,
        /// What was typed.
        password: Password,
        /// Fresh random bytes.
        salt: [u8; 16],
    },
    /// Tell whoever runs the server, if they want to know.
    Tell(RoomEvent),
    /// Hand it to the SFU.
    Sfu(Command),
}

/// Something that happened in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomEvent {
    /// When.
    pub at: Moment,
    /// Where.
    pub room: RoomId,
    /// What.
    pub what: RoomHappening,
}

/// What can happen in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomHappening {
    /// The first one came in.
    Started,
    /// The last one is gone.
    Ended,
    /// Somebody came in, or came back after having been given up.
    Joined {
        /// Who.
        id: ParticipantId,
        /// As what.
        role: Role,
    },
    /// Somebody is gone.
    Left {
        /// Who.
        id: ParticipantId,
        /// How.
        reason: LeaveReason,
    },
}

/// What was refused and done at the doors, since the server started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DoorCounts {
    /// No such room, or no right to come in.
    pub unknown: u64,
    /// Tickets and resume tokens that were forged, of another server, expired, used before or no longer good.
    pub bad_tickets: u64,
    /// Sources that are kept out.
    pub banned: u64,
    /// A locked room.
    pub locked: u64,
    /// A missing or wrong password, or too many tries.
    pub password: u64,
    /// Refused by a host in the lobby, or the lobby was full.
    pub not_admitted: u64,
    /// A guest who wanted to act as a host.
    pub not_allowed: u64,
    /// Put out of a room by a host.
    pub removed: u64,
    /// Put out of a room by the server, for what their client did.
    pub offenders: u64,
    /// Calls ended for everybody.
    pub ended: u64,
    /// No place: the room, its lobby or the server is full, or about to stop.
    pub no_place: u64,
    /// What makes no sense where it was said: before being in a room, or once there.
    pub out_of_order: u64,
}

impl DoorCounts {
    /// Counts what is counted by its answer alone; what has several reasons is counted where the reason is known.
    pub(super) const fn refused(&mut self, code: ErrorCode) {
        match code {
            ErrorCode::RoomFull | ErrorCode::PlaceKept | ErrorCode::Unavailable => self.no_place += 1,
            ErrorCode::NotJoined | ErrorCode::OutOfOrder => self.out_of_order += 1,
            _ => {}
        }
    }
}
