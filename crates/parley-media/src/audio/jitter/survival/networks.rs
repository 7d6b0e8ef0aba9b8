//! A voice over the networks of the quality lab (`parley-tests`, `lab::scenario`), in virtual time: the sender's copies as they are
//! chosen for what is lost there, the way, the jitter buffer, and what can be understood in the end. Beside pictures, where the lab
//! has a rate: they are what a voice waits for there.
//!
//! What this does not show: how long the loss takes to be reported, and the estimate. Both have their own tests in `parley-call`.

use super::way::Way;
use super::{BURSTS, LEARNING_S, Loss, Outcome, PLENTY, built_in, chosen, play, send};
use crate::audio::protection::Shield;
use parley_proto::Bitrate;

/// Seconds of speech.
const SECONDS: u64 = 20;
/// A packet is made when its 20 ms are over.
const PACKET_MS: f64 = 20.0;

const CLEAN: Way = Way {
    loss: Loss::Random(0.0),
    delay_ms: 20.0,
    jitter_ms: 0.0,
    late: None,
    carries: &[],
    queue_ms: 200.0,
    pictures: &[],
};

/// A network of the lab, and what a voice must keep on it.
struct Network {
    name: &'static str,
    way: Way,
    /// What the estimate says that it carries.
    available: Bitrate,
    /// Judged from this second on.
    from_s: usize,
    stoi_min: f32,
    /// From mouth to ear in the median, milliseconds.
    late_ms_max: f32,
}

const fn network(name: &'static str, way: Way, stoi_min: f32, late_ms_max: f32) -> Network {
    Network {
        name,
        way,
        available: PLENTY,
        from_s: LEARNING_S,
        stoi_min,
        late_ms_max,
    }
}

const fn losing(chance: f64) -> Way {
    Way {
        loss: Loss::Random(chance),
        ..CLEAN
    }
}

fn networks() -> Vec<Network> {
    vec![
        network(
            "clean",
            Way {
                delay_ms: 1.0,
                ..CLEAN
            },
            0.97,
            60.0,
        ),
        network(
            "link-1m",
            Way {
                carries: &[(0.0, 1_000.0)],
                pictures: &[(0.0, 850.0)],
                ..CLEAN
            },
            0.97,
            100.0,
        ),
        Network {
            available: Bitrate::from_kbps(300),
            ..network(
                "link-300k",
                Way {
                    carries: &[(0.0, 300.0)],
                    pictures: &[(0.0, 190.0)],
                    ..CLEAN
                },
                0.97,
                140.0,
            )
        },
        network("loss-1", losing(0.01), 0.95, 90.0),
        network("loss-5", losing(0.05), 0.95, 120.0),
        network("loss-10", losing(0.1), 0.95, 140.0),
        network("loss-20", losing(0.2), 0.94, 160.0),
        network("loss-30", losing(0.3), 0.93, 180.0),
        network("loss-50", losing(0.5), 0.88, 180.0),
        network(
            "burst-10",
            Way {
                loss: Loss::Bursts {
                    into: 0.027_78,
                    out: 0.25,
                },
                ..CLEAN
            },
            0.93,
            200.0,
        ),
        network(
            "burst-35",
            Way {
                loss: BURSTS,
                ..CLEAN
            },
            0.88,
            300.0,
        ),
        network(
            "jitter-30",
            Way {
                delay_ms: 15.0,
                jitter_ms: 15.0,
                ..CLEAN
            },
            0.95,
            80.0,
        ),
        network(
            "jitter-100",
            Way {
                delay_ms: 50.0,
                jitter_ms: 50.0,
                ..CLEAN
            },
            0.93,
            250.0,
        ),
        network(
            "reorder",
            Way {
                late: Some((3.0, 30.0)),
                ..CLEAN
            },
            0.97,
            110.0,
        ),
        network(
            "satellite",
            Way {
                delay_ms: 300.0,
                ..CLEAN
            },
            0.97,
            360.0,
        ),
        // Pictures follow the estimate a second later.
        network(
            "dip",
            Way {
                carries: &[(0.0, 3_000.0), (8_000.0, 500.0), (14_000.0, 3_000.0)],
                queue_ms: 500.0,
                pictures: &[(0.0, 2_400.0), (9_000.0, 300.0), (15_000.0, 2_400.0)],
                ..CLEAN
            },
            0.9,
            600.0,
        ),
        Network {
            from_s: 12,
            ..network(
                "outage",
                Way {
                    carries: &[(0.0, 3_000.0), (8_000.0, 0.0), (10_000.0, 3_000.0)],
                    pictures: &[(0.0, 2_400.0)],
                    ..CLEAN
                },
                0.97,
                150.0,
            )
        },
        // A queue that fills to three quarters of a second before the pictures give way, twice.
        network(
            "bloat",
            Way {
                carries: &[(0.0, 1_000.0)],
                queue_ms: 1_000.0,
                pictures: &[
                    (0.0, 850.0),
                    (6_000.0, 1_250.0),
                    (8_500.0, 400.0),
                    (11_000.0, 850.0),
                    (14_000.0, 1_250.0),
                    (16_500.0, 400.0),
                ],
                ..CLEAN
            },
            0.75,
            700.0,
        ),
    ]
}

