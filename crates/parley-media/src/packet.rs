//! Media packets as they come from and go to the network module, and encoded frames as they come from a codec.
//! These are the types at the border to `parley-call`.

use crate::time::{ArrivalTime, CaptureTime, RtpTime};
use bytes::Bytes;
use parley_proto::Resolution;

/// One RTP packet that was received, decrypted, with its RTX wrapping already undone. May come late, twice or not at all.
#[derive(Debug, Clone)]
pub struct ReceivedPacket {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub rtp_time: RtpTime,
    /// RTP marker bit: last packet of a picture, or first packet of a talk spurt.
    pub marker: bool,
    /// The payload, without header, padding or extensions.
    pub payload: Bytes,
    /// When it came.
    pub arrived: ArrivalTime,
    /// Whether it came as a copy inside a later packet (RFC 2198): it fills a hole, and tells nothing about the way.
    pub redundant: bool,
}

/// One encoded picture (an H.264 access unit in Annex B form).
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    /// Annex B bytes: start codes and NAL units.
    pub data: Bytes,
    /// Whether a decoder can start here.
    pub key_frame: bool,
    /// Whether no other picture refers to it: it can be left out, and nothing else is the worse for it.
    pub discardable: bool,
    /// The size of the picture.
    pub resolution: Resolution,
    /// When the picture left the camera.
    pub captured: CaptureTime,
}

/// One encoded packet of sound (Opus).
#[derive(Debug, Clone)]
pub struct EncodedAudio {
    /// The Opus packet.
    pub data: Bytes,
    /// Where its first sample stands in the stream, in samples at 48 kHz since the stream began. Runs on through silence
    /// that is not sent (DTX), so it is the RTP timestamp's base.
    pub position_samples: u64,
    /// When its first sample was captured.
    pub captured: CaptureTime,
    /// How loud it is.
    pub level: AudioLevel,
    /// Whether it is speech.
    pub voice: bool,
    /// Whether it is the first packet after a silence that was not sent (the RTP marker bit).
    pub talk_spurt_start: bool,
}

/// Loudness as RFC 6464 has it: 0 is the loudest (0 dBov), 127 is silence (-127 dBov).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AudioLevel(u8);

impl AudioLevel {
    /// Nothing to hear.
    pub const SILENCE: Self = Self(127);

    /// From a root mean square of samples in -1.0..=1.0.
    #[must_use]
    pub fn from_rms(rms: f32) -> Self {
        if rms.is_nan() || rms <= 0.0 {
            return Self::SILENCE;
        }
        Self((-20.0 * rms.log10()).round().clamp(0.0, 127.0) as u8)
    }

    /// From the number on the wire.
    #[must_use]
    pub const fn from_minus_dbov(minus_dbov: u8) -> Self {
        Self(if minus_dbov > 127 { 127 } else { minus_dbov })
    }

    /// The number on the wire: decibels below full scale, 0 to 127.
    #[must_use]
    pub const fn minus_dbov(self) -> u8 {
        self.0
    }

    /// The amplitude again, 0.0 to 1.0.
    #[must_use]
    pub fn rms(self) -> f32 {
        if self == Self::SILENCE {
            0.0
        } else {
            10f32.powf(-f32::from(self.0) / 20.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_decibels_below_full_scale() {
        assert_eq!(AudioLevel::from_rms(1.0).minus_dbov(), 0);
        assert_eq!(AudioLevel::from_rms(0.1).minus_dbov(), 20);
        assert_eq!(AudioLevel::from_rms(0.0), AudioLevel::SILENCE);
        assert_eq!(AudioLevel::from_rms(f32::NAN), AudioLevel::SILENCE);
        assert!((AudioLevel::from_minus_dbov(20).rms() - 0.1).abs() < 1e-6);
    }
}
