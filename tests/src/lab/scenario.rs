//! The networks of the lab: one table of names, cables and what happens to them. Pure.
//!
//! A cable is two directions in the words of [`CableSpec`]: from the side that is seen and heard to the side that sees and hears, and
//! back. Delays are each way. Steps are counted from the moment media begins.

use super::clip::Clip;
use crate::harness::cable::{CableSpec, ParseSpecError};

/// Seconds of a scenario that does not need more.
const USUAL_S: u32 = 20;
/// The most that a call wants: pictures at 2.5 Mbit/s and sound. What a link can carry beyond is not asked of anybody.
pub const WANTED_BPS: f64 = 2_500_000.0;
/// After its last step a scenario goes on at least so long.
const AFTER_S: u32 = 8;

/// One network, and what is shown over it.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// As on the command line and in tables.
    pub name: &'static str,
    /// In words, for tables.
    pub about: &'static str,
    /// What is shown.
    pub clip: Clip,
    /// How long it is watched.
    pub seconds: u32,
    /// What the cable is like, from when on; the first from the beginning.
    pub steps: &'static [Step],
    /// Whether a TCP flow shares the way of the media.
    pub tcp: bool,
}

/// What a cable is like from a moment on.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Seconds since media began.
    pub at_s: u32,
    /// The way of the media.
    pub forth: &'static str,
    /// The way back.
    pub back: &'static str,
}

impl Step {
    /// Both directions.
    ///
    /// # Errors
    /// When the table has a misprint.
    pub fn cable(&self) -> Result<[CableSpec; 2], ParseSpecError> {
        Ok([self.forth.parse()?, self.back.parse()?])
    }
}

impl Scenario {
    /// How long it lasts, when somebody wishes so many seconds.
    #[must_use]
    pub fn seconds(&self, wished: Option<u32>) -> u32 {
        let last = self.steps.iter().map(|step| step.at_s).max().unwrap_or(0);
        let least = if last == 0 { 5 } else { last + AFTER_S };
        wished.unwrap_or(self.seconds).max(least)
    }

    /// What the media may have of the way at a step, in bits per second: nothing where there is no limit.
    #[must_use]
    pub fn capacity_bps(&self, step: usize) -> Option<f64> {
        let cable: CableSpec = self.steps.get(step)?.forth.parse().ok()?;
        let rate = if cable.down { 0.0 } else { cable.rate_bps };
        (cable.down || rate > 0.0).then_some(rate.min(WANTED_BPS))
    }
}

const fn same(name: &'static str, about: &'static str, steps: &'static [Step]) -> Scenario {
    Scenario {
        name,
        about,
        clip: Clip::Head,
        seconds: USUAL_S,
        steps,
        tcp: false,
    }
}

/// A cable that stays as it is, the same both ways.
macro_rules! steady {
    ($spec:literal) => {
        &[Step {
            at_s: 0,
            forth: $spec,
            back: $spec,
        }]
    };
}

