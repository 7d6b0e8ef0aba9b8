//! One file that is hashed by pieces, and the commands of its transfer that wait for it. Who reads the file is [`super::Disk`].

use super::{DiskCommand, Key};
use std::collections::VecDeque;

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// Of a file that is sent, everything before this byte.
    Sent(u64),
    /// Of a part that was there already, all of it.
    Part,
}

/// A file that is hashed.
#[derive(Debug)]
pub(super) struct Hashing {
    key: Key,
    goal: Goal,
    held: VecDeque<DiskCommand>,
}

impl Hashing {
    /// For this command, which is carried out once it is hashed.
    pub(super) fn of_sent(key: Key, to: u64, command: DiskCommand) -> Self {
        Self {
            key,
            goal: Goal::Sent(to),
            held: [command].into(),
        }
    }

    /// What is there of a part that was just opened.
    pub(super) const fn of_part(key: Key) -> Self {
        Self {
            key,
            goal: Goal::Part,
            held: VecDeque::new(),
        }
    }

    pub(super) const fn key(&self) -> Key {
        self.key
    }

    pub(super) const fn goal(&self) -> Goal {
        self.goal
    }

    /// Whether it is of this transfer.
    pub(super) fn is_of(&self, key: Key) -> bool {
        self.key == key
    }

    /// Keeps a command of the same transfer until then.
    pub(super) fn hold(&mut self, command: DiskCommand) {
        self.held.push_back(command);
    }

    /// What waited, oldest first.
    pub(super) fn into_held(self) -> VecDeque<DiskCommand> {
        self.held
    }
}
