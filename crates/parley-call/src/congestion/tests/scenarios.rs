//! What issue 5 asks of the estimate, each with its figures printed (`--nocapture`).

use super::link::Way;
use super::sender::{Outcome, Reroute, Trial, run};

/// A few runs with other dice: what holds, holds for each.
fn each(trial: &Trial, mut check: impl FnMut(&Outcome)) {
    for seed in 1..=4 {
        check(&run(&Trial {
            seed,
            ..trial.clone()
        }));
    }
}

#[test]
fn from_300_kbit_to_two_and_a_half_megabit_within_five_seconds() {
    each(&Trial::over(Way::new(3_000.0, 20.0), 10.0), |outcome| {
        let reached = outcome.reached(0.0, 2.5e6);
        eprintln!("ramp to 2.5 Mbit/s: {reached:.2} s");
        assert!(reached <= 5.0, "{reached}");
    });
}

#[test]
fn a_steady_link_is_used() {
    for kbps in [3_000.0, 1_000.0, 300.0] {
        each(&Trial::over(Way::new(kbps, 20.0), 60.0), |outcome| {
            let used = outcome.arrived(10.0, 60.0) / kbps / 1000.0;
            let queue = outcome.queue(10.0, 60.0, 0.95);
            let padding = outcome.padding_bits / outcome.sent_bits;
            eprintln!("{kbps} kbit/s: used {used:.3}, queue p95 {queue:.0} ms, padding {padding:.3}");
            assert!(used >= 0.85, "{used}");
            // A picture's packets and a probe of four, on top of little else.
            assert!(queue < 60.0 + 5.0 * 9_600.0 / kbps, "{queue}");
            assert!(padding < 0.08, "{padding}");
        });
    }
}

#[test]
fn capacity_that_goes_and_comes_back_is_followed() {
    let mut way = Way::new(3_000.0, 20.0);
    way.capacity = vec![(0.0, 3e6), (15_000.0, 0.5e6), (35_000.0, 3e6)];
    for queue_ms in [200.0, 600.0, 1_000.0] {
        way.queue_ms = queue_ms;
        each(&Trial::over(way.clone(), 60.0), |outcome| {
            let drained = outcome.drained(15.0, 50.0);
            let low = outcome.arrived(18.0, 35.0) / 0.5e6;
            let back = outcome.reached(35.0, 2.7e6);
            eprintln!(
                "drop with a queue of {queue_ms} ms: drained {drained:.2} s, used {low:.3}, back {back:.2} s"
            );
            assert!(drained <= 2.0, "{drained}");
            assert!(low >= 0.8, "{low}");
            assert!(back <= 10.0, "{back}");
        });
    }
}

#[test]
fn beside_a_tcp_flow_neither_starves() {
    let mut shares = Vec::new();
    for (kbps, queue_ms) in [
        (3_000.0, 100.0),
        (3_000.0, 200.0),
        (3_000.0, 400.0),
        (1_500.0, 200.0),
    ] {
        let mut way = Way::new(kbps, 20.0);
        way.queue_ms = queue_ms;
        let trial = Trial {
            tcp: Some((10.0, 130.0)),
            ..Trial::over(way, 150.0)
        };
        each(&trial, |outcome| {
            let (ours, theirs) = (outcome.arrived(25.0, 130.0), outcome.tcp(25.0, 130.0));
            let share = ours / (ours + theirs);
            let after = outcome.arrived(138.0, 150.0) / kbps / 1000.0;
            eprintln!(
                "{kbps} kbit/s, queue {queue_ms} ms, beside TCP: {share:.2} of {:.0} kbit/s, alone after: {after:.2}",
                (ours + theirs) / 1000.0
            );
            shares.push(share);
            assert!(after > 0.8, "{after}");
        });
    }
    for share in shares {
        assert!((1.0 / 3.0..2.0 / 3.0).contains(&share), "{share}");
    }
}

