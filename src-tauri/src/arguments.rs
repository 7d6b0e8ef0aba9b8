//! The shell's command line.

use clap::{Parser, Subcommand, ValueEnum};
use parley_app::sources::{PictureSource, SoundSink, SoundSource, Sources};
use parley_desktop::instance::{Ask, Talk};
use parley_proto::Bitrate;
use std::ffi::OsString;

/// Parley: voice and video calls, directly between two computers.
#[derive(Parser)]
#[command(name = "parley", version, after_help = ENVIRONMENT, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
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
    /// Start minimised, as after logging in.
    #[arg(long)]
    pub(crate) minimized: bool,
}

#[derive(Subcommand)]
enum Action {
    /// Push-to-talk and mute of the running Parley, for the keys of a desktop that hands none to programs.
    Ptt {
        /// What the key does.
        key: Key,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Key {
    /// Talk, when muted.
    Down,
    /// Talk no more.
    Up,
    /// Mute or unmute.
    ToggleMute,
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

    /// What to say to the running one, if it is only that.
    pub(crate) const fn talk(&self) -> Option<Talk> {
        match &self.action {
            Some(Action::Ptt { key: Key::Down }) => Some(Talk::Down),
            Some(Action::Ptt { key: Key::Up }) => Some(Talk::Up),
            Some(Action::Ptt { key: Key::ToggleMute }) => Some(Talk::ToggleMute),
            None => None,
        }
    }

    /// What a second start means to the one that runs already.
    pub(crate) fn for_the_running_one(&self) -> Ask {
        let link = self.link.clone();
        link.map_or(Ask::Show, |link| Ask::Open { link })
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

/// The words for the next start of this program by itself, as after an update: without the link, which was opened already,
/// and with a window to be seen.
pub(crate) fn to_start_again(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words = words.into_iter();
    let mut kept: Vec<OsString> = words.next().into_iter().collect();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        // After it there is nothing but the link.
        if text == "--" {
            break;
        }
        if text == "--minimized" || !text.starts_with("--") {
            continue;
        }
        // All the others have a value.
        let value = if text.contains('=') { None } else { words.next() };
        kept.push(word);
        kept.extend(value);
    }
    kept
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
    fn a_key_of_the_desktop_can_talk() {
        let talk = |words: &[&str]| Arguments::try_parse_from(words).map(|arguments| arguments.talk());
        assert_eq!(talk(&["parley", "ptt", "down"]).unwrap(), Some(Talk::Down));
        assert_eq!(
            talk(&["parley", "ptt", "toggle-mute"]).unwrap(),
            Some(Talk::ToggleMute)
        );
        assert!(talk(&["parley", "ptt"]).is_err());
        let link = "parley://join/host/room#secret";
        assert_eq!(talk(&["parley", link]).unwrap(), None);
        let asked = Arguments::parse_from(["parley", link]).for_the_running_one();
        assert_eq!(
            asked,
            Ask::Open {
                link: link.to_owned()
            }
        );
    }

    #[test]
    fn the_next_start_opens_no_link_again_and_shows_its_window() {
        const LINK: &str = "parley://join/host/room#secret";
        let again = |words: &[&str]| to_start_again(words.iter().map(OsString::from));
        let plain: [&[&str]; 4] = [
            &["parley"],
            &["parley", LINK],
            &["parley", "--minimized"],
            &["parley", "--minimized", "--", LINK],
        ];
        for words in plain {
            assert_eq!(again(words), ["parley"], "{words:?}");
        }
        let words = [
            "parley",
            "--video",
            "pattern",
            LINK,
            "--audio=tone",
            "--minimized",
            "--max-kbps",
            "300",
        ];
        assert_eq!(
            again(&words),
            [
                "parley",
                "--video",
                "pattern",
                "--audio=tone",
                "--max-kbps",
                "300"
            ]
        );
        assert!(again(&[]).is_empty());
    }

    #[test]
    fn all_that_is_kept_for_the_next_start_has_a_value() {
        let command = Arguments::command();
        let options = command
            .get_arguments()
            .filter(|option| option.get_long().is_some());
        let without: Vec<_> = options
            .filter(|option| !option.get_action().takes_values())
            .filter_map(|option| option.get_long())
            .collect();
        assert_eq!(without, ["minimized"]);
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
