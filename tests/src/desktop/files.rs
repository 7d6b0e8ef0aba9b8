//! A large file between two windows on a network of their own, whose cable is pulled out in the middle.

use super::{A_WHILE, CAMERA, SOON};
use crate::harness::cable::{Cable, CableSpec};
use crate::harness::meeting::meet;
use crate::harness::namespaces::Namespace;
use crate::harness::window::{Opening, Window};
use crate::measure::files::made_file;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const FILE_MB: u32 = 100;
/// Some twenty seconds for the file, so that there is a middle.
const CABLE: &str = "rate=60m,delay=10";
/// Longer than the connection lives without a word: a fresh one must be made.
const OUT: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
#[ignore = "rare: a hundred megabytes over a cable that is out for a while, over a minute"]
fn a_file_of_100_mb_goes_on_after_the_connection_was_cut() {
    let (here, there) = (
        Namespace::create("window-a").unwrap(),
        Namespace::create("window-b").unwrap(),
    );
    let spec: CableSpec = CABLE.parse().unwrap();
    let cable = Cable::connect(&here, &there, "10.97.10", &spec).unwrap();
    let open = |name, network| {
        let opening = Opening {
            network: Some(network),
            ..Opening::default()
        };
        Window::open_so(name, CAMERA, &opening).unwrap()
    };
    let (ada, ben) = (open("Ada", &here), open("Ben", &there));
    let folder = tempfile::tempdir().unwrap();
    let file = made_file(folder.path(), FILE_MB).unwrap();
    meet(&ada, &ben).unwrap();

    // The system's own dialog for files cannot be driven from here: what it would answer is told to the engine.
    let offer = json!({ "command": { "type": "offer_files", "paths": [file] } });
    let script = format!("window.__TAURI_INTERNALS__.invoke('app_command', {offer}); return true");
    ada.page().run(&script).unwrap();
    for window in [&ada, &ben] {
        window.click("panel-button").unwrap();
        window.click("tab-files").unwrap();
    }
    ben.wait_for(A_WHILE, "[data-testid=accept-file]").unwrap();
    ben.click("accept-file").unwrap();
    let part = |share: f64| {
        let script =
            format!("return (document.querySelector('[data-testid=file] progress')?.value ?? 0) > {share}");
        ben.page().wait_for(PATIENCE, &script).unwrap();
    };
    part(0.3);
    ada.photograph("file-on-its-way").unwrap();
    cable.change(&CableSpec { down: true, ..spec }).unwrap();
    let began = Instant::now();
    ben.wait_for(A_WHILE, "[data-call=reconnecting]").unwrap();
    std::thread::sleep(OUT.saturating_sub(began.elapsed()));
    ben.photograph("file-cable-out").unwrap();
    assert!(!ben.shows("[data-testid=file][data-state=done]").unwrap());
    cable.change(&spec).unwrap();
    for window in [&ada, &ben] {
        window
            .wait_for(PATIENCE, "[data-testid=file][data-state=done]")
            .unwrap();
        window.wait_for(SOON, "[data-call=connected]").unwrap();
    }
    eprintln!("whole {:.0} s after the cut", began.elapsed().as_secs_f64());
    ben.photograph("file-there").unwrap();
    assert!(fs::read(received(&ben)).unwrap() == fs::read(file).unwrap());
}

/// Where the file is that came.
fn received(window: &Window) -> PathBuf {
    let script = "window.__TAURI_INTERNALS__.invoke('app_talk').then((talk) => (globalThis.came = talk.transfers[0].path)); return globalThis.came";
    let path = window.page().wait_for(SOON, script).unwrap();
    PathBuf::from(path.as_str().unwrap())
}
