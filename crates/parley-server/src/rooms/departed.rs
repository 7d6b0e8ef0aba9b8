//! Who left for good, or was put out: their resume tokens let nobody in any more, also when the call they were in is over and forgotten.

use crate::time::Moment;
use parley_proto::ParticipantId;
use parley_proto::limits::RESUME_LIFETIME_S;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;

/// More of them within the life of a token, and the first ones are forgotten: their tokens lead through open doors again, no further.
const DEPARTED_MAX: usize = crate::access::DEPARTED_KEPT_MAX;
/// For how long the newest token of somebody is good.
const REMEMBERED: Duration = Duration::from_secs(RESUME_LIFETIME_S);

/// In the order in which they went.
#[derive(Debug, Default)]
pub(super) struct Departed {
    by_time: VecDeque<(Moment, ParticipantId)>,
    ids: HashSet<ParticipantId>,
}

impl Departed {
    /// Whether that is news.
    pub(super) fn insert(&mut self, now: Moment, id: ParticipantId) -> bool {
        while self
            .by_time
            .front()
            .is_some_and(|(at, _)| self.by_time.len() >= DEPARTED_MAX || *at + REMEMBERED < now)
        {
            if let Some((_, id)) = self.by_time.pop_front() {
                self.ids.remove(&id);
            }
        }
        let news = self.ids.insert(id);
        if news {
            self.by_time.push_back((now, id));
        }
        news
    }

    pub(super) fn contains(&self, id: ParticipantId) -> bool {
        self.ids.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

    fn id(number: u32) -> ParticipantId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ParticipantId::from_bytes(bytes)
    }

    #[test]
    fn they_are_known_for_as_long_as_their_tokens_and_so_many_of_them_only() {
        let mut departed = Departed::default();
        departed.insert(NOW, id(0));
        departed.insert(NOW + REMEMBERED, id(1));
        assert!(departed.contains(id(0)), "a token may be as old as that");
        let later = NOW + REMEMBERED + Duration::from_secs(1);
        for number in 2..=DEPARTED_MAX as u32 {
            departed.insert(later, id(number));
        }
        assert!(!departed.contains(id(0)), "its token ran out");
        assert!(departed.contains(id(1)));
        departed.insert(later, id(u32::MAX));
        assert!(!departed.contains(id(1)), "one too many");
        assert_eq!(departed.by_time.len(), DEPARTED_MAX);
        assert_eq!(departed.ids.len(), DEPARTED_MAX);
    }
}
