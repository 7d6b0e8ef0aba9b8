//! Pictures: frames, sources, the encode and decode threads, packets of H.264 and the frame buffer.

pub mod frame;
pub mod key_frame;
pub mod target;

pub use frame::VideoFrame;
pub use key_frame::KeyFrameFlag;
pub use target::EncoderTargets;
