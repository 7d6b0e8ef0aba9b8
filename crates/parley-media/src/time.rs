//! Clocks. Capture, RTP, arrival and playout time are four different things; here are the types that keep them apart.

use std::time::{Duration, Instant};

/// The moment a frame left its device, on this machine's monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureTime(pub Instant);

/// The moment a packet arrived, on this machine's monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArrivalTime(pub Instant);

/// A 32-bit RTP timestamp. Wraps; ordered only by [`RtpTime::since`] (RFC 3550, 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RtpTime(pub u32);

/// Ticks per second of video RTP timestamps (RFC 6184, 8.2.1).
pub const VIDEO_CLOCK_HZ: u32 = 90_000;
/// Ticks per second of Opus RTP timestamps (RFC 7587, 4.1).
pub const AUDIO_CLOCK_HZ: u32 = 48_000;

impl RtpTime {
    /// Ticks from `earlier` to `self`, negative when `self` is the older one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }

    /// This timestamp `ticks` later.
    #[must_use]
    pub const fn plus(self, ticks: u32) -> Self {
        Self(self.0.wrapping_add(ticks))
    }

    /// The timestamp of a moment `elapsed` after the one that has the timestamp `base`.
    #[must_use]
    pub fn at(base: Self, elapsed: Duration, clock_hz: u32) -> Self {
        let ticks = elapsed.as_nanos() * u128::from(clock_hz) / 1_000_000_000;
        base.plus(ticks as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_time_is_ordered_across_the_wrap() {
        assert_eq!(RtpTime(5).since(RtpTime(u32::MAX - 4)), 10);
        assert_eq!(RtpTime(u32::MAX - 4).since(RtpTime(5)), -10);
        assert_eq!(
            RtpTime::at(RtpTime(100), Duration::from_millis(40), VIDEO_CLOCK_HZ),
            RtpTime(3700)
        );
        // Twenty hours: far past the wrap.
        let late = RtpTime::at(RtpTime(0), Duration::from_secs(72_000), VIDEO_CLOCK_HZ);
        assert_eq!(late.0, (72_000u64 * 90_000 % (1 << 32)) as u32);
    }
}
