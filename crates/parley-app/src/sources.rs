//! Where picture and sound of this side come from, in the words of a command line: a device, or something without one.
//!
//! Only names; opening them is [`crate::endpoint`]'s.

use crate::view::{CameraResolution, CameraSettings};
use parley_media::audio::AudioInput;
use parley_media::video::VideoInput;
use parley_proto::{FrameRate, Resolution};
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// What a camera is asked for where nobody chose; one that cannot gives what it has. The pattern has it too.
pub const CAMERA_RESOLUTION: Resolution = Resolution::new(1280, 720);
/// Frames per second that a camera is asked for where nobody chose.
pub const CAMERA_FRAME_RATE: FrameRate = FrameRate::new(30);

/// Where the picture comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PictureSource {
    /// The chosen camera.
    #[default]
    Camera,
    /// A moving picture with a number and a clock in it.
    Pattern(Resolution),
    /// A y4m file, from the beginning again at its end.
    File(PathBuf),
    /// No picture is sent.
    Off,
}

/// Where the sound comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SoundSource {
    /// The chosen microphone.
    #[default]
    Microphone,
    /// A steady tone.
    Tone,
    /// Something like speech, with a click at each full second.
    Speech,
    /// A wav file, from the beginning again at its end.
    File(PathBuf),
    /// No sound is sent.
    Off,
}

/// Where the sound of the others goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SoundSink {
    /// The chosen speaker.
    #[default]
    Speaker,
    /// Nowhere, at the same pace.
    Nowhere,
}

/// All three.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The picture.
    pub picture: PictureSource,
    /// The sound.
    pub sound: SoundSource,
    /// The sound of the others.
    pub sink: SoundSink,
}

impl FromStr for PictureSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "camera" => Self::Camera,
            "pattern" => Self::Pattern(CAMERA_RESOLUTION),
            "off" => Self::Off,
            text => match text.strip_prefix("pattern:").and_then(size) {
                Some(resolution) => Self::Pattern(resolution),
                None => Self::File(text.into()),
            },
        })
    }
}

impl FromStr for SoundSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "mic" => Self::Microphone,
            "tone" => Self::Tone,
            "speech" => Self::Speech,
            "off" => Self::Off,
            file => Self::File(file.into()),
        })
    }
}

/// A word that names no sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is either speaker or none")]
pub struct ParseSinkError;

impl FromStr for SoundSink {
    type Err = ParseSinkError;

    fn from_str(text: &str) -> Result<Self, ParseSinkError> {
        match text {
            "speaker" => Ok(Self::Speaker),
            "none" => Ok(Self::Nowhere),
            _ => Err(ParseSinkError),
        }
    }
}

/// `640x360`, with even sides.
fn size(text: &str) -> Option<Resolution> {
    let (width, height) = text.split_once('x')?;
    let (width, height) = (width.parse().ok()?, height.parse().ok()?);
    let possible = |side: u32| side.is_multiple_of(2) && (2..=4096).contains(&side);
    (possible(width) && possible(height)).then_some(Resolution::new(width, height))
}

impl PictureSource {
    /// What to open; `camera` is the id of the chosen one, which is asked for `wish`. Nothing when off.
    #[must_use]
    pub fn input(&self, camera: Option<String>, wish: CameraSettings) -> Option<VideoInput> {
        Some(match self {
            Self::Camera => VideoInput::Camera {
                id: camera,
                resolution: match wish.resolution {
                    CameraResolution::P360 => Resolution::new(640, 360),
                    CameraResolution::P720 => Resolution::new(1280, 720),
                    CameraResolution::P1080 => Resolution::new(1920, 1080),
                },
                frame_rate: FrameRate::new(wish.frame_rate),
            },
            Self::Pattern(resolution) => VideoInput::Pattern {
                resolution: *resolution,
                frame_rate: CAMERA_FRAME_RATE,
            },
            Self::File(path) => VideoInput::Y4m { path: path.clone() },
            Self::Off => return None,
        })
    }
}

impl SoundSource {
    /// What to open; `microphone` is the id of the chosen one.
    #[must_use]
    pub fn input(&self, microphone: Option<String>) -> AudioInput {
        match self {
            Self::Microphone => AudioInput::Device { id: microphone },
            Self::Tone => AudioInput::Tone,
            Self::Speech => AudioInput::Speech,
            Self::File(path) => AudioInput::Wav { path: path.clone() },
            Self::Off => AudioInput::Off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_as_on_the_command_line() {
        let check = |text: &str, expect: PictureSource| assert_eq!(text.parse(), Ok(expect), "{text}");
        check("camera", PictureSource::Camera);
        check("pattern", PictureSource::Pattern(CAMERA_RESOLUTION));
        check(
            "pattern:640x360",
            PictureSource::Pattern(Resolution::new(640, 360)),
        );
        check("off", PictureSource::Off);
        check("clip.y4m", PictureSource::File("clip.y4m".into()));
        check("pattern:641x360", PictureSource::File("pattern:641x360".into()));
        let check = |text: &str, expect: SoundSource| assert_eq!(text.parse(), Ok(expect), "{text}");
        check("mic", SoundSource::Microphone);
        check("speech", SoundSource::Speech);
        check("voice.wav", SoundSource::File("voice.wav".into()));
    }

    #[test]
    fn a_camera_is_asked_for_what_was_chosen_and_by_default_for_the_usual() {
        let check = |wish: CameraSettings, resolution: Resolution, fps: u32| {
            let expect = VideoInput::Camera {
                id: None,
                resolution,
                frame_rate: FrameRate::new(fps),
            };
            assert_eq!(PictureSource::Camera.input(None, wish), Some(expect));
        };
        check(
            CameraSettings::default(),
            CAMERA_RESOLUTION,
            CAMERA_FRAME_RATE.get(),
        );
        let slow = CameraSettings {
            resolution: CameraResolution::P360,
            frame_rate: 15,
        };
        check(slow, Resolution::new(640, 360), 15);
    }
}
