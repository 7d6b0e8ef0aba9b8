//! Three people in one room of the real server, one of them on a line that loses a fifth of everything, either way: their voice is
//! understood by the others, and the others' by them. Where nothing is lost, nothing goes twice.

use crate::harness::cable::{Cable, CableSpec};
use crate::harness::cli::{Cli, Wish};
use crate::harness::intelligibility::stoi;
use crate::harness::namespaces::Namespace;
use crate::harness::sound::{self, RATE};
use crate::harness::system;
use parley_server::{GroupConfig, Server, ServerConfig};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 98, 4, 1);
/// So long it loses before what is heard counts: until both ways are known.
const LEARNS: Duration = Duration::from_secs(10);
/// What counts.
const HEARS: Duration = Duration::from_secs(14);
/// What was said, again and again.
const WORDS: &str =
    "Where is the station, please? Along this street, then to the left, and there you see it.";

/// Somebody who says the words over and over, or nothing.
fn wish(name: &str, says: Option<&Path>, folder: &Path) -> Wish {
    let record = folder.join(name);
    std::fs::create_dir(&record).unwrap();
    Wish {
        video: "off".into(),
        audio: says.map_or_else(|| "off".into(), |wav| wav.to_str().unwrap().into()),
        seconds: 300,
        record: Some(record),
        more: ["--name", name, "--events", "--record-every", "100000"]
            .map(Into::into)
            .into(),
        ..Wish::default()
    }
}

/// How much of the words can be understood in the end of what somebody heard.
fn understood(name: &str, said: &[f32], folder: &Path) -> f32 {
    let heard = sound::read_wav(&folder.join(name).join("audio.wav")).unwrap();
    let counts = (HEARS.as_secs() as usize * RATE).min(heard.len());
    // The last moments are of leaving.
    let end = heard.len() - RATE / 2;
    let heard = &heard[end.saturating_sub(counts)..end];
    let (from, alike) = sound::find(said, heard);
    assert!(alike > 0.3, "{name} heard something else: {alike}");
    let heard = &heard[from..(from + said.len() + RATE).min(heard.len())];
    stoi(said, &sound::lined_up(said, heard))
}

#[test]
fn a_voice_over_a_line_that_loses_a_fifth_is_understood_by_the_others_and_theirs_by_it() {
    let folder = TempDir::with_prefix("parley-redundancy-").unwrap();
    let once = folder.path().join("once.wav");
    sound::say(WORDS, &once).unwrap();
    let said = sound::read_wav(&once).unwrap();
    let words = sound::over_and_over(&once, Duration::from_secs(300)).unwrap();
    let (here, there) = (
        Namespace::create("red-a").unwrap(),
        Namespace::create("red-b").unwrap(),
    );
    let good: CableSpec = "delay=20".parse().unwrap();
    let cable = Cable::connect(&here, &there, "10.98.4", &good).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listen = SocketAddr::new(SERVER.into(), 0);
    let config = ServerConfig {
        sfu: Some(GroupConfig::at(listen)),
        ..ServerConfig::new(vec![listen], Some(listen))
    };
    let server = here
        .inside(|| Ok(runtime.block_on(Server::start(config))?))
        .unwrap();
    let url = format!("http://{}", server.address());
    let sfu = server.sfu().unwrap();

    let ada = Cli::host(Some(&url), &wish("Ada", Some(&words), folder.path()), Some(&here)).unwrap();
    let link = ada.link().unwrap();
    let ben = Cli::join(&link, &wish("Ben", None, folder.path()), Some(&here)).unwrap();
    let cyd = Cli::join(&link, &wish("Cyd", Some(&words), folder.path()), Some(&there)).unwrap();
    // Two voices to two others each are 200 packets a second.
    let begun = Instant::now();
    while sfu.counts().media_out < 1_000 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", sfu.counts());
        sleep(Duration::from_millis(50));
    }
    let good = sfu.counts();
    assert_eq!((good.with_copies, good.repaired), (0, 0), "on a good line");

    cable.change(&"delay=20,loss=20".parse().unwrap()).unwrap();
    sleep(LEARNS);
    let learnt = sfu.counts();
    sleep(HEARS);
    let counts = sfu.counts();
    let down = counts.with_copies - learnt.with_copies;
    let repaired = counts.repaired - learnt.repaired;
    eprintln!("in {HEARS:?}: {down} packets went down with copies, {repaired} were repaired");
    let mut figures = Vec::new();
    for (name, cli) in [("Cyd", &cyd), ("Ada", &ada), ("Ben", &ben)] {
        system::terminate(cli.pid());
        figures.push((name, cli.figures(PATIENCE).unwrap()));
    }
    for (name, figures) in &figures {
        eprintln!("{name}: {:?}", figures.values);
    }
    for (name, least) in [("Ada", 0.9), ("Cyd", 0.9)] {
        let understood = understood(name, &said, folder.path());
        eprintln!("{name} understood {understood:.3}");
        assert!(understood >= least, "{name}: {understood}");
    }
    // Ada and Ben have good lines: what goes to Cyd alone has copies, and what comes from there alone is repaired.
    let packets = HEARS.as_secs() * 50;
    assert!(
        down > packets / 2 && down <= packets * 11 / 10,
        "{down} of {packets}"
    );
    assert!(repaired > packets / 10, "{repaired} of {packets}");
    runtime.block_on(server.stop());
}