#[test]
fn random_loss_does_not_starve_the_call() {
    for (loss, burst, least) in [
        (0.01, 1.0, 0.80),
        (0.05, 1.0, 0.75),
        (0.10, 1.0, 0.60),
        (0.10, 4.0, 0.55),
        (0.20, 1.0, 0.30),
        (0.30, 1.0, 0.11),
    ] {
        let mut way = Way::new(3_000.0, 20.0);
        (way.loss, way.burst) = (loss, burst);
        each(&Trial::over(way, 60.0), |outcome| {
            let used = outcome.arrived(10.0, 60.0) / 3e6 / (1.0 - loss);
            eprintln!("loss {loss} in runs of {burst}: used {used:.3}");
            assert!(used >= least, "{used}");
        });
    }
}

#[test]
fn a_queue_of_a_second_stays_short() {
    let mut way = Way::new(1_000.0, 20.0);
    way.queue_ms = 1_000.0;
    each(&Trial::over(way, 60.0), |outcome| {
        let (used, queue) = (outcome.arrived(10.0, 60.0) / 1e6, outcome.queue(10.0, 60.0, 0.95));
        eprintln!("bufferbloat: used {used:.3}, queue p95 {queue:.0} ms");
        assert!(used >= 0.85 && queue < 120.0, "{used} {queue}");
    });
}

#[test]
fn a_satellite_is_only_slower_to_find() {
    each(&Trial::over(Way::new(3_000.0, 300.0), 60.0), |outcome| {
        let (reached, used) = (outcome.reached(0.0, 2e6), outcome.arrived(15.0, 60.0) / 3e6);
        eprintln!("satellite: 2 Mbit/s after {reached:.2} s, used {used:.3}");
        assert!(reached < 15.0 && used >= 0.80, "{reached} {used}");
    });
}

#[test]
fn jitter_does_not_bring_the_rate_down() {
    for (jitter_ms, reorders) in [(30.0, false), (30.0, true), (100.0, false), (100.0, true)] {
        let mut way = Way::new(3_000.0, 20.0);
        (way.jitter_ms, way.reorders) = (jitter_ms, reorders);
        each(&Trial::over(way, 60.0), |outcome| {
            let used = outcome.arrived(20.0, 60.0) / 3e6;
            let least = outcome
                .between(20.0, 60.0)
                .map(|moment| moment.target)
                .fold(f64::INFINITY, f64::min);
            eprintln!("jitter {jitter_ms} ms, reordering {reorders}: used {used:.3}, never below {least:.0}");
            assert!(used >= 0.6, "{used}");
            assert!(least >= 0.75e6, "{least}");
        });
    }
}

#[test]
fn lost_reports_are_not_lost_packets() {
    let trial = Trial {
        report_loss: 0.2,
        ..Trial::over(Way::new(3_000.0, 20.0), 60.0)
    };
    each(&trial, |outcome| {
        let used = outcome.arrived(10.0, 60.0) / 3e6;
        eprintln!("a fifth of the reports lost: used {used:.3}");
        assert!(used >= 0.8, "{used}");
    });
}

#[test]
fn one_who_sends_little_keeps_an_estimate_and_is_fast_when_there_is_more() {
    let trial = Trial {
        encoder_max: 200_000.0,
        ..Trial::over(Way::new(3_000.0, 20.0), 40.0)
    };
    each(&trial, |outcome| {
        let last = outcome.moments.last().unwrap().target;
        let padding = outcome.padding_bits / 40.0;
        eprintln!("idle: {last:.0}, padding {padding:.0} bit/s");
        assert!((2e6..3.2e6).contains(&last), "{last}");
        assert!(padding < 60_000.0, "{padding}");
    });
}

#[test]
fn without_padding_it_still_ramps_up() {
    for (key_frame, most) in [(None, 45.0), (Some(30_000), 8.0)] {
        let trial = Trial {
            padding: false,
            key_frame,
            ..Trial::over(Way::new(3_000.0, 20.0), 60.0)
        };
        each(&trial, |outcome| {
            let reached = outcome.reached(0.0, 2.5e6);
            eprintln!("without padding, key frame {key_frame:?}: 2.5 Mbit/s after {reached:.2} s");
            assert!(reached < most, "{reached}");
        });
    }
}

