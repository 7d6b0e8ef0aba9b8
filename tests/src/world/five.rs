//! Five people in one room of the real server: they come one by one, talk, and leave, and nobody misses anybody.

use crate::harness::cable::{Cable, CableSpec};
use crate::harness::cli::{Cli, Figures, Wish};
use crate::harness::namespaces::Namespace;
use crate::harness::peers::Peer;
use crate::harness::roll_call::{Least, RollCall, Teller};
use crate::harness::server::RealServer;
use crate::harness::{sound, system};
use crate::lab::freeze::freezes;
use std::fmt::Write as _;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
/// Names, and the tone that each of them says, in Hz: whole waves in 10 ms, so that each is heard beside the others.
const PEOPLE: [(&str, f32); 5] = [
    ("Ada", 500.0),
    ("Ben", 700.0),
    ("Cyd", 900.0),
    ("Dan", 1_100.0),
    ("Eve", 1_300.0),
];
const LOUD: f32 = 0.1;
/// So long a voice may be away, also where a call goes over from one way to another.
const GAP_MAX: Duration = Duration::from_millis(100);
/// Between two readings.
const LOOK: Duration = Duration::from_secs(2);
/// What has to come of each meanwhile; they tell once a second.
const IN_A_LOOK: Least = Least {
    pictures: 10,
    sound: 20,
    of_one: 0,
};
/// Nobody comes back by themselves before the test ends.
const SECONDS_MAX: u32 = 900;

/// Somebody who looks at all the others.
fn wish(name: &str, more: &[&str]) -> Wish {
    wish_in("320x180", name, more)
}

/// The same with pictures of this size.
fn wish_in(size: &str, name: &str, more: &[&str]) -> Wish {
    let always = ["--name", name, "--events", "--look-size", size, "--look", "4"];
    Wish {
        seconds: SECONDS_MAX,
        video: format!("pattern:{size}"),
        more: always.iter().chain(more).map(|&word| word.to_owned()).collect(),
        ..Wish::default()
    }
}

/// Waits until everybody is seen and heard by everybody.
#[track_caller]
fn expect_nobody_missed(room: &mut RollCall, limit: Duration) {
    let begun = Instant::now();
    room.look(|_, _| IN_A_LOOK);
    loop {
        sleep(LOOK);
        let missed = room.look(|_, _| IN_A_LOOK);
        if missed.is_empty() {
            eprintln!("nobody misses anybody after {:?}", begun.elapsed());
            return;
        }
        assert!(begun.elapsed() < limit, "{missed:#?}");
    }
}

/// Somebody of the short form says a tone, records what is heard, and writes a message.
fn come(at: usize, place: Result<&str, &str>, folder: &Path) -> Cli {
    let (name, hz) = PEOPLE[at];
    let folder = folder.join(name);
    std::fs::create_dir(&folder).unwrap();
    let wav = folder.join("said.wav");
    sound::write_tone(&wav, hz, LOUD, Duration::from_secs(1)).unwrap();
    let here = format!("{name} is here");
    let wish = Wish {
        audio: wav.to_str().unwrap().into(),
        // Sound is what is recorded: one picture is enough.
        record: Some(folder),
        ..wish(name, &["--chat", &here, "--record-every", "100000"])
    };
    match place {
        Ok(server) => Cli::host(Some(server), &wish, None),
        Err(link) => Cli::join(link, &wish, None),
    }
    .unwrap()
}

fn leave(name: &str, cli: &Cli) -> Figures {
    system::terminate(cli.pid());
    let figures = cli.good_figures(PATIENCE).unwrap();
    eprintln!("{name}: {:?}", figures.values);
    figures
}

