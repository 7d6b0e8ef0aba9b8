//! The store as the engine uses it, on real files.

use super::*;
use crate::view::EndCode;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn call(number: u64) -> PastCall {
    PastCall {
        id: CallId::new(number),
        began_ms: 1_700_000_000_000 + number * 60_000,
        seconds: 12,
        people: vec!["Ben".into()],
        host: true,
        quality: Seconds {
            good: 10,
            fair: 2,
            poor: 0,
        },
        interruptions: 0,
        end: None,
        stars: None,
        messages: 0,
    }
}

fn said(text: &str, author: Option<&str>) -> KeptMessage {
    KeptMessage {
        at_ms: 1_700_000_000_000,
        author: author.map(str::to_owned),
        text: text.into(),
        delivered: author.is_some(),
    }
}

/// Waits until what is kept is as wanted.
async fn sees(store: &Store, what: &str, wanted: impl Fn(&Kept) -> bool) -> Kept {
    let mut kept = store.kept();
    let found = tokio::time::timeout(SOON, kept.wait_for(|kept| wanted(kept))).await;
    match found {
        Ok(Ok(kept)) => kept.clone(),
        _ => panic!("never saw {what}: {:#?}", store.kept().borrow()),
    }
}

#[tokio::test]
async fn a_call_is_there_after_a_restart_with_what_was_said_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    store.keep(call(1));
    store.keep(call(2));
    store.rate(CallId::new(2), 4);
    let ended = PastCall {
        seconds: 99,
        end: Some(EndCode::OtherLeft),
        ..call(2)
    };
    store.keep(ended.clone());
    drop(store);
    let store = Store::open(folder.path());
    let kept = sees(&store, "both calls", |kept| kept.calls.len() == 2).await;
    let rated = PastCall {
        stars: Some(4),
        ..ended
    };
    assert_eq!(kept.calls, [rated, call(1)], "newest first");
    assert_eq!(kept.fault, None);
}

#[tokio::test]
async fn what_is_forgotten_is_gone_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    for number in 1..=3 {
        store.keep(PastCall {
            people: vec!["Rumpelstiltskin".into()],
            ..call(number)
        });
    }
    store.forget(CallId::new(2));
    sees(&store, "two calls", |kept| {
        kept.calls.len() == 2 && kept.calls.iter().all(|call| call.id != CallId::new(2))
    })
    .await;
    store.forget_all();
    sees(&store, "none", |kept| kept.calls.is_empty()).await;
    drop(store);
    let bytes = std::fs::read(folder.path().join("history.sqlite")).unwrap();
    let name = b"Rumpelstiltskin";
    assert!(!bytes.windows(name.len()).any(|part| part == name));
}

#[tokio::test]
async fn a_file_that_is_damaged_or_newer_is_set_aside_and_kept() {
    for (what, spoil) in [
        ("not a database", b"hello, this is text".to_vec()),
        ("a newer layout", newer()),
        ("other tables", other()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("history.sqlite"), &spoil).unwrap();
        let store = Store::open(folder.path());
        store.keep(call(1));
        let kept = sees(&store, what, |kept| kept.calls.len() == 1).await;
        let place = kept.set_aside.expect(what);
        assert_eq!(std::fs::read(place).unwrap(), spoil, "{what}");
    }
}

fn made(statements: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(statements).unwrap();
    drop(connection);
    std::fs::read(path).unwrap()
}

fn newer() -> Vec<u8> {
    made("CREATE TABLE future (x); PRAGMA user_version = 99;")
}

fn other() -> Vec<u8> {
    made("CREATE TABLE call (x); PRAGMA user_version = 1;")
}

#[tokio::test]
async fn without_a_place_to_write_nothing_is_kept_and_nothing_fails() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    std::fs::write(&in_the_way, "").unwrap();
    let store = Store::open(&in_the_way);
    store.keep(call(1));
    let kept = sees(&store, "a fault", |kept| kept.fault.is_some()).await;
    assert!(kept.calls.is_empty());
}

