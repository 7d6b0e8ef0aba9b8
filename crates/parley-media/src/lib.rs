//! Between the device and the encoded frame: capture, codecs, voice processing, jitter buffers, playout.
//!
//! No network, no async runtime: threads and bounded channels (from `tokio::sync`, which needs no runtime). All media C
//! libraries live here. See ARCHITECTURE.md for the two flows, of a video and of an audio frame.

pub mod audio;
pub mod device;
pub mod packet;
pub mod record;
pub mod slot;
pub mod time;
pub mod video;
