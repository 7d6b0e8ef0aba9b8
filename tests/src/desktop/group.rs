//! Real windows in a call of three: the others come one after the other, and are seen beside one's own picture; the frame follows
//! who speaks, somebody is pinned, and when one leaves it is a call of two again.

use super::{A_WHILE, CAMERA, SENTENCE, SOON, spoken};
use crate::harness::cli::{Cli, Wish};
use crate::harness::idle_time::IdleTime;
use crate::harness::meeting::{come, see_each_other, start_call};
use crate::harness::sound;
use crate::harness::window::Window;
use crate::harness::window::seats::{OWN, Seat};
use crate::measure::cost::CpuMeter;
use serde_json::json;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What everybody's camera gives in a call of several.
const GROUP_CAMERA: &str = "640x360@15:YUYV";
/// How long it is watched what is drawn.
const WATCHED: Duration = Duration::from_secs(8);
/// Pictures a second of each of the others that are drawn where some time is left: four of five.
const DRAWN_MIN: f64 = 12.0;
/// Time left over from which on that is asked: without, three windows have what the others leave them.
const LEFT_OVER: f64 = 0.1;

fn wish(name: &str) -> Wish {
    Wish {
        seconds: 120,
        more: ["--name", name].map(Into::into).into(),
        ..Wish::default()
    }
}

#[test]
fn a_third_one_makes_a_grid_of_the_call_and_it_is_as_before_when_they_leave() {
    let ada = Window::open("Ada", CAMERA).unwrap();
    let link = start_call(&ada, "Ada").unwrap();
    let _ben = Cli::join(&link, &wish("Ben"), None).unwrap();
    ada.wait_for_frames("tile-remote", 30).unwrap();

    let cyd = Cli::join(&link, &wish("Cyd"), None).unwrap();
    ada.wait_for(A_WHILE, "[data-testid=group][data-layout=grid]")
        .unwrap();
    ada.wait_for(SOON, "[data-testid=grid] li:nth-child(3)").unwrap();
    ada.wait_for(A_WHILE, "[data-testid^=seat-][data-speaks=true]")
        .unwrap();
    sleep(Duration::from_secs(4));
    ada.photograph("group-of-three").unwrap();
    assert!(
        !ada.shows("[data-testid^=seat-][data-way=weak]").unwrap(),
        "a wide way"
    );

    drop(cyd);
    ada.wait_until_gone(A_WHILE, "[data-testid=group]").unwrap();
    ada.wait_for_frames("tile-remote", 30).unwrap();
    ada.photograph("group-over").unwrap();
}

/// The others in each window, by the names on their tiles.
fn others<'a>(windows: &[&'a Window], of: &Window) -> Vec<&'a str> {
    let others = windows.iter().filter(|other| other.name() != of.name());
    others.map(|other| other.name()).collect()
}

/// Each window frames whoever speaks, and nobody else.
fn all_frame(windows: &[&Window], speaker: &str) {
    let began = Instant::now();
    for window in windows {
        let framed = if window.name() == speaker { OWN } else { speaker };
        window.wait_until_framed(SOON, &[framed]).unwrap();
    }
    eprintln!(
        "{speaker} is framed by all after {:.1} s",
        began.elapsed().as_secs_f64()
    );
}

/// What is drawn of each of the others for some seconds, and what that takes.
fn all_see_each_other(windows: &[&Window]) {
    let before: Vec<Vec<Seat>> = windows.iter().map(|window| window.seats().unwrap()).collect();
    let (began, idle) = (Instant::now(), IdleTime::start());
    let meters: Vec<[CpuMeter; 2]> = windows
        .iter()
        .map(|window| [window.pid(), window.screen().pid()].map(|pid| CpuMeter::start(pid, &[])))
        .collect();
    sleep(WATCHED);
    let spent: Vec<[f64; 2]> = meters
        .iter()
        .map(|of_them| of_them.each_ref().map(CpuMeter::pct))
        .collect();
    let idle = idle.share();
    for ((window, before), [app, screen]) in windows.iter().zip(before).zip(spent) {
        eprintln!(
            "{}: {app:.0} % of a core, its screen {screen:.0} %",
            window.name()
        );
        let seconds = began.elapsed().as_secs_f64();
        for after in window.seats().unwrap() {
            let was = before.iter().find(|seat| seat.key == after.key).unwrap();
            let drawn = (after.frames - was.frames) as f64 / seconds;
            let numbers = after.number.zip(was.number);
            let came = numbers.map(|(after, was)| after.saturating_sub(was) as f64 / seconds);
            eprintln!(
                "  {}: {drawn:.1} pictures a second drawn, numbers go on at {came:?}",
                after.name
            );
            let goes_on = after.frames > was.frames && after.number > was.number;
            assert!(
                goes_on || after.name == OWN,
                "{}: {was:?} {after:?}",
                window.name()
            );
            assert!(
                drawn >= DRAWN_MIN || idle < LEFT_OVER,
                "{} draws {drawn:.1} pictures a second of {}, with {:.0} % of the time left over",
                window.name(),
                after.name,
                100.0 * idle
            );
        }
    }
    eprintln!("{:.0} % idle", 100.0 * idle);
}

