//! Guests: the real page of the real server, in Chromium and in Firefox, and the engine in the same room.

use super::PATIENCE;
use crate::harness::cli::{Cli, Figures, Wish};
use crate::harness::peers::Peer;
use crate::harness::server::RealServer;
use crate::harness::tls_front::CertificateFiles;
use crate::harness::xvfb::Screen;
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// As `SECONDS` of the other tests, but the guest leaves first; no test waits for this to pass.
const SECONDS_MAX: u32 = 75;
/// On loopback, where it chooses its port itself. Without STUN and relays a browser has nothing but its own addresses to tell.
const BARE: &str = "listen = [\"127.0.0.1:0\"]\n[stun]\nenabled = false\n";

fn wish(more: &[&str]) -> Wish {
    Wish {
        seconds: SECONDS_MAX,
        more: more.iter().map(|&word| word.to_owned()).collect(),
        ..Wish::default()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// The browser decoded our pictures, heard our sound and complained of nothing.
fn check_theirs(report: &Value) {
    eprintln!("browser: {report}");
    let number = |name: &str| report[name].as_f64().unwrap_or(0.0);
    assert!(number("pictures_decoded") >= 40.0, "{report:#}");
    assert!(number("sound_energy") > 0.001, "{report:#}");
    let codecs = report["codecs"].to_string().to_lowercase();
    assert!(
        codecs.contains("video/h264") && codecs.contains("audio/opus"),
        "{codecs}"
    );
    assert_eq!(report["faults"].as_array().map(Vec::len), Some(0), "{report:#}");
}

/// The app decoded the guest's pictures, of which a guest's page sends fifteen a second here, and heard something.
fn check_ours(figures: &Figures) {
    eprintln!("parley: {:?}", figures.values);
    let shown = figures.get("fps_shown").unwrap();
    assert!(shown >= 4.0, "{shown} pictures a second of theirs were decoded");
    let loudest = figures.get("sound_level_db").unwrap();
    assert!(loudest > -50.0, "their sound came at {loudest} dB");
}

/// What the browser told of its own addresses: protocol, address, type.
fn candidates(report: &Value) -> Vec<&str> {
    let all: Vec<&str> = report["candidates"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    assert!(!all.is_empty(), "{report:#}");
    all
}

/// A whole call: pictures, sound, a message and a file each way. Gives what the browser reported.
fn check_whole_call(browser: &str) -> Value {
    let folder = TempDir::with_prefix("parley-guest-").unwrap();
    let at = |name: &str| folder.path().join(name);
    let (ours, theirs) = (at("from-the-app.bin"), at("from-the-browser.bin"));
    let bytes = |seed: u32| -> Vec<u8> {
        (0..150_000_u32)
            .map(|n| (n.wrapping_mul(seed) >> 11) as u8)
            .collect()
    };
    std::fs::write(&ours, bytes(2_654_435_761)).unwrap();
    std::fs::write(&theirs, bytes(2_246_822_519)).unwrap();
    std::fs::create_dir(at("app")).unwrap();
    std::fs::create_dir(at("browser")).unwrap();

    let server = RealServer::start_with(BARE).unwrap();
    let (came, given) = (at("app"), at("browser"));
    let wish = wish(&[
        "--chat",
        "Hello from the app",
        "--send",
        text(&ours),
        "--download",
        text(&came),
    ]);
    let app = Cli::host(Some(server.url()), &wish, None).unwrap();
    let link = app.link().unwrap();
    let mut arguments = vec!["--browser", browser, "--link", &link];
    arguments.extend([
        "--hears",
        "Hello from the app",
        "--writes",
        "Hello from the browser",
    ]);
    arguments.extend(["--send", text(&theirs), "--download", text(&given)]);
    let guest = Peer::guest(&arguments, None).unwrap();
    let report = guest.report(PATIENCE).unwrap();
    check_theirs(&report);

    let figures = app.good_figures(PATIENCE).unwrap();
    check_ours(&figures);
    for each in [
        "messages_delivered",
        "messages_received",
        "files_sent",
        "files_received",
    ] {
        assert_eq!(figures.get(each).unwrap(), 1.0, "{each}: {}", figures.whole);
    }
    let is_same = |one: &Path, other: &Path| std::fs::read(one).unwrap() == std::fs::read(other).unwrap();
    assert!(is_same(&ours, &given.join("as-it-came")), "what the browser got");
    assert!(
        is_same(&theirs, &came.join("from-the-browser.bin")),
        "what the app got"
    );
    report
}

#[test]
fn a_guest_in_chromium_has_a_whole_call_with_the_app() {
    check_whole_call("chromium");
}

#[test]
fn a_guest_in_firefox_has_a_whole_call_with_the_app_by_nothing_but_local_names() {
    let report = check_whole_call("firefox");
    // Its devices are made up, and so it hides its addresses behind names that only multicast DNS knows.
    let all = candidates(&report);
    assert!(all.iter().all(|one| one.contains(".local ")), "{all:?}");
}

#[test]
fn a_guest_in_chromium_who_is_only_relayed_over_tls_has_a_call() {
    let certificate = CertificateFiles::make().unwrap();
    let settings = format!(
        "listen = [\"127.0.0.1:0\"]\n[tls]\ncertificate = {:?}\nkey = {:?}\n[stun]\nlisten = [\"127.0.0.1:0\"]\n",
        certificate.certificate(),
        certificate.key()
    );
    let server = RealServer::start_with(&settings).unwrap();
    // Its certificate is for a name.
    let url = server.url().replace("127.0.0.1", "localhost");
    let wish = Wish {
        trusts: Some(certificate.authority()),
        ..wish(&[])
    };
    let app = Cli::host(Some(&url), &wish, None).unwrap();
    let link = app.link().unwrap();
    let trusted = certificate.certificate();
    let arguments = ["--link", &link, "--relay", "turns", "--authority", text(&trusted)];
    let report = Peer::guest(&arguments, None).unwrap().report(PATIENCE).unwrap();
    check_theirs(&report);
    assert_eq!(report["relay_protocol"], "tls", "{report:#}");
    let all = candidates(&report);
    assert!(all.iter().all(|one| one.ends_with(" relay")), "{all:?}");
    check_ours(&app.good_figures(PATIENCE).unwrap());
}

/// The guest shows a screen; the app watches nothing else, and gives what it measured.
fn shown_screen(browser: &str, display: Option<&str>) -> Figures {
    let server = RealServer::start_with(BARE).unwrap();
    let app = Cli::host(Some(server.url()), &wish(&["--watch-screen"]), None).unwrap();
    let link = app.link().unwrap();
    let arguments = ["--browser", browser, "--link", &link, "--share"];
    let report = Peer::guest(&arguments, display)
        .unwrap()
        .report(PATIENCE)
        .unwrap();
    check_theirs(&report);
    app.good_figures(PATIENCE).unwrap()
}

#[test]
#[ignore = "another browser's start: in `test full`"]
fn a_guest_in_chromium_shows_the_app_a_screen() {
    // Chromium's made-up screen, and not its camera, which is 360 pixels high here.
    let figures = shown_screen("chromium", None);
    assert!(figures.get("height").unwrap() > 360.0, "{}", figures.whole);
    assert!(figures.get("fps_shown").unwrap() > 0.0);
}

#[test]
#[ignore = "another browser's start: in `test full`"]
fn a_guest_in_firefox_shows_the_app_a_screen() {
    // Without a screen of its own Firefox has none to show. Of an even size: see `x264_at_once.c` for what stands in here.
    let screen = Screen::switch_on(1920, 1080).unwrap();
    let figures = shown_screen("firefox", Some(screen.display()));
    assert_eq!(figures.get("height").unwrap(), 1080.0, "{}", figures.whole);
    assert!(figures.get("fps_shown").unwrap() > 0.0);
}
