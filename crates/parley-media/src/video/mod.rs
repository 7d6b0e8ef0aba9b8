//! Pictures: frames, sources, the encode and decode threads, packets of H.264 and the frame buffer.

pub mod frame;
pub mod target;

pub use frame::VideoFrame;
pub use target::EncoderTargets;
