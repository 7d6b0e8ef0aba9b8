//! People whom the server knew and does not name any more, although it never said that they left: a server that began anew knows
//! everybody again only once they came back, one after the other and under the same ids. Owned by [`super::stay`], which gives up on
//! nobody of them before [`RESUME_GRACE_S`]. Does not tell who is in the room: that is [`super::roster`]'s.

use parley_proto::ParticipantId;
use parley_proto::limits::{GROUP_PEOPLE_MAX, RESUME_GRACE_S};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For so long the server keeps a place too.
const GRACE: Duration = Duration::from_secs(RESUME_GRACE_S);

/// See the module. Until when each may come back.
#[derive(Debug, Default)]
pub(super) struct Missing(BTreeMap<ParticipantId, Instant>);

impl Missing {
    /// The server does not name them. Who does not fit is given up at once: no room was larger.
    pub(super) fn note(&mut self, now: Instant, id: ParticipantId) {
        if self.0.len() < GROUP_PEOPLE_MAX {
            self.0.entry(id).or_insert(now + GRACE);
        }
    }

    /// They are there, or left for good.
    pub(super) fn forget(&mut self, id: ParticipantId) {
        self.0.remove(&id);
    }

    pub(super) fn has(&self, id: ParticipantId) -> bool {
        self.0.contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.0.keys().copied()
    }

    /// Time has passed: who did not come back is gone.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        self.0.retain(|_, until| now < *until);
    }

    /// When [`Missing::on_timeout`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.values().min().copied()
    }
}
