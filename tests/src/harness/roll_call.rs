//! Who was missed by whom: everybody tells once a second what came of the others so far, and two such readings say who was neither seen nor
//! heard between them. Pure, but for reading what was printed.

use super::cli::Cli;
use super::peers::Peer;
use serde_json::Value;
use std::collections::BTreeMap;

/// What came of one person so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Came {
    /// Pictures shown.
    pub pictures: u64,
    /// Packets of sound; of a guest, whose browser tells no more, seconds in which something was heard.
    pub sound: u64,
}

/// What somebody told of the others last, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading(pub BTreeMap<String, Came>);

/// What has to come of each between two readings.
#[derive(Debug, Clone, Copy)]
pub struct Least {
    /// Pictures.
    pub pictures: u64,
    /// Packets of sound; of a guest, seconds with sound.
    pub sound: u64,
    /// Pictures of whoever is seen best: a line that is too thin for all shows somebody.
    pub of_one: u64,
}

/// Somebody who tells.
#[derive(Debug)]
pub enum Teller {
    /// An endpoint (with `--events`).
    Endpoint(Cli),
    /// A guest (with `--stay`).
    Guest(Peer),
}

impl Teller {
    /// What it told last; nothing before its first word.
    fn reading(&self) -> Reading {
        let told = match self {
            Self::Endpoint(cli) => return Reading::of_endpoint(cli),
            Self::Guest(peer) => peer.told("people"),
        };
        told.last().map(Reading::of).unwrap_or_default()
    }
}

/// Everybody of a room, by name, and what they told at the last look.
#[derive(Debug, Default)]
pub struct RollCall {
    people: BTreeMap<String, Teller>,
    before: BTreeMap<String, Reading>,
}

impl RollCall {
    /// Somebody came.
    pub fn add(&mut self, name: &str, teller: Teller) {
        self.people.insert(name.to_owned(), teller);
    }

    /// Somebody leaves: an endpoint of ours.
    pub fn take(&mut self, name: &str) -> Option<Cli> {
        match self.people.remove(name)? {
            Teller::Endpoint(cli) => Some(cli),
            Teller::Guest(_) => None,
        }
    }

    /// The endpoints of ours.
    pub fn endpoints(&self) -> impl Iterator<Item = (&str, &Cli)> {
        self.people.iter().filter_map(|(name, teller)| match teller {
            Teller::Endpoint(cli) => Some((name.as_str(), cli)),
            Teller::Guest(_) => None,
        })
    }

    /// Who missed whom since the last look, in words. `least` is what has to come to somebody of each.
    pub fn look(&mut self, least: impl Fn(&str, &Teller) -> Least) -> Vec<String> {
        let mut missed = Vec::new();
        for (name, teller) in &self.people {
            let now = teller.reading();
            let before = self.before.insert(name.clone(), now.clone()).unwrap_or_default();
            let least = least(name, teller);
            let others = || self.people.keys().filter(|other| *other != name);
            for other in others() {
                let whom = now.missed(&before, other, least);
                missed.extend(whom.map(|whom| format!("{name} missed {whom}")));
            }
            let best = others().map(|other| now.since(&before, other).pictures).max();
            if best.is_some_and(|best| best < least.of_one) {
                missed.push(format!("{name} saw nobody well: {best:?}"));
            }
        }
        missed
    }
}

impl Reading {
    /// What an endpoint (with `--events`) told last; nothing before its first word.
    #[must_use]
    pub fn of_endpoint(cli: &Cli) -> Self {
        cli.told("people").last().map(Self::of).unwrap_or_default()
    }

    fn of(told: &Value) -> Self {
        let each = told["people"].as_array().into_iter().flatten();
        let came = |one: &Value| {
            let came = Came {
                pictures: one["pictures"].as_u64()?,
                sound: one["sound_packets"].as_u64()?,
            };
            Some((one["name"].as_str()?.to_owned(), came))
        };
        Self(each.filter_map(came).collect())
    }

    /// What came of somebody since `before`. Counters begin anew where another way is taken.
    fn since(&self, before: &Self, name: &str) -> Came {
        let now = self.0.get(name).copied().unwrap_or_default();
        let then = before.0.get(name).copied().unwrap_or_default();
        let grown = |now: u64, then: u64| now.checked_sub(then).unwrap_or(now);
        Came {
            pictures: grown(now.pictures, then.pictures),
            sound: grown(now.sound, then.sound),
        }
    }

    /// What of somebody was missed since `before`, if anything, in words.
    fn missed(&self, before: &Self, name: &str, least: Least) -> Option<String> {
        let came = self.since(before, name);
        let enough = came.pictures >= least.pictures && came.sound >= least.sound;
        (!enough).then(|| format!("{name}: {} pictures, {} of sound", came.pictures, came.sound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reading(pictures: u64, sound: u64) -> Reading {
        let people = json!([{"name": "Ben", "pictures": pictures, "sound_packets": sound}]);
        Reading::of(&json!({"event": "people", "people": people}))
    }

    #[test]
    fn whoever_was_not_seen_or_not_heard_meanwhile_was_missed() {
        let least = Least {
            pictures: 10,
            sound: 20,
            of_one: 0,
        };
        let missed = |now: Reading| now.missed(&reading(100, 200), "Ben", least);
        assert_eq!(missed(reading(110, 220)), None);
        let words = |text: &str| Some(text.to_owned());
        assert_eq!(missed(reading(109, 220)), words("Ben: 9 pictures, 20 of sound"));
        assert_eq!(missed(reading(110, 219)), words("Ben: 10 pictures, 19 of sound"));
        assert_eq!(missed(reading(110, 25)), None, "begun anew");
        assert_eq!(missed(Reading::default()), words("Ben: 0 pictures, 0 of sound"));
    }
}
