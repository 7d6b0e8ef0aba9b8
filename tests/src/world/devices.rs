//! Devices that are plugged in and pulled out while they are used: how soon the next one works, and what is told of it.
//!
//! The engine runs in the program `device-probe`, with a sound card and a camera of its own.

use crate::harness::fake_camera::FakeCamera;
use crate::harness::programs::{Program, our};
use crate::harness::sound_card::SoundCard;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, SystemTime};

const PATIENCE: Duration = Duration::from_secs(15);
/// Each thing is done so often, and the best counts: the machine may have other things to do.
const ROUNDS: usize = 3;
/// From the system's word that something changed to a stream that works.
const PROMPT_MS: f64 = 300.0;
const HEADSET: &[&str] = &[
    "module-remap-source",
    "source_name=headset",
    "master=headset_feed.monitor",
    "source_properties=device.description='Headset'",
];
const HEADSET_FEED: &[&str] = &[
    "module-null-sink",
    "sink_name=headset_feed",
    "rate=48000",
    "norewinds=1",
];
const USB_SPEAKER: &[&str] = &[
    "module-null-sink",
    "sink_name=usb_speaker",
    "rate=48000",
    "norewinds=1",
    "sink_properties=device.description='USB'",
];

/// The probe and everything that is plugged into it.
struct Desk {
    probe: Program,
    sound: SoundCard,
    camera: FakeCamera,
}

/// A line that the probe said, and when.
struct Said {
    at_us: u64,
    line: Value,
}

impl Desk {
    fn open() -> Result<Self> {
        let sound = SoundCard::plug_in()?;
        let camera = FakeCamera::plug_in("Desk Camera", &["640x360@30:YUYV"])?;
        let mut command = our("device-probe")?;
        command.envs(sound.environment()).env("RUST_LOG", "info");
        let probe = Program::start("device-probe", &mut camera.attach(&command))?;
        Ok(Self { probe, sound, camera })
    }

    /// The first line since `since_us` that is right.
    fn hear(&self, since_us: u64, what: &str, right: impl Fn(&Value) -> bool) -> Result<Said> {
        let wanted = |line: &str| {
            let said = parse(line)?;
            (said.at_us >= since_us && right(&said.line)).then_some(said)
        };
        let line = self.probe.wait_for_line(PATIENCE, |line| wanted(line).is_some());
        let line = line.with_context(|| format!("waited for {what}"))?;
        wanted(&line).context("a line that is none")
    }

    /// Until the state holds all of these words.
    fn shows(&self, since_us: u64, words: &[&str]) -> Result<Said> {
        self.hear(since_us, &format!("{words:?}"), |line| {
            let state = line["state"].as_str().unwrap_or_default();
            words.iter().all(|word| state.contains(word))
        })
    }

    /// Does something to a device, and says how many milliseconds after the system's word of it (`changed`) the state is
    /// right.
    fn prompt(
        &self,
        changed: &str,
        deed: impl FnOnce(&Self) -> Result<()>,
        right: impl Fn(&str) -> bool,
    ) -> Result<f64> {
        let began = now_us();
        deed(self)?;
        let told = self.hear(began, "the system's word", |line| line["changed"] == changed)?;
        let shown = self.hear(began, "another state", |line| {
            line["state"].as_str().is_some_and(&right)
        })?;
        Ok(shown.at_us.saturating_sub(told.at_us) as f64 / 1e3)
    }
}

/// What a state must hold.
fn holds(words: &'static str) -> impl Fn(&str) -> bool {
    move |state| state.contains(words)
}

fn parse(line: &str) -> Option<Said> {
    let line: Value = serde_json::from_str(line).ok()?;
    let at_us = line["at_us"].as_u64()?;
    Some(Said { at_us, line })
}

fn now_us() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_micros() as u64)
}

/// The best of some rounds is prompt.
fn check(what: &str, times_ms: &[f64]) {
    eprintln!("{what}: {times_ms:.0?} ms after the system's word");
    let best = times_ms.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(best < PROMPT_MS, "{what}: {best:.0} ms at best");
}

