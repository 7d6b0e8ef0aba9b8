//! The highest rate of the last second or two: what it was before something that turned out to be no queue brought it down.

/// Two of these are looked at, the present one and the one before.
const SPAN_MS: f64 = 1_000.0;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Lately {
    since_ms: f64,
    now: f64,
    before: f64,
}

impl Lately {
    pub(super) fn add(&mut self, now_ms: f64, rate: f64) {
        let passed_ms = now_ms - self.since_ms;
        if passed_ms > SPAN_MS {
            // Of what lies two spans back nothing is left.
            self.before = if passed_ms > 2.0 * SPAN_MS { 0.0 } else { self.now };
            self.now = 0.0;
            self.since_ms = now_ms;
        }
        self.now = self.now.max(rate);
    }

    pub(super) const fn highest(&self) -> f64 {
        self.now.max(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_remembered_for_a_second_and_forgotten_after_two() {
        let mut lately = Lately::default();
        for n in 0..50 {
            lately.add(f64::from(n) * 100.0, if n < 20 { 2e6 } else { 1e6 });
            if n == 29 {
                assert_eq!(lately.highest(), 2e6);
            }
        }
        assert_eq!(lately.highest(), 1e6);
    }
}
