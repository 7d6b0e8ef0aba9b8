//! A window among other programs: a link that is clicked elsewhere, the panel's tray, a key that counts in every program; and
//! what two people write to each other meanwhile.

use super::{A_WHILE, CAMERA, FEW_WORDS, SILENCE_RMS, SOON, spoken};
use crate::harness::meeting::{see_each_other, start_call};
use crate::harness::panel::Panel;
use crate::harness::sound;
use crate::harness::text_window::{TITLE, TextWindow};
use crate::harness::window::{Opening, Window};
use parley_proto::Link;
use std::time::Duration;

const TALK_KEY: &str = "F9";
/// Long enough for every pause between words.
const LISTEN: Duration = Duration::from_millis(1800);
/// What is still on its way is heard a moment later.
const ON_ITS_WAY: Duration = Duration::from_millis(600);
/// Words arrive far above this.
const SPEECH_RMS: f32 = 0.004;

#[test]
fn a_link_opens_in_the_window_that_runs_and_tray_and_keys_reach_the_call() {
    let panel = Panel::switch_on().unwrap();
    let with_panel = Opening {
        panel: Some(&panel),
        ..Opening::default()
    };
    let ada = Window::open_so("Ada", CAMERA, &with_panel).unwrap();
    let ben = Window::open("Ben", CAMERA).unwrap();
    let link = start_call(&ada, "Ada").unwrap();

    // Ben clicks the link in another program: the system starts Parley with it, which hands it over and ends.
    ben.type_into("name", "Ben").unwrap();
    let in_app = Link::find_in(&link).unwrap().deep_link();
    let second = ben.start_again(&[&in_app]).unwrap();
    let ended = second.wait(A_WHILE).unwrap();
    assert!(ended.success(), "{ended}: {:?}", second.lines());
    ben.wait_for(A_WHILE, "[data-testid=green-room]").unwrap();
    ben.click("join").unwrap();
    see_each_other([&ada, &ben]).unwrap();

    they_write_to_each_other(&ada, &ben);
    look_beside_the_call(&ada);
    click_what_is_told(&panel, &ada, &ben);
    mute_from_the_tray_and_talk_by_key(&panel, &ada, &ben);

    panel.choose("Leave call").unwrap();
    for window in [&ada, &ben] {
        window.wait_for(SOON, "[data-testid=ended]").unwrap();
    }
    let offers = panel.offers().unwrap();
    assert_eq!(offers, ["Show Parley", "Quit Parley"]);
}

fn they_write_to_each_other(ada: &Window, ben: &Window) {
    ada.click("panel-button").unwrap();
    ada.type_into("message-field", "Shall we go through <b>the plan</b> first?")
        .unwrap();
    ada.click("send").unwrap();
    // What came while Ben's panel was closed is counted, and shown as it was written.
    ben.wait_for(SOON, "[data-testid=unread]").unwrap();
    ben.click("panel-button").unwrap();
    ben.wait_for_words(SOON, "Shall we go through <b>the plan</b> first?")
        .unwrap();
    assert!(
        !ben.shows("[data-testid=messages] b").unwrap(),
        "markup is no text"
    );
    assert!(!ben.shows("[data-testid=unread]").unwrap());
    ben.type_into("message-field", "Yes. It is at https://example.org/plan")
        .unwrap();
    ben.click("send").unwrap();
    ada.wait_for(SOON, "[data-testid=messages] a[href='https://example.org/plan']")
        .unwrap();
    for window in [ada, ben] {
        window
            .wait_for(SOON, "[data-testid=message-group].own [data-delivery=delivered]")
            .unwrap();
    }
    ada.photograph("citizen-chat-ada").unwrap();
    ben.photograph("citizen-chat-ben").unwrap();
    ada.click("panel-close").unwrap();
}