/// A cable that changes its way of the media; the way back stays.
macro_rules! changing {
    ($back:literal, $($at_s:literal => $forth:literal),+) => {
        &[$(Step { at_s: $at_s, forth: $forth, back: $back }),+]
    };
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    same("clean", "a local network, 1 ms", steady!("delay=1")),
    same("link-3m", "3 Mbit/s, 20 ms each way", steady!("rate=3m,delay=20")),
    same("link-1m", "1 Mbit/s, 20 ms each way", steady!("rate=1m,delay=20")),
    same(
        "link-300k",
        "300 kbit/s, 20 ms each way",
        steady!("rate=300k,delay=20"),
    ),
    same("loss-1", "1 % lost at random", steady!("rate=5m,delay=20,loss=1")),
    same("loss-5", "5 % lost at random", steady!("rate=5m,delay=20,loss=5")),
    same(
        "loss-10",
        "10 % lost at random",
        steady!("rate=5m,delay=20,loss=10"),
    ),
    same(
        "loss-20",
        "20 % lost at random",
        steady!("rate=5m,delay=20,loss=20"),
    ),
    same(
        "loss-30",
        "30 % lost at random",
        steady!("rate=5m,delay=20,loss=30"),
    ),
    same(
        "loss-50",
        "50 % lost at random",
        steady!("rate=5m,delay=20,loss=50"),
    ),
    same(
        "burst-10",
        "10 % lost, four packets in a row",
        steady!("rate=5m,delay=20,burst=2.778,unburst=25"),
    ),
    same(
        "burst-35",
        "35 % lost, seven packets in a row",
        steady!("rate=5m,delay=20,burst=8.077,unburst=15"),
    ),
    same(
        "jitter-30",
        "travel times spread over 30 ms (deviation 15)",
        steady!("rate=5m,delay=15,jitter=15"),
    ),
    same(
        "jitter-100",
        "travel times spread over 100 ms (deviation 50)",
        steady!("rate=5m,delay=50,jitter=50"),
    ),
    Scenario {
        seconds: 36,
        ..same(
            "dip",
            "3 Mbit/s, 0.5 from second 10 to 20",
            changing!(
                "rate=3m,delay=20",
                0 => "rate=3m,delay=20,queue=500",
                10 => "rate=500k,delay=20,queue=500",
                20 => "rate=3m,delay=20,queue=500"
            ),
        )
    },
    Scenario {
        seconds: 30,
        tcp: true,
        ..same(
            "tcp",
            "3 Mbit/s shared with one TCP flow",
            steady!("rate=3m,delay=20"),
        )
    },
    same(
        "reorder",
        "3 of 100 packets come 30 ms late",
        steady!("rate=5m,delay=20,reorder=3,late=30"),
    ),
    Scenario {
        seconds: 28,
        ..same(
            "outage",
            "3 Mbit/s, nothing for 2 s",
            &[
                Step {
                    at_s: 0,
                    forth: "rate=3m,delay=20",
                    back: "rate=3m,delay=20",
                },
                Step {
                    at_s: 10,
                    forth: "rate=3m,delay=20,down=1",
                    back: "rate=3m,delay=20,down=1",
                },
                Step {
                    at_s: 12,
                    forth: "rate=3m,delay=20",
                    back: "rate=3m,delay=20",
                },
            ],
        )
    },
    same(
        "satellite",
        "300 ms each way, 5 Mbit/s",
        steady!("rate=5m,delay=300"),
    ),
    same(
        "uplink",
        "600 kbit/s there, 10 Mbit/s back",
        changing!("rate=10m,delay=20", 0 => "rate=600k,delay=20"),
    ),
    same(
        "bloat",
        "1 Mbit/s behind a queue of 1 s",
        steady!("rate=1m,delay=20,queue=1000"),
    ),
    Scenario {
        clip: Clip::Motion,
        ..same(
            "ramp",
            "2.5 Mbit/s from a cold start, a film",
            steady!("rate=2.5m,delay=20"),
        )
    },
    Scenario {
        clip: Clip::Motion,
        ..same("motion", "1 Mbit/s, a film", steady!("rate=1m,delay=20"))
    },
    Scenario {
        clip: Clip::Text,
        ..same(
            "text",
            "1 Mbit/s, a page that scrolls",
            steady!("rate=1m,delay=20"),
        )
    },
];

/// The one of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

/// All names, for who asked for another.
#[must_use]
pub fn names() -> String {
    let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What scripts ask for.
    const PROMISED: &[&str] = &[
        "clean",
        "link-3m",
        "link-1m",
        "link-300k",
        "loss-1",
        "loss-5",
        "loss-10",
        "loss-20",
        "loss-30",
        "loss-50",
        "burst-10",
        "burst-35",
        "jitter-30",
        "jitter-100",
        "dip",
        "tcp",
        "reorder",
        "outage",
        "satellite",
        "uplink",
        "bloat",
        "ramp",
    ];

    #[test]
    fn every_promised_scenario_is_there_once_and_says_something_about_a_cable() {
        for name in PROMISED {
            let there = SCENARIOS.iter().filter(|scenario| scenario.name == *name);
            assert_eq!(there.count(), 1, "{name}");
        }
        for scenario in SCENARIOS {
            assert_eq!(scenario.steps[0].at_s, 0, "{}", scenario.name);
            for step in scenario.steps {
                step.cable().unwrap();
            }
            assert!(scenario.steps.is_sorted_by_key(|step| step.at_s));
            assert!(scenario.seconds >= scenario.seconds(Some(0)), "{}", scenario.name);
        }
        assert!(find("tea").is_none());
    }

    #[test]
    fn what_is_lost_is_what_the_name_says() {
        for scenario in SCENARIOS {
            let named = ["loss-", "burst-"]
                .iter()
                .find_map(|kind| scenario.name.strip_prefix(kind));
            let Some(named) = named else { continue };
            let [forth, back] = scenario.steps[0].cable().unwrap();
            for direction in [forth, back] {
                let lost_pct = direction.lost_pct();
                assert!(
                    (lost_pct - named.parse::<f64>().unwrap()).abs() < 0.05,
                    "{}: {lost_pct}",
                    scenario.name
                );
            }
        }
    }

    #[test]
    fn more_than_a_call_wants_is_not_asked_of_anybody() {
        let capacity = |name, step| find(name).unwrap().capacity_bps(step);
        assert_eq!(capacity("clean", 0), None);
        assert_eq!(capacity("link-3m", 0), Some(WANTED_BPS));
        assert_eq!(capacity("dip", 1), Some(500_000.0));
        assert_eq!(capacity("outage", 1), Some(0.0));
        assert_eq!(capacity("uplink", 0), Some(600_000.0));
    }

    #[test]
    fn a_wish_is_heard_as_far_as_the_steps_allow() {
        let seconds = |name, wished| find(name).unwrap().seconds(wished);
        assert_eq!(seconds("clean", None), 20);
        assert_eq!(seconds("clean", Some(12)), 12);
        assert_eq!(seconds("dip", Some(12)), 28);
    }
}
