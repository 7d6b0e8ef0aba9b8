//! Files in a group: offered by word before there is a connection, moved once there is one.

use super::*;

impl Two {
    /// Both in one group, without a connection between them.
    fn near() -> Self {
        let mut two = Self::new();
        two.come_near();
        two
    }

    fn come_near(&mut self) {
        for who in 0..2 {
            self.tell(who, Input::Near(true));
        }
    }

    fn ways(&self) -> [Option<bool>; 2] {
        [0, 1].map(|who| self.sides[who].core.way())
    }

    fn until_asked(&mut self) {
        self.until("the question", |two| {
            two.list(1)
                .last()
                .is_some_and(|one| one.state == TransferState::Asking)
        });
    }
}

#[test]
fn an_offer_by_word_is_accepted_and_moves_once_there_is_a_connection() {
    let mut two = Two::near();
    let file = two.file(0, "a.bin", 300_000);
    assert_eq!(two.ways(), [None, None]);
    let id = two.offer(0, file.clone());
    two.until_asked();
    // Who was only offered something makes and meets no connection.
    assert_eq!(two.ways(), [Some(false), None]);
    two.tell(1, Input::Accept(id));
    two.run_ms(500);
    assert_eq!(two.ways(), [Some(false), Some(true)]);
    assert_eq!(two.state(1), TransferState::Waiting);
    assert_eq!(two.sides[1].arrived, 0);
    two.connect();
    two.expect_received(&file, "a.bin");
    assert_eq!(two.ways(), [None, Some(false)], "the last word may be lost");
}

#[test]
fn what_is_paused_needs_no_connection_until_whoever_paused_it_goes_on() {
    for pauses in [&[0][..], &[1], &[0, 1], &[1, 0]] {
        let mut two = Two::near();
        two.connect();
        let file = two.file(0, "a.bin", 900_000);
        let id = two.send_some(file.clone(), 200_000);
        assert_eq!(two.ways(), [Some(true), Some(true)]);
        for who in pauses {
            two.tell(*who, Input::Pause(id));
        }
        two.run_ms(100);
        assert_eq!(two.ways(), [Some(false), Some(false)], "paused by {pauses:?}");
        two.cut();
        assert_eq!(two.ways(), [Some(false), Some(false)], "nor is one made anew");
        for who in pauses {
            two.tell(*who, Input::Resume(id));
            assert_eq!(two.ways()[*who], Some(true), "of {pauses:?}");
            two.connect();
            two.run_ms(100);
            two.cut();
        }
        two.connect();
        two.expect_received(&file, "a.bin");
    }
}

#[test]
fn a_no_and_a_cancel_are_said_by_word() {
    let mut two = Two::near();
    let file = two.file(0, "a.bin", 1000);
    let id = two.offer(0, file.clone());
    two.until_asked();
    two.tell(1, Input::Refuse(id));
    two.run_ms(50);
    assert_eq!(two.state(0), TransferState::Ended(TransferEnd::Declined));
    let id = two.offer(0, file);
    two.until_asked();
    two.tell(0, Input::Cancel(id));
    two.run_ms(50);
    assert_eq!(two.state(1), TransferState::Ended(TransferEnd::CancelledThere));
    assert_eq!(two.ways(), [None, None]);
}

#[test]
fn words_that_were_lost_are_made_good_once_both_are_there_again() {
    let mut two = Two::near();
    let file = two.file(0, "a.bin", 1000);
    let lose = |two: &mut Two| two.sides.iter_mut().for_each(|side| side.coming.clear());
    let id = two.offer(0, file);
    lose(&mut two);
    two.come_near();
    two.until_asked();
    two.tell(1, Input::Refuse(id));
    lose(&mut two);
    assert_eq!(two.state(0), TransferState::Offered);
    two.come_near();
    two.run_ms(50);
    assert_eq!(two.state(0), TransferState::Ended(TransferEnd::Declined));
}