/// Nobody's tile lies on another's, nor outside the window.
fn tiles_lie_apart(window: &Window, size: (f64, f64)) {
    let seats = window.seats().unwrap();
    for (at, one) in seats.iter().enumerate() {
        let [left, top, width, height] = one.place;
        assert!(left >= 0.0 && top >= 0.0, "{one:?}");
        assert!(left + width <= size.0 && top + height <= size.1, "{one:?}");
        for other in &seats[at + 1..] {
            assert!(!one.overlaps(other), "{one:?} {other:?}");
        }
    }
}

#[test]
fn three_windows_follow_who_speaks_and_whom_they_pinned_and_two_of_them_go_on_directly() {
    let folder = tempfile::tempdir().unwrap();
    let sentence = spoken(SENTENCE, folder.path());
    let speech = sound::over_and_over(&sentence, Duration::from_secs(60)).unwrap();
    let [ada, ben, cyd] = ["Ada", "Ben", "Cyd"].map(|name| Window::open(name, GROUP_CAMERA).unwrap());
    let link = start_call(&ada, "Ada").unwrap();
    come(&ben, "Ben", &link).unwrap();
    see_each_other([&ada, &ben]).unwrap();
    come(&cyd, "Cyd", &link).unwrap();
    let windows = [&ada, &ben, &cyd];
    for window in windows {
        window
            .wait_for(A_WHILE, "[data-testid=group][data-layout=grid]")
            .unwrap();
        window.wait_for_seats(A_WHILE, 2, 15).unwrap();
        for name in others(&windows, window) {
            window.seat_of(name).unwrap();
        }
        tiles_lie_apart(window, (960.0, 640.0));
    }
    all_see_each_other(&windows);

    // One speaks, then another: the frame goes along.
    let speaking = ben.sound.speak(&speech).unwrap();
    all_frame(&windows, "Ben");
    photograph(&ada, "group-ben-speaks");
    photograph(&ben, "group-i-speak");
    drop(speaking);
    let speaking = cyd.sound.speak(&speech).unwrap();
    all_frame(&windows, "Cyd");

    // The speaker's view has who speaks large, except oneself; light and dark.
    ben.click("layout").unwrap();
    let cyd_at_ben = ben.seat_of("Cyd").unwrap().key;
    ben.wait_for(SOON, &format!("[data-testid=group][data-large='{cyd_at_ben}']"))
        .unwrap();
    light(&ben);
    photograph(&ben, "group-speaker-light");

    // Somebody pinned stays large, whoever speaks; with neither picture nor sound and a hand up they are still told apart.
    let ben_at_ada = ada.seat_of("Ben").unwrap().key;
    ada.click(&format!("pin-{ben_at_ada}")).unwrap();
    let pinned = format!("[data-testid=group][data-large='{ben_at_ada}'] [data-weight=pinned] canvas");
    ada.wait_for(SOON, &pinned).unwrap();
    photograph(&ada, "group-pinned");
    drop(speaking);
    cyd.click("camera").unwrap();
    cyd.click("mute").unwrap();
    cyd.click("react").unwrap();
    cyd.click("hand").unwrap();
    let without = "[data-testid^=seat-]:not([data-testid=seat-self])[data-shows=false]";
    for window in [&ada, &ben] {
        window.wait_for(SOON, without).unwrap();
    }
    ben.wait_for(SOON, "[data-testid=hands]").unwrap();
    photograph(&ben, "group-no-picture-light");
    ada.click(&format!("pin-{ben_at_ada}")).unwrap();
    ada.wait_for(SOON, "[data-testid=group][data-layout=grid]")
        .unwrap();
    photograph(&ada, "group-no-picture");
    photograph(&cyd, "group-my-hand");

    // One leaves: the two others are alone, directly, and nobody in between could listen.
    cyd.click("leave").unwrap();
    cyd.wait_for(SOON, "[data-testid=ended]").unwrap();
    for window in [&ada, &ben] {
        window.wait_until_gone(A_WHILE, "[data-testid=group]").unwrap();
        window
            .wait_for(A_WHILE, "[data-testid=lock][data-secure=true]")
            .unwrap();
    }
    see_each_other([&ada, &ben]).unwrap();
    photograph(&ada, "group-two-are-left");
    photograph(&ben, "group-two-are-left-light");
}

/// With the controls, which fade.
fn photograph(window: &Window, name: &str) {
    window.move_pointer().unwrap();
    sleep(Duration::from_millis(400));
    window.photograph(name).unwrap();
}

/// Shows the window as it looks by day.
fn light(window: &Window) {
    let change = json!({ "command": { "type": "change_settings", "patch": { "appearance": "light" } } });
    let script = format!("window.__TAURI_INTERNALS__.invoke('app_command', {change}); return true");
    window.page().run(&script).unwrap();
    window.wait_for(SOON, "html[data-theme=light]").unwrap();
}
