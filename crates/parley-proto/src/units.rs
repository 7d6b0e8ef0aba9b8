//! Numbers that mean something: a bitrate is not a frame rate.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bitrate(u64);

impl Bitrate {
    /// No bits at all.
    pub const ZERO: Self = Self(0);

    /// From bits per second.
    #[must_use]
    pub const fn from_bps(bps: u64) -> Self {
        Self(bps)
    }

    /// From thousands of bits per second.
    #[must_use]
    pub const fn from_kbps(kbps: u64) -> Self {
        Self(kbps.saturating_mul(1000))
    }

    /// Bits per second.
    #[must_use]
    pub const fn bps(self) -> u64 {
        self.0
    }

    /// Thousands of bits per second, rounded down.
    #[must_use]
    pub const fn kbps(self) -> u64 {
        self.0 / 1000
    }

    /// What is left after `other` took its part; never below zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This rate times `factor`; a factor below zero gives zero.
    #[must_use]
    pub fn scale(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor.max(0.0)) as u64)
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 1_000_000 {
            write!(f, "{:.2} Mbit/s", self.0 as f64 / 1e6)
        } else {
            write!(f, "{} kbit/s", self.kbps())
        }
    }
}

/// Frames per second, 1 to 240.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FrameRate(u32);

impl FrameRate {
    /// Frames per second, held within 1 to 240.
    #[must_use]
    pub const fn new(fps: u32) -> Self {
        Self(if fps < 1 {
            1
        } else if fps > 240 {
            240
        } else {
            fps
        })
    }

    /// Frames per second.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The time from one frame to the next.
    #[must_use]
    pub fn interval(self) -> std::time::Duration {
        std::time::Duration::from_nanos(1_000_000_000 / u64::from(self.0))
    }
}

/// Width and height of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resolution {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Resolution {
    /// A picture of `width` by `height` pixels.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// How many pixels in all.
    #[must_use]
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The largest size of the same shape inside `limit`, with even sides (4:2:0 needs them), never enlarged.
    #[must_use]
    pub fn fit_within(self, limit: Self) -> Self {
        if self.width == 0 || self.height == 0 {
            return Self::new(2, 2);
        }
        let ratio = (f64::from(limit.width) / f64::from(self.width))
            .min(f64::from(limit.height) / f64::from(self.height))
            .min(1.0);
        let even = |side: u32| (((f64::from(side) * ratio) as u32) & !1).max(2);
        Self::new(even(self.width), even(self.height))
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitting_keeps_the_shape_and_never_enlarges() {
        let check = |from: (u32, u32), limit: (u32, u32), expect: (u32, u32)| {
            let fitted = Resolution::new(from.0, from.1).fit_within(Resolution::new(limit.0, limit.1));
            assert_eq!(
                fitted,
                Resolution::new(expect.0, expect.1),
                "{from:?} in {limit:?}"
            );
        };
        check((1280, 720), (640, 640), (640, 360));
        check((640, 360), (1920, 1080), (640, 360));
        check((1280, 720), (333, 999), (332, 186));
        check((0, 0), (100, 100), (2, 2));
        check((5000, 1), (100, 100), (100, 2));
    }

    #[test]
    fn frame_rates_stay_possible() {
        assert_eq!(FrameRate::new(0).get(), 1);
        assert_eq!(FrameRate::new(9999).get(), 240);
        assert_eq!(FrameRate::new(25).interval().as_millis(), 40);
    }
}