fn over(said: &[f32], network: &Network) -> (Shield, Outcome) {
    let shield = chosen(network.way.loss, network.available);
    let sent = send(said, shield);
    let made: Vec<(f64, usize)> = sent
        .iter()
        .map(|packet| (f64::from(packet.time) / 48.0 + PACKET_MS, packet.payload.len()))
        .collect();
    let carried = network.way.carry(&made);
    let arrivals = carried
        .into_iter()
        .zip(&sent)
        .filter_map(|(came_ms, packet)| Some((came_ms?.round() as u64, packet)))
        .collect();
    (shield, play(said, &sent, arrivals, network.from_s))
}

#[test]
fn a_voice_keeps_its_goals_over_every_network_of_the_lab() {
    let said = built_in(SECONDS);
    let mut kept_too_little = Vec::new();
    for network in networks() {
        let (shield, outcome) = over(&said, &network);
        let concealed = 100.0 * outcome.counters.concealed as f32 / outcome.counters.played as f32;
        println!(
            "{:10} STOI {:.3}, {:>3.0} ms late, {concealed:>4.1} % concealed, {} copies {} apart, {:.0} kbit/s",
            network.name, outcome.stoi, outcome.late_ms, shield.copies, shield.stride, outcome.kbps
        );
        if outcome.stoi < network.stoi_min || outcome.late_ms > network.late_ms_max {
            kept_too_little.push((network.name, outcome.stoi, outcome.late_ms));
        }
        assert_eq!(outcome.counters.undecodable, 0, "{}", network.name);
    }
    assert!(kept_too_little.is_empty(), "{kept_too_little:?}");
}

#[test]
fn a_way_is_what_it_is_said_to_be() {
    let packets: Vec<(f64, usize)> = (0..10_000).map(|at| (f64::from(at) * 20.0, 80)).collect();
    let carried = |way: Way| way.carry(&packets);
    let travelled = |way: Way| -> Vec<f64> {
        let came = carried(way).into_iter().zip(&packets);
        came.filter_map(|(came_ms, (at_ms, _))| Some(came_ms? - at_ms))
            .collect()
    };
    let share =
        |ms: &[f64], is: fn(f64) -> bool| ms.iter().filter(|ms| is(**ms)).count() as f64 / ms.len() as f64;
    assert!(travelled(CLEAN).iter().all(|ms| (*ms - 20.0).abs() < 1e-6));
    let came = travelled(losing(0.3)).len();
    assert!((6_700..7_300).contains(&came), "{came}");
    // One deviation of a normal spread holds two thirds; what would be early waits for the one before.
    let spread = travelled(Way {
        delay_ms: 50.0,
        jitter_ms: 15.0,
        ..CLEAN
    });
    assert!((0.6..0.8).contains(&share(&spread, |ms| (35.0..65.0).contains(&ms))));
    let late = travelled(Way {
        late: Some((3.0, 30.0)),
        ..CLEAN
    });
    assert!((0.02..0.04).contains(&share(&late, |ms| ms > 40.0)));
    // 138 bytes a packet at 300 kbit/s: 3.7 ms, and up to a picture of 800 bytes at once before it.
    let behind = travelled(Way {
        carries: &[(0.0, 300.0)],
        pictures: &[(0.0, 190.0)],
        ..CLEAN
    });
    assert!(behind.iter().all(|ms| (23.6..100.0).contains(ms)));
    assert!(share(&behind, |ms| ms > 30.0) > 0.1);
    // More than it carries fills the queue, and no packet waits longer than that.
    let full = travelled(Way {
        carries: &[(0.0, 300.0)],
        pictures: &[(0.0, 400.0)],
        ..CLEAN
    });
    assert!(full.len() < packets.len() && full.iter().all(|ms| *ms <= 220.1));
    let down = carried(Way {
        carries: &[(0.0, 300.0), (1_000.0, 0.0), (2_000.0, 300.0)],
        ..CLEAN
    });
    assert!(down[..50].iter().all(Option::is_some) && down[50..100].iter().all(Option::is_none));
    assert!(down[100..].iter().all(Option::is_some));
}
