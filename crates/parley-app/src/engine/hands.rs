//! In which order hands went up, as this side saw it. Whoever takes a hand down and raises it again is last. No clock: states in,
//! places out.

use parley_proto::ParticipantId;

/// Raised hands, the first one first; nobody's id is one's own.
#[derive(Debug, Default)]
pub(super) struct Hands(Vec<Option<ParticipantId>>);

impl Hands {
    /// Another call.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// These are up now; of several new ones, the one named first came first.
    pub(super) fn see(&mut self, raised: &[Option<ParticipantId>]) {
        self.0.retain(|one| raised.contains(one));
        for one in raised {
            if !self.0.contains(one) {
                self.0.push(*one);
            }
        }
    }

    /// The place of a hand, 1 for the first; nothing while it is down.
    pub(super) fn place(&self, whose: Option<ParticipantId>) -> Option<u32> {
        let at = self.0.iter().position(|one| *one == whose)?;
        u32::try_from(at + 1).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_keep_their_order_and_one_that_was_down_is_last() {
        let [ada, ben] = [1, 2].map(|number| Some(ParticipantId::from_bytes([number; 16])));
        let mut hands = Hands::default();
        hands.see(&[ben]);
        hands.see(&[ada, ben, None]);
        assert_eq!(
            [ben, ada, None].map(|who| hands.place(who)),
            [Some(1), Some(2), Some(3)]
        );
        hands.see(&[ada, None]);
        assert_eq!(
            [ben, ada, None].map(|who| hands.place(who)),
            [None, Some(1), Some(2)]
        );
        hands.see(&[ada, ben, None]);
        assert_eq!(
            [ben, ada, None].map(|who| hands.place(who)),
            [Some(3), Some(1), Some(2)]
        );
        hands.clear();
        assert_eq!(hands.place(ada), None);
    }
}
