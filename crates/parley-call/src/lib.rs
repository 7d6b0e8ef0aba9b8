//! Between the encoded frame and the other people: session, negotiation, peers, congestion control, statistics.
//!
//! [`Call::start`] is the way in: it gives a [`CallHandle`] with commands, events, a snapshot of the call's state and one
//! sample of statistics a second. No device, no window. The only place that names `webrtc::` or `rtc::` is the `peer`
//! module.

pub mod allotment;
pub mod call;
pub mod chat;
pub mod check;
pub mod config;
mod congestion;
pub mod end;
pub mod files;
pub mod ice;
pub mod key_frame;
pub mod peer;
pub mod port;
pub mod proof;
pub mod relay;
pub mod sdp;
pub mod seal;
pub mod session;
pub mod sfu_port;
pub mod signaling;
pub mod snapshot;
pub mod stats;
mod stun;
mod trust;

pub use call::{Call, CallCommand, CallEvent, CallHandle, FileWay};
pub use config::{
    CallConfig, CallTarget, CandidatePolicy, LocalLayer, LocalMedia, LocalScreen, NetworkOptions, VideoLimits,
};
pub use end::{EndReason, ProofFault, SignalingFault};
pub use key_frame::KeyFrameRequester;
pub use sfu_port::{DownSnapshot, GroupSnapshot, GroupTrack, Look};
pub use snapshot::{
    CallPhase, CallSnapshot, CallTimes, Entrance, OffencesSnapshot, PersonSnapshot, RecordingConsent,
    RecordingRefusal, SignalingPhase, Spotlight,
};
pub use stats::{CallStats, SessionCounters};
