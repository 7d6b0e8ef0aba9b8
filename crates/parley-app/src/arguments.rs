//! The command line of the program with a window, and what of it the next start keeps.
//!
//! Read by the shell, before anything else. What a key or a link means to a Parley that runs already is the shell's to say:
//! the way there (`parley-desktop`) is no room of ours.

use crate::sources::{PictureSource, SoundSink, SoundSource, Sources};
use clap::{Parser, Subcommand, ValueEnum};
use parley_proto::Bitrate;
use std::ffi::OsString;

/// Parley: voice and video calls, directly between two computers.
#[derive(Parser)]
#[command(name = "parley", version, after_help = ENVIRONMENT, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// A link to a call, as it was sent to you.
    pub link: Option<String>,
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
    pub minimized: bool,
}

#[derive(Subcommand)]
enum Action {
    /// Push-to-talk and mute of the running Parley, for the keys of a desktop that hands none to programs.
    Ptt {
        /// What the key does.
        key: TalkKey,
    },
}

/// What a key of the desktop does, by `parley ptt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TalkKey {
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
    /// The words that this process was started with. Ends it, with a sentence, where they make no sense or ask for help.
    #[must_use]
    pub fn read() -> Self {
        Self::parse()
    }

    /// The most picture to send, if less than usual.
    #[must_use]
    pub fn bitrate_max(&self) -> Option<Bitrate> {
        self.max_kbps.map(Bitrate::from_kbps)
    }

    /// The key that the running Parley is told of, if this start is only that.
    #[must_use]
    pub const fn talk(&self) -> Option<TalkKey> {
        match &self.action {
            Some(Action::Ptt { key }) => Some(*key),
            None => None,
        }
    }

    /// Where picture and sound come from.
    #[must_use]
    pub fn sources(&self) -> Sources {
        Sources {
            picture: self.video.clone(),
            sound: self.audio.clone(),
            sink: self.output,
        }
    }
}

/// The words for the next start of this program by itself, as after an update: without the link, which was opened already,
/// and with a window to be seen.
#[must_use]
pub fn to_start_again(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
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
        for (word, key) in [
            ("down", TalkKey::Down),
            ("up", TalkKey::Up),
            ("toggle-mute", TalkKey::ToggleMute),
        ] {
            assert_eq!(talk(&["parley", "ptt", word]).unwrap(), Some(key), "{word}");
        }
        assert!(talk(&["parley", "ptt"]).is_err());
        let link = "parley://join/host/room#secret";
        assert_eq!(talk(&["parley", link]).unwrap(), None);
        let read = Arguments::parse_from(["parley", link]);
        assert_eq!(read.link.as_deref(), Some(link));
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
