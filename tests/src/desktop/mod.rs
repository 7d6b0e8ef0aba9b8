//! Two real windows, each with a screen, a camera, a microphone and a speaker of its own, and the real server in between:
//! what two people would do, seen and heard from outside.

mod citizen;
mod files;
mod group;
mod package;
mod pictures;
mod share;
mod updates;

use crate::harness::idle_time::IdleTime;
use crate::harness::meeting::{copied_link, see_each_other};
use crate::harness::sound;
use crate::harness::sound_card::HEADSET;
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
/// What is said where only whether it arrives is asked.
const FEW_WORDS: &str = "The quick brown fox jumps over the lazy dog.";
/// Quieter than this is silence.
const SILENCE_RMS: f32 = 0.001;

/// The system tells of devices at once; a stream takes a moment to begin, and a starved machine several.
const HOT_PLUG_MAX: Duration = Duration::from_secs(5);

const SOON: Duration = Duration::from_secs(10);
const A_WHILE: Duration = Duration::from_secs(30);

#[test]
fn two_people_start_a_call_see_and_hear_each_other_and_hang_up() {
    let folder = tempfile::tempdir().unwrap();
    let speech = spoken(SENTENCE, folder.path());
    let words = spoken(FEW_WORDS, folder.path());
    let ada = Window::open("Ada", CAMERA).unwrap();
    let ben = Window::open("Ben", CAMERA).unwrap();

    // Ada starts a call and copies the link, Ben pastes it.
    ada.photograph("1-home").unwrap();
    ada.type_into("name", "Ada").unwrap();
    ada.click("start-call").unwrap();
    ada.wait_for(A_WHILE, "[data-testid=green-room]").unwrap();
    ada.wait_for_frames("tile-self", 10).unwrap();
    let link = copied_link(&ada).unwrap();
    ada.photograph("2-green-room").unwrap();
    ada.click("join").unwrap();
    ada.wait_for(SOON, "[data-testid=waiting]").unwrap();
    ada.photograph("3-waiting").unwrap();

    ben.type_into("name", "Ben").unwrap();
    change_appearance_by_keyboard(&ben);
    ben.paste_into("link-input", &link).unwrap();
    ben.click("open-link").unwrap();
    ben.wait_for(A_WHILE, "[data-testid=green-room]").unwrap();
    ben.click("join").unwrap();

    // They see each other, at full rate, and what they see is the other's camera.
    see_each_other([&ada, &ben]).unwrap();
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
    let heard = listen_while_speaking(&ada, &ben, &words);
    eprintln!("muted: {:.5} of loudness arrives", sound::rms(&heard));
    assert!(sound::rms(&heard) < SILENCE_RMS, "{}", sound::rms(&heard));
    ada.photograph("5-muted").unwrap();
    ada.click("mute").unwrap();
    ben.wait_until_gone(SOON, "[data-testid=person-muted]").unwrap();
    let (loudness, _) = say_and_listen(&ada, &ben, &words);
    assert!(
        loudness > 0.7,
        "after unmuting, loudness follows only {loudness:.3}"
    );

    other_devices_are_chosen_pulled_out_and_put_back(&ada, &ben, &words);

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
    ben.wait_for_frames("tile-remote", before + 30).unwrap();

    // One hangs up, both are out.
    ben.click("leave").unwrap();
    for (window, name) in [(&ada, "7-ended-ada"), (&ben, "7-ended-ben")] {
        window.wait_for(SOON, "[data-testid=ended]").unwrap();
        window.photograph(name).unwrap();
    }
}

/// With nothing but the keyboard, whose keys come from the X server as a person's do: settings open, the appearance is found
/// and changed, and changed back.
fn change_appearance_by_keyboard(person: &Window) {
    let keyboard = person.keyboard();
    let is_theme = |theme: &str| {
        person
            .wait_for(
                SOON,
                &format!("html[data-theme={theme}] [data-testid=theme-{theme}]:checked"),
            )
            .unwrap();
    };
    keyboard.focus("Parley").unwrap();
    keyboard.press(&["ctrl+comma"]).unwrap();
    person.wait_for(SOON, "[data-testid=settings]").unwrap();
    tab_to(person, "[data-testid=page-appearance]");
    keyboard.press(&["Return"]).unwrap();
    tab_to(person, "[name=theme]");
    keyboard.press(&["Down"]).unwrap();
    is_theme("dark");
    keyboard.press(&["Down"]).unwrap();
    is_theme("light");
    person.photograph("1-settings-by-keyboard").unwrap();
    keyboard.press(&["Up"]).unwrap();
    is_theme("dark");
    keyboard.press(&["Escape"]).unwrap();
    person.wait_until_gone(SOON, "[data-testid=settings]").unwrap();
}

