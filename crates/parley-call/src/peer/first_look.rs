//! What the first pictures of a connection are like: small, and of few bits, until something is known of the way. Pure, in virtual time;
//! owned by the driver.
//!
//! The first estimate is a guess, and a key frame at full size is two to five times what the queue of a slow way holds: most of it is
//! dropped, and sent again behind what did get in, so that the first picture came after a second and the sound behind it late for ten.
//! A small one is there at once everywhere. Its packets are the first probe (`congestion`), which a round trip and a report later
//! says what the way carries; then, once they have left the way, the picture has the size that looks best at that, with one key frame
//! more, which would otherwise make their queue longer.

use parley_media::video::EncoderTargets;
use parley_proto::{Bitrate, Resolution};
use std::time::{Duration, Instant};

/// The size of the first pictures, of a camera or a screen: the key frame has 3 to 5 kB, which even 300 kbit/s carry in 130 ms.
const SIZE: Resolution = Resolution::new(320, 180);
/// And the bits of those that follow it: next to nothing in the time that it takes.
const BITRATE: Bitrate = Bitrate::from_kbps(200);
/// Where nothing becomes known, it is over after this: probes can be lost, and some peers report on nothing.
const LASTS_MAX: Duration = Duration::from_millis(800);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct FirstLook {
    /// When the first picture could leave.
    since: Option<Instant>,
    over: bool,
}

impl FirstLook {
    /// Whether it still lasts. `known`: the estimate is more than a guess. `sends`: pictures are wanted, and there is a way for them.
    pub(super) fn lasts(&mut self, now: Instant, known: bool, sends: bool) -> bool {
        if sends && !self.over {
            let since = *self.since.get_or_insert(now);
            self.over = known || now.saturating_duration_since(since) >= LASTS_MAX;
        }
        !self.over
    }

    /// Whether its time passes.
    pub(super) const fn runs(&self) -> bool {
        self.since.is_some() && !self.over
    }

    /// What is to be encoded meanwhile, of what would be otherwise.
    pub(super) fn limit(targets: EncoderTargets) -> EncoderTargets {
        let size = targets.resolution;
        EncoderTargets {
            bitrate: targets.bitrate.min(BITRATE),
            resolution: Resolution::new(size.width.min(SIZE.width), size.height.min(SIZE.height)),
            ..targets
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_until_the_way_is_known_and_never_comes_again() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut look = FirstLook::default();
        assert!(look.lasts(at(0), false, true) && look.lasts(at(100), false, true));
        assert!(!look.lasts(at(150), true, true));
        assert!(!look.lasts(at(200), false, true));
    }

    #[test]
    fn it_is_over_in_time_also_where_nothing_is_ever_known_counted_from_the_first_picture() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut look = FirstLook::default();
        assert!(
            look.lasts(at(0), false, false) && look.lasts(at(60_000), true, false),
            "nothing was sent"
        );
        assert!(look.lasts(at(60_100), false, true) && look.lasts(at(60_800), false, true));
        assert!(!look.lasts(at(60_900), false, true));
    }

    #[test]
    fn what_is_smaller_anyway_stays_as_it_is() {
        let large = FirstLook::limit(EncoderTargets::default());
        assert_eq!((large.resolution, large.bitrate), (SIZE, BITRATE));
        let small = EncoderTargets {
            bitrate: Bitrate::from_kbps(80),
            resolution: Resolution::new(160, 90),
            ..EncoderTargets::default()
        };
        assert_eq!(FirstLook::limit(small), small);
    }
}
