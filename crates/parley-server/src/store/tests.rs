//! Tests of the store on a real disk.

use super::*;
use crate::access::{ApiKey, Banned, Book, KeptDoor, Password, PasswordHash, Terms, TicketKey};
use parley_proto::{ParticipantId, Role, RoomId};
use std::time::Duration;

const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);
const ROOM: RoomId = RoomId::from_bytes([5; 24]);

/// No server runs that hears of it.
fn nobody(_: &[Record]) -> bool {
    false
}

/// One record of each kind.
fn one_of_each() -> Vec<Record> {
    let mut book = Book::default();
    let until = NOW + Duration::from_secs(3600);
    let terms = Terms {
        role: Role::Host,
        until,
        uses: Some(3),
    };
    let invitation = book.invite(NOW, ROOM, "token", terms).unwrap();
    book.use_invitation(invitation.id);
    let forever = Terms { uses: None, ..terms };
    book.invite(NOW, ROOM, "another", forever).unwrap();
    for (number, tickets) in [(1, TicketKey::Shared), (2, TicketKey::Public([7; 32]))] {
        book.add_key(ApiKey::make(NOW, [number; 8], [2; 32], "Büro", tickets).0)
            .unwrap();
    }
    book.ban(NOW, Banned::Everywhere("2001:db8::1".parse().unwrap()), until);
    book.ban(
        NOW,
        Banned::Participant(ROOM, ParticipantId::from_bytes([9; 16])),
        until,
    );
    let password = Password::new("open sesame".to_owned()).unwrap();
    book.keep_door(ROOM, |door| {
        door.lobby = true;
        door.password = PasswordHash::make(&password, [1; 16]);
        door.ended = Some(NOW);
    });
    let mut records = book.take_records();
    records.push(Record::TicketUsed {
        jti: "foreign x".to_owned(),
        exp_s: NOW.unix_s() + 60,
    });
    records.push(Record::Departed {
        id: ParticipantId::from_bytes([4; 16]),
        at: NOW,
    });
    records
}

fn written(folder: &Path, records: Vec<Record>) {
    let opened = Store::open(folder, NOW, nobody).unwrap();
    for record in records {
        opened.store.write(record);
    }
    assert_eq!(opened.store.dropped(), 0);
}

fn sorted(records: &[Record]) -> Vec<String> {
    let mut all: Vec<String> = records
        .iter()
        .map(|record| match record {
            Record::Ban { who, until } => format!("{who} {until:?}"),
            other => format!("{other:?}"),
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn what_is_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let records = one_of_each();
    written(folder.path(), records.clone());
    let again = Store::open(folder.path(), NOW, nobody).unwrap();
    assert_eq!(again.set_aside, None);
    // Of an invitation that was used only its last state is left.
    let latest: Vec<Record> = records
        .into_iter()
        .filter(
            |record| !matches!(record, Record::Invitation(one) if one.used == 0 && one.terms.uses.is_some()),
        )
        .collect();
    assert_eq!(sorted(&again.records), sorted(&latest));
}

#[test]
fn what_is_over_is_gone_after_a_restart_and_what_was_taken_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let records = one_of_each();
    written(folder.path(), records.clone());
    let later = NOW + Duration::from_secs(2 * 24 * 3600);
    let again = Store::open(folder.path(), later, nobody).unwrap();
    let kinds = again
        .records
        .iter()
        .map(std::mem::discriminant)
        .collect::<std::collections::HashSet<_>>();
    assert_eq!(
        kinds.len(),
        2,
        "keys, and a door with a password: {:?}",
        again.records
    );
    drop(again);
    let door = KeptDoor::default();
    let keys = records.iter().filter_map(|record| match record {
        Record::Key(key) => Some(Record::KeyGone(key.id)),
        _ => None,
    });
    written(
        folder.path(),
        keys.chain([Record::Door { room: ROOM, door }]).collect(),
    );
    assert_eq!(Store::open(folder.path(), later, nobody).unwrap().records, []);
}

#[test]
fn a_damaged_or_newer_file_is_set_aside_and_never_deleted() {
    let newer = |path: &Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
    };
    let other = |path: &Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .execute_batch("CREATE TABLE invitation (x); PRAGMA user_version = 1")
            .unwrap();
    };
    let garbage = |path: &Path| std::fs::write(path, "not a database, whatever it says".repeat(100)).unwrap();
    let spoil: [fn(&Path); 3] = [newer, other, garbage];
    for spoil in spoil {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        spoil(&path);
        let bytes = std::fs::read(&path).unwrap();
        let opened = Store::open(folder.path(), NOW, nobody).unwrap();
        let aside = opened.set_aside.clone().expect("it was told of");
        assert_eq!(std::fs::read(aside).unwrap(), bytes);
        assert_eq!(opened.records, []);
        drop(opened);
        written(folder.path(), one_of_each());
        assert!(
            !Store::open(folder.path(), NOW, nobody)
                .unwrap()
                .records
                .is_empty()
        );
    }
}

