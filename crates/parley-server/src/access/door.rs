//! What is kept of a room's door.

use super::PasswordHash;
use crate::time::Moment;

/// Kept for rooms by invitation; of others only the end, because they are forgotten with the last one who leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptDoor {
    /// Whoever comes waits until a host lets them in.
    pub lobby: bool,
    /// What is left of the password.
    pub password: Option<PasswordHash>,
    /// From so many people on whoever comes listens, where a host said so; 0: nobody.
    pub listen_from: Option<u16>,
    /// When a host last ended the call for everybody.
    pub ended: Option<Moment>,
}

impl KeptDoor {
    /// Whether nothing is lost when it is forgotten: nobody is asked for anything at it, and nobody said who listens.
    pub(super) const fn stands_open(&self) -> bool {
        !self.lobby && self.password.is_none() && self.listen_from.is_none()
    }
}
