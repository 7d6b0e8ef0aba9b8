//! Three whole endpoints (`parley-cli`) in one room of the real server: the call of two goes over to the server's SFU when a third
//! comes, and is direct again when two are left.

use crate::harness::cable::{Cable, CableSpec};
use crate::harness::cli::{Cli, Figures, Wish};
use crate::harness::namespaces::Namespace;
use crate::harness::server::RealServer;
use crate::measure::files::{made_file, sends, takes};
use parley_server::{GroupConfig, Server, ServerConfig};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(90);

fn wish(name: &str, seconds: u32) -> Wish {
    Wish {
        seconds,
        more: ["--name", name, "--look", "2"].map(Into::into).into(),
        ..Wish::default()
    }
}

/// What somebody saw and heard of another one, in the order in which those came. Packets are counted from the last change of the way.
#[track_caller]
fn sees_and_hears(who: &str, figures: &Figures, person: u8, fps_min: f64) {
    let of = |metric: &str| figures.get(&format!("person {person} {metric}")).unwrap();
    assert!(
        of("fps_shown") >= fps_min,
        "{who}, {person}: {:?}",
        figures.values
    );
    assert!(
        of("sound_packets") >= 20.0,
        "{who}, {person}: {:?}",
        figures.values
    );
    assert!(
        of("concealed_pct") <= 2.0,
        "{who}, {person}: {:?}",
        figures.values
    );
}

#[test]
fn a_third_one_comes_and_goes_and_the_two_go_on_seeing_and_hearing_each_other() {
    let server = RealServer::start().unwrap();
    let ada = Cli::host(Some(server.url()), &wish("Ada", 24), None).unwrap();
    let link = ada.link().unwrap();
    let ben = Cli::join(&link, &wish("Ben", 24), None).unwrap();
    sleep(Duration::from_secs(6));
    let cyd = Cli::join(&link, &wish("Cyd", 10), None).unwrap();
    let of_cyd = cyd.good_figures(PATIENCE).unwrap();
    for person in [1, 2] {
        sees_and_hears("Cyd", &of_cyd, person, 15.0);
    }
    for (who, endpoint) in [("Ada", &ada), ("Ben", &ben)] {
        let figures = endpoint.good_figures(PATIENCE).unwrap();
        eprintln!("{who}: {:?}", figures.values);
        assert!((figures.get("people").unwrap() - 2.0).abs() < 0.5, "{who}");
        sees_and_hears(who, &figures, 1, 20.0);
        sees_and_hears(who, &figures, 2, 10.0);
        // Over both changes of the way.
        let gap = figures.get("person 1 gap_ms_max").unwrap();
        assert!(gap < 1_000.0, "{who}: no picture of the other for {gap} ms");
        assert!(figures.get("sound_match").unwrap() >= 0.4, "{who}");
        // Nothing is left out before anything is known of a way that is wide.
        let gap = figures.get("person 2 gap_ms_max").unwrap();
        assert!(gap < 1_000.0, "{who}: no picture of the third one for {gap} ms");
    }
}

#[test]
fn one_behind_a_thin_line_is_seen_by_all_and_takes_nothing_from_the_others() {
    let (here, there) = (
        Namespace::create("group-a").unwrap(),
        Namespace::create("group-b").unwrap(),
    );
    let spec: CableSpec = "delay=20,rate=400k".parse().unwrap();
    let _cable = Cable::connect(&here, &there, "10.98.1", &spec).unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = RealServer::start_at("10.98.1.1:7788".parse().unwrap(), data.path(), Some(&here)).unwrap();
    let ada = Cli::host(Some(server.url()), &wish("Ada", 24), Some(&here)).unwrap();
    let link = ada.link().unwrap();
    let ben = Cli::join(&link, &wish("Ben", 24), Some(&here)).unwrap();
    sleep(Duration::from_secs(3));
    let cyd = Cli::join(&link, &wish("Cyd", 15), Some(&there)).unwrap();
    let of_cyd = cyd.good_figures(PATIENCE).unwrap();
    eprintln!("Cyd: {:?}", of_cyd.values);
    for person in [1, 2] {
        let heard = of_cyd.get(&format!("person {person} sound_packets")).unwrap();
        assert!(heard >= 100.0, "Cyd, {person}: {:?}", of_cyd.values);
    }
    for (who, endpoint) in [("Ada", &ada), ("Ben", &ben)] {
        let figures = endpoint.good_figures(PATIENCE).unwrap();
        eprintln!("{who}: {:?}", figures.values);
        sees_and_hears(who, &figures, 1, 20.0);
        assert!(figures.get("person 2 pictures_shown").unwrap() >= 20.0, "{who}");
    }
}