#[test]
fn two_programs_that_begin_the_same_file_at_once_share_it() {
    for round in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let set_aside: Vec<_> = std::thread::scope(|scope| {
            let both: Vec<_> = (0..2)
                .map(|_| scope.spawn(move || Store::open(at, NOW, nobody).unwrap().set_aside))
                .collect();
            both.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(set_aside, [None, None], "round {round}");
    }
}

#[test]
fn used_tickets_do_not_pile_up_while_a_server_runs() {
    let used = |jti: &str, in_s| Record::TicketUsed {
        jti: jti.to_owned(),
        exp_s: NOW.unix_s() + in_s,
    };
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), vec![used("early", 60), used("in between", 3000)]);
    written(folder.path(), vec![used("late", 3600)]);
    let left = Store::open(folder.path(), NOW, nobody).unwrap().records;
    assert_eq!(
        sorted(&left),
        sorted(&[used("in between", 3000), used("late", 3600)]),
        "neither of which may be used again yet"
    );
}

#[test]
fn who_left_is_known_for_a_day_and_so_many_of_them_only() {
    use crate::access::DEPARTED_KEPT_MAX;
    let left = |number: usize| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let id = ParticipantId::from_bytes(bytes);
        Record::Departed { id, at: NOW }
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut tables, _) = open_tables(folder.path()).unwrap();
    let all: Vec<Record> = (0..DEPARTED_KEPT_MAX + 3).map(left).collect();
    tables.write(&all).unwrap();
    // Said twice it is the same.
    tables.write(&all[all.len() - 1..]).unwrap();
    assert!(tables.all(NOW).unwrap() == all[3..]);
    let later = NOW + Duration::from_secs(24 * 3600 + 1);
    assert_eq!(tables.all(later).unwrap(), []);
}

#[test]
fn a_file_of_an_older_layout_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(tables::STEPS[0]).unwrap();
    connection
        .execute_batch("INSERT INTO ban VALUES ('source 192.0.2.1', 1900000000000); PRAGMA user_version = 1")
        .unwrap();
    drop(connection);
    let opened = Store::open(folder.path(), NOW, nobody).unwrap();
    assert_eq!((opened.set_aside, opened.records.len()), (None, 1));
    drop(opened.store);
    written(folder.path(), one_of_each());
    let again = Store::open(folder.path(), NOW, nobody).unwrap();
    assert!(
        again
            .records
            .iter()
            .any(|record| matches!(record, Record::Departed { .. }))
    );
}

#[test]
fn a_place_that_cannot_be_written_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("folder"), NOW, nobody).unwrap_err();
    assert!(error.to_string().contains("--data-dir"), "{error}");
}

#[test]
fn a_key_made_on_the_command_line_opens_the_book_and_stands_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let text = make_key(folder.path(), "office").unwrap();
    let opened = Store::open(folder.path(), NOW, nobody).unwrap();
    let book = Book::from_records(NOW, opened.records);
    assert!(book.authenticate(&text).is_some());
    let secret = text.rsplit('.').next().unwrap();
    let file = std::fs::read(folder.path().join(FILE_NAME)).unwrap();
    assert!(
        !file
            .windows(secret.len())
            .any(|window| window == secret.as_bytes())
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join(FILE_NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
