//! The networks of the quality lab (`tests/src/lab/scenario.rs`) in virtual time, with a call's own limits: what a change of the estimate
//! does to all of them is known in a second. The lab measures pictures and sound over the same.

use super::super::Limits;
use super::link::Way;
use super::sender::{Outcome, Trial, run};

/// A network, and what is asked of the estimate on it: the share of what can arrive there (of 2.5 Mbit/s at most) from the eighth second
/// on, and the 95th percentile of the queue in milliseconds.
struct Network {
    name: &'static str,
    way: Way,
    used: f64,
    queue_ms: f64,
}

/// All that a call wants of any network.
const WANTED_BPS: f64 = 2.5e6;

fn way(kbps: f64, delay_ms: f64) -> Way {
    Way::new(kbps, delay_ms)
}

/// Lost at random, in runs.
fn lossy(loss: f64, burst: f64) -> Way {
    Way {
        loss,
        burst,
        ..way(5_000.0, 20.0)
    }
}

fn networks() -> Vec<Network> {
    let network = |name, way, used, queue_ms| Network {
        name,
        way,
        used,
        queue_ms,
    };
    let jittery = |delay_ms, jitter_ms| Way {
        jitter_ms,
        ..way(5_000.0, delay_ms)
    };
    vec![
        network("clean", way(100_000.0, 1.0), 0.85, 10.0),
        network("link-3m", way(3_000.0, 20.0), 0.85, 60.0),
        network("link-1m", way(1_000.0, 20.0), 0.85, 80.0),
        network("link-300k", way(300.0, 20.0), 0.85, 160.0),
        network("loss-1", lossy(0.01, 1.0), 0.85, 60.0),
        network("loss-5", lossy(0.05, 1.0), 0.80, 60.0),
        network("loss-10", lossy(0.10, 1.0), 0.70, 60.0),
        network("loss-20", lossy(0.20, 1.0), 0.33, 60.0),
        network("loss-30", lossy(0.30, 1.0), 0.11, 60.0),
        network("loss-50", lossy(0.50, 1.0), 0.05, 60.0),
        network("burst-10", lossy(0.10, 4.0), 0.60, 60.0),
        network("burst-35", lossy(0.35, 6.7), 0.07, 60.0),
        network("jitter-30", jittery(15.0, 30.0), 0.80, 60.0),
        network("jitter-100", jittery(50.0, 100.0), 0.70, 60.0),
        network(
            "reorder",
            Way {
                reorders: true,
                late: (0.03, 30.0),
                ..way(5_000.0, 20.0)
            },
            0.85,
            60.0,
        ),
        network("satellite", way(5_000.0, 300.0), 0.85, 60.0),
        network("uplink", way(600.0, 20.0), 0.85, 100.0),
        network(
            "bloat",
            Way {
                queue_ms: 1_000.0,
                ..way(1_000.0, 20.0)
            },
            0.85,
            120.0,
        ),
        network("ramp", way(2_500.0, 20.0), 0.85, 60.0),
    ]
}

/// With the limits of a call, two dice.
fn each(trial: &Trial, mut check: impl FnMut(&Outcome)) {
    for seed in 1..=2 {
        check(&run(&Trial {
            seed,
            limits: Limits {
                start: 1_425_000.0,
                min: 100_000.0,
                max: 2_685_000.0,
            },
            ..trial.clone()
        }));
    }
}

#[test]
fn every_network_of_the_lab_is_used_and_its_queue_is_short() {
    for network in networks() {
        let Network {
            name,
            way,
            used: used_min,
            queue_ms,
        } = network;
        let can = way.bps(0.0).min(WANTED_BPS) * (1.0 - way.loss);
        let trial = Trial {
            // The lab's cables lose the same on the way back.
            report_loss: way.loss,
            ..Trial::over(way, 30.0)
        };
        each(&trial, |outcome| {
            let used = outcome.arrived(8.0, 30.0) / can;
            let queue = outcome.queue(8.0, 30.0, 0.95);
            eprintln!("{name}: used {used:.3}, queue p95 {queue:.0} ms");
            assert!(used >= used_min, "{name}: {used}");
            assert!(queue <= queue_ms, "{name}: {queue}");
        });
    }
}

#[test]
fn the_labs_dip_outage_and_neighbour_are_survived() {
    let mut dip = way(3_000.0, 20.0);
    dip.queue_ms = 500.0;
    dip.capacity = vec![(0.0, 3e6), (10_000.0, 0.5e6), (20_000.0, 3e6)];
    each(&Trial::over(dip, 36.0), |outcome| {
        let (drained, back) = (
            outcome.drained(10.0, 50.0),
            outcome.reached(20.0, 0.9 * WANTED_BPS),
        );
        let low = outcome.arrived(13.0, 20.0) / 0.5e6;
        eprintln!("dip: drained {drained:.2} s, used {low:.3}, back {back:.2} s");
        assert!(
            drained <= 2.0 && back <= 10.0 && low >= 0.8,
            "{drained} {back} {low}"
        );
    });
    let mut outage = way(3_000.0, 20.0);
    outage.outage = Some((10_000.0, 12_000.0));
    let trial = Trial {
        unheard: Some((10.0, 12.0)),
        ..Trial::over(outage, 28.0)
    };
    each(&trial, |outcome| {
        let back = outcome.reached(12.0, 0.9 * WANTED_BPS);
        let used = outcome.arrived(13.0, 18.0) / WANTED_BPS;
        eprintln!("outage: back {back:.2} s, used {used:.3} of the next five");
        assert!(back <= 5.0 && used >= 0.8, "{back} {used}");
    });
    let trial = Trial {
        tcp: Some((0.0, 60.0)),
        ..Trial::over(way(3_000.0, 20.0), 60.0)
    };
    each(&trial, |outcome| {
        let (ours, theirs) = (outcome.arrived(15.0, 60.0), outcome.tcp(15.0, 60.0));
        let share = ours / (ours + theirs);
        eprintln!("tcp from the beginning: share {share:.2}");
        assert!((1.0 / 3.0..2.0 / 3.0).contains(&share), "{share}");
    });
}
