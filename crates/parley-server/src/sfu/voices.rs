//! What is kept of a subscriber's way for voices: what those took lately that went down, for few speak at once, and of silence nothing goes.
//!
//! With copies in them (RFC 2198) they take what was really packed, as far as that was seen, for not every packet has room for as many as it is
//! to have, and each has a header. Counted as the estimate is, by payloads: the headers of what goes down, more than half of a voice's bits, are what the way does not
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
    went: Went,
    /// What went in the windows before, the newest last.
    before: VecDeque<Went>,
}

/// What went in a window, in bytes.
#[derive(Debug, Default, Clone, Copy)]
struct Went {
    /// Without copies.
    plain: usize,
    packed: usize,
    /// So many copies each packet was to have. Nothing: it changed meanwhile.
    copies: Option<u8>,
}

impl Went {
    /// What would have gone with so many copies of each packet.
    fn with(self, copies: u8) -> usize {
        if self.copies == Some(copies) {
            self.packed
        } else {
            self.plain * (1 + usize::from(copies))
        }
    }
}

impl Voices {
    /// A packet of sound goes down, of `payload` bytes; of so many as it was `packed`, with up to so many copies.
    pub(super) fn sent(&mut self, now: Instant, payload: usize, packed: usize, copies: u8) {
        self.window.get_or_insert(now);
        self.turn(now);
        let went = &mut self.went;
        if went.packed == 0 {
            went.copies = Some(copies);
        } else if went.copies != Some(copies) {
            went.copies = None;
        }
        went.plain += payload;
        went.packed += packed;
    }

    /// What they take now with so many copies, as far as that was measured.
    pub(super) fn take(&mut self, now: Instant, copies: u8) -> Bitrate {
        self.turn(now);
        rate(self.before.back().map_or(0, |went| went.with(copies)))
    }

    /// What to keep, with so many sections that a voice may come in, and so many copies.
    pub(super) fn room(&mut self, now: Instant, sections: usize, copies: u8) -> Bitrate {
        self.turn(now);
        let each = VOICE.bps().saturating_mul(1 + u64::from(copies));
        let all = Bitrate::from_bps(each.saturating_mul(sections as u64));
        let most = self.before.iter().map(|went| went.with(copies)).max();
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
            self.before.push_back(std::mem::take(&mut self.went));
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
        assert_eq!(voices.room(start, 4, 0).kbps(), 200, "nothing is known yet");
        voices.sent(start, 0, 0, 0);
        let (mut kept, mut taken) = (Vec::new(), Vec::new());
        for ms in 0..30_000u64 {
            let now = start + Duration::from_millis(ms);
            // Four speak for some seconds, fifty packets a second each.
            if (5_000..8_000).contains(&ms) && ms.is_multiple_of(5) {
                voices.sent(now, 80, 80, 0);
            }
            if ms % 1_000 == 500 {
                kept.push(voices.room(now, 4, 0).kbps());
                taken.push(voices.take(now, 0).kbps());
            }
        }
        assert_eq!(voices.room(start + Duration::from_secs(30), 0, 0), Bitrate::ZERO);
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

    #[test]
    fn with_copies_they_keep_what_was_really_packed() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let mut voices = Voices::default();
        assert_eq!(voices.room(start, 1, 3).kbps(), 200, "nothing is known yet");
        // One voice of 32 kbit/s: three seconds without copies, then with three that only half of its packets have room for.
        for packet in 0..400u32 {
            let now = start + Duration::from_millis(20) * packet;
            let (packed, copies) = match packet {
                0..150 => (80, 0),
                _ if packet % 2 == 0 => (333, 3),
                _ => (80, 3),
            };
            voices.sent(now, 80, packed, copies);
            match packet {
                120 => assert_eq!(
                    [0, 1, 3].map(|copies| voices.take(now, copies).kbps()),
                    [32, 64, 128]
                ),
                // Those of before would have been that much, too.
                380 => assert_eq!([0, 3].map(|copies| voices.room(now, 4, copies).kbps()), [50, 128]),
                _ => {}
            }
        }
        let later = start + Duration::from_secs(8);
        assert_eq!([1, 3].map(|copies| voices.take(later, copies).kbps()), [64, 82]);
        // What was guessed is forgotten, and what was seen stays.
        for packet in 0..500u32 {
            voices.sent(later + Duration::from_millis(20) * packet, 80, 207, 3);
        }
        let later = later + Duration::from_secs(10);
        assert_eq!(
            [0, 3].map(|copies| voices.room(later, 4, copies).kbps()),
            [50, 82]
        );
    }
}
