//! A sound card without hardware: a PulseAudio server of its own with a microphone that hears what is played into it and
//! a speaker that can be listened to.
//!
//! The microphone is never digital zero, as no real one that is on: it hums at 50 Hz, so far below anything audible that
//! noise suppression takes it for silence, which costs nothing.
//!
//! `norewinds=1` matters: without it an idle sink renders two seconds ahead and a new stream stalls.

use super::programs::Program;
use anyhow::{Context as _, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How the sound server is put together.
const CONFIGURATION: &str = "\
load-module module-native-protocol-unix auth-anonymous=1 socket=SOCKET
load-module module-null-sink sink_name=microphone_feed format=float32le rate=48000 norewinds=1 sink_properties=\"device.description='Microphone Feed'\"
load-module module-remap-source source_name=microphone master=microphone_feed.monitor source_properties=\"device.description='Test Microphone'\"
load-module module-null-sink sink_name=speaker rate=48000 norewinds=1 sink_properties=\"device.description='Test Speaker'\"
set-default-sink speaker
set-default-source microphone
";

/// The second microphone and the second speaker, by the names that the sound server knows them by.
pub const HEADSET: [&str; 2] = ["headset_microphone", "headset_speaker"];

/// A microphone and a speaker. Gone when dropped.
#[derive(Debug)]
pub struct SoundCard {
    server: Program,
    folder: TempDir,
}

impl SoundCard {
    /// Starts the sound server.
    ///
    /// # Errors
    /// When PulseAudio is not installed or does not come up.
    pub fn plug_in() -> Result<Self> {
        let folder = TempDir::with_prefix("parley-sound-")?;
        let path = folder.path();
        let configuration = CONFIGURATION.replace("SOCKET", &path.join("native").display().to_string());
        std::fs::write(path.join("pulse.pa"), configuration)?;
        let mut command = Command::new("pulseaudio");
        command
            .args(["-n", "-F"])
            .arg(path.join("pulse.pa"))
            .args(["--daemonize=no", "--exit-idle-time=-1", "--disallow-exit=no"])
            .args(["--use-pid-file=no", "--log-level=notice"])
            .env("XDG_RUNTIME_DIR", path)
            .env("HOME", path)
            .env_remove("PULSE_SERVER");
        let server =
            Program::start("pulseaudio", &mut command).context("is the package pulseaudio installed?")?;
        let card = Self { server, folder };
        card.wait_until_ready()?;
        card.hum()?;
        Ok(card)
    }

    /// What a program needs in its environment to find this sound card and no other.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let folder = self.folder.path().display().to_string();
        vec![
            ("PULSE_SERVER".into(), format!("unix:{folder}/native")),
            ("XDG_RUNTIME_DIR".into(), folder.clone()),
            ("PULSE_STATE_PATH".into(), folder.clone()),
            ("PULSE_COOKIE".into(), format!("{folder}/cookie")),
        ]
    }

    /// Speaks a wav file into the microphone; the program that does it ends when dropped.
    ///
    /// # Errors
    /// When `paplay` is missing.
    pub fn speak(&self, wav: &Path) -> Result<Program> {
        self.speak_into("microphone", wav)
    }

    /// Speaks into the microphone called `microphone`.
    ///
    /// # Errors
    /// When `paplay` is missing.
    pub fn speak_into(&self, microphone: &str, wav: &Path) -> Result<Program> {
        self.play_into(&format!("{microphone}_feed"), wav)
    }

    /// Plays a wav file into any of its sinks.
    ///
    /// # Errors
    /// When `paplay` is missing.
    pub fn play_into(&self, sink: &str, wav: &Path) -> Result<Program> {
        let mut command = Command::new("paplay");
        command.args(["--device", sink]).arg(wav).envs(self.environment());
        Program::start("paplay", &mut command)
    }

    /// Listens at the speaker until the returned recording is finished.
    ///
    /// # Errors
    /// When `parec` is missing.
    pub fn listen(&self) -> Result<Recording> {
        self.listen_at("speaker")
    }

    /// Listens at the speaker called `speaker`.
    ///
    /// # Errors
    /// When `parec` is missing.
    pub fn listen_at(&self, speaker: &str) -> Result<Recording> {
        let file = self
            .folder
            .path()
            .join(format!("{speaker}-{}.raw", self.pulse_time()));
        let mut command = Command::new("parec");
        command
            .args([
                "--device",
                &format!("{speaker}.monitor"),
                "--format=s16le",
                "--rate=48000",
                "--channels=1",
            ])
            // Under 100 ms parec scrambles what it records.
            .args(["--latency-msec=200", "--raw"])
            .arg(&file)
            .envs(self.environment());
        let program = Program::start("parec", &mut command)?;
        Ok(Recording { program, file })
    }

    /// Adds a module (a device is plugged in): its name and its arguments.
    ///
    /// # Errors
    /// When the sound server does not take it.
    pub fn plug(&self, module: &[&str]) -> Result<()> {
        self.control(&[&["load-module"], module].concat()).map(drop)
    }

    /// Makes a device the default one: `source` or `sink`, and its name.
    ///
    /// # Errors
    /// When there is none such.
    pub fn set_default(&self, kind: &str, name: &str) -> Result<()> {
        self.control(&[&format!("set-default-{kind}"), name]).map(drop)
    }

    /// Plugs in a second microphone and a second speaker, [`HEADSET`]; nothing prefers them.
    ///
    /// # Errors
    /// When the sound server is gone.
    pub fn plug_in_headset(&self) -> Result<()> {
        let [microphone, speaker] = HEADSET;
        let feed = format!("{microphone}_feed");
        self.load_sink(&feed, "Headset Feed")?;
        self.plug(&[
            "module-remap-source",
            &format!("source_name={microphone}"),
            &format!("master={feed}.monitor"),
            "source_properties=\"device.description='Headset Microphone'\"",
        ])?;
        self.load_sink(speaker, "Headset Speaker")
    }

    /// Pulls it out.
    ///
    /// # Errors
    /// When it is not there.
    pub fn unplug_headset(&self) -> Result<()> {
        let [microphone, speaker] = HEADSET;
        self.unplug(&format!("source_name={microphone}"))?;
        self.unplug(&format!("sink_name={microphone}_feed"))?;
        self.unplug(&format!("sink_name={speaker}"))
    }

    fn load_sink(&self, name: &str, words: &str) -> Result<()> {
        self.plug(&[
            "module-null-sink",
            &format!("sink_name={name}"),
            "rate=48000",
            "norewinds=1",
            &format!("sink_properties=\"device.description='{words}'\""),
        ])
    }

    /// Takes a module away (a device is unplugged) by a word of its arguments, such as `sink_name=speaker`.
    ///
    /// # Errors
    /// When there is none such.
    pub fn unplug(&self, argument: &str) -> Result<()> {
        let modules = self.control(&["list", "short", "modules"])?;
        let Some(line) = modules.lines().find(|line| line.contains(argument)) else {
            bail!("the sound card has no module with {argument}");
        };
        let number = line.split_whitespace().next().unwrap_or_default();
        self.control(&["unload-module", number]).map(drop)
    }

    fn hum(&self) -> Result<()> {
        self.plug(&["module-sine", "sink=microphone_feed", "frequency=50"])?;
        let inputs = self.control(&["list", "short", "sink-inputs"])?;
        let sine = inputs.split_whitespace().next().context("nothing hums")?;
        self.control(&["set-sink-input-volume", sine, "2%"]).map(drop)
    }

    fn pulse_time(&self) -> u128 {
        // Only has to differ from one recording to the next.
        std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_micros())
    }

    fn control(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("pactl")
            .args(arguments)
            .envs(self.environment())
            .stdin(Stdio::null())
            .output()
            .context("the program pactl is missing (package pulseaudio-utils)")?;
        ensure!(
            output.status.success(),
            "pactl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            match self.control(&["list", "short", "sinks"]) {
                Ok(sinks) if sinks.contains("speaker") => return Ok(()),
                Ok(_) | Err(_) if Instant::now() < deadline && self.server.try_wait().is_none() => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                _ => bail!(
                    "the sound server did not come up:\n{}",
                    self.server.lines().join("\n")
                ),
            }
        }
    }
}

