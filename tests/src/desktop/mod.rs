//! Two real windows, each with a screen, a camera, a microphone and a speaker of its own, and the real server in between:
//! what two people would do, seen and heard from outside.

mod package;

use crate::harness::idle_time::IdleTime;
use crate::harness::sound;
use crate::harness::window::Window;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Small, so that drawing without a graphics card leaves room for the rest.
const CAMERA: &str = "640x360@30:YUYV";
/// What the pictures must come at, and their numbers go on at.
const FPS_MIN: f64 = 25.0;
/// What is still drawn where drawing takes all the processor there is: two windows without a graphics card on two slow cores
/// skip pictures, and the numbers in those that are drawn go on at the full rate all the same.
const FPS_MIN_WITHOUT_IDLE_TIME: f64 = 8.0;
/// Below this part of idle time, drawing is held back by the machine.
const IDLE_MIN: f64 = 0.15;
const SENTENCE: &str = "The quick brown fox jumps over the lazy dog. Never have so many small words gone so far, \
                        and the one who hears them should hear each of them.";

const SOON: Duration = Duration::from_secs(10);
const A_WHILE: Duration = Duration::from_secs(30);

#[test]
fn two_people_start_a_call_see_and_hear_each_other_and_hang_up() {
    let folder = tempfile::tempdir().unwrap();
    let speech = speech(folder.path());
    let ada = Window::open("Ada", CAMERA).unwrap();
    let ben = Window::open("Ben", CAMERA).unwrap();

    // Ada starts a call and copies the link, Ben pastes it.
    ada.photograph("1-home").unwrap();
    ada.type_into("name", "Ada").unwrap();
    ada.click("start-call").unwrap();
    ada.wait_for(A_WHILE, "[data-testid=green-room]").unwrap();
    let link = link_of(&ada);
    wait_for_frames(&ada, "tile-self", 10);
    ada.photograph("2-green-room").unwrap();
    ada.click("join").unwrap();
    ada.wait_for(SOON, "[data-testid=waiting]").unwrap();
    ada.photograph("3-waiting").unwrap();

    ben.type_into("name", "Ben").unwrap();
    ben.type_into("link-input", &link).unwrap();
    ben.click("open-link").unwrap();
    ben.wait_for(A_WHILE, "[data-testid=green-room]").unwrap();
    ben.click("join").unwrap();

    // They see each other, at full rate, and what they see is the other's camera.
    for window in [&ada, &ben] {
        wait_for_frames(window, "tile-remote", 30);
    }
    for (window, name) in [(&ada, "4-call-ada"), (&ben, "4-call-ben")] {
        let idle = IdleTime::start();
        let (fps, per_second, numbers) = watch(window, Duration::from_secs(6));
        let idle = idle.share();
        eprintln!(
            "{name}: {fps:.1} pictures a second, {per_second:.1} numbers a second, {:.0} % idle, {numbers:?}",
            100.0 * idle
        );
        window.move_pointer().unwrap();
        std::thread::sleep(Duration::from_millis(400));
        window.photograph(name).unwrap();
        let fps_min = if idle < IDLE_MIN {
            FPS_MIN_WITHOUT_IDLE_TIME
        } else {
            FPS_MIN
        };
        assert!(fps >= fps_min, "{name}: {fps:.1} pictures a second");
        assert!(per_second >= FPS_MIN, "{name}: {per_second:.1} numbers a second");
        assert!(
            numbers.windows(2).all(|pair| pair[0] < pair[1]),
            "{name}: {numbers:?}"
        );
    }

    // What one says, the other hears.
    for (from, to, who) in [(&ada, &ben, "Ada to Ben"), (&ben, &ada, "Ben to Ada")] {
        let (loudness, likeness) = say_and_listen(from, to, &speech);
        eprintln!("{who}: loudness follows {loudness:.3}, waveform alike {likeness:.3}");
        assert!(loudness > 0.7, "{who}: loudness follows only {loudness:.3}");
    }

    // Muted is silent, and the other side is told.
    ada.click("mute").unwrap();
    ben.wait_for(SOON, "[data-testid=person-muted]").unwrap();
    let heard = listen_while_speaking(&ada, &ben, &speech);
    eprintln!("muted: {:.5} of loudness arrives", sound::rms(&heard));
    assert!(sound::rms(&heard) < 0.001, "{}", sound::rms(&heard));
    ada.photograph("5-muted").unwrap();
    ada.click("mute").unwrap();
    ben.wait_until_gone(SOON, "[data-testid=person-muted]").unwrap();
    let (loudness, _) = say_and_listen(&ada, &ben, &speech);
    assert!(
        loudness > 0.7,
        "after unmuting, loudness follows only {loudness:.3}"
    );

    // The camera's plug is pulled: a banner says so. Put back, the picture goes on.
    ada.camera.unplug().unwrap();
    ada.wait_for(
        A_WHILE,
        "[data-testid^=problem-camera_lost], [data-testid^=problem-no_camera]",
    )
    .unwrap();
    ada.photograph("6-camera-unplugged").unwrap();
    ada.camera.replug().unwrap();
    ada.wait_until_gone(
        A_WHILE,
        "[data-testid^=problem-camera_lost], [data-testid^=problem-no_camera]",
    )
    .unwrap();
    let before = ben.frames_drawn("tile-remote").unwrap_or(0);
    wait_for_frames(&ben, "tile-remote", before + 30);

    // One hangs up, both are out.
    ben.click("leave").unwrap();
    for (window, name) in [(&ada, "7-ended-ada"), (&ben, "7-ended-ben")] {
        window.wait_for(SOON, "[data-testid=ended]").unwrap();
        window.photograph(name).unwrap();
    }
}

