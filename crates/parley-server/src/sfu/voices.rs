//! What is kept of a subscriber's way for voices: what those took lately that went down, for few speak at once, and of silence nothing goes.
//!
//! Counted as the estimate is, by payloads: the headers of what goes down, more than half of a voice's bits, are what the way does not
//! have for either. Owned by a way. Deliberately absent: whose voices they are.

use parley_proto::Bitrate;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What one voice takes at most. So much is kept whatever was heard: somebody may begin to speak.
const VOICE: Bitrate = Bitrate::from_kbps(50);
/// Measured over so long.
const WINDOW: Duration = Duration::from_secs(1);
/// The most of so many windows counts: of people who talk with each other, whoever spoke will speak again.
const WINDOWS: usize = 10;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Voices {
    window: Option<Instant>,
    bytes: usize,
    /// What went in the windows before, the newest last.
    before: VecDeque<usize>,
}

impl Voices {
    /// A packet of sound goes down.
    pub(super) fn sent(&mut self, now: Instant, payload: usize) {
        self.window.get_or_insert(now);
        self.turn(now);
        self.bytes += payload;
    }

    /// What they take now, as far as that was measured.
    pub(super) fn take(&mut self, now: Instant) -> Bitrate {
        self.turn(now);
        rate(self.before.back().copied().unwrap_or(0))
    }

    /// What to keep, with so many sections that a voice may come in.
    pub(super) fn room(&mut self, now: Instant, sections: usize) -> Bitrate {
        self.turn(now);
        let all = Bitrate::from_bps(VOICE.bps().saturating_mul(sections as u64));
        let most = self.before.iter().copied().max();
        most.map_or(all, |most| rate(most).max(VOICE).min(all))
    }

    fn turn(&mut self, now: Instant) {
        let Some(began) = self.window else {
            return;
        };
        let passed = now.saturating_duration_since(began).as_secs() / WINDOW.as_secs();
        if passed == 0 {
            return;
        }
        for _ in 0..passed.min(WINDOWS as u64) {
            if self.before.len() == WINDOWS {
                self.before.pop_front();
            }
            self.before.push_back(std::mem::take(&mut self.bytes));
        }
        self.window = Some(began + Duration::from_secs(passed * WINDOW.as_secs()));
    }
}

/// Of so many bytes in a window.
fn rate(bytes: usize) -> Bitrate {
    Bitrate::from_bps((bytes as f64 * 8.0 / WINDOW.as_secs_f64()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_is_kept_as_those_take_who_speak_and_one_voice_at_least() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let mut voices = Voices::default();
        assert_eq!(voices.room(start, 4).kbps(), 200, "nothing is known yet");
        voices.sent(start, 0);
        let (mut kept, mut taken) = (Vec::new(), Vec::new());
        for ms in 0..30_000u64 {
            let now = start + Duration::from_millis(ms);
            // Four speak for some seconds, fifty packets a second each.
            if (5_000..8_000).contains(&ms) && ms.is_multiple_of(5) {
                voices.sent(now, 80);
            }
            if ms % 1_000 == 500 {
                kept.push(voices.room(now, 4).kbps());
                taken.push(voices.take(now).kbps());
            }
        }
        assert_eq!(voices.room(start + Duration::from_secs(30), 0), Bitrate::ZERO);
        let expected = |at: usize| match at {
            0 => 200,
            6..18 => 128,
            _ => 50,
        };
        let expected: Vec<u64> = (0..30).map(expected).collect();
        assert_eq!(kept, expected);
        let speaking: Vec<usize> = (0..30).filter(|at| taken[*at] > 0).collect();
        assert_eq!(speaking, [6, 7, 8]);
    }
}
