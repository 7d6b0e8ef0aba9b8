//! What a command line names and this computer does not have, found before anybody is called. A driver: it looks at files
//! and asks for devices. What fails later is told by [`crate::own`].

use crate::arguments::Wish;
use crate::relays;
use parley_app::sources::{PictureSource, SoundSink, SoundSource};
use parley_media::audio::check_wav;
use parley_media::device::{list_cameras, list_microphones, list_speakers};
use parley_media::time::CaptureTime;
use parley_media::video::y4m::{ReadY4mError, Y4mReader};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Instant;

/// Why this cannot be done, as a sentence.
pub(crate) fn check(wish: &Wish) -> Result<(), String> {
    relays::options(wish)?;
    check_picture(&wish.video)?;
    check_sound(&wish.audio)?;
    if wish.output == SoundSink::Speaker && is_none(list_speakers) {
        return Err(
            "--output speaker: this computer has no speaker. Leave it out to hear nothing.".to_owned(),
        );
    }
    for file in &wish.send {
        check_file(file).map_err(|error| format!("--send {}: {error}.", file.display()))?;
    }
    Ok(())
}

/// Whether there certainly is none of such devices. A driver that fails to tell may still open one.
fn is_none<Device>(list: fn() -> Vec<Device>) -> bool {
    std::panic::catch_unwind(list).is_ok_and(|devices| devices.is_empty())
}

fn check_picture(source: &PictureSource) -> Result<(), String> {
    match source {
        PictureSource::Camera if is_none(list_cameras) => Err(
            "--video camera: this computer has no camera. Send --video pattern, a .y4m file, or off.".to_owned(),
        ),
        PictureSource::File(path) => check_y4m(path).map_err(|error| {
            format!(
                "--video {}: {error}. It takes camera, pattern, pattern:WIDTHxHEIGHT (even, at most 4096), a .y4m file, or off.",
                path.display()
            )
        }),
        _ => Ok(()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: a picture is read, and has a time"
)]
fn check_y4m(path: &Path) -> Result<(), ReadY4mError> {
    Y4mReader::open(path)?
        .next_looped(CaptureTime(Instant::now()))
        .map(drop)
}

fn check_sound(source: &SoundSource) -> Result<(), String> {
    match source {
        SoundSource::Microphone if is_none(list_microphones) => Err(
            "--audio mic: this computer has no microphone. Send --audio speech, tone, a .wav file, or off."
                .to_owned(),
        ),
        SoundSource::File(path) => check_wav(path).map_err(|error| {
            format!(
                "--audio {}: {error}. It takes mic, tone, speech, a .wav file, or off.",
                path.display()
            )
        }),
        _ => Ok(()),
    }
}

fn check_file(path: &Path) -> io::Result<()> {
    if File::open(path)?.metadata()?.is_file() {
        Ok(())
    } else {
        Err(io::Error::other("this is no file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Action, Arguments};
    use clap::Parser as _;

    fn verdict(more: &[&str]) -> Result<(), String> {
        let arguments = ["parley-cli", "join", "LINK"]
            .into_iter()
            .chain(more.iter().copied());
        let Action::Join { wish, .. } = Arguments::parse_from(arguments).action else {
            panic!("not joined");
        };
        check(&wish)
    }

    #[test]
    fn what_is_named_and_cannot_be_used_is_told_before_the_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("text.y4m"), "hello").unwrap();
        std::fs::write(path("text.wav"), "hello").unwrap();
        std::fs::write(path("header.y4m"), "YUV4MPEG2 W4 H4 F30:1\n").unwrap();
        for (arguments, named) in [
            (["--video", "pattern:641x360"], "pattern:641x360"),
            (["--video", &path("none.y4m")], "none.y4m"),
            (["--video", &path("text.y4m")], "text.y4m"),
            (["--video", &path("header.y4m")], "no whole picture"),
            (["--audio", &path("none.wav")], "none.wav"),
            (["--audio", &path("text.wav")], "text.wav"),
            (["--send", &path("none.pdf")], "none.pdf"),
            (["--send", folder.path().to_str().unwrap()], "no file"),
        ] {
            let said = verdict(&arguments).unwrap_err();
            assert!(said.starts_with(arguments[0]) && said.contains(named), "{said}");
        }
        std::fs::write(
            path("whole.y4m"),
            [b"YUV4MPEG2 W4 H4 F30:1\nFRAME\n", &[0; 24][..]].concat(),
        )
        .unwrap();
        let whole = path("whole.y4m");
        assert_eq!(
            verdict(&["--video", &whole, "--audio", "off", "--send", &whole]),
            Ok(())
        );
        assert_eq!(
            verdict(&[]),
            Ok(()),
            "nothing of this computer is needed by default"
        );
    }
}