fn speech(folder: &Path) -> PathBuf {
    let wav = folder.join("speech.wav");
    sound::say(SENTENCE, &wav).unwrap();
    wav
}

fn link_of(window: &Window) -> String {
    let script = "const e = document.querySelector('[data-testid=link]'); return e && (e.value ?? e.textContent).trim()";
    let link = window.page().wait_for(A_WHILE, script).unwrap();
    let link = link.as_str().unwrap().to_owned();
    assert!(link.contains("/r/") && link.contains('#'), "{link}");
    link
}

fn wait_for_frames(window: &Window, tile: &str, count: u64) {
    let script = format!(
        "return Number(document.querySelector('canvas[data-testid={tile}]')?.dataset.frames ?? 0) >= {count}"
    );
    if let Err(error) = window.page().wait_for(A_WHILE, &script) {
        let _ = window.photograph("failed");
        panic!("{error:#}\nit logged:\n{}", window.last_words());
    }
}

/// Watches the remote tile: pictures drawn per second, how fast their numbers go on, and the numbers read from its pixels.
fn watch(window: &Window, time: Duration) -> (f64, f64, Vec<u64>) {
    let began = Instant::now();
    let first = window.frames_drawn("tile-remote").unwrap();
    let mut numbers = Vec::new();
    let mut read_at = Vec::new();
    while began.elapsed() < time {
        if let Some(number) = window.number_shown("tile-remote").unwrap() {
            numbers.push(number);
            read_at.push(began.elapsed().as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(700));
    }
    let drawn = window.frames_drawn("tile-remote").unwrap() - first;
    let fps = drawn as f64 / began.elapsed().as_secs_f64();
    assert!(
        numbers.len() >= 3,
        "only {numbers:?} could be read from the picture"
    );
    let last = numbers.len() - 1;
    let per_second = numbers[last].saturating_sub(numbers[0]) as f64 / (read_at[last] - read_at[0]);
    (fps, per_second, numbers)
}

fn listen_while_speaking(from: &Window, to: &Window, speech: &Path) -> Vec<f32> {
    let recording = to.sound.listen().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let talking = from.sound.speak(speech).unwrap();
    talking.wait(A_WHILE).unwrap();
    std::thread::sleep(Duration::from_millis(1200));
    recording.finish().unwrap()
}

/// How well the loudness heard follows the loudness said, and how alike the waveforms are (the voice chain is on, and
/// changes them).
fn say_and_listen(from: &Window, to: &Window, speech: &Path) -> (f32, f32) {
    let heard = listen_while_speaking(from, to, speech);
    let said = sound::read_wav(speech).unwrap();
    let (_, loudness) = sound::find(&said, &heard);
    (loudness, sound::likeness(&said, &heard))
}
