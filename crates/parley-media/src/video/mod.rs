//! Pictures: frames, sources, the encode and decode threads, packets of H.264 and the frame buffer.
//!
//! | who | thread | takes | gives |
//! |---|---|---|---|
//! | [`VideoSource`] | its own (a camera: two) | a camera, a screen, the pattern, a file | [`VideoFrame`] into any number of slots |
//! | [`VideoEncoder`] | its own | a slot, the targets | encoded frames into a bounded channel |
//! | [`VideoShrinker`] | its own | a slot | smaller ones into the slots of encoders of layers |
//! | [`h264`] | the caller's | encoded frames | RTP payloads, and back |
//! | [`VideoReceiver`] | its own | received packets | [`VideoFrame`] into a slot |
//!
//! Everything in between is sans-IO: [`cadence`] (which pictures to encode), [`frame_buffer`] (loss and order), [`lip_sync`]
//! (when to show them), [`pattern`], [`scale`](mod@scale), [`probe`] (what the stamps of shown pictures tell).

pub mod cadence;
mod changed;
pub mod codec;
pub mod cpu_guard;
pub mod encoder;
pub mod frame;
pub mod frame_buffer;
pub mod h264;
pub(crate) mod halt;
pub mod image;
pub mod key_frame;
mod key_frame_pace;
pub mod lip_sync;
pub(crate) mod made;
mod motion;
pub mod pattern;
pub mod pool;
pub mod probe;
pub mod receiver;
pub mod scale;
pub mod shrinker;
mod size_pace;
pub mod source;
mod standing;
pub mod target;
pub mod text;
mod text_rate;
mod veil;
pub mod y4m;

pub use codec::{Content, TemporalLayers};
pub use cpu_guard::{BesideEncoding, CpuGuardFigures, CpuLimit};
pub use encoder::{EncoderStats, StartEncoderError, VideoEncoder};
pub use frame::VideoFrame;
pub use key_frame::KeyFrameFlag;
pub use lip_sync::{Lip, LipSyncFigures, NtpTime, SenderTimes};
pub use receiver::{ReceiverStats, VideoReceiver};
pub use scale::scale;
pub use shrinker::{SmallTaker, VideoShrinker};
pub use source::{SourceState, SourceStatus, VideoInput, VideoSource};
pub use target::EncoderTargets;

#[cfg(test)]
mod tests;