fn tone(folder: &Path) -> std::path::PathBuf {
    let wav = folder.join("tone.wav");
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&wav, format).unwrap();
    for index in 0..48_000 * 60 {
        let phase = index as f32 / 48_000.0 * 440.0 * std::f32::consts::TAU;
        writer.write_sample((phase.sin() * 10_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    wav
}

#[test]
fn a_microphone_is_followed_through_default_unplug_and_replug_and_stays_muted() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open().unwrap();
    desk.shows(0, &["microphone Running \"Test Microphone\""])
        .unwrap();
    desk.probe.say("mute").unwrap();
    desk.shows(0, &["muted true"]).unwrap();
    desk.sound.plug(HEADSET_FEED).unwrap();
    let _speaking = desk
        .sound
        .play_into("headset_feed", &tone(folder.path()))
        .unwrap();

    let is_default = holds("microphone Running \"Test Microphone\"");
    let (mut defaults, mut heard, mut unplugged) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // The sound server remembers what was the default when it was unplugged.
        desk.sound.set_default("source", "microphone").unwrap();
        let began = now_us();
        desk.sound.plug(HEADSET).unwrap();
        // One more to choose, and nothing else changes.
        desk.shows(
            began,
            &[
                "Test Microphone, Headset",
                "microphone Running \"Test Microphone\"",
            ],
        )
        .unwrap();
        let began = now_us();
        let make_default = |desk: &Desk| desk.sound.set_default("source", "headset");
        let headset = holds("microphone Running \"Headset\"");
        defaults.push(desk.prompt("Sound", make_default, headset).unwrap());
        // Only the headset hears something.
        let told = desk
            .hear(began, "the word", |line| line["changed"] == "Sound")
            .unwrap();
        let hears = desk.hear(began, "sound", |line| line["hears"] == true).unwrap();
        heard.push(hears.at_us.saturating_sub(told.at_us) as f64 / 1e3);
        let unplug = |desk: &Desk| desk.sound.unplug("source_name=headset");
        unplugged.push(desk.prompt("Sound", unplug, &is_default).unwrap());
        let news = "Microphone Unplugged Test Microphone for Some(\"Headset\")";
        desk.shows(began, &[news]).unwrap();
        desk.hear(began, "silence", |line| line["hears"] == false)
            .unwrap();
    }
    check("another default microphone", &defaults);
    check(
        "another default microphone, heard (levels come ten times a second)",
        &heard,
    );
    check("microphone unplugged, the default one stands in", &unplugged);

    // The chosen one is used again as soon as it is back.
    desk.sound.set_default("source", "microphone").unwrap();
    desk.probe.say("choose microphone pulseaudio:headset").unwrap();
    let mut back = Vec::new();
    for _ in 0..ROUNDS {
        let plug = |desk: &Desk| desk.sound.plug(HEADSET);
        let muted_headset =
            |state: &str| state.contains("microphone Running \"Headset\"") && state.contains("muted true");
        back.push(desk.prompt("Sound", plug, muted_headset).unwrap());
        let unplug = |desk: &Desk| desk.sound.unplug("source_name=headset");
        desk.prompt("Sound", unplug, &is_default).unwrap();
    }
    check("the chosen microphone is back", &back);
}

#[test]
fn a_microphone_that_gives_nothing_at_all_is_told_of_and_one_that_only_hums_is_not() {
    let desk = Desk::open().unwrap();
    desk.shows(0, &["microphone Running \"Test Microphone\""])
        .unwrap();
    desk.sound.plug(HEADSET_FEED).unwrap();
    desk.sound.plug(HEADSET).unwrap();
    std::thread::sleep(Duration::from_secs(6));
    desk.sound.set_default("source", "headset").unwrap();
    let switched = desk.shows(0, &["microphone Running \"Headset\""]).unwrap();
    let told = desk.shows(0, &["MicrophoneSilent"]).unwrap();
    let after_s = told.at_us.saturating_sub(switched.at_us) as f64 / 1e6;
    eprintln!("told {after_s:.1} s after it was opened");
    assert!(
        after_s > 3.0,
        "told after {after_s:.1} s, perhaps of the one that hums"
    );
    desk.sound.set_default("source", "microphone").unwrap();
    desk.hear(told.at_us, "no problem", |line| {
        line["state"]
            .as_str()
            .is_some_and(|state| !state.contains("MicrophoneSilent"))
    })
    .unwrap();
}

#[test]
fn a_speaker_is_followed_through_default_and_unplug() {
    let desk = Desk::open().unwrap();
    desk.shows(0, &["speaker Running \"Test Speaker\""]).unwrap();
    let (mut defaults, mut unplugged) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        desk.sound.plug(USB_SPEAKER).unwrap();
        let make_default = |desk: &Desk| desk.sound.set_default("sink", "usb_speaker");
        let usb = holds("speaker Running \"USB\"");
        defaults.push(desk.prompt("Sound", make_default, &usb).unwrap());
        let unplug = |desk: &Desk| desk.sound.unplug("sink_name=usb_speaker");
        // Which one the sound server takes then is its own affair.
        let another = |state: &str| state.contains("speaker Running") && !usb(state);
        unplugged.push(desk.prompt("Sound", unplug, another).unwrap());
        let make_default = |desk: &Desk| desk.sound.set_default("sink", "speaker");
        let began = now_us();
        make_default(&desk).unwrap();
        desk.shows(
            began.saturating_sub(1_000_000),
            &["speaker Running \"Test Speaker\""],
        )
        .unwrap();
    }
    desk.shows(0, &["Speaker Unplugged", "for Some(\"USB\")"])
        .unwrap();
    check("another default speaker", &defaults);
    check("speaker unplugged, the default one stands in", &unplugged);
}

#[test]
fn a_camera_is_missed_and_found_again_as_soon_as_its_node_goes_and_comes() {
    let desk = Desk::open().unwrap();
    desk.shows(0, &["camera Running \"Desk Camera\""]).unwrap();
    let pid = desk.probe.pid();
    let (mut missed, mut back) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let take_out = |desk: &Desk| desk.camera.take_out(pid);
        missed.push(desk.prompt("Cameras", take_out, holds("camera Missing")).unwrap());
        let put_in = |desk: &Desk| desk.camera.put_in(pid);
        let running = holds("camera Running \"Desk Camera\"");
        back.push(desk.prompt("Cameras", put_in, running).unwrap());
    }
    check("camera gone", &missed);
    check("camera back, first picture taken", &back);
}
