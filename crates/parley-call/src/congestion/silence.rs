//! What may be sent while reports stay away: half as much for each half second, down to the least.
//!
//! Who goes on at full rate into a way that says nothing fills whatever queue there is for as long as nobody looks (RFC 8083, 4.1:
//! a sender whose feedback stays away must stop in the end). What was known before stays known: once a report comes, the bound is
//! gone, and delay and loss say whether the way is still the same. Counted is from the first packet that no report has answered,
//! so one who sends nothing is not silent.

/// Reports are late after this and so many round trips.
const LATE_MS: f64 = 1_000.0;
const ROUND_TRIPS: f64 = 2.0;
/// The bound halves once for each of these.
const HALVES_MS: f64 = 500.0;
/// So few packets may be lost all together.
const PACKETS_MIN: u32 = 10;
/// After this long nobody knows what the way carries now.
const FORGOTTEN_MS: f64 = 10_000.0;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// When the first packet left that no report answered.
    since_ms: Option<f64>,
    packets: u32,
    /// The rate when reports began to be late.
    from: Option<f64>,
    bound: Option<f64>,
}

impl Silence {
    /// The most that may be sent, while reports are late.
    pub(super) const fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// A packet left at `target`. Gives whether the bound moved.
    pub(super) fn sent(&mut self, now_ms: f64, target: f64, round_trip_ms: f64) -> bool {
        let since_ms = *self.since_ms.get_or_insert(now_ms);
        self.packets = self.packets.saturating_add(1);
        let late_ms = now_ms - since_ms - LATE_MS - ROUND_TRIPS * round_trip_ms;
        if late_ms < 0.0 || self.packets < PACKETS_MIN {
            return false;
        }
        let from = *self.from.get_or_insert(target);
        let halves = 1.0 + (late_ms / HALVES_MS).floor();
        let bound = Some(from * 0.5f64.powf(halves));
        std::mem::replace(&mut self.bound, bound) != bound
    }

    /// A report came at last. Gives whether the silence was so long that what was known before is of no use.
    pub(super) fn heard(&mut self, now_ms: f64) -> bool {
        let was_late = self.bound.is_some();
        let since_ms = self.since_ms.unwrap_or(now_ms);
        *self = Self::default();
        was_late && now_ms - since_ms > FORGOTTEN_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bound after packets each 20 ms for so long, without a word.
    fn after(ms: u32) -> Option<f64> {
        let mut silence = Silence::default();
        for n in 0..ms / 20 {
            silence.sent(f64::from(n) * 20.0, 1e6, 50.0);
        }
        silence.bound()
    }

    #[test]
    fn half_as_much_goes_for_each_half_second_once_reports_are_late() {
        assert_eq!(after(1_100), None);
        assert_eq!(after(1_200), Some(5e5));
        assert_eq!(after(1_700), Some(2.5e5));
        assert!(after(60_000).unwrap() < 1.0);
    }

    #[test]
    fn a_report_ends_it_and_one_who_sends_nothing_is_not_silent() {
        let mut silence = Silence::default();
        for n in 0..100 {
            silence.sent(f64::from(n) * 20.0, 1e6, 50.0);
        }
        assert!(!silence.heard(2_000.0));
        assert_eq!(silence.bound(), None);
        silence.sent(60_000.0, 1e6, 50.0);
        assert_eq!(silence.bound(), None);
        for n in 0..600 {
            silence.sent(60_000.0 + f64::from(n) * 20.0, 1e6, 50.0);
        }
        assert!(silence.heard(72_000.0), "too long to go on as before");
    }
}
