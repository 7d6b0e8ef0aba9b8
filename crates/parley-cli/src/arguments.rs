//! The command line of `parley-cli`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use parley_app::sources::{PictureSource, SoundSink, SoundSource};
use parley_proto::Resolution;
use std::path::PathBuf;
use std::str::FromStr;

/// Parley without a window: joins or begins a call, sends and measures picture and sound.
#[derive(Parser)]
#[command(name = "parley-cli", version, after_help = EXITS)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) action: Action,
}

const EXITS: &str = "\
Exit codes: 0 all went well; 1 picture or sound was expected and did not arrive, or one's own was never there to be sent; \
with check-network 1 when no call is to be expected to work. \
2 there was no call (a device or file that cannot be used, bad link, server not reached, refused).
PARLEY_LOG says what to log on standard error, such as info or parley_call=debug. The WebRTC library's own warnings are \
left out unless it is named too: info,rtc=warn,webrtc=warn.";

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// Joins the call of a link.
    Join {
        /// The link, or a text that has one in it.
        link: String,
        #[command(flatten)]
        wish: Wish,
    },
    /// Begins a call, and prints its link first (with --json on standard error).
    Host {
        /// The server to begin it on, such as https://call.example.org; without it, a server inside this process.
        #[arg(long)]
        server: Option<String>,
        #[command(flatten)]
        wish: Wish,
    },
    /// Says which ways out of this network work, what NAT there is, and what to have opened.
    CheckNetwork {
        /// The server to try them with, such as https://call.example.org.
        server: String,
    },
}

/// How to take part.
#[derive(Debug, Clone, Args)]
pub(crate) struct Wish {
    /// The picture to send: camera, pattern, pattern:WIDTHxHEIGHT, a .y4m file, or off.
    #[arg(long, default_value = "pattern")]
    pub(crate) video: PictureSource,
    /// Shows a screen or window too: monitor:NAME, window:NUMBER (hexadecimal), monitor: for the first monitor, portal: for what
    /// the desktop itself asks (Wayland), or a .y4m file in place of one.
    #[arg(long, value_name = "ID")]
    pub(crate) screen: Option<String>,
    /// What kind of pictures the shown screen has.
    #[arg(long, value_name = "KIND", default_value = "text")]
    pub(crate) screen_mode: ScreenMode,
    /// Lets them hear what this computer plays beside the screen, all but this call (PulseAudio and PipeWire).
    #[arg(long, requires = "screen")]
    pub(crate) screen_sound: bool,
    /// Watches and records the other side's screen instead of their camera.
    #[arg(long)]
    pub(crate) watch_screen: bool,
    /// In a call of three and more, watches the pictures of so many of the others, each with figures of its own; 0: of nobody.
    /// Without it, all of them. What is recorded is the first one's.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(..=49))]
    pub(crate) look: Option<u32>,
    /// How large they are to come, as WIDTHxHEIGHT; without it 1280x720 for one, 640x360 for up to four, 320x180 for more.
    #[arg(long, value_name = "SIZE")]
    pub(crate) look_size: Option<PictureSize>,
    /// The sound to send: mic, tone, speech, a .wav file, or off.
    #[arg(long, default_value = "speech")]
    pub(crate) audio: SoundSource,
    /// Where the sound of the others goes: speaker, or none.
    #[arg(long, alias = "speaker", default_value = "none")]
    pub(crate) output: SoundSink,
    /// Writes what comes into this folder: video.y4m, audio.wav, when each picture and 10 ms of sound came, last.png. Pictures are written raw: a minute
    /// takes 0.6 GB at 640x360 and 2.5 GB at 1280x720. Bound it with --seconds.
    #[arg(long)]
    pub(crate) record: Option<PathBuf>,
    /// Records only every so many pictures; when each came is written down all the same.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) record_every: u32,
    /// Writes what is sent into this folder: the sound, when each 10 ms of it and each picture was captured, and the number in it.
    #[arg(long, value_name = "DIR")]
    pub(crate) record_own: Option<PathBuf>,
    /// Writes the last picture that came into this PNG file.
    #[arg(long, value_name = "FILE.png")]
    pub(crate) picture: Option<PathBuf>,
    /// Whether sound goes through echo canceller, noise suppression and gain control. Without it, only a microphone's does.
    #[arg(long)]
    pub(crate) voice: Option<Switch>,
    /// Leaves so many seconds after the two are connected; without it, at the call's end or Ctrl-C.
    #[arg(long)]
    pub(crate) seconds: Option<u32>,
    /// Gives up when nobody is connected after so many seconds.
    #[arg(long, default_value_t = 60)]
    pub(crate) wait: u32,
    /// The name others see.
    #[arg(long, default_value = "parley-cli")]
    pub(crate) name: String,
    /// The most video to send, in kbit/s.
    #[arg(long)]
    pub(crate) max_kbps: Option<u64>,
    /// Small pictures, few of them, sent and asked for.
    #[arg(long)]
    pub(crate) low_data: bool,
    /// No picture of the camera, sent or asked for; a shown screen still comes.
    #[arg(long, conflicts_with = "low_data")]
    pub(crate) audio_only: bool,
    /// Comes in only to hear, see and write: nothing is sent, and where the server takes listeners no place of those who may speak is taken.
    #[arg(long, conflicts_with_all = ["screen", "admit_all"])]
    pub(crate) listen_only: bool,
    /// Smaller pictures, and fewer of them, to spare this computer.
    #[arg(long)]
    pub(crate) save_energy: bool,
    /// Writes this message once connected; may be given several times.
    #[arg(long, value_name = "TEXT")]
    pub(crate) chat: Vec<String>,
    /// Sends this file once connected; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) send: Vec<PathBuf>,
    /// Takes files that are offered, into this folder; without it they are refused.
    #[arg(long, value_name = "DIR")]
    pub(crate) download: Option<PathBuf>,
    /// The password of the call: to come in, and for others when this side made it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) password: Option<String>,
    /// Has people wait in a lobby, as a host, and lets in everybody who does.
    #[arg(long)]
    pub(crate) admit_all: bool,
    /// Whether the others may record.
    #[arg(long, value_name = "ON|OFF", default_value = "on")]
    pub(crate) allow_recording: Switch,
    /// Through a relay always: the other side never learns this one's address.
    #[arg(long)]
    pub(crate) relay_only: bool,
    /// A relay beside those that the server names, such as turn:host:3478, turn:host:443?transport=tcp or turns:host:443.
    #[arg(long, value_name = "URL", requires = "turn_user", requires = "turn_password")]
    pub(crate) turn: Vec<String>,
    /// Who uses it.
    #[arg(long, value_name = "NAME")]
    pub(crate) turn_user: Option<String>,
    /// And by what.
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) turn_password: Option<String>,
    /// Leaves as soon as every file was sent or came.
    #[arg(long)]
    pub(crate) leave_after_files: bool,
    /// Prints one JSON object on standard output, and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
    /// Tells what happens on standard error, one JSON object a line.
    #[arg(long)]
    pub(crate) events: bool,
}

