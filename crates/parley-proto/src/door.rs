//! The door of a room: whether one may come in, and who waits before it.

use crate::ParticipantId;
use serde::{Deserialize, Serialize};

/// How the door of a room stands. The default is open: whoever has the link comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Door {
    /// Nobody new comes in.
    #[serde(default)]
    pub locked: bool,
    /// Whoever comes waits until a host lets them in.
    #[serde(default)]
    pub lobby: bool,
    /// Whoever comes is asked for a password.
    #[serde(default)]
    pub password: bool,
    /// From so many people in the room on, whoever comes listens ([`crate::Participant::listens`]): with 1 everybody who comes,
    /// with 0 nobody.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub listen_from: u16,
}

const fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// Why whoever came in now would only listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComesToListen {
    /// They want to.
    Asked,
    /// All places of those who may speak are taken.
    Full,
    /// So many are in the room that newcomers listen ([`Door::listen_from`]).
    #[serde(other)]
    Many,
}

/// Somebody who waits in the lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingPerson {
    /// What they are called in `admit` and `refuse`; not who they will be in the room.
    pub id: ParticipantId,
    /// The name they gave.
    pub name: String,
}