#[tokio::test]
async fn only_so_many_calls_are_told_and_hostile_names_are_only_text() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let name = "'); DROP TABLE call; --\u{0}\u{202e}".to_owned();
    for number in 1..=u64::from(TOLD_MAX) + 5 {
        let people = vec![name.clone(); 100];
        store.keep(PastCall {
            people,
            ..call(number)
        });
        // Slower than the queue is long.
        if number % 20 == 0 {
            sees(&store, "it", |kept| {
                kept.calls
                    .first()
                    .is_some_and(|call| call.id == CallId::new(number))
            })
            .await;
        }
    }
    let last = CallId::new(u64::from(TOLD_MAX) + 5);
    let kept = sees(&store, "the last", |kept| {
        kept.calls.first().is_some_and(|call| call.id == last)
    })
    .await;
    assert_eq!(kept.calls.len(), TOLD_MAX as usize);
    assert_eq!(kept.calls[0].people[0], name);
    assert_eq!(kept.calls[0].people.len(), 16);
    assert_eq!(store.dropped(), 0);
}

#[tokio::test]
async fn what_was_written_is_read_on_demand_goes_with_its_call_and_comes_back_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let words = vec![
        said("Abracadabra", None),
        said("'); DROP TABLE message; --", Some("Ben")),
    ];
    store.keep_messages(CallId::new(1), words.clone());
    store.keep(call(1));
    store.keep(call(2));
    let kept = sees(&store, "two calls", |kept| kept.calls.len() == 2).await;
    assert_eq!(kept.calls[1].messages, 0, "nothing of a call that is not kept");
    store.keep_messages(CallId::new(1), vec![said("an earlier state", None)]);
    store.keep_messages(CallId::new(1), words.clone());
    drop(store);

    let store = Store::open(folder.path());
    let kept = sees(&store, "messages", |kept| {
        kept.calls.iter().any(|call| call.messages == 2)
    })
    .await;
    assert_eq!(kept.opened, None);
    store.open_messages(Some(CallId::new(1)));
    let kept = sees(&store, "the words", |kept| kept.opened.is_some()).await;
    assert_eq!(kept.opened, Some((CallId::new(1), words.clone())));
    store.forget(CallId::new(1));
    let kept = sees(&store, "one call", |kept| kept.calls.len() == 1).await;
    assert_eq!(kept.opened, None);
    store.keep(call(1));
    store.open_messages(Some(CallId::new(1)));
    sees(&store, "the words again", |kept| {
        kept.opened == Some((CallId::new(1), words.clone()))
    })
    .await;
    store.forget_all();
    sees(&store, "nothing", |kept| {
        kept.calls.is_empty() && kept.opened.is_none()
    })
    .await;
    drop(store);
    let bytes = std::fs::read(folder.path().join("history.sqlite")).unwrap();
    assert!(!bytes.windows(11).any(|part| part == b"Abracadabra"));
}

#[tokio::test]
async fn unfinished_files_are_there_after_a_restart_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let file = |n: u64| Unfinished {
        path: format!("/home/ada/{n}.bin").into(),
        size: n,
        to: "Ben".into(),
        at_ms: 1000 + n,
    };
    for n in 0..=u64::from(UNFINISHED_MAX) {
        store.keep_unfinished(file(n));
        if n % 20 == 0 {
            sees(&store, "it", |kept| kept.unfinished.first() == Some(&file(n))).await;
        }
    }
    store.keep_unfinished(Unfinished {
        at_ms: 9999,
        ..file(7)
    });
    store.forget_unfinished(file(8).path, "Cyd".into());
    store.forget_unfinished(file(8).path, file(8).to);
    drop(store);
    let store = Store::open(folder.path());
    let kept = sees(&store, "files", |kept| !kept.unfinished.is_empty()).await;
    assert_eq!(kept.unfinished.len(), UNFINISHED_MAX as usize - 1);
    assert_eq!(kept.unfinished[0].path, file(7).path, "newest first");
    assert!(
        !kept
            .unfinished
            .iter()
            .any(|one| [file(0).path, file(8).path].contains(&one.path))
    );
    assert_eq!(store.dropped(), 0);
}