/// Sound being recorded at a speaker.
#[derive(Debug)]
pub struct Recording {
    program: Program,
    file: PathBuf,
}

impl Recording {
    /// Ends the recording: mono, 48 kHz, between -1 and 1.
    ///
    /// # Errors
    /// When nothing was recorded.
    pub fn finish(self) -> Result<Vec<f32>> {
        drop(self.program);
        let bytes = std::fs::read(&self.file).context("nothing was recorded")?;
        Ok(bytes
            .chunks_exact(2)
            .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_played_at_the_speaker_is_heard_there() {
        let card = SoundCard::plug_in().unwrap();
        let wav = card.folder.path().join("tone.wav");
        let format = hound::WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&wav, format).unwrap();
        for index in 0..48_000 {
            let phase = index as f32 / 48_000.0 * 440.0 * std::f32::consts::TAU;
            writer.write_sample((phase.sin() * 10_000.0) as i16).unwrap();
        }
        writer.finalize().unwrap();
        let recording = card.listen().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let status = Command::new("paplay")
            .args(["--device", "speaker"])
            .arg(&wav)
            .envs(card.environment())
            .status()
            .unwrap();
        assert!(status.success());
        std::thread::sleep(Duration::from_millis(700));
        let heard = recording.finish().unwrap();
        let loud = heard.iter().filter(|sample| sample.abs() > 0.05).count();
        assert!(loud > 30_000, "{loud} loud samples of {}", heard.len());
    }
}
