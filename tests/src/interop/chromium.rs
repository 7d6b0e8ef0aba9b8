//! Against Chromium's `RTCPeerConnection`.

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

/// Their side decoded our pictures and heard our sound.
fn check_theirs(report: &Value) {
    eprintln!("Chromium: {}", serde_json::to_string(report).unwrap());
    assert_eq!(report["verified"], true, "{report:#}");
    assert_eq!(report["errors"].as_array().map(Vec::len), Some(0), "{report:#}");
    let decoded = report["in_video"]["framesDecoded"].as_f64().unwrap_or(0.0);
    assert!(decoded > 40.0, "Chromium decoded {decoded} pictures: {report:#}");
    let energy = report["in_audio"]["totalAudioEnergy"].as_f64().unwrap_or(0.0);
    assert!(energy > 0.001, "Chromium heard {energy}: {report:#}");
    let codecs = report["codecs"].to_string().to_lowercase();
    assert!(
        codecs.contains("video/h264") && codecs.contains("audio/opus"),
        "{codecs}"
    );
}

#[test]
fn chromium_joins_our_room_and_both_see_and_hear() {
    let ours = Cli::host(None, &wish(), None).unwrap();
    let seconds = (SECONDS + 6).to_string();
    let theirs = Peer::chromium(&[
        "--link",
        &ours.link().unwrap(),
        "--size",
        "640x480@30",
        "--seconds",
        &seconds,
    ])
    .unwrap();
    check_theirs(&theirs.report(PATIENCE).unwrap());
    check_ours(&ours.good_figures(PATIENCE).unwrap());
}

#[test]
fn we_join_the_room_of_chromium_and_both_see_and_hear() {
    let server = RealServer::start().unwrap();
    let seconds = (SECONDS + 6).to_string();
    let theirs = Peer::chromium(&[
        "--server",
        server.url(),
        "--size",
        "640x480@30",
        "--seconds",
        &seconds,
    ])
    .unwrap();
    let ours = Cli::join(&theirs.link().unwrap(), &wish(), None).unwrap();
    check_theirs(&theirs.report(PATIENCE).unwrap());
    check_ours(&ours.good_figures(PATIENCE).unwrap());
}

#[test]
fn offers_from_both_sides_at_once_end_in_one_call() {
    let server = RealServer::start().unwrap();
    let seconds = (SECONDS + 6).to_string();
    // The page offers at once although it came first: against the rules, and so against our offer.
    let arguments = [
        "--server",
        server.url(),
        "--glare",
        "--size",
        "640x480@30",
        "--seconds",
        &seconds,
    ];
    let theirs = Peer::chromium(&arguments).unwrap();
    let ours = Cli::join(&theirs.link().unwrap(), &wish(), None).unwrap();
    check_theirs(&theirs.report(PATIENCE).unwrap());
    check_ours(&ours.good_figures(PATIENCE).unwrap());
}

#[test]
fn addresses_hidden_behind_local_names_are_no_obstacle() {
    // Without permission for a camera Chromium offers `.local` names only; it sends nothing, but must see and hear us.
    let ours = Cli::host(None, &wish(), None).unwrap();
    let seconds = (SECONDS + 6).to_string();
    let theirs = Peer::chromium(&["--link", &ours.link().unwrap(), "--mdns", "--seconds", &seconds]).unwrap();
    let report = theirs.report(PATIENCE).unwrap();
    let offered = report["offered"].as_array().unwrap();
    let is_hidden = |candidate: &Value| candidate.as_str().is_some_and(|line| line.contains(".local "));
    assert!(!offered.is_empty() && offered.iter().all(is_hidden), "{report:#}");
    assert!(report["marks"]["connected"].is_number(), "{report:#}");
    let decoded = report["in_video"]["framesDecoded"].as_f64().unwrap_or(0.0);
    assert!(decoded > 40.0, "Chromium decoded {decoded} pictures: {report:#}");
}

#[test]
fn who_cannot_prove_to_know_the_secret_is_refused() {
    let ours = Cli::host(None, &wish(), None).unwrap();
    let theirs = Peer::chromium(&[
        "--link",
        &ours.link().unwrap(),
        "--tamper-proof",
        "--seconds",
        "6",
    ])
    .unwrap();
    let report = theirs.report(PATIENCE).unwrap();
    let decoded = report["in_video"]["framesDecoded"].as_f64().unwrap_or(0.0);
    assert_eq!(decoded, 0.0, "an impostor was shown pictures: {report:#}");
    ours.wait(PATIENCE).unwrap();
    assert_eq!(ours.succeeded(), Some(false));
    let said = ours.last_words();
    assert!(said.contains("could not prove"), "nobody was warned: {said}");
}
