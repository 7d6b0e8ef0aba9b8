//! Reports made to do harm: whatever they say, the rate stays within its limits and the memory bounded.

use super::super::{Estimator, Limits};
use super::link::Dice;
use std::time::Duration;

const LIMITS: Limits = Limits {
    start: 1e6,
    min: 1e5,
    max: 5e6,
};

/// The body for a fuzzer: any bytes are reports, probes and REMB in any order. Panics when a promise is broken.
fn congestion(data: &[u8]) {
    let mut estimator = Estimator::new(LIMITS);
    let mut max = LIMITS.max;
    let mut now = Duration::ZERO;
    let mut number = 0u16;
    let mut probe = None;
    let mut bytes = data.iter().copied();
    while let Some(control) = bytes.next() {
        let mut byte = || bytes.next().unwrap_or(0);
        now += Duration::from_millis(u64::from(control >> 3) * 9);
        match control & 7 {
            0 => estimator.on_report(now, &[]),
            1 => {
                max = f64::from(byte()) * 40_000.0;
                estimator.set_max(max);
                max = max.max(LIMITS.min);
            }
            2 => estimator.on_remb(
                now,
                f64::from_bits(u64::from_be_bytes(std::array::from_fn(|_| byte()))),
            ),
            3 => probe = estimator.poll_probe(now, None).or(probe),
            4 => {
                for _ in 0..byte() {
                    let (gap, size) = (byte(), byte());
                    now += Duration::from_millis(u64::from(gap) / 16);
                    // Our own clock does not go back, and if it did, that must not hurt either.
                    let at = if gap == 255 { now / 2 } else { now };
                    let probe = probe.map(|probe| probe.id.wrapping_add(u32::from(size & 1)));
                    estimator.on_sent(number, at, usize::from(gap) << (size & 31), probe);
                    number = number.wrapping_add(1 + u16::from(size == 255) * 999);
                }
            }
            kind => {
                let statuses: Vec<_> = (0..byte())
                    .map(|n| {
                        let (fate, gap) = (byte(), byte());
                        let arrived = match fate & 3 {
                            0 => None,
                            1 => Some(now + Duration::from_millis(u64::from(fate) * 2)),
                            2 => Some(Duration::from_secs(u64::MAX / u64::from(fate).max(1))),
                            _ => Some(Duration::from_millis(u64::from(fate) * u64::from(gap))),
                        };
                        let which = if kind == 7 {
                            u16::from(gap) << 8
                        } else {
                            u16::from(n)
                        };
                        (number.wrapping_sub(which), arrived)
                    })
                    .collect();
                estimator.on_report(now, &statuses);
            }
        }
        let target = estimator.target();
        assert!((LIMITS.min..=max).contains(&target), "{target} of {max}");
    }
}

#[test]
fn arbitrary_reports_leave_the_rate_within_its_limits() {
    let mut dice = Dice::new(7);
    for length in (0..4_000).map(|n| n % 1_500) {
        let bytes: Vec<u8> = (0..length).map(|_| dice.number() as u8).collect();
        congestion(&bytes);
    }
    for byte in 0..=255 {
        congestion(&[byte; 5_000]);
    }
}

/// A tenth of a second of packets, one each 5 ms, reported by `arrived(sent_ms) -> arrived_ms`.
fn tenth(estimator: &mut Estimator, n: u64, arrived: impl Fn(u64) -> Option<u64>) {
    let statuses: Vec<_> = (n * 20..n * 20 + 20)
        .map(|k| {
            estimator.on_sent(k as u16, Duration::from_millis(k * 5), 1200, None);
            (k as u16, arrived(k * 5).map(Duration::from_millis))
        })
        .collect();
    estimator.on_report(Duration::from_millis(n * 100 + 150), &statuses);
}

/// The target after ten seconds of reports as `arrived` tells them.
fn after(arrived: impl Fn(u64) -> Option<u64>) -> f64 {
    let mut estimator = Estimator::new(LIMITS);
    for n in 0..100 {
        tenth(&mut estimator, n, &arrived);
    }
    estimator.target()
}

#[test]
fn all_lost_goes_to_the_least_and_no_lower() {
    let all_but_one = |at: u64| (at % 100 == 95).then_some(at);
    let target = after(all_but_one);
    assert!((LIMITS.min..0.3e6).contains(&target), "{target}");
}

#[test]
fn a_clock_that_jumps_forth_and_back_changes_little() {
    let steady = after(|at| Some(at + 20));
    let jumping = after(|at| Some(at + 20 + if (at / 1000) % 2 == 0 { 0 } else { 1 << 40 }));
    assert!(jumping >= steady * 0.5, "{jumping} beside {steady}");
}

#[test]
fn remb_is_a_bound_and_the_only_guide_where_there_is_nothing_else() {
    let mut estimator = Estimator::new(LIMITS);
    for absurd in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        estimator.on_remb(Duration::ZERO, absurd);
        assert_eq!(estimator.target(), LIMITS.start);
    }
    estimator.on_remb(Duration::ZERO, 2e6);
    assert_eq!(estimator.target(), 2e6);
    estimator.on_remb(Duration::ZERO, 1e300);
    assert_eq!(estimator.target(), LIMITS.max);
    for n in 0..50 {
        estimator.on_remb(Duration::from_millis(n * 100), 0.5e6);
        tenth(&mut estimator, n, |at| Some(at + 20));
        assert!(estimator.target() <= 0.5e6);
    }
    for n in 50..200 {
        tenth(&mut estimator, n, |at| Some(at + 20));
    }
    assert!(
        estimator.target() > 1e6,
        "one that is not said again holds no longer"
    );
}

#[test]
fn a_ceiling_that_rises_is_probed_at_once() {
    let mut estimator = Estimator::new(LIMITS);
    let now = Duration::from_secs(60);
    while estimator.poll_probe(now, None).is_some() {}
    estimator.set_max(9e6);
    let probe = estimator.poll_probe(now + Duration::from_secs(3), None).unwrap();
    assert!(probe.bps > 1.5e6 && probe.bps <= 9e6, "{probe:?}");
}
