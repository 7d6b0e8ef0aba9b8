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
    /// When a host last ended the call for everybody.
    pub ended: Option<Moment>,
}

impl KeptDoor {
    /// Whether nobody is asked for anything at it.
    pub(super) const fn stands_open(&self) -> bool {
        !self.lobby && self.password.is_none()
    }
}
