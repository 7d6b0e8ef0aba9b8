//! What a call is started with. Plain values and the ends of channels; nothing here acts.

use crate::ice::TurnServer;
use crate::relay::Proxy;
use parley_media::audio::AudioTargets;
use parley_media::packet::{EncodedAudio, EncodedFrame};
use parley_media::video::{EncoderTargets, KeyFrameFlag};
use parley_proto::{Bitrate, FrameRate, Link, MediaState, Resolution, ServerAddress};
use std::net::IpAddr;
use tokio::sync::{mpsc, watch};

/// Everything a call needs to begin.
#[derive(Debug)]
pub struct CallConfig {
    /// Where to.
    pub target: CallTarget,
    /// The name others see; cut to [`parley_proto::limits::NAME_CHARS_MAX`] by the server.
    pub name: String,
    /// What microphone and camera do at the start; told to the other side.
    pub media_state: MediaState,
    /// Where own sound and pictures come from, and what their encoders are told.
    pub media: LocalMedia,
    /// How the network is used.
    pub network: NetworkOptions,
    /// The person wants only to hear, see and write, if that can be: nothing is sent then.
    pub only_listens: bool,
}

/// A new room, or one that somebody was invited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallTarget {
    /// Makes a room; its link comes in [`crate::CallEvent::Ready`].
    Create {
        /// On this server.
        server: ServerAddress,
    },
    /// Goes to the room of a link.
    Join {
        /// The link.
        link: Link,
    },
}

/// The local ends of media: encoded frames come out of `video` and `audio`, wishes to the encoders go into the rest.
#[derive(Debug)]
pub struct LocalMedia {
    /// Pictures to send. Taken always, thrown away while nobody may see them.
    pub video: mpsc::Receiver<EncodedFrame>,
    /// Sound to send. Taken always, thrown away while nobody may hear it.
    pub audio: mpsc::Receiver<EncodedAudio>,
    /// What the video encoder must produce.
    pub video_targets: watch::Sender<EncoderTargets>,
    /// What the audio encoder must produce.
    pub audio_targets: watch::Sender<AudioTargets>,
    /// Raised when the other side needs a key frame.
    pub key_frames: KeyFrameFlag,
    /// The most video there may be.
    pub limits: VideoLimits,
    /// A screen or window, beside the camera.
    pub screen: LocalScreen,
    /// The camera in smaller encodings, smallest first, for rooms of three and more; `video` is the largest (`f`). Empty for a call
    /// that sends one encoding to everybody.
    pub layers: Vec<LocalLayer>,
}

impl LocalMedia {
    /// For a connection over which no media goes.
    #[must_use]
    pub fn none() -> Self {
        Self {
            video: mpsc::channel(1).1,
            audio: mpsc::channel(1).1,
            video_targets: watch::channel(EncoderTargets::default()).0,
            audio_targets: watch::channel(AudioTargets::default()).0,
            key_frames: KeyFrameFlag::new(),
            limits: VideoLimits::default(),
            screen: LocalScreen::none(),
            layers: Vec::new(),
        }
    }
}

/// The local ends of one smaller encoding of the camera. Rests until somebody watches it.
#[derive(Debug)]
pub struct LocalLayer {
    /// `q` or `h`.
    pub rid: &'static str,
    /// Pictures to send.
    pub frames: mpsc::Receiver<EncodedFrame>,
    /// What its encoder must produce.
    pub targets: watch::Sender<EncoderTargets>,
    /// Raised when somebody needs a key frame of it.
    pub key_frames: KeyFrameFlag,
}

/// The local ends of what is shared, as those of the camera in [`LocalMedia`].
#[derive(Debug)]
pub struct LocalScreen {
    /// Pictures to send.
    pub frames: mpsc::Receiver<EncodedFrame>,
    /// What its encoder must produce.
    pub targets: watch::Sender<EncoderTargets>,
    /// Raised when the other side needs a key frame of it.
    pub key_frames: KeyFrameFlag,
    /// What the computer plays, to send beside it. Taken from the first share with sound on; before that it fills.
    pub sound: mpsc::Receiver<EncodedAudio>,
    /// What its encoder must produce.
    pub sound_targets: watch::Sender<AudioTargets>,
}

impl LocalScreen {
    /// For a call in which no screen is ever shared.
    #[must_use]
    pub fn none() -> Self {
        Self {
            frames: mpsc::channel(1).1,
            targets: watch::channel(EncoderTargets::default()).0,
            key_frames: KeyFrameFlag::new(),
            sound: mpsc::channel(1).1,
            sound_targets: watch::channel(AudioTargets::default()).0,
        }
    }
}

/// Bounds of what the video encoder is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoLimits {
    /// Where the estimate starts from.
    pub bitrate_start: Bitrate,
    /// Never more than this.
    pub bitrate_max: Bitrate,
    /// Never more pictures a second.
    pub frame_rate_max: FrameRate,
    /// Never larger.
    pub resolution_max: Resolution,
}

impl VideoLimits {
    /// The same, with at most this much picture.
    #[must_use]
    pub fn with_bitrate_max(self, most: Bitrate) -> Self {
        Self {
            bitrate_start: self.bitrate_start.min(most),
            bitrate_max: most,
            ..self
        }
    }
}

impl Default for VideoLimits {
    fn default() -> Self {
        Self {
            bitrate_start: Bitrate::from_kbps(1_300),
            bitrate_max: Bitrate::from_kbps(2_500),
            frame_rate_max: FrameRate::new(30),
            resolution_max: Resolution::new(1280, 720),
        }
    }
}

/// How the network is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkOptions {
    /// Only these local addresses; empty for every interface that is up.
    pub addresses: Vec<IpAddr>,
    /// Loopback addresses too. They are used anyway when the machine has no other.
    pub include_loopback: bool,
    /// Which ways may be taken.
    pub candidates: CandidatePolicy,
    /// Relays beside those that the server names.
    pub relays: Vec<TurnServer>,
    /// The HTTP proxy of this network, for what is reached over TCP: relays, and a server by TLS.
    pub proxy: Option<Proxy>,
}

/// Which ways between the two may be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CandidatePolicy {
    /// The best there is: direct before seen through a NAT before relayed.
    #[default]
    All,
    /// Through a relay always: the other side never learns this one's address.
    RelayOnly,
}
