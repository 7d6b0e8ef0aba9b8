//! One room with all kinds of people: three endpoints of ours, a guest in Chromium and one in Firefox, through the server's SFU.

use super::PATIENCE;
use crate::harness::cli::{Cli, Wish};
use crate::harness::peers::Peer;
use crate::harness::roll_call::{Least, RollCall, Teller};
use crate::harness::server::RealServer;
use std::thread::sleep;
use std::time::{Duration, Instant};

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
