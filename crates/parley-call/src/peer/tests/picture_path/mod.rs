//! How pictures come over ways that lose packets or are narrow, in virtual time: the whole path but for the codec, the device and the
//! sockets. The figures are printed (`--nocapture`); `TRACE=1` prints what happens each tenth of a second.

mod heard;
mod maker;
mod trial;
mod wire;

use trial::{Outcome, run};
use wire::Way;

/// A few runs with other dice, twenty seconds each: means, and what is asked of each.
fn each(name: &str, way: Way, mut check: impl FnMut(&Outcome)) {
    for seed in 1..=3 {
        let outcome = run(way, seed, 20);
        eprintln!(
            "{name}: frozen {:.1} % ({:.1} of the first nine seconds), {:.1} a second, first {:.0} ms, late {:.0} p50 {:.0} p95 ms, sound late {:.0} ms, lips {:.0} ms off, {:.0} kbit/s, {} key frames, {} overflown, heights {:?}",
            outcome.frozen_pct(20),
            outcome.frozen_pct(9),
            outcome.fps(),
            outcome.first_ms(),
            outcome.late_ms(0.5),
            outcome.late_ms(0.95),
            outcome.heard_late_ms(),
            outcome.lips_off_ms(),
            outcome.steady_bps / 1e3,
            outcome.key_frames,
            outcome.overflown,
            outcome.heights,
        );
        check(&outcome);
    }
}

#[test]
fn where_packets_are_lost_the_picture_hardly_ever_stands_still() {
    for (name, loss, run, frozen) in [
        ("loss 1 %", 0.01, 1.0, 0.5),
        ("loss 5 %", 0.05, 1.0, 1.0),
        ("loss 10 %", 0.10, 1.0, 3.0),
        ("loss 10 % in fours", 0.10, 4.0, 3.0),
        ("loss 20 %", 0.20, 1.0, 5.0),
        ("loss 30 %", 0.30, 1.0, 10.0),
    ] {
        each(name, Way::new(5_000).losing(loss, run), |outcome| {
            assert!(outcome.frozen_pct(20) <= frozen, "{name}");
            assert!(outcome.fps() >= 20.0, "{name}");
        });
    }
}

#[test]
fn a_narrow_way_is_used_and_the_picture_goes_on_from_the_beginning() {
    for (name, kbps, used, late_ms, lips_ms) in [
        ("3 Mbit/s", 3_000, 0.0, 100.0, 45.0),
        ("1 Mbit/s", 1_000, 0.85, 250.0, 45.0),
        ("600 kbit/s", 600, 0.85, 300.0, 45.0),
        ("300 kbit/s", 300, 0.85, 400.0, 60.0),
    ] {
        each(name, Way::new(kbps), |outcome| {
            assert!(outcome.steady_bps >= used * f64::from(kbps) * 1e3, "{name}");
            assert!(outcome.frozen_pct(20) <= 3.0, "{name}");
            assert!(outcome.late_ms(0.95) <= late_ms, "{name}");
            assert!(outcome.first_ms() <= 500.0, "{name}");
            assert!(outcome.heard_late_ms() <= late_ms, "{name}");
            assert!(outcome.lips_off_ms() <= lips_ms, "{name}");
        });
    }
}

#[test]
fn a_way_that_becomes_a_sixth_as_wide_is_free_of_its_queue_within_two_seconds_and_the_picture_goes_on() {
    let way = Way::new(3_000).dipping(5_000, 12_000, 500);
    each("3 Mbit/s, half of one from second 5 to 12", way, |outcome| {
        // The end of the queue drops, and the picture stands until a small key frame is there.
        assert!(outcome.frozen_pct(20) <= 7.0);
        let later = &outcome.queue_ms[70..];
        let longest = later.iter().copied().fold(0.0, f64::max);
        assert!(longest <= 150.0, "{longest}");
    });
}
