//! What one's own messages count as, each said to several: delivered once all whom it was for have it, or were waited for long
//! enough, and at least one has it; not delivered when none has. Sans-IO.

use super::ChatNews;
use parley_proto::MessageId;
use std::collections::VecDeque;

/// Messages that are remembered. The oldest are given up: they were said to more people than one can wait for.
const SAID_MAX: usize = 512;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Deliveries(VecDeque<Said>);

/// One message.
#[derive(Debug)]
struct Said {
    id: MessageId,
    /// Who did not answer yet, and is still waited for.
    open: Vec<u32>,
    /// Who was waited for long enough, and may answer yet.
    late: Vec<u32>,
    /// Somebody has it.
    had: bool,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Delivered,
    Unanswered,
}

impl Deliveries {
    /// A message was said to these. Gives what there is to tell of the oldest, if it is forgotten for this one.
    pub(super) fn said(&mut self, id: MessageId, to: Vec<u32>) -> Option<ChatNews> {
        let mut oldest = if self.0.len() >= SAID_MAX {
            self.0.pop_front()
        } else {
            None
        };
        self.0.push_back(Said {
            id,
            open: to,
            late: Vec::new(),
            had: false,
            told: Told::Nothing,
        });
        let oldest = oldest.as_mut()?;
        oldest.open.clear();
        oldest.settle()
    }

    /// One of them has it.
    pub(super) fn delivered(&mut self, id: MessageId, by: u32) -> Option<ChatNews> {
        let said = self.find(id)?;
        said.had = true;
        said.open.retain(|one| *one != by);
        said.late.retain(|one| *one != by);
        let news = said.settle();
        self.forget();
        news
    }

    /// One of them did not answer in time.
    pub(super) fn unanswered(&mut self, id: MessageId, by: u32) -> Option<ChatNews> {
        let said = self.find(id)?;
        let before = said.open.len();
        said.open.retain(|one| *one != by);
        if said.open.len() < before {
            said.late.push(by);
        }
        said.settle()
    }

    /// One left, and answers nothing any more.
    pub(super) fn left(&mut self, who: u32) -> Vec<ChatNews> {
        let mut news = Vec::new();
        for said in &mut self.0 {
            said.open.retain(|one| *one != who);
            said.late.retain(|one| *one != who);
            news.extend(said.settle());
        }
        self.forget();
        news
    }

    fn find(&mut self, id: MessageId) -> Option<&mut Said> {
        self.0.iter_mut().rev().find(|said| said.id == id)
    }

    /// Lets go of messages about which nothing more can come.
    fn forget(&mut self) {
        self.0
            .retain(|said| !(said.open.is_empty() && said.late.is_empty()));
    }
}

impl Said {
    /// What is to be told of it now.
    fn settle(&mut self) -> Option<ChatNews> {
        match (self.told, self.had, self.open.is_empty()) {
            (Told::Nothing | Told::Unanswered, true, true) => {
                self.told = Told::Delivered;
                Some(ChatNews::Delivered(self.id))
            }
            (Told::Nothing, false, true) => {
                self.told = Told::Unanswered;
                Some(ChatNews::Unanswered(self.id))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> MessageId {
        MessageId::from_bytes([number; 16])
    }

    #[test]
    fn a_message_is_delivered_when_the_last_one_has_it() {
        let mut deliveries = Deliveries::default();
        assert_eq!(deliveries.said(id(1), vec![1, 2]), None);
        assert_eq!(deliveries.delivered(id(1), 1), None);
        assert_eq!(deliveries.delivered(id(1), 2), Some(ChatNews::Delivered(id(1))));
        assert_eq!(deliveries.delivered(id(1), 2), None, "told once");
        assert!(deliveries.0.is_empty());
    }

    #[test]
    fn whoever_does_not_answer_in_time_is_not_waited_for_while_somebody_has_it() {
        let mut deliveries = Deliveries::default();
        deliveries.said(id(1), vec![1, 2]);
        deliveries.delivered(id(1), 1);
        assert_eq!(deliveries.unanswered(id(1), 2), Some(ChatNews::Delivered(id(1))));
        assert_eq!(deliveries.delivered(id(1), 2), None);
        deliveries.said(id(2), vec![1, 2]);
        assert_eq!(deliveries.unanswered(id(2), 1), None);
        assert_eq!(deliveries.unanswered(id(2), 2), Some(ChatNews::Unanswered(id(2))));
        assert_eq!(
            deliveries.delivered(id(2), 2),
            Some(ChatNews::Delivered(id(2))),
            "late"
        );
        assert_eq!(deliveries.left(1), []);
        assert!(deliveries.0.is_empty());
    }

    #[test]
    fn whoever_leaves_is_not_waited_for_either() {
        let mut deliveries = Deliveries::default();
        deliveries.said(id(1), vec![1, 2]);
        deliveries.said(id(2), vec![2]);
        deliveries.delivered(id(1), 1);
        assert_eq!(
            deliveries.left(2),
            [ChatNews::Delivered(id(1)), ChatNews::Unanswered(id(2))]
        );
        assert_eq!(deliveries.unanswered(id(2), 2), None);
    }

    #[test]
    fn more_than_can_be_remembered_are_given_up() {
        let mut deliveries = Deliveries::default();
        for number in 0..SAID_MAX {
            assert_eq!(deliveries.said(id((number % 256) as u8), vec![1, 2]), None);
        }
        assert_eq!(deliveries.said(id(9), vec![1]), Some(ChatNews::Unanswered(id(0))));
        assert_eq!(deliveries.0.len(), SAID_MAX);
    }
}