#[test]
fn after_two_seconds_of_nothing_the_call_goes_on_as_before() {
    let mut way = Way::new(3_000.0, 20.0);
    way.outage = Some((15_000.0, 17_000.0));
    each(&Trial::over(way, 40.0), |outcome| {
        let back = outcome.reached(17.0, 2.4e6);
        let used = outcome.arrived(18.0, 23.0) / 3e6;
        eprintln!("outage of 2 s: 2.4 Mbit/s again after {back:.2} s, used {used:.3} of the next five");
        assert!(back <= 5.0, "{back}");
        assert!(used >= 0.7, "{used}");
    });
}

#[test]
fn while_no_report_comes_little_is_sent_and_after_it_the_call_goes_on_as_before() {
    for seconds in [2.0, 5.0, 9.0] {
        let trial = Trial {
            unheard: Some((15.0, 15.0 + seconds)),
            ..Trial::over(Way::new(3_000.0, 20.0), 40.0)
        };
        each(&trial, |outcome| {
            let least = outcome
                .between(15.0, 15.0 + seconds)
                .map(|moment| moment.target)
                .fold(f64::INFINITY, f64::min);
            let back = outcome.reached(15.0 + seconds, 2.4e6);
            eprintln!("no report for {seconds} s: down to {least:.0}, 2.4 Mbit/s again after {back:.2} s");
            assert!(
                least <= if seconds > 4.0 { 100_000.0 } else { 800_000.0 },
                "{least}"
            );
            assert!(back <= 5.0, "{back}");
        });
    }
}

#[test]
fn another_way_within_the_connection_is_no_queue() {
    // From a relay nearby to a long direct way, from a far relay to a short one; seen a quarter of a second late.
    for (before_ms, delay_ms) in [(10.0, 90.0), (20.0, 60.0), (120.0, 15.0)] {
        let least = |told_after_ms| {
            let trial = Trial {
                reroute: Some(Reroute {
                    at_ms: 15_000.0,
                    told_after_ms,
                    delay_ms,
                }),
                ..Trial::over(Way::new(3_000.0, before_ms), 30.0)
            };
            let mut least = f64::INFINITY;
            each(&trial, |outcome| {
                let lowest = outcome.between(15.5, 20.0).map(|moment| moment.target);
                least = lowest.fold(least, f64::min);
            });
            least
        };
        let (told, untold) = (least(Some(250.0)), least(None));
        eprintln!("{before_ms} ms to {delay_ms} ms: never below {told:.0}, {untold:.0} if nobody tells");
        assert!(told >= 2.0e6, "{told}");
        if delay_ms > before_ms {
            assert!(untold < told * 0.8, "{untold}: telling is of no use");
        }
    }
}

#[test]
fn receiver_reports_alone_follow_a_way_within_half_a_minute() {
    for (kbps, loss) in [(3_000.0, 0.0), (1_000.0, 0.0), (500.0, 0.01)] {
        let mut way = Way::new(kbps, 20.0);
        way.loss = loss;
        let trial = Trial {
            receiver_reports: true,
            padding: false,
            ..Trial::over(way, 90.0)
        };
        each(&trial, |outcome| {
            let used = outcome.arrived(30.0, 90.0) / kbps / 1000.0;
            let queue = outcome.queue(30.0, 90.0, 0.95);
            eprintln!(
                "receiver reports over {kbps} kbit/s, loss {loss}: used {used:.3}, queue p95 {queue:.0} ms"
            );
            assert!(used >= 0.6, "{used}");
            assert!(queue <= 175.0, "{queue}");
        });
    }
    let mut way = Way::new(3_000.0, 20.0);
    way.loss = 0.4;
    let trial = Trial {
        receiver_reports: true,
        ..Trial::over(way, 60.0)
    };
    each(&trial, |outcome| {
        let last = outcome.moments.last().unwrap().target;
        assert_eq!(last, 100_000.0);
    });
}
