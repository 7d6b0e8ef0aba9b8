//! Whether there is less to send than may be sent (application-limited region): then nothing that arrives shows what the way carries.

use std::collections::VecDeque;

/// Over this the sent rate is taken.
const WINDOW_MS: f64 = 500.0;
/// Below this share of the target it is idle, above that one it is not any more.
const BEGINS: f64 = 0.65;
const ENDS: f64 = 0.8;
/// Packets kept at most.
const PACKETS_MAX: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Idle {
    sent: VecDeque<(f64, f64)>,
    bits: f64,
    is: bool,
}

impl Idle {
    /// A packet was sent, whether or not it arrived.
    pub(super) fn add(&mut self, sent_ms: f64, bits: f64) {
        self.sent.push_back((sent_ms, bits));
        self.bits += bits;
        while self.sent.len() > PACKETS_MAX
            || self.sent.front().is_some_and(|(at, _)| *at < sent_ms - WINDOW_MS)
        {
            self.bits -= self.sent.pop_front().map_or(0.0, |(_, bits)| bits);
        }
    }

    pub(super) fn update(&mut self, target: f64) {
        let share = self.sent_bps() / target.max(1.0);
        self.is = if self.is { share < ENDS } else { share < BEGINS };
    }

    /// What leaves, in bits a second.
    pub(super) fn sent_bps(&self) -> f64 {
        self.bits * 1000.0 / WINDOW_MS
    }

    pub(super) const fn is(&self) -> bool {
        self.is
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_might_be_is_idle_and_a_little_less_is_not() {
        let mut idle = Idle::default();
        let mut run = |bits: f64| {
            for n in 0..100 {
                idle.add(f64::from(n) * 10.0, bits);
            }
            idle.sent.clear();
            let sent = std::mem::take(&mut idle.bits);
            idle.bits = sent;
            idle.update(1e6);
            idle.bits = 0.0;
            idle.is()
        };
        assert!(run(3_000.0));
        assert!(run(7_000.0), "until it is well above");
        assert!(!run(9_000.0));
        assert!(!run(7_000.0));
    }
}
