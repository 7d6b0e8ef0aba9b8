//! The pictures of the README, as two real windows show themselves: a call, and the same call with what was written and sent.

use super::SOON;
use crate::harness::fake_camera::SCENERY;
use crate::harness::meeting::meet;
use crate::harness::window::{Opening, Window};
use serde_json::json;
use std::time::Duration;

const CAMERA: &str = "1280x720@30:MJPG";

#[test]
#[ignore = "rare: makes the README's pictures, as target/desktop/readme-*.png"]
fn the_app_shows_itself() {
    let open = |name, scenery| {
        let opening = Opening {
            scenery: Some(scenery),
            ..Opening::default()
        };
        Window::open_so(name, CAMERA, &opening).unwrap()
    };
    let (ada, ben) = (open("Ada", SCENERY[0]), open("Ben", SCENERY[1]));
    meet(&ada, &ben).unwrap();
    // The rate takes a while to rise.
    std::thread::sleep(Duration::from_secs(12));
    ada.move_pointer().unwrap();
    std::thread::sleep(Duration::from_millis(400));
    ada.photograph("readme-call").unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("route.gpx");
    std::fs::write(&file, vec![b'.'; 48_200]).unwrap();
    for window in [&ada, &ben] {
        window.click("panel-button").unwrap();
    }
    for (from, words) in [
        (&ben, "Look, the sun is about to set."),
        (&ben, "If we leave at seven, we are at the lake before noon."),
        (
            &ada,
            "Seven it is. Is this the way you mean? https://example.org/lake",
        ),
        (&ben, "Yes! I send you the route."),
    ] {
        from.type_into("message-field", words).unwrap();
        from.click("send").unwrap();
        for window in [&ada, &ben] {
            window.wait_for_words(SOON, words).unwrap();
        }
    }
    let offer = json!({ "command": { "type": "offer_files", "paths": [file] } });
    let script = format!("window.__TAURI_INTERNALS__.invoke('app_command', {offer}); return true");
    ben.page().run(&script).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    ada.move_pointer().unwrap();
    std::thread::sleep(Duration::from_millis(400));
    ada.photograph("readme-chat").unwrap();
}