/// The inspector in a window of its own, which is where it was when it opens again.
fn look_beside_the_call(ada: &Window) {
    const TITLE: &str = "Call inspector";
    let keyboard = ada.keyboard();
    keyboard.focus("Parley").unwrap();
    keyboard.press(&["i"]).unwrap();
    ada.wait_for(SOON, "[data-testid=inspector]").unwrap();
    ada.photograph("citizen-inspector-panel").unwrap();
    ada.click("inspector-window").unwrap();
    ada.wait_until_gone(SOON, "[data-testid=inspector]").unwrap();
    keyboard.wait_for(TITLE, SOON).unwrap();
    // What the page draws shows a moment after its window.
    std::thread::sleep(LISTEN);
    ada.photograph("citizen-inspector-window").unwrap();
    keyboard.close(TITLE).unwrap();
    let kept = ada.home().join("config/parley/window-inspector.json");
    let deadline = std::time::Instant::now() + SOON;
    while !kept.exists() {
        assert!(
            std::time::Instant::now() < deadline,
            "{} is not there",
            kept.display()
        );
        std::thread::sleep(ON_ITS_WAY / 6);
    }
    assert!(
        ada.shows("[data-testid=stage][data-state=connected]").unwrap(),
        "the call goes on"
    );
}

/// Ben writes while another program has Ada's focus: the notification leads her to what he wrote.
fn click_what_is_told(panel: &Panel, ada: &Window, ben: &Window) {
    let other = TextWindow::open(ada.screen(), (200, 100), (0, 0)).unwrap();
    ada.keyboard().focus(TITLE).unwrap();
    assert!(!ada.shows("[data-testid=panel]").unwrap());
    ben.type_into("message-field", "Are you still there?").unwrap();
    ben.click("send").unwrap();
    panel.click("Ben wrote").unwrap();
    ada.wait_for(SOON, "[data-testid=panel][data-page=chat]").unwrap();
    ada.wait_for_words(SOON, "Are you still there?").unwrap();
    drop(other);
    ada.click("panel-close").unwrap();
}

/// Muted by the panel, Ada is heard while she holds a key, though another program has the focus; and not before and after.
fn mute_from_the_tray_and_talk_by_key(panel: &Panel, ada: &Window, ben: &Window) {
    choose_the_key(ada);
    let other = TextWindow::open(ada.screen(), (200, 100), (0, 0)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let words = sound::over_and_over(&spoken(FEW_WORDS, folder.path()), Duration::from_secs(60)).unwrap();
    let _talking = ada.sound.speak(&words).unwrap();
    let loudness = || {
        std::thread::sleep(ON_ITS_WAY);
        let recording = ben.sound.listen().unwrap();
        std::thread::sleep(LISTEN);
        sound::rms(&recording.finish().unwrap())
    };
    let open = loudness();

    panel.choose("Mute").unwrap();
    ben.wait_for(SOON, "[data-testid=person-muted]").unwrap();
    let muted = loudness();

    let keyboard = ada.keyboard();
    keyboard.focus(TITLE).unwrap();
    let key = keyboard.hold(TALK_KEY).unwrap();
    ada.wait_for(SOON, "[data-testid=talking]").unwrap();
    ben.wait_until_gone(SOON, "[data-testid=person-muted]").unwrap();
    let held = loudness();
    drop(key);
    ada.wait_until_gone(SOON, "[data-testid=talking]").unwrap();
    ben.wait_for(SOON, "[data-testid=person-muted]").unwrap();
    let released = loudness();
    drop(other);

    eprintln!(
        "loudness: {open:.4}, muted from the tray {muted:.5}, key held {held:.4}, released {released:.5}"
    );
    assert!(open > SPEECH_RMS && held > SPEECH_RMS);
    assert!(muted < SILENCE_RMS && released < SILENCE_RMS);

    panel.choose("Unmute").unwrap();
    ben.wait_until_gone(SOON, "[data-testid=person-muted]").unwrap();
}

/// In the settings, by pressing it.
fn choose_the_key(person: &Window) {
    let keyboard = person.keyboard();
    keyboard.focus("Parley").unwrap();
    keyboard.press(&["ctrl+comma"]).unwrap();
    person.click("page-desktop").unwrap();
    person.click("talk-key").unwrap();
    keyboard.press(&[TALK_KEY]).unwrap();
    person.wait_for(SOON, "[data-testid=talk-key-clear]").unwrap();
    person.photograph("citizen-talk-key").unwrap();
    keyboard.press(&["Escape"]).unwrap();
    person.wait_until_gone(SOON, "[data-testid=settings]").unwrap();
}