/// Presses Tab until what `css` finds has the focus.
fn tab_to(person: &Window, css: &str) {
    const STOPS_MAX: usize = 30;
    let focused = format!("return !!document.activeElement?.matches('{css}')");
    for _ in 0..STOPS_MAX {
        if person.page().run(&focused).unwrap() == true {
            return;
        }
        person.keyboard().press(&["Tab"]).unwrap();
    }
    let _ = person.photograph("failed");
    panic!("{css} cannot be reached by Tab");
}

/// Both plug in a headset. Ada speaks into its microphone, Ben listens at its speaker; pulled out, the devices from before
/// go on; put back, it counts again.
fn other_devices_are_chosen_pulled_out_and_put_back(ada: &Window, ben: &Window, words: &Path) {
    let [microphone, speaker] = HEADSET;
    for (person, kind, id) in [(ada, "microphone", microphone), (ben, "speaker", speaker)] {
        person.sound.plug_in_headset().unwrap();
        person.click("devices").unwrap();
        let choice = format!("[data-testid^=device-{kind}-][data-testid*={id}]");
        person.wait_for(SOON, &choice).unwrap();
        person.photograph(&format!("5-devices-{kind}")).unwrap();
        person.click_on(&choice).unwrap();
        person
            .wait_for(SOON, &format!("{choice}[aria-checked=true]"))
            .unwrap();
        person.click("devices").unwrap();
    }
    let with = |microphone, speaker, other, when: &str| {
        let quiet = ben.sound.listen_at(other).unwrap();
        let heard = listen_at_while_speaking_into((ada, microphone), (ben, speaker), words);
        let (_, loudness) = sound::find(&sound::read_wav(words).unwrap(), &heard);
        let elsewhere = sound::rms(&quiet.finish().unwrap());
        eprintln!("{when}: loudness follows {loudness:.3}, {elsewhere:.5} of loudness at the other speaker");
        assert!(loudness > 0.7, "{when}: loudness follows only {loudness:.3}");
        assert!(
            elsewhere < SILENCE_RMS,
            "{when}: the other speaker plays too: {elsewhere:.5}"
        );
    };
    with(microphone, speaker, "speaker", "with the headset");

    for person in [ada, ben] {
        person.sound.unplug_headset().unwrap();
    }
    ada.photograph("5-headset-unplugged").unwrap();
    std::thread::sleep(HOT_PLUG_MAX);
    let heard = listen_at_while_speaking_into((ada, "microphone"), (ben, "speaker"), words);
    let (_, loudness) = sound::find(&sound::read_wav(words).unwrap(), &heard);
    eprintln!("without it again: loudness follows {loudness:.3}");
    assert!(
        loudness > 0.7,
        "without it again: loudness follows only {loudness:.3}"
    );

    for person in [ada, ben] {
        person.sound.plug_in_headset().unwrap();
    }
    std::thread::sleep(HOT_PLUG_MAX);
    with(microphone, speaker, "speaker", "with the headset put back");
}

fn spoken(text: &str, folder: &Path) -> PathBuf {
    let wav = folder.join(format!("speech-{}.wav", text.len()));
    sound::say(text, &wav).unwrap();
    wav
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
    listen_at_while_speaking_into((from, "microphone"), (to, "speaker"), speech)
}

fn listen_at_while_speaking_into(
    (from, microphone): (&Window, &str),
    (to, speaker): (&Window, &str),
    speech: &Path,
) -> Vec<f32> {
    let recording = to.sound.listen_at(speaker).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let talking = from.sound.speak_into(microphone, speech).unwrap();
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