#[test]
fn two_become_three_and_five_and_two_again_and_nobody_misses_anybody() {
    let folder = TempDir::with_prefix("parley-five-").unwrap();
    let server = RealServer::start().unwrap();
    let ada = come(0, Ok(server.url()), folder.path());
    let link = ada.link().unwrap();
    let mut room = RollCall::default();
    room.add("Ada", Teller::Endpoint(ada));
    for more in [&[1][..], &[2], &[3, 4]] {
        for at in more {
            let cli = come(*at, Err(&link), folder.path());
            room.add(PEOPLE[*at].0, Teller::Endpoint(cli));
        }
        expect_nobody_missed(&mut room, PATIENCE);
    }
    // A while with all of them.
    sleep(2 * LOOK);
    expect_nobody_missed(&mut room, 2 * LOOK);
    let mut figures = Vec::new();
    for name in ["Eve", "Dan", "Cyd"] {
        figures.push((name, leave(name, &room.take(name).unwrap())));
    }
    let is_direct = |cli: &Cli| {
        cli.told("state")
            .last()
            .is_some_and(|state| state["group"].is_null())
    };
    let begun = Instant::now();
    while !room.endpoints().all(|(_, cli)| is_direct(cli)) {
        assert!(begun.elapsed() < PATIENCE, "the two did not go back");
        sleep(Duration::from_millis(100));
    }
    expect_nobody_missed(&mut room, PATIENCE);
    for name in ["Ben", "Ada"] {
        figures.push((name, leave(name, &room.take(name).unwrap())));
    }

    for (name, figures) in figures {
        let of = |metric: &str| figures.get(metric).unwrap();
        // What each wrote was answered by all who were there, and what those wrote who came later was read.
        assert!((of("messages_delivered") - 1.0).abs() < 0.1, "{name}");
        let came = of("messages_received");
        let expected = match name {
            "Ada" | "Ben" => 4.0..=4.0,
            "Cyd" => 2.0..=2.0,
            _ => 0.0..=1.0,
        };
        assert!(expected.contains(&came), "{name} read {came} messages");
        assert!((of("people") - 4.0).abs() < 0.1, "{name}");
        for person in 1..=4 {
            let invented = of(&format!("person {person} concealed_pct"));
            assert!(invented <= 2.0, "{name}, {person}: {invented} % was invented");
        }
        let heard = sound::read_wav(&folder.path().join(name).join("audio.wav")).unwrap();
        for (other, hz) in PEOPLE.iter().filter(|(other, _)| *other != name) {
            let gap = sound::longest_gap_of_tone(&heard, *hz, LOUD / 4.0);
            eprintln!("{name} did not hear {other} for {gap:?} at most");
            assert!(gap <= GAP_MAX, "{name} did not hear {other} for {gap:?}");
        }
    }
}

#[test]
fn a_publisher_whose_way_loses_one_packet_in_twenty_is_seen_smoothly_by_the_others() {
    let folder = TempDir::with_prefix("parley-five-").unwrap();
    let (here, there) = (
        Namespace::create("loss-a").unwrap(),
        Namespace::create("loss-b").unwrap(),
    );
    let spec: CableSpec = "delay=20,loss=5".parse().unwrap();
    let _cable = Cable::connect(&here, &there, "10.98.2", &spec).unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = RealServer::start_at("10.98.2.1:7788".parse().unwrap(), data.path(), Some(&here)).unwrap();
    let film = |name: &str| Some(folder.path().join(name));
    // Large enough that all thirty pictures a second are sent: of the smallest size it is twenty.
    let size = "640x360";
    let ada = Cli::host(Some(server.url()), &wish_in(size, "Ada", &[]), Some(&there)).unwrap();
    let link = ada.link().unwrap();
    // Nobody else has a picture, so that hers is what is recorded.
    let watch = |name: &'static str| Wish {
        video: "off".into(),
        record: film(name),
        seconds: 25,
        ..wish_in(size, name, &["--record-every", "100000"])
    };
    let watchers = ["Ben", "Cyd"].map(|name| (name, Cli::join(&link, &watch(name), Some(&here)).unwrap()));
    for (name, cli) in &watchers {
        let figures = cli.good_figures(PATIENCE + PATIENCE).unwrap();
        eprintln!("{name}: {:?}", figures.values);
        let times = std::fs::read_to_string(folder.path().join(name).join("pictures.times")).unwrap();
        let shown: Vec<u64> = times
            .lines()
            .filter_map(|line| line.split_whitespace().last()?.parse().ok())
            .collect();
        // Not while they meet.
        let begin = shown[0] + 5_000_000;
        let shown: Vec<u64> = shown.into_iter().filter(|at| *at >= begin).collect();
        let span_us = shown.last().unwrap() - shown[0];
        let fps = (shown.len() - 1) as f64 / (span_us as f64 / 1e6);
        let frozen = freezes(&shown, *shown.last().unwrap());
        let frozen_pct = 100.0 * frozen.total_us as f64 / span_us as f64;
        eprintln!("{name}: {fps:.1} pictures a second, {frozen:?}, {frozen_pct:.2} % frozen");
        assert!(span_us > 15_000_000, "{name} saw her for {span_us} us");
        assert!(fps >= 20.0, "{name}: {fps}");
        assert!(frozen_pct < 3.0, "{name}: {frozen_pct} % frozen");
    }
}

