//! Tests of the book that need no rooms.

use super::*;
use proptest::prelude::*;

const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

#[test]
fn what_was_written_down_makes_the_same_book() {
    let mut book = Book::default();
    let room = RoomId::from_bytes([5; 24]);
    let until = NOW + Duration::from_secs(60);
    let terms = Terms {
        role: Role::Guest,
        until,
        uses: Some(2),
    };
    let kept = book.invite(NOW, room, "token", terms).unwrap();
    let gone = book.invite(NOW, room, "other", terms).unwrap();
    book.revoke_invitation(gone.id).unwrap();
    book.use_invitation(kept.id);
    let source = "192.0.2.1".parse().unwrap();
    book.ban(NOW, Banned::Everywhere(source), until);
    book.keep_door(room, |door| door.lobby = true);
    let mut again = Book::from_records(NOW, book.take_records());
    assert_eq!(again.invitations(NOW), book.invitations(NOW));
    assert_eq!(again.bans(NOW), book.bans(NOW));
    assert_eq!(again.door(room), book.door(room));
    assert_eq!(again.take_records(), [], "nothing of it is written twice");
    let later = Book::from_records(until, Vec::new());
    assert_eq!(later.bans(until), []);
}

#[test]
fn bans_are_bounded_and_those_that_end_first_give_way() {
    let mut book = Book::default();
    for number in 0..BANS_MAX as u32 + 10 {
        let source = Source::of(std::net::Ipv4Addr::from(0x0a00_0000 + number).into()).unwrap();
        let until = NOW + Duration::from_secs(u64::from(number) + 1);
        book.ban(NOW, Banned::Everywhere(source), until);
    }
    let bans = book.bans(NOW);
    assert_eq!(bans.len(), BANS_MAX);
    assert_eq!(bans[0].1, NOW + Duration::from_secs(11));
}

proptest! {
    #[test]
    fn a_ban_survives_the_trip_through_text(room in any::<[u8; 24]>(), id in any::<[u8; 16]>(), ip in any::<[u8; 16]>()) {
        let room = RoomId::from_bytes(room);
        let who = Banned::Participant(room, ParticipantId::from_bytes(id));
        prop_assert_eq!(Banned::parse(&who.to_string()), Some(who));
        if let Some(source) = Source::of(std::net::Ipv6Addr::from(ip).into()) {
            for who in [Banned::Everywhere(source), Banned::FromRoom(room, source)] {
                prop_assert_eq!(Banned::parse(&who.to_string()), Some(who));
            }
        }
    }

    #[test]
    fn any_text_is_a_ban_or_none_but_never_a_panic(text in ".{0,80}") {
        let _ = Banned::parse(&text);
    }
}