#[test]
fn that_a_file_was_given_up_is_said_by_word_twice_and_over_each_connection() {
    let mut two = Two::near();
    let file = two.file(0, "a.bin", 1000);
    let id = two.offer(0, file);
    two.until_asked();
    let gives_up = |two: &mut Two| {
        let said = two.sides[1].coming.iter().filter(|(_, input)| {
            let bytes = match input {
                Input::Word(bytes) | Input::Frame(bytes) => bytes,
                _ => return false,
            };
            FileFrame::read(bytes) == Some(FileFrame::Cancel { id })
        });
        let count = said.count();
        two.sides[1].coming.clear();
        count
    };
    two.tell(0, Input::Cancel(id));
    assert_eq!(gives_up(&mut two), 1);
    for expect in [1, 0, 0] {
        two.tell(0, Input::Near(true));
        assert_eq!(gives_up(&mut two), expect);
    }
    two.tell(0, Input::Up(ParticipantId::from_bytes([2; 16])));
    assert_eq!(gives_up(&mut two), 1);
}

#[test]
fn a_cut_in_the_middle_costs_nothing_and_offers_go_on_by_word() {
    let mut two = Two::near();
    two.connect();
    let file = two.file(0, "a.bin", 900_000);
    two.send_some(file, 300_000);
    two.cut();
    assert_eq!(two.ways(), [Some(true), Some(true)]);
    let before = two.sides[1].arrived;
    let second = two.file(0, "b.bin", 1000);
    let id = two.offer(0, second);
    two.until_asked();
    two.tell(1, Input::Refuse(id));
    two.run_ms(300);
    assert_eq!(two.state(0), TransferState::Ended(TransferEnd::Declined));
    assert_eq!(two.sides[1].arrived, before, "nothing moves by word");
    two.connect();
    two.until("the first", |two| {
        two.list(1)
            .first()
            .is_some_and(|one| one.state == TransferState::Done)
    });
    assert!(
        two.sides[1].arrived < 1_000_000,
        "what had come was not sent again"
    );
    assert_eq!(two.inside(), ["a.bin"]);
}

#[test]
fn nothing_but_offers_and_their_end_is_heard_by_word() {
    let mut two = Two::near();
    let file = two.file(0, "a.bin", 1000);
    let id = two.offer(0, file);
    for frame in [
        FileFrame::Accept { id, offset: 0 },
        FileFrame::Pause { id },
        FileFrame::Received { id },
        FileFrame::Sent {
            id,
            hash: FileHash::from_bytes([1; 32]),
        },
    ] {
        let bytes = serde_json::to_vec(&frame).unwrap().into();
        two.tell(0, Input::Word(bytes));
    }
    two.tell(0, Input::Word(Bytes::from_static(b"nonsense")));
    assert_eq!(two.sides[0].core.counters().malformed, 5);
    assert_eq!(two.state(0), TransferState::Offered);
}

#[test]
fn who_left_for_good_ends_what_was_with_them_and_the_part_stays() {
    let mut two = Two::near();
    two.connect();
    let file = two.file(0, "a.bin", 900_000);
    two.send_some(file, 300_000);
    for who in 0..2 {
        two.tell(who, Input::Gone);
        let end = TransferEnd::Failed(TransferFault::OtherGone);
        assert_eq!(two.state(who), TransferState::Ended(end));
    }
    assert_eq!(two.inside().len(), 2, "the part and its journal");
}

#[test]
fn offers_of_everybody_together_are_bounded() {
    let mut two = Two::near();
    two.sides[1].core.set_offers_elsewhere(TRANSFERS_ALL_MAX);
    let file = two.file(0, "a.bin", 1000);
    two.offer(0, file.clone());
    two.run_ms(50);
    let end = TransferEnd::Failed(TransferFault::TooMany);
    assert_eq!(two.state(0), TransferState::Ended(end));
    assert_eq!(two.sides[1].core.counters().offers_refused, 1);
    two.sides[1].core.set_offers_elsewhere(TRANSFERS_ALL_MAX - 1);
    two.offer(0, file);
    two.until_asked();
}
