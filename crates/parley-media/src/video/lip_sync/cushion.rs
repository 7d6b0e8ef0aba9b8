//! How long pictures are held so that those of which something had to be sent again come in time: then a way that loses packets
//! shows them evenly, and a second answer that is lost as well is no freeze. Sans-IO; owned by [`LipSync`](super::LipSync).
//!
//! As long as nine of ten pictures ask for: one that takes longer is shown when it is whole. Only repairs count, for what comes unevenly
//! by itself, or takes long because a queue is long, is shown at once; where hardly anything is lost nothing is held.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Pictures that are looked back at: eight seconds of thirty.
const PICTURES: usize = 240;
/// So many of them, in tenths, should be in time.
const IN_TIME_TENTHS: usize = 9;
/// No picture is held longer for this.
const MAX: Duration = Duration::from_millis(200);
/// It grows and shrinks by these parts of the time that passes, which nobody sees: 125 and 30 ms a second.
const GROW_PART: u32 = 8;
const SHRINK_PART: u32 = 32;
/// A pause moves it no further than this one.
const MOVE_TIME_MAX: Duration = Duration::from_millis(200);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Cushion {
    /// How late the last pictures were by repairs.
    late: VecDeque<Duration>,
    held: Duration,
    moved: Option<Instant>,
}

impl Cushion {
    /// One more picture, which was so late because something of it was sent again; zero when nothing was. Gives how long pictures are
    /// held.
    pub(super) fn note(&mut self, now: Instant, late: Duration) -> Duration {
        self.late.push_back(late.min(MAX));
        if self.late.len() > PICTURES {
            self.late.pop_front();
        }
        let passed = self
            .moved
            .replace(now)
            .map_or(Duration::ZERO, |moved| now.saturating_duration_since(moved))
            .min(MOVE_TIME_MAX);
        let aim = self.aim();
        self.held = if aim > self.held {
            aim.min(self.held + passed / GROW_PART)
        } else {
            aim.max(self.held.saturating_sub(passed / SHRINK_PART))
        };
        self.held
    }

    /// What the last pictures ask for. Of few, those that are missing count as in time.
    fn aim(&self) -> Duration {
        let mut late: Vec<Duration> = self.late.iter().copied().filter(|late| !late.is_zero()).collect();
        // How many may be later than what is held.
        let beyond = self.late.len().max(PICTURES / 4) * (10 - IN_TIME_TENTHS) / 10;
        late.sort_unstable_by(|a, b| b.cmp(a));
        late.get(beyond).copied().unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn held_ms(pictures: u32, late: impl Fn(u32) -> u32) -> Vec<u128> {
        let (start, mut cushion) = (Instant::now(), Cushion::default());
        let pictures = 0..pictures;
        pictures
            .map(|n| cushion.note(start + MS * 33 * n, MS * late(n)).as_millis())
            .collect()
    }

    #[test]
    fn where_next_to_nothing_is_lost_nothing_is_held() {
        assert_eq!(held_ms(900, |n| if n % 20 == 0 { 90 } else { 0 }), [0; 900]);
    }

    #[test]
    fn where_much_is_lost_pictures_wait_for_what_most_repairs_take_and_no_longer_than_that() {
        let held = held_ms(600, |n| match n % 30 {
            0 => 260,
            n if n % 3 == 0 => 55,
            _ => 0,
        });
        assert_eq!(held[599], 55);
        assert!(held[90] > 50, "within three seconds: {}", held[90]);
        assert!(held.windows(2).all(|pair| pair[1].abs_diff(pair[0]) <= 5));
        let much = held_ms(600, |_| 4_000);
        assert_eq!(much[599], 200);
    }

    #[test]
    fn when_the_loss_is_over_it_goes_again() {
        let held = held_ms(1_200, |n| if n < 300 { 80 } else { 0 });
        assert_eq!((held[299], held[1_199]), (80, 0));
        assert!(held[400] > 60, "slowly");
    }
}
