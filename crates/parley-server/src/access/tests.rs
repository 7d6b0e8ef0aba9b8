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

#[test]
fn bans_of_hosts_push_out_none_of_the_operator() {
    let mut book = Book::default();
    let operators = Banned::Everywhere("192.0.2.1".parse().unwrap());
    book.ban(NOW, operators, NOW + Duration::from_secs(1));
    let participant = |number: u32| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        Banned::Participant(RoomId::from_bytes([5; 24]), ParticipantId::from_bytes(id))
    };
    for number in 0..BANS_MAX as u32 + 10 {
        book.ban(NOW, participant(number), NOW + Duration::from_secs(3600));
    }
    assert_eq!(book.bans.len(), BANS_MAX);
    assert!(book.bans.contains_key(&operators));
    let again = Banned::Everywhere("192.0.2.2".parse().unwrap());
    book.ban(NOW, again, NOW + Duration::from_secs(1));
    assert!(book.bans.contains_key(&operators) && book.bans.contains_key(&again));
}

#[test]
fn a_password_is_never_forgotten_for_the_ends_of_other_calls() {
    let mut book = Book::default();
    let room = |number: usize| {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        RoomId::from_bytes(bytes)
    };
    let password = Password::new("open sesame".to_owned()).unwrap();
    let hash = PasswordHash::make(&password, [1; 16]);
    book.keep_door(room(0), |door| door.password = hash);
    for number in 1..DOORS_MAX + 10 {
        let ended = NOW + Duration::from_millis(number as u64);
        book.keep_door(room(number), |door| door.ended = Some(ended));
    }
    assert!(book.doors.len() <= DOORS_MAX);
    assert_eq!(book.door(room(0)).password, hash);
    assert_eq!(book.door(room(1)), KeptDoor::default(), "the first end gave way");
    let again = Book::from_records(NOW, book.take_records());
    assert_eq!(again.doors.len(), book.doors.len(), "on the disk too");
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
