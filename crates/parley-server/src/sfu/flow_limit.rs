//! How much one client may send: what is above is not looked at, and who goes on with it is put out.
//!
//! Owned by a peer. A camera in three layers, a screen and a voice stay far below; a flood would cost everybody on the same
//! thread, because a packet has to be decrypted before anything is known of it. Put out is who floods with what is its own: anybody can
//! write another's address on a datagram, and that is cut short and no more.

use std::time::{Duration, Instant};

/// In a second.
const PACKETS_MAX: u32 = 2_500;
const BYTES_MAX: u32 = 12_000_000 / 8;
/// So many seconds in a row above either.
const SECONDS_MAX: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// What to do with a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Look at it.
    Take,
    /// Leave it.
    Leave,
    /// It was one too many: the client has to go.
    Kick,
}

/// One client's count.
#[derive(Debug)]
pub(super) struct FlowLimit {
    second: Instant,
    packets: u32,
    bytes: u32,
    /// Of the packets those that turned out to be genuine.
    genuine: u32,
    /// Of the packets those that were left out.
    left: u32,
    above: u32,
    /// What was left out in seconds that were the client's own, until it is asked for.
    flooded: u64,
}

impl FlowLimit {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            second: now,
            packets: 0,
            bytes: 0,
            genuine: 0,
            left: 0,
            above: 0,
            flooded: 0,
        }
    }

    /// A datagram of so many bytes came.
    pub(super) fn admit(&mut self, now: Instant, bytes: usize) -> Admission {
        if now >= self.second + SECOND {
            // A second in which nothing was too much, or nothing came at all, forgives.
            let too_much = self.is_above() && self.is_its_own();
            if too_much {
                self.flooded += u64::from(self.left);
            }
            let in_a_row = now < self.second + 2 * SECOND && too_much;
            self.above = if in_a_row { self.above + 1 } else { 0 };
            (self.second, self.packets, self.bytes) = (now, 0, 0);
            (self.genuine, self.left) = (0, 0);
        }
        self.packets = self.packets.saturating_add(1);
        self.bytes = self
            .bytes
            .saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if !self.is_above() {
            return Admission::Take;
        }
        self.left += 1;
        if self.above >= SECONDS_MAX {
            Admission::Kick
        } else {
            Admission::Leave
        }
    }

    /// How many packets were left out that are proven to be the client's own flood, since this was asked last.
    pub(super) const fn take_flooded(&mut self) -> u64 {
        std::mem::replace(&mut self.flooded, 0)
    }

    /// The last one was genuine.
    pub(super) const fn was_genuine(&mut self) {
        self.genuine += 1;
    }

    fn is_its_own(&self) -> bool {
        self.genuine * 2 >= self.packets.min(PACKETS_MAX)
    }

    const fn is_above(&self) -> bool {
        self.packets > PACKETS_MAX || self.bytes > BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_floods_is_cut_short_and_then_put_out_and_who_had_one_bad_second_is_not() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let mut limit = FlowLimit::new(start);
        let mut play = |from_s: u64, seconds: u64, packets: u64, genuine: bool| {
            let mut seen = Vec::new();
            for second in from_s..from_s + seconds {
                for packet in 0..packets {
                    let at = start
                        + SECOND * u32::try_from(second).unwrap()
                        + SECOND * u32::try_from(packet).unwrap() / u32::try_from(packets).unwrap();
                    let judged = limit.admit(at, 100);
                    if judged == Admission::Take && genuine {
                        limit.was_genuine();
                    }
                    seen.push(judged);
                }
            }
            seen
        };
        assert!(play(0, 3, 2_400, true).iter().all(|it| *it == Admission::Take));
        let bad = play(3, 1, 4_000, true);
        assert_eq!(bad.iter().filter(|it| **it == Admission::Leave).count(), 1_500);
        assert!(play(4, 20, 2_000, true).iter().all(|it| *it == Admission::Take));
        let forged = play(24, 40, 4_000, false);
        assert!(!forged.contains(&Admission::Kick), "somebody else's");
        let flood = play(70, 12, 4_000, true);
        assert!(flood.contains(&Admission::Kick));
        assert!(!flood[..10 * 4_000].contains(&Admission::Kick));
        // The bad second, and all of the flood but its last one, which is not over; nothing of what was forged.
        assert_eq!(limit.take_flooded(), 12 * 1_500);
        assert_eq!(limit.take_flooded(), 0);
        let mut limit = FlowLimit::new(start);
        assert_eq!(limit.admit(start, BYTES_MAX as usize), Admission::Take);
        assert_eq!(limit.admit(start, 1), Admission::Leave, "bytes count too");
    }
}
