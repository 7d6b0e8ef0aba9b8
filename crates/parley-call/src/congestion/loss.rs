//! The rate by loss: is what is lost the link's nature, or does it come of sending too much?
//!
//! After the loss-based estimator that libwebrtc calls its second version, as its sources and Google's talks describe it: what was sent
//! and lost in the last seconds is explained by two numbers, a share that the link always loses and a bandwidth beyond which all is
//! lost. The most likely bandwidth of a few around the present one is taken, the highest where the data cannot tell. So 10 % of
//! random loss costs nothing, while a limiter without a queue is found. What no explanation may do is go on at full rate when a good
//! part of everything is lost: [`INSTANT_BPS`].

use std::collections::VecDeque;

/// What is taken together at least.
const OBSERVATION_MS: f64 = 250.0;
const OBSERVATION_PACKETS: f64 = 10.0;
/// How many of those are looked at, and how much each counts beside the next.
const OBSERVATIONS: usize = 20;
const AGE_FACTOR: f64 = 0.9;
/// With more than this lost, the way was interrupted.
const INTERRUPTED: f64 = 0.97;
/// Less than this says nothing.
const HARMLESS: f64 = 0.02;
/// What can be the link's nature, and what is tried of it.
const INHERENT_MIN: f64 = 1e-3;
const INHERENT_MAX: f64 = 0.5;
const INHERENT: [f64; 7] = [0.0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3];
/// At a loss beyond `INSTANT_FROM` the rate is bounded whatever explains it: by `INSTANT_BPS` at `INSTANT_AT`, and by so much more the
/// less is lost (1.05 Mbit/s at 20 %) and so much less the more (140 kbit/s at 50 %) as `INSTANT_POWER` says, ...
const INSTANT_BPS: f64 = 385_000.0;
const INSTANT_AT: f64 = 0.3;
const INSTANT_FROM: f64 = 0.08;
const INSTANT_POWER: f64 = 1.65;
/// ... but never below this: a voice and its copies get through any loss.
const INSTANT_MIN_BPS: f64 = 200_000.0;
/// Bandwidths tried, as shares of the present one.
const TRIED: [f64; 4] = [1.05, 1.0, 0.95, 0.85];
/// How much a higher bandwidth is preferred, for each packet and each doubling.
const HIGHER: f64 = 0.035;

/// What may be sent at this loss, whatever explains it.
fn instant(share: f64) -> f64 {
    let beyond = (share - INSTANT_FROM).max(1e-3);
    let steep = ((INSTANT_AT - INSTANT_FROM) / beyond).powf(INSTANT_POWER);
    (INSTANT_BPS * steep).max(INSTANT_MIN_BPS)
}

#[derive(Debug, Clone, Copy, Default)]
struct Observation {
    packets: f64,
    lost: f64,
    bits: f64,
    from_ms: f64,
    to_ms: f64,
}