#[tokio::test]
async fn one_file_for_two_people_is_forgotten_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let to = |name: &str| Unfinished {
        path: "/home/ada/a.bin".into(),
        size: 1,
        to: name.into(),
        at_ms: 1000,
    };
    store.keep_unfinished(to("Ben"));
    store.keep_unfinished(to("Cyd"));
    let kept = sees(&store, "both", |kept| kept.unfinished.len() == 2).await;
    assert_eq!(kept.unfinished, [to("Ben"), to("Cyd")]);
    store.forget_unfinished(to("Ben").path, "Ben".into());
    let kept = sees(&store, "one", |kept| kept.unfinished.len() == 1).await;
    assert_eq!(kept.unfinished, [to("Cyd")]);
}

#[tokio::test]
async fn a_file_of_the_second_layout_keeps_what_is_unfinished() {
    let folder = tempfile::tempdir().unwrap();
    let second = made(
        "CREATE TABLE call (id TEXT PRIMARY KEY, began_ms INTEGER NOT NULL, seconds INTEGER NOT NULL, people TEXT NOT NULL,
         host INTEGER NOT NULL, good_s INTEGER NOT NULL, fair_s INTEGER NOT NULL, poor_s INTEGER NOT NULL,
         interruptions INTEGER NOT NULL, end TEXT, stars INTEGER) STRICT;
         CREATE INDEX call_began ON call (began_ms DESC);
         CREATE TABLE message (call TEXT NOT NULL REFERENCES call (id) ON DELETE CASCADE, number INTEGER NOT NULL,
         at_ms INTEGER NOT NULL, author TEXT, text TEXT NOT NULL, delivered INTEGER NOT NULL,
         PRIMARY KEY (call, number)) STRICT, WITHOUT ROWID;
         CREATE TABLE unfinished (path BLOB PRIMARY KEY, size INTEGER NOT NULL, recipient TEXT NOT NULL,
         at_ms INTEGER NOT NULL) STRICT;
         INSERT INTO unfinished VALUES (x'2F612E62696E', 12, 'Ben', 1000);
         PRAGMA user_version = 2;",
    );
    std::fs::write(folder.path().join("history.sqlite"), second).unwrap();
    let store = Store::open(folder.path());
    let kept = sees(&store, "the file", |kept| !kept.unfinished.is_empty()).await;
    assert_eq!(kept.unfinished[0].to, "Ben");
    assert_eq!(kept.unfinished[0].size, 12);
    assert_eq!(kept.set_aside, None);
}

#[tokio::test]
async fn a_file_of_the_first_layout_keeps_its_calls() {
    let folder = tempfile::tempdir().unwrap();
    let first = made(
        "CREATE TABLE call (id TEXT PRIMARY KEY, began_ms INTEGER NOT NULL, seconds INTEGER NOT NULL, people TEXT NOT NULL,
         host INTEGER NOT NULL, good_s INTEGER NOT NULL, fair_s INTEGER NOT NULL, poor_s INTEGER NOT NULL,
         interruptions INTEGER NOT NULL, end TEXT, stars INTEGER) STRICT;
         CREATE INDEX call_began ON call (began_ms DESC);
         INSERT INTO call VALUES ('0000000000000001', 1700000060000, 12, '[\"Ben\"]', 1, 10, 2, 0, 0, NULL, NULL);
         PRAGMA user_version = 1;",
    );
    std::fs::write(folder.path().join("history.sqlite"), first).unwrap();
    let store = Store::open(folder.path());
    let kept = sees(&store, "the call", |kept| !kept.calls.is_empty()).await;
    assert_eq!(kept.calls, [call(1)]);
    assert_eq!(kept.set_aside, None);
}