impl Arguments {
    /// With what follows from them: whoever only listens sends nothing.
    pub(crate) fn settled(mut self) -> Self {
        if let Action::Join { wish, .. } | Action::Host { wish, .. } = &mut self.action
            && wish.listen_only
        {
            wish.video = PictureSource::Off;
            wish.audio = SoundSource::Off;
        }
        self
    }
}

/// The size of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureSize(pub(crate) Resolution);

impl FromStr for PictureSize {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let size = text.split_once('x').and_then(|(width, height)| {
            let side = |text: &str| text.parse::<u32>().ok().filter(|side| (2..=8192).contains(side));
            Some(Resolution::new(side(width)?, side(height)?))
        });
        size.map(Self).ok_or("a size is WIDTHxHEIGHT, such as 320x180")
    }
}

/// How a screen is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScreenMode {
    /// Sharp, fifteen pictures a second.
    Text,
    /// Smooth, thirty.
    Motion,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Always.
    On,
    /// Never.
    Off,
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
    fn an_endpoint_needs_no_device_by_default() {
        let arguments = Arguments::parse_from(["parley-cli", "join", "LINK", "--seconds", "5", "--json"]);
        let Action::Join { link, wish } = arguments.action else {
            panic!("not joined");
        };
        assert_eq!(link, "LINK");
        assert_eq!(wish.audio, SoundSource::Speech);
        assert_eq!(wish.output, SoundSink::Nowhere);
        assert!(matches!(wish.video, PictureSource::Pattern(_)));
        assert_eq!(wish.seconds, Some(5));
        assert!(!wish.relay_only && wish.turn.is_empty());
    }

    #[test]
    fn whoever_only_listens_sends_nothing() {
        let parse = |more: &[&str]| {
            let words = ["parley-cli", "join", "LINK", "--listen-only"];
            Arguments::try_parse_from(words.iter().chain(more))
        };
        let arguments = parse(&["--video", "pattern"]).unwrap().settled();
        let Action::Join { wish, .. } = arguments.action else {
            panic!("not joined");
        };
        assert_eq!((wish.video, wish.audio), (PictureSource::Off, SoundSource::Off));
        assert!(parse(&["--screen", "monitor:"]).is_err());
    }

    #[test]
    fn how_many_are_watched_and_how_large_is_said_in_two_words() {
        let wish = |more: &[&str]| {
            let words = ["parley-cli", "join", "LINK"];
            let arguments = Arguments::try_parse_from(words.iter().chain(more)).ok()?;
            match arguments.action {
                Action::Join { wish, .. } => Some((wish.look, wish.look_size.map(|size| size.0))),
                _ => None,
            }
        };
        let small = Resolution::new(320, 180);
        assert_eq!(
            wish(&["--look", "4", "--look-size", "320x180"]),
            Some((Some(4), Some(small)))
        );
        assert_eq!(wish(&[]), Some((None, None)));
        for wrong in [
            &["--look", "50"][..],
            &["--look-size", "320"],
            &["--look-size", "0x180"],
        ] {
            assert_eq!(wish(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_relay_is_named_with_what_opens_it() {
        let parse = |more: &[&str]| {
            let words = [
                "parley-cli",
                "join",
                "LINK",
                "--relay-only",
                "--turn",
                "turn:host",
            ];
            Arguments::try_parse_from(words.iter().chain(more))
        };
        assert!(parse(&[]).is_err());
        assert!(parse(&["--turn-user", "ada"]).is_err());
        let Action::Join { wish, .. } = parse(&["--turn-user", "ada", "--turn-password", "x"])
            .unwrap()
            .action
        else {
            panic!("not joined");
        };
        assert!(wish.relay_only);
        assert_eq!(wish.turn, ["turn:host"]);
    }
}
