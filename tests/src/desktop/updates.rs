//! A newer Parley: found, refused while it is not signed by the right key for its version, and put in place once it is.

use super::{A_WHILE, CAMERA, SOON};
use crate::harness::update_server::{Offered, UpdateServer, signature};
use crate::harness::window::{Opening, Window};
use minisign::KeyPair;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

const NEWER: &str = "99.0.0";

#[test]
fn a_newer_parley_is_put_in_place_when_asked_and_only_if_it_is_genuine() {
    let folder = tempfile::tempdir().unwrap();
    let app_image = folder.path().join("Parley.AppImage");
    fs::write(&app_image, "the old one").unwrap();
    fs::set_permissions(&app_image, fs::Permissions::from_mode(0o755)).unwrap();
    // A program that ends at once, which is all that a restart asks of it.
    let newer = fs::read("/bin/true").unwrap();
    let key = KeyPair::generate_unencrypted_keypair().unwrap();
    let other = KeyPair::generate_unencrypted_keypair().unwrap();
    let offered = |signature: anyhow::Result<String>| Offered {
        version: NEWER.to_owned(),
        signature: signature.unwrap(),
        bytes: newer.clone(),
    };

    let server = UpdateServer::start(offered(signature(&other, NEWER, &newer))).unwrap();
    let variables = [
        ("APPIMAGE", app_image.display().to_string()),
        (
            "PARLEY_TRY_UPDATES",
            server.configuration(&key).unwrap().to_string(),
        ),
    ];
    let opening = Opening {
        variables: &variables,
        ..Opening::default()
    };
    let ada = Window::open_so("Ada", CAMERA, &opening).unwrap();
    ada.click("open-settings").unwrap();
    ada.click("page-desktop").unwrap();
    ada.click("update-look").unwrap();
    ada.wait_for_words(SOON, "Parley 99.0.0 is ready.").unwrap();
    ada.photograph("update-ready").unwrap();

    // Of another key; of the right one, but for an older version that is passed off as this one.
    for wrong in [
        signature(&other, NEWER, &newer),
        signature(&key, "0.0.1", &newer),
        signature(&key, NEWER, b"something else"),
    ] {
        server.offer(offered(wrong));
        ask_for_it(&ada, &server);
        ada.wait_for_words(SOON, "was not signed by the makers of Parley")
            .unwrap();
        assert_eq!(fs::read(&app_image).unwrap(), b"the old one");
    }
    ada.photograph("update-refused").unwrap();

    server.offer(offered(signature(&key, NEWER, &newer)));
    ask_for_it(&ada, &server);
    let until = Instant::now() + A_WHILE;
    while fs::read(&app_image).unwrap_or_default() != newer {
        assert!(Instant::now() < until, "not in place:\n{}", ada.last_words());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Presses until it is fetched: right after a refusal the button may still be the one of before, which does nothing.
fn ask_for_it(person: &Window, server: &UpdateServer) {
    let (before, until) = (server.fetched(), Instant::now() + A_WHILE);
    while server.fetched() == before {
        assert!(Instant::now() < until, "not fetched:\n{}", person.last_words());
        // Not there while the last one is still being looked at.
        let _ = person.click("settings-update-install");
        std::thread::sleep(Duration::from_millis(500));
    }
}
