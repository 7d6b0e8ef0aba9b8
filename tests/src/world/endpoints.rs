//! Two whole endpoints (`parley-cli`: codecs, jitter buffers, everything but devices) and the real server, over loopback and
//! over an emulated cable.

use crate::harness::cable::{Cable, CableSpec};
use crate::harness::cli::{Cli, Figures, Wish};
use crate::harness::namespaces::Namespace;
use crate::harness::server::RealServer;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);

/// Picture numbers advanced and what was heard is what was said.
fn check(who: &str, figures: &Figures, fps_min: f64, match_min: f64) {
    eprintln!("{who}: {:?}", figures.values);
    let fps = figures.get("fps_shown").unwrap();
    assert!(fps >= fps_min, "{who}: {fps} pictures a second");
    let alike = figures.get("sound_match").unwrap();
    assert!(
        alike >= match_min,
        "{who}: what was heard is alike only by {alike}"
    );
}

#[test]
fn two_endpoints_see_and_hear_each_other_on_one_machine() {
    let host = Cli::host(None, &Wish::default(), None).unwrap();
    let guest = Cli::join(&host.link().unwrap(), &Wish::default(), None).unwrap();
    for (who, endpoint) in [("host", &host), ("guest", &guest)] {
        check(who, &endpoint.good_figures(PATIENCE).unwrap(), 20.0, 0.4);
    }
}

#[test]
fn a_cable_with_delay_and_loss_does_not_spoil_the_call() {
    let (here, there) = (
        Namespace::create("call-a").unwrap(),
        Namespace::create("call-b").unwrap(),
    );
    let spec: CableSpec = "delay=20,loss=2,rate=5m".parse().unwrap();
    let cable = Cable::connect(&here, &there, "10.97.1", &spec).unwrap();
    let data = tempfile::tempdir().unwrap();
    let address = "10.97.1.1:7788".parse().unwrap();
    let server = RealServer::start_at(address, data.path(), Some(&here)).unwrap();
    let wish = Wish {
        seconds: 10,
        ..Wish::default()
    };
    let host = Cli::host(Some(server.url()), &wish, Some(&here)).unwrap();
    let guest = Cli::join(&host.link().unwrap(), &wish, Some(&there)).unwrap();
    for (who, endpoint) in [("host", &host), ("guest", &guest)] {
        let figures = endpoint.good_figures(PATIENCE).unwrap();
        check(who, &figures, 15.0, 0.3);
        let round_trip = figures.get("rtt_ms").unwrap();
        assert!((35.0..200.0).contains(&round_trip), "{who}: {round_trip} ms");
    }
    let (forth, back) = cable.unplug().unwrap();
    eprintln!("the cable: {forth:?} {back:?}");
    for direction in [forth, back] {
        let lost = direction.lost as f64 / direction.arrived as f64;
        assert!((0.005..0.05).contains(&lost), "the cable lost {lost}");
    }
}

#[test]
fn the_server_restarts_and_the_call_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let server = RealServer::start_at("127.0.0.1:0".parse().unwrap(), data.path(), None).unwrap();
    let url = server.url().to_owned();
    let address = url.trim_start_matches("http://").parse().unwrap();
    let wish = Wish {
        seconds: 14,
        ..Wish::default()
    };
    let host = Cli::host(Some(&url), &wish, None).unwrap();
    let guest = Cli::join(&host.link().unwrap(), &wish, None).unwrap();
    std::thread::sleep(Duration::from_secs(6));
    drop(server);
    std::thread::sleep(Duration::from_secs(1));
    let server = RealServer::start_at(address, data.path(), None).unwrap();
    for (who, endpoint) in [("host", &host), ("guest", &guest)] {
        let figures = endpoint.good_figures(PATIENCE).unwrap();
        check(who, &figures, 20.0, 0.4);
        let gap = figures.get("gap_ms_max").unwrap();
        assert!(gap < 1_500.0, "{who}: no picture for {gap} ms");
    }
    drop(server);
}

#[test]
fn both_leave_and_meet_again_by_the_same_link() {
    let server = RealServer::start().unwrap();
    let host = Cli::host(Some(server.url()), &Wish::default(), None).unwrap();
    let link = host.link().unwrap();
    let guest = Cli::join(&link, &Wish::default(), None).unwrap();
    check("first call", &guest.good_figures(PATIENCE).unwrap(), 20.0, 0.4);
    host.wait(PATIENCE).unwrap();

    let one = Cli::join(&link, &Wish::default(), None).unwrap();
    let other = Cli::join(&link, &Wish::default(), None).unwrap();
    for (who, endpoint) in [("one", &one), ("the other", &other)] {
        check(who, &endpoint.good_figures(PATIENCE).unwrap(), 20.0, 0.4);
    }
}