fn received(who: &str, endpoint: &Cli) {
    let figures = endpoint.figures(PATIENCE).unwrap();
    eprintln!("{who}: {:?}", figures.values);
    assert_eq!(
        figures.get("files_received").unwrap(),
        1.0,
        "{who}: {:?}",
        figures.notes
    );
}

fn same(sent: &Path, folder: &Path) {
    let came = fs::read(folder.join("in/made.bin")).unwrap();
    assert!(fs::read(sent).unwrap() == came, "another file came");
}

#[test]
fn a_file_for_everybody_in_a_group_reaches_each_of_them_whole() {
    let server = RealServer::start().unwrap();
    let [for_ada, for_ben, of_cyd] = [0; 3].map(|_| tempfile::tempdir().unwrap());
    let file = made_file(of_cyd.path(), 20).unwrap();
    let ada = Cli::host(Some(server.url()), &takes(for_ada.path()), None).unwrap();
    let link = ada.link().unwrap();
    let ben = Cli::join(&link, &takes(for_ben.path()), None).unwrap();
    sleep(Duration::from_secs(4));
    let cyd = Cli::join(&link, &sends(&file), None).unwrap();
    received("Ada", &ada);
    received("Ben", &ben);
    let sent = cyd.figures(PATIENCE).unwrap();
    assert_eq!(sent.get("files_sent").unwrap(), 2.0, "{:?}", sent.values);
    same(&file, for_ada.path());
    same(&file, for_ben.path());
}

#[test]
fn a_file_goes_on_when_a_third_one_comes_and_when_they_leave_again() {
    let (here, there) = (
        Namespace::create("group-f").unwrap(),
        Namespace::create("group-g").unwrap(),
    );
    // Some fifteen seconds of it.
    let spec: CableSpec = "delay=5,rate=16m".parse().unwrap();
    let _cable = Cable::connect(&here, &there, "10.98.2", &spec).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = made_file(folder.path(), 30).unwrap();
    let server = RealServer::start_at("10.98.2.1:7788".parse().unwrap(), folder.path(), Some(&here)).unwrap();
    let ada = Cli::host(Some(server.url()), &sends(&file), Some(&here)).unwrap();
    let link = ada.link().unwrap();
    let ben = Cli::join(&link, &takes(folder.path()), Some(&there)).unwrap();
    sleep(Duration::from_secs(4));
    let silent = Wish {
        video: "off".into(),
        audio: "off".into(),
        seconds: 6,
        ..Wish::default()
    };
    let cyd = Cli::join(&link, &silent, Some(&here)).unwrap();
    let _ = cyd.wait(PATIENCE);
    received("Ben", &ben);
    let sent = ada.figures(PATIENCE).unwrap();
    assert_eq!(sent.get("files_sent").unwrap(), 1.0, "{:?}", sent.values);
    same(&file, folder.path());
}

#[test]
fn when_the_thread_of_their_room_fails_everybody_is_back_within_five_seconds() {
    let any = ([127, 0, 0, 1], 0).into();
    let config = ServerConfig {
        sfu: Some(GroupConfig::at(any)),
        ..ServerConfig::loopback()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start(config)).unwrap();
    let url = format!("http://{}", server.address());
    let ada = Cli::host(Some(&url), &wish("Ada", 30), None).unwrap();
    let link = ada.link().unwrap();
    let ben = Cli::join(&link, &wish("Ben", 30), None).unwrap();
    sleep(Duration::from_secs(4));
    let cyd = Cli::join(&link, &wish("Cyd", 22), None).unwrap();
    let sfu = server.sfu().unwrap();
    let flows = |least: u64| {
        let since = Instant::now();
        while sfu.counts().connections != 3 || sfu.counts().media_out < least {
            assert!(since.elapsed() < PATIENCE, "{:?}", sfu.counts());
            sleep(Duration::from_millis(20));
        }
        since.elapsed()
    };
    // Sound of three for each other is 300 packets a second.
    flows(2_000);
    sleep(Duration::from_secs(4));
    sfu.fail();
    while sfu.restarts() == 0 {
        sleep(Duration::from_millis(5));
    }
    // Until then what was counted before may still be there.
    let pause = Duration::from_millis(300);
    sleep(pause);
    let took = pause + flows(100);
    eprintln!("a hundred packets are passed on again after {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    for (who, endpoint) in [("Cyd", &cyd), ("Ada", &ada), ("Ben", &ben)] {
        let figures = endpoint.good_figures(PATIENCE).unwrap();
        eprintln!("{who}: {:?}", figures.values);
        for person in [1, 2] {
            sees_and_hears(who, &figures, person, 10.0);
            let gap = figures.get(&format!("person {person} gap_ms_max")).unwrap();
            assert!(gap < 5_000.0, "{who}: nothing of {person} for {gap} ms");
        }
    }
    assert_eq!(sfu.restarts(), 1);
    runtime.block_on(server.stop());
}
