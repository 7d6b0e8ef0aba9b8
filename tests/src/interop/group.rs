//! One room with all kinds of people: three endpoints of ours, a guest in Chromium and one in Firefox, through the server's SFU.

use super::PATIENCE;
use crate::harness::cli::{Cli, Wish};
use crate::harness::peers::Peer;
use crate::harness::roll_call::{Least, Reading, RollCall, Teller};
use crate::harness::server::RealServer;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Between two readings.
const LOOK: Duration = Duration::from_secs(5);
/// So many times in a row nobody may be missed.
const IN_A_ROW: u32 = 3;
/// Guests' pages send fifteen pictures a second here.
const OF_OURS: Least = Least {
    pictures: 20,
    sound: 50,
    of_one: 0,
};
/// A browser tells of seconds in which somebody was heard.
const OF_GUESTS: Least = Least {
    pictures: 20,
    sound: 3,
    of_one: 0,
};

fn wish(name: &str) -> Wish {
    let more = [
        "--name",
        name,
        "--events",
        "--look",
        "4",
        "--look-size",
        "320x180",
    ];
    Wish {
        seconds: 300,
        video: "pattern:320x180".into(),
        more: more.map(Into::into).into(),
        ..Wish::default()
    }
}

#[test]
#[ignore = "two browsers and three endpoints at once: in `test full`"]
fn three_endpoints_and_guests_in_chromium_and_firefox_all_see_and_hear_each_other() {
    let server = RealServer::start().unwrap();
    let ada = Cli::host(Some(server.url()), &wish("Ada"), None).unwrap();
    let link = ada.link().unwrap();
    let join = |name: &str| Teller::Endpoint(Cli::join(&link, &wish(name), None).unwrap());
    let guest = |browser: &str, name: &str| {
        let arguments = [
            "--browser",
            browser,
            "--link",
            &link,
            "--name",
            name,
            "--stay",
            "240",
        ];
        Teller::Guest(Peer::guest(&arguments, None).unwrap())
    };
    let mut room = RollCall::default();
    for name in ["Ben", "Cyd"] {
        room.add(name, join(name));
    }
    room.add("Ada", Teller::Endpoint(ada));
    room.add("Dan", guest("chromium", "Dan"));
    room.add("Eve", guest("firefox", "Eve"));
    let least = |_: &str, teller: &Teller| match teller {
        Teller::Endpoint(_) => OF_OURS,
        Teller::Guest(_) => OF_GUESTS,
    };
    let (begun, mut row) = (Instant::now(), 0);
    while row < IN_A_ROW {
        sleep(LOOK);
        let missed = room.look(least);
        row = if missed.is_empty() { row + 1 } else { 0 };
        assert!(begun.elapsed() < PATIENCE, "{missed:#?}");
    }
    eprintln!("all of them, {:?} after the first came", begun.elapsed());
    for (name, cli) in room.endpoints() {
        assert_eq!(cli.succeeded(), None, "{name}'s app ended: {}", cli.last_words());
    }
}

#[test]
#[ignore = "a browser and two endpoints at once: in `test full`"]
fn a_guest_in_firefox_takes_files_in_a_group_and_sends_them_to_everybody() {
    let folder = TempDir::with_prefix("parley-group-files-").unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let bytes = |seed: u32| -> Vec<u8> {
        (0..150_000_u32)
            .map(|n| (n.wrapping_mul(seed) >> 11) as u8)
            .collect()
    };
    let (ours, theirs) = (bytes(2_654_435_761), bytes(2_246_822_519));
    std::fs::write(path("from-the-app.bin"), &ours).unwrap();
    std::fs::write(path("from-the-browser.bin"), &theirs).unwrap();
    let person = |name: &str, more: &[&str]| {
        std::fs::create_dir(path(name)).unwrap();
        let mut wish = wish(name);
        wish.more.extend(["--download".to_owned(), path(name)]);
        wish.more.extend(more.iter().map(|&word| word.to_owned()));
        wish
    };
    std::fs::create_dir(path("Eve")).unwrap();

    let server = RealServer::start().unwrap();
    let ben = Cli::host(Some(server.url()), &person("Ben", &[]), None).unwrap();
    let link = ben.link().unwrap();
    let (sends, takes) = (path("from-the-browser.bin"), path("Eve"));
    let arguments = ["--browser", "firefox", "--name", "Eve", "--link", &link];
    let eve = Peer::guest(
        &[&arguments[..], &["--send", &sends, "--download", &takes]].concat(),
        None,
    )
    .unwrap();
    // A file goes to whoever is there when it is offered.
    let begun = Instant::now();
    while Reading::of_endpoint(&ben)
        .0
        .get("Eve")
        .is_none_or(|came| came.pictures == 0)
    {
        assert!(begun.elapsed() < PATIENCE, "{}", ben.last_words());
        sleep(Duration::from_millis(500));
    }
    let sends = path("from-the-app.bin");
    let ada = Cli::join(&link, &person("Ada", &["--send", &sends]), None).unwrap();
    let report = eve.report(PATIENCE).unwrap();
    assert_eq!(report["faults"].as_array().map(Vec::len), Some(0), "{report:#}");
    let came = |file: &str| std::fs::read(path(file)).unwrap();
    assert!(came("Eve/as-it-came") == ours, "what the browser got");
    for name in ["Ada", "Ben"] {
        assert!(
            came(&format!("{name}/from-the-browser.bin")) == theirs,
            "what {name} got"
        );
    }
    drop(ada);
}
