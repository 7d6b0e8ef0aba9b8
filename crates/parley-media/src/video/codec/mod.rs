//! OpenH264, held so that nothing outside needs `unsafe`: one encoder and one decoder, each for one thread.
//!
//! No threads, no pacing, no packets here: pictures in, access units out, and back.

mod decode;
mod encode;
mod options;

pub use decode::{DecodeError, H264Decoder};
pub use encode::{Content, EncodeError, Encoded, EncoderSettings, H264Encoder, TemporalLayers};

#[cfg(test)]
mod tests;
