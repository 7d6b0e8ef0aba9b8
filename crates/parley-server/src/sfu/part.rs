//! Whether somebody in a room may send sound and pictures. Who says so is the rooms' business; here it is held to.

use parley_proto::Offence;

/// What is taken of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// What they publish.
    #[default]
    Speaks,
    /// Nothing, and their client knows it: what comes all the same is an offence.
    Listens,
    /// Nothing, but their client may be one from before there were listeners, and is not blamed.
    ListensUnaware,
}

impl Part {
    /// What a packet is that belongs to none of their tracks.
    pub(super) const fn offence(self) -> Option<Offence> {
        match self {
            Self::Speaks => Some(Offence::Streams),
            Self::Listens => Some(Offence::Upstream),
            Self::ListensUnaware => None,
        }
    }
}
