//! Whether somebody in a room may send sound and pictures. Who says so is the rooms' business; here it is held to.

use parley_proto::Offence;
use parley_proto::limits::RESUME_GRACE_S;
use std::time::Duration;

/// Whoever was just made a listener has heard of it by then, or their place is given up.
const TOLD: Duration = Duration::from_secs(RESUME_GRACE_S);

/// What is taken of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// What they publish.
    #[default]
    Speaks,
    /// Nothing, and their client knows it: what comes all the same is an offence.
    Listens,
    /// Nothing from now on, of which they may not have heard yet: an offence only once they must have.
    ListensUntold,
    /// Nothing, but their client may be one from before there were listeners, and is not blamed.
    ListensUnaware,
}

impl Part {
    /// What a packet is that belongs to none of their tracks, of somebody who has had this part for so long.
    pub(super) fn offence(self, lasts: Duration) -> Option<Offence> {
        match self {
            Self::Speaks => Some(Offence::Streams),
            Self::Listens => Some(Offence::Upstream),
            Self::ListensUntold => (lasts >= TOLD).then_some(Offence::Upstream),
            Self::ListensUnaware => None,
        }
    }
}
