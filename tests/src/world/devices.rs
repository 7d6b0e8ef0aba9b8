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

    /// Does something to a device, and says how many milliseconds after the system's word of it (`changed`) the state holds
    /// all of these words.
    fn prompt(&self, changed: &str, deed: impl FnOnce(&Self) -> Result<()>, words: &[&str]) -> Result<f64> {
        let began = now_us();
        deed(self)?;
        let told = self.hear(began, "the system's word", |line| line["changed"] == changed)?;
        let shown = self.shows(began, words)?;
        Ok(shown.at_us.saturating_sub(told.at_us) as f64 / 1e3)
    }
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
    desk.shows(0, &["microphone Running \"Test Microphone\""]).unwrap();
    desk.probe.say("mute").unwrap();
    desk.shows(0, &["muted true"]).unwrap();
    desk.sound.plug(HEADSET_FEED).unwrap();
    let _speaking = desk
        .sound
        .play_into("headset_feed", &tone(folder.path()))
        .unwrap();

    let (mut defaults, mut heard, mut unplugged) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let began = now_us();
        desk.sound.plug(HEADSET).unwrap();
        // One more to choose, and nothing else changes.
        desk.shows(
            began,
            &["Test Microphone, Headset", "Running \"Test Microphone\""],
        )
        .unwrap();
        let began = now_us();
        defaults.push(
            desk.prompt(
                "Sound",
                |desk| desk.sound.set_default("source", "headset"),
                &["microphone Running \"Headset\""],
            )
            .unwrap(),
        );
        // Only the headset hears something.
        let told = desk.hear(began, "the word", |line| line["changed"] == "Sound").unwrap();
        let hears = desk.hear(began, "sound", |line| line["hears"] == true).unwrap();
        heard.push((hears.at_us - told.at_us) as f64 / 1e3);
        let unplug = |desk: &Desk| desk.sound.unplug("source_name=headset");
        let words = ["microphone Running \"Test Microphone\"", "muted true"];
        unplugged.push(desk.prompt("Sound", unplug, &words).unwrap());
        if round == 0 {
            let news = "Microphone Unplugged Test Microphone for Some(\"Headset\")";
            desk.shows(began, &[news]).unwrap();
        }
        desk.hear(began, "silence", |line| line["hears"] == false).unwrap();
    }
    check("another default microphone", &defaults);
    check("another default microphone, heard (levels come ten times a second)", &heard);
    check("microphone unplugged, the default one stands in", &unplugged);

    // The chosen one is used again as soon as it is back.
    let mut back = Vec::new();
    desk.probe.say("choose microphone pulseaudio:headset").unwrap();
    for _ in 0..ROUNDS {
        let plug = |desk: &Desk| desk.sound.plug(HEADSET);
        let words = ["microphone Running \"Headset\"", "muted true"];
        back.push(desk.prompt("Sound", plug, &words).unwrap());
        desk.sound.unplug("source_name=headset").unwrap();
        desk.shows(now_us() - 1, &["microphone Running \"Test Microphone\""])
            .unwrap();
    }
    check("the chosen microphone is back", &back);
}

#[test]
fn a_speaker_is_followed_through_default_and_unplug() {
    let desk = Desk::open().unwrap();
    desk.shows(0, &["speaker Running \"Test Speaker\""]).unwrap();
    let (mut defaults, mut unplugged) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        desk.sound.plug(USB_SPEAKER).unwrap();
        let default = |desk: &Desk| desk.sound.set_default("sink", "usb_speaker");
        defaults.push(
            desk.prompt("Sound", default, &["speaker Running \"USB\""])
                .unwrap(),
        );
        let unplug = |desk: &Desk| desk.sound.unplug("sink_name=usb_speaker");
        let words = ["speaker Running \"Test Speaker\"", "Speaker Unplugged Test Speaker"];
        unplugged.push(desk.prompt("Sound", unplug, &words).unwrap());
    }
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
        missed.push(desk.prompt("Cameras", take_out, &["camera Missing"]).unwrap());
        let put_in = |desk: &Desk| desk.camera.put_in(pid);
        back.push(
            desk.prompt("Cameras", put_in, &["camera Running \"Desk Camera\""])
                .unwrap(),
        );
    }
    check("camera gone", &missed);
    check("camera back, first picture taken", &back);
}
