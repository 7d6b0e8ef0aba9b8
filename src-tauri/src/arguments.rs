//! The shell's command line.

use clap::Parser;
use parley_app::sources::{PictureSource, SoundSink, SoundSource, Sources};
use parley_proto::Bitrate;

/// Parley: voice and video calls, directly between two computers.
#[derive(Parser)]
#[command(name = "parley", version, after_help = ENVIRONMENT)]
pub(crate) struct Arguments {
    /// A link to a call, as it was sent to you.
    pub(crate) link: Option<String>,
    /// For trying Parley without devices: camera, pattern, pattern:WIDTHxHEIGHT, a .y4m file, or off.
    #[arg(long, default_value = "camera")]
    video: PictureSource,
    /// For trying Parley without devices: mic, tone, speech, a .wav file, or off.
    #[arg(long, default_value = "mic")]
    audio: SoundSource,
    /// Where the sound of the others goes: speaker, or none.
    #[arg(long, default_value = "speaker")]
    output: SoundSink,
    /// The most video to send, in kbit/s.
    #[arg(long)]
    max_kbps: Option<u64>,
}

const ENVIRONMENT: &str = "\
Environment:
  PARLEY_DATA_DIR  where settings are kept, instead of the usual place
  PARLEY_LOG       what to log on standard error, such as info or parley_call=debug";

impl Arguments {
    /// The most picture to send, if less than usual.
    pub(crate) fn bitrate_max(&self) -> Option<Bitrate> {
        self.max_kbps.map(Bitrate::from_kbps)
    }

    /// Where picture and sound come from.
    pub(crate) fn sources(&self) -> Sources {
        Sources {
            picture: self.video.clone(),
            sound: self.audio.clone(),
            sink: self.output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_arguments_devices_are_used() {
        let arguments = Arguments::parse_from(["parley"]);
        assert_eq!(arguments.sources(), Sources::default());
        assert_eq!(arguments.link, None);
    }

    #[test]
    fn a_window_can_be_tried_without_devices() {
        let arguments = Arguments::parse_from([
            "parley", "--video", "pattern", "--audio", "speech", "--output", "none",
        ]);
        assert_eq!(arguments.sources().sound, SoundSource::Speech);
        assert_eq!(arguments.sources().sink, SoundSink::Nowhere);
        assert!(Arguments::try_parse_from(["parley", "--output", "loud"]).is_err());
    }
}