/// Of those who speak, within ten seconds.
const IN_TEN: Least = Least {
    pictures: 50,
    sound: 100,
    of_one: 0,
};
/// Of a line of 400 kbit/s, by which four voices and not four pictures come.
const IN_TEN_BY_THIN_LINE: Least = Least {
    pictures: 0,
    sound: 100,
    of_one: 50,
};
/// Of a guest's browser, which tells of seconds.
const IN_TEN_BY_GUEST: Least = Least {
    pictures: 50,
    sound: 8,
    of_one: 0,
};

#[test]
#[ignore = "ten minutes: in `test full`"]
fn five_talk_for_ten_minutes_one_by_a_browser_and_one_by_a_thin_line_and_nobody_misses_anybody() {
    // For whoever looks for something: a shorter one.
    let minutes = std::env::var("PARLEY_TALK_MINUTES").map_or(10, |text| text.parse().unwrap());
    let (here, there) = (
        Namespace::create("five-a").unwrap(),
        Namespace::create("five-b").unwrap(),
    );
    let spec: CableSpec = "delay=20,rate=400k".parse().unwrap();
    let _cable = Cable::connect(&here, &there, "10.98.3", &spec).unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = RealServer::start_at("10.98.3.1:7788".parse().unwrap(), data.path(), Some(&here)).unwrap();
    let join = |link: &str, name: &str, network: &Namespace| {
        Teller::Endpoint(Cli::join(link, &wish(name, &[]), Some(network)).unwrap())
    };
    let ada = Cli::host(Some(server.url()), &wish("Ada", &[]), Some(&here)).unwrap();
    let link = ada.link().unwrap();
    let stay = (60 * minutes + 60).to_string();
    let arguments = ["--link", &link, "--name", "Eve", "--stay", &stay];
    let mut room = RollCall::default();
    room.add("Ada", Teller::Endpoint(ada));
    room.add("Ben", join(&link, "Ben", &here));
    room.add("Cyd", join(&link, "Cyd", &there));
    room.add("Dan", join(&link, "Dan", &here));
    room.add("Eve", Teller::Guest(Peer::guest_in(&here, &arguments).unwrap()));
    let least = |name: &str, teller: &Teller| match teller {
        Teller::Endpoint(_) if name == "Cyd" => IN_TEN_BY_THIN_LINE,
        Teller::Endpoint(_) => IN_TEN,
        Teller::Guest(_) => IN_TEN_BY_GUEST,
    };
    // Until all are there and the way to each is known.
    sleep(PATIENCE);
    room.look(least);
    let mut log = String::new();
    let begun = Instant::now();
    for look in 1..=6 * minutes {
        sleep((begun + Duration::from_secs(10 * look)).saturating_duration_since(Instant::now()));
        for words in room.look(least) {
            let _ = writeln!(log, "{} s: {words}", 10 * look);
        }
        if look.is_multiple_of(6) {
            eprintln!(
                "after {} min: {}",
                look / 6,
                if log.is_empty() {
                    "nobody missed anybody"
                } else {
                    log.as_str()
                }
            );
        }
    }
    for (name, cli) in room.endpoints() {
        assert_eq!(cli.succeeded(), None, "{name}'s app ended: {}", cli.last_words());
        leave(name, cli);
    }
    assert!(log.is_empty(), "{log}");
}
