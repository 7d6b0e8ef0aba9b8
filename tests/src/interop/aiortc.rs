//! Against aiortc: an independent implementation of ICE, DTLS and SRTP in Python, with FFmpeg's codecs.

use super::{PATIENCE, SECONDS, check_ours};
use crate::harness::cli::{Cli, Wish};
use crate::harness::peers::Peer;
use crate::harness::server::RealServer;
use serde_json::Value;

fn wish() -> Wish {
    Wish {
        seconds: SECONDS,
        ..Wish::default()
    }
}

fn check_theirs(report: &Value) {
    eprintln!("aiortc: {report}");
    assert_eq!(report["verified"], true, "{report:#}");
    assert_eq!(report["errors"].as_array().map(Vec::len), Some(0), "{report:#}");
    let moving = report["moving_frames"].as_f64().unwrap_or(0.0);
    assert!(
        moving > 40.0,
        "aiortc saw {moving} pictures that moved: {report:#}"
    );
    let energy = report["sound_energy"].as_f64().unwrap_or(0.0);
    assert!(energy > 1e4, "aiortc heard {energy}: {report:#}");
}

#[test]
fn aiortc_joins_our_room_and_both_see_and_hear() {
    Peer::install_aiortc().unwrap();
    let ours = Cli::host(None, &wish(), None).unwrap();
    let seconds = (SECONDS + 5).to_string();
    let theirs = Peer::aiortc(&["--link", &ours.link().unwrap(), "--seconds", &seconds]).unwrap();
    check_theirs(&theirs.report(PATIENCE).unwrap());
    check_ours(&ours.good_figures(PATIENCE).unwrap());
}

#[test]
fn we_join_the_room_of_aiortc_and_both_see_and_hear() {
    let server = RealServer::start().unwrap();
    let seconds = (SECONDS + 5).to_string();
    let theirs = Peer::aiortc(&["--server", server.url(), "--seconds", &seconds]).unwrap();
    let ours = Cli::join(&theirs.link().unwrap(), &wish(), None).unwrap();
    check_theirs(&theirs.report(PATIENCE).unwrap());
    check_ours(&ours.good_figures(PATIENCE).unwrap());
}
