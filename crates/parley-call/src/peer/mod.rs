//! The peer driver: carries out what the session decides over one `webrtc` connection at a time. Owned by the call.
//!
//! [`Peer::spawn`] starts one task for the whole call. It takes [`PeerCommand`](crate::port::PeerCommand)s strictly in
//! order, gives [`PeerEvent`](crate::port::PeerEvent)s, and moves media between the codecs and the network once the
//! session opened the gate. Deliberately absent: any decision about negotiation, retries or giving up (that is the
//! session's), codecs, and signaling.
//!
//! This is the only place that names `webrtc::` and `rtc::`. What that library does not do, or does wrongly, is mended
//! here, one small interceptor or file a fault:
//!
//! | fault of webrtc 0.21.1 | cure |
//! |---|---|
//! | retransmissions are undone behind the NACK generator, which then asks for ever | `chain/unrtx.rs` |
//! | the pacer starts at 1 Mbit/s whatever the estimator says, and sound waits behind pictures | `pacer/` |
//! | retransmissions carry neither MID nor repaired RID | `chain/rtx_stamp.rs` |
//! | the data channel waits twice for 200 ms at its start | `control.rs` |
//! | tracks that were not negotiated are sent all the same | `route.rs` |
//! | feedback of the other side never reaches the application | `chain/tap.rs` |
//! | sender reports tell the time of packetising instead of the time of capture | `chain/sender_report.rs` |

mod addresses;
mod chain;
mod connection;
mod control;
mod driver;
mod estimate;
mod ladder;
mod library;
mod meter;
mod pacer;
mod route;
mod runtime;
mod send_audio;
mod send_video;
mod setup;
mod stats;
#[cfg(test)]
mod tests;

pub use addresses::NetworkOptions;
pub use ladder::VideoLimits;

use crate::port::{PeerCommand, PeerEvent, PeerStats};
use parley_media::audio::AudioTargets;
use parley_media::packet::{EncodedAudio, EncodedFrame};
use parley_media::video::{EncoderTargets, KeyFrameFlag};
use tokio::sync::{mpsc, watch};

/// Commands that may wait for the driver.
const COMMANDS_MAX: usize = 64;
/// Events that may wait for the session; more are dropped and counted.
const EVENTS_MAX: usize = 256;

/// What the driver needs for the whole call. The media ends outlive every single connection.
#[derive(Debug)]
pub struct PeerSetup {
    /// Pictures from the encoder.
    pub video: mpsc::Receiver<EncodedFrame>,
    /// Sound from the audio engine.
    pub audio: mpsc::Receiver<EncodedAudio>,
    /// What the video encoder must produce, following the estimate.
    pub video_targets: watch::Sender<EncoderTargets>,
    /// What the audio encoder must produce, following the reported loss.
    pub audio_targets: watch::Sender<AudioTargets>,
    /// Set when the other side needs a key frame of ours.
    pub key_frames: KeyFrameFlag,
    /// The most that may be sent.
    pub limits: VideoLimits,
    /// Which addresses are used.
    pub network: NetworkOptions,
}

/// The peer driver.
#[derive(Debug)]
pub struct Peer;

impl Peer {
    /// Starts the driver on the current tokio runtime. It ends when the handle's `commands` is dropped.
    #[must_use]
    pub fn spawn(setup: PeerSetup) -> PeerHandle {
        driver::spawn(setup)
    }
}

/// The session's end of the driver.
#[derive(Debug)]
pub struct PeerHandle {
    /// Carried out one by one, in order. Dropping it ends the driver and its connection.
    pub commands: mpsc::Sender<PeerCommand>,
    /// What happened. Bounded: an event that finds no room is dropped and counted, so keep reading.
    pub events: mpsc::Receiver<PeerEvent>,
    /// Measured each second while a connection is open.
    pub stats: watch::Receiver<PeerStats>,
    key_frames: KeyFrameRequester,
}

impl PeerHandle {
    /// A handle by which the receiver of the other side's pictures asks for a key frame.
    #[must_use]
    pub fn key_frame_requester(&self) -> KeyFrameRequester {
        self.key_frames.clone()
    }
}

/// Asks the other side for a key frame. Cheap, never blocks, from any thread; requests close together become one.
#[derive(Debug, Clone)]
pub struct KeyFrameRequester(mpsc::Sender<()>);

impl KeyFrameRequester {
    fn new() -> (Self, mpsc::Receiver<()>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    /// Asks. While a request waits to be sent another one is the same request.
    pub fn request(&self) {
        let _ = self.0.try_send(());
    }
}
