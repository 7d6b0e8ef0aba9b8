//! What the media made of the way it had, by the cable's own log: how much of it was used, how soon, and for how long packets
//! queued. Pure.
//!
//! Only the direction of the media counts, in bytes of IP packets, UDP apart from a TCP flow beside it.

use crate::harness::cable::log::Moment;

/// A rate is that of one second: so many moments.
const SECOND: usize = 10;
/// The share of the capacity that counts as having it.
const NEARLY: f64 = 0.9;
/// A queue under this is none, in microseconds, once it stays there for so many moments.
const SHORT_US: u64 = 50_000;
const STAYS: usize = 3;
/// The direction of the media.
const FORTH: usize = 0;

/// The moments of a call.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a>(pub &'a [Moment]);

impl Way<'_> {
    /// Bits per second of the media between two moments.
    #[must_use]
    pub fn media_bps(&self, from_us: u64, until_us: u64) -> Option<f64> {
        self.bps(from_us, until_us, |moment| moment.udp_bytes[FORTH])
    }

    /// The media's part of everything that passed between two moments, in percent.
    #[must_use]
    pub fn share_pct(&self, from_us: u64, until_us: u64) -> Option<f64> {
        let media = self.media_bps(from_us, until_us)?;
        let other = self.bps(from_us, until_us, |moment| moment.other_bytes[FORTH])?;
        (media + other > 0.0).then(|| 100.0 * media / (media + other))
    }

    /// How long after `from_us` the first second at nine tenths of `capacity_bps` was over, in milliseconds.
    #[must_use]
    pub fn reached_ms(&self, from_us: u64, capacity_bps: f64) -> Option<f64> {
        let later: Vec<&Moment> = self.0.iter().filter(|moment| moment.end_us > from_us).collect();
        let full = later.windows(SECOND).find(|second| {
            let bytes: u64 = second.iter().map(|moment| moment.udp_bytes[FORTH]).sum();
            bytes as f64 * 8.0 >= NEARLY * capacity_bps
        })?;
        Some((full.last()?.end_us - from_us) as f64 / 1e3)
    }

    /// How long after `from_us` the queue was short and stayed so for a while, in milliseconds.
    #[must_use]
    pub fn drained_ms(&self, from_us: u64) -> Option<f64> {
        let later: Vec<&Moment> = self.0.iter().filter(|moment| moment.end_us > from_us).collect();
        // A drop fills the queue within some moments: before it grew it is not drained.
        let grown = later.iter().position(|moment| moment.queue_us[FORTH] >= SHORT_US);
        let Some(grown) = grown.filter(|at| *at < SECOND) else {
            return (later.len() >= SECOND).then_some(0.0);
        };
        let short = later[grown..]
            .windows(STAYS)
            .find(|moments| moments.iter().all(|moment| moment.queue_us[FORTH] < SHORT_US))?;
        Some((short.first()?.end_us - from_us) as f64 / 1e3)
    }

    fn bps(&self, from_us: u64, until_us: u64, bytes: impl Fn(&Moment) -> u64) -> Option<f64> {
        let within = self
            .0
            .iter()
            .filter(|moment| moment.end_us > from_us && moment.end_us <= until_us);
        let seconds = until_us.checked_sub(from_us)? as f64 / 1e6;
        let bits = within.map(&bytes).sum::<u64>() as f64 * 8.0;
        (seconds > 0.0).then(|| bits / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_US: u64 = 1_790_000_000_000_000;

    /// Moments at these rates in kbit/s with queues in milliseconds, a tenth of a second each.
    fn moments(rates_and_queues: impl IntoIterator<Item = (u64, u64)>) -> Vec<Moment> {
        (1..)
            .zip(rates_and_queues)
            .map(|(at, (kbps, queue_ms))| Moment {
                end_us: START_US + at * 100_000,
                udp_bytes: [kbps * 100 / 8, 10],
                other_bytes: [kbps * 300 / 8, 0],
                queue_us: [queue_ms * 1_000, 0],
            })
            .collect()
    }

    #[test]
    fn rates_and_shares_are_of_the_medias_direction() {
        let passed = moments([(1_000, 0); 50]);
        let way = Way(&passed);
        let bps = way.media_bps(START_US, START_US + 5_000_000).unwrap();
        assert!((bps - 1e6).abs() < 1.0, "{bps}");
        let share = way.share_pct(START_US, START_US + 5_000_000).unwrap();
        assert!((share - 25.0).abs() < 0.01, "{share}");
        assert_eq!(way.media_bps(START_US, START_US), None);
        assert_eq!(Way(&[]).share_pct(START_US, START_US + 1), None);
    }

    #[test]
    fn a_rate_is_reached_at_the_end_of_the_first_full_second() {
        // 300 kbit/s more each second.
        let passed = moments((0..100).map(|at| (300 * (at / 10 + 1), 0)));
        let way = Way(&passed);
        // Nine tenths of a megabit: the third second has 900 kbit/s.
        assert_eq!(way.reached_ms(START_US, 1e6), Some(3_000.0));
        assert_eq!(way.reached_ms(START_US + 1_000_000, 1e6), Some(2_000.0));
        assert_eq!(way.reached_ms(START_US, 4e6), None);
    }

    #[test]
    fn a_queue_is_drained_when_it_is_short_for_good() {
        let queues = [0, 80, 200, 300, 150, 40, 60, 49, 20, 10, 0, 0, 0];
        let passed = moments(queues.map(|queue_ms| (500, queue_ms)));
        // Short at the sixth moment, but not for long; then from the eighth on.
        assert_eq!(Way(&passed).drained_ms(START_US), Some(800.0));
        let never = moments([(500, 400); 30]);
        assert_eq!(Way(&never).drained_ms(START_US), None);
        let nothing_queued = moments([(500, 3); 30]);
        assert_eq!(Way(&nothing_queued).drained_ms(START_US), Some(0.0));
    }
}
