//! H.264 on RTP (RFC 6184, packetization mode 1): NAL units out of Annex B, into payloads and back.
//!
//! Sans-IO. Numbers, timestamps and the marker bit are the caller's: the last payload of a picture carries the marker.

mod depacketize;
mod nal;
mod packetize;

pub use depacketize::{AccessUnit, DepacketizeError, Depacketizer};
pub use nal::{PictureStart, is_discardable, nal_units, picture_start};
pub use packetize::packetize;