impl Observation {
    fn sent_bps(&self) -> f64 {
        self.bits * 1000.0 / (self.to_ms - self.from_ms).max(OBSERVATION_MS / 2.0)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Loss {
    now: Option<Observation>,
    past: VecDeque<Observation>,
    bound: Option<f64>,
    share: f64,
    /// There are observations that were not looked at.
    is_new: bool,
    /// Nothing arrived in the last one.
    is_interrupted: bool,
}

impl Loss {
    /// A packet of which it is known whether it arrived.
    pub(super) fn add(&mut self, sent_ms: f64, bits: f64, lost: bool) {
        let now = self.now.get_or_insert(Observation {
            from_ms: sent_ms,
            ..Observation::default()
        });
        now.packets += 1.0;
        now.lost += f64::from(u8::from(lost));
        now.bits += bits;
        // What was lost is known later than what arrived.
        now.to_ms = now.to_ms.max(sent_ms);
        if now.to_ms - now.from_ms < OBSERVATION_MS || now.packets < OBSERVATION_PACKETS {
            return;
        }
        // Nothing at all arrives in an interruption, and that tells nothing of how much would.
        let complete = self.now.take();
        if complete.is_some_and(|seen| seen.lost >= seen.packets * INTERRUPTED) {
            // Nor do the edges of it.
            self.past.pop_back();
            self.is_interrupted = true;
            return;
        }
        let of_use = complete.filter(|_| !std::mem::take(&mut self.is_interrupted));
        self.is_new |= of_use.is_some();
        self.past.extend(of_use);
        if self.past.len() > OBSERVATIONS {
            self.past.pop_front();
        }
    }

    /// The share lost lately, newer more than older.
    #[cfg(test)]
    pub(super) const fn share(&self) -> f64 {
        self.share
    }

    /// The most that may be sent, if loss has a say in it.
    pub(super) const fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// Looks again when there is something new. `rate` is what may be sent now, `arrives` what does.
    pub(super) fn update(&mut self, rate: f64, arrives: Option<f64>) {
        if !std::mem::take(&mut self.is_new) || self.past.is_empty() {
            return;
        }
        let (lost, packets) = self
            .weighed()
            .fold((0.0, 0.0), |(lost, packets), (weight, seen)| {
                (lost + weight * seen.lost, packets + weight * seen.packets)
            });
        self.share = lost / packets;
        if self.share < HARMLESS {
            self.bound = None;
            return;
        }
        let present = self.bound.map_or(rate, |bound| bound.min(rate));
        let candidates = TRIED.map(|share| Some(present * share));
        let best = candidates
            .into_iter()
            .chain([arrives.filter(|arrives| *arrives < present)])
            .flatten()
            .map(|bandwidth| (bandwidth, self.likelihood(bandwidth)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(present, |(bandwidth, _)| bandwidth);
        self.bound = Some(best.min(instant(self.share)));
    }

    fn weighed(&self) -> impl Iterator<Item = (f64, &Observation)> {
        let mut weight = 1.0;
        self.past.iter().rev().map(move |seen| {
            let this = weight;
            weight *= AGE_FACTOR;
            (this, seen)
        })
    }

    /// How well `bandwidth` explains what was seen, with the most likely inherent loss beside it.
    fn likelihood(&self, bandwidth: f64) -> f64 {
        let excess = |seen: &Observation| (1.0 - bandwidth / seen.sent_bps().max(1.0)).max(0.0);
        let (lost, left) = self.weighed().fold((0.0, 0.0), |(lost, left), (weight, seen)| {
            let through = seen.packets * (1.0 - excess(seen));
            (
                lost + weight * (seen.lost - seen.packets * excess(seen)),
                left + weight * through,
            )
        });
        // The share that makes the sums right, that of all packets, and a few between: which one is likeliest has no formula.
        let inherent = [lost / left.max(1.0), self.share].into_iter().chain(INHERENT);
        inherent
            .map(|inherent| inherent.clamp(INHERENT_MIN, INHERENT_MAX))
            .map(|inherent| {
                self.weighed()
                    .map(|(weight, seen)| weight * fit(seen, bandwidth, inherent, excess(seen)))
                    .sum()
            })
            .fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The logarithm of the likelihood of one observation.
fn fit(seen: &Observation, bandwidth: f64, inherent: f64, excess: f64) -> f64 {
    let share = (inherent + (1.0 - inherent) * excess).clamp(INHERENT_MIN, 1.0 - INHERENT_MIN);
    let fit = seen.lost * share.ln() + (seen.packets - seen.lost) * (1.0 - share).ln();
    fit + HIGHER * seen.packets * bandwidth.max(1.0).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirty seconds at what the bound allows, up to 2 Mbit/s, over a link that loses by `lost(bps, number)`.
    fn bound(lost: impl Fn(f64, u32) -> bool) -> f64 {
        let mut loss = Loss::default();
        let (mut at, mut last) = (0.0, 0.0);
        let mut rate = 2e6f64;
        let mut arrived = 0.0;
        for number in 0u32.. {
            if at > 30_000.0 {
                break;
            }
            at += 9_600_000.0 / rate;
            let is_lost = lost(rate, number);
            loss.add(at, 9_600.0, is_lost);
            arrived += if is_lost { 0.0 } else { 9_600.0 };
            if at - last > 100.0 {
                loss.update(rate, Some(arrived * 1000.0 / (at - last)));
                (last, arrived) = (at, 0.0);
                rate = (rate * 1.008).min(2e6).min(loss.bound().unwrap_or(2e6));
            }
        }
        rate
    }

    #[test]
    fn a_clean_link_and_one_that_loses_a_tenth_at_random_are_not_bounded() {
        assert_eq!(bound(|_, _| false), 2e6);
        let random = |n: u32| n.wrapping_mul(2_654_435_761) >> 16 & 0xff;
        assert!(bound(|_, n| random(n) < 26) > 1.5e6);
    }

    #[test]
    fn a_limiter_without_a_queue_is_found() {
        let rate = bound(|bps, n| {
            let excess = (1.0 - 1e6 / bps).max(0.0);
            f64::from(n.wrapping_mul(2_654_435_761) >> 16 & 0xff) < excess * 256.0
        });
        assert!((0.8e6..1.25e6).contains(&rate), "{rate}");
    }

    #[test]
    fn when_a_third_is_lost_no_explanation_helps() {
        let rate = bound(|_, n| n % 3 == 0);
        assert!((0.28e6..0.33e6).contains(&rate), "{rate}");
    }
}
