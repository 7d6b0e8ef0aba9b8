//! The tiles of a group as a window shows them: whose each is, who is framed as speaking, and what came of each.

use super::Window;
use super::tiles::stamp_reader;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::time::Duration;

/// What a window calls the person before it.
pub const OWN: &str = "You";

/// One tile.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    /// How the page calls it: `self`, or an id.
    pub key: String,
    /// The name on it.
    pub name: String,
    /// Pictures drawn since it is there; none where there is no picture.
    pub frames: u64,
    /// The number in its picture.
    pub number: Option<u64>,
    /// What it lies on, in CSS pixels: left, top, width, height.
    pub place: [f64; 4],
}

impl Seat {
    /// Whether two of them lie on each other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = |at: usize| {
            self.place[at] >= other.place[at] + other.place[at + 2]
                || other.place[at] >= self.place[at] + self.place[at + 2]
        };
        !apart(0) && !apart(1)
    }
}

impl Window {
    /// Everybody in the group, as the tiles lie in the page.
    ///
    /// # Errors
    /// When the window is gone.
    pub fn seats(&self) -> Result<Vec<Seat>> {
        let script = format!(
            "{}
            return [...document.querySelectorAll('[data-testid^=seat-]')].map((seat) => {{
              const picture = seat.querySelector('canvas.picture');
              const {{ left, top, width, height }} = seat.getBoundingClientRect();
              return {{
                key: seat.dataset.testid.slice('seat-'.length),
                name: seat.querySelector('.name').textContent,
                frames: Number(picture?.dataset.frames ?? 0),
                number: (picture && readStamp(picture)?.number) ?? null,
                place: [left, top, width, height],
              }};
            }});",
            stamp_reader()
        );
        let answer = self.page().run(&script)?;
        answer
            .as_array()
            .context("no list of seats")?
            .iter()
            .map(seat)
            .collect()
    }

    /// The tile of somebody by the name on it; [`OWN`] for one's own.
    ///
    /// # Errors
    /// When nobody is called so.
    pub fn seat_of(&self, name: &str) -> Result<Seat> {
        let seats = self.seats()?;
        let found = seats.iter().find(|seat| seat.name == name).cloned();
        found.with_context(|| {
            format!(
                "nobody in the window of {} is called {name}: {seats:?}",
                self.name()
            )
        })
    }

    /// Waits until pictures of so many others were drawn, this many of each, since their tiles are there.
    ///
    /// # Errors
    /// When they were not.
    pub fn wait_for_seats(&self, limit: Duration, others: usize, frames: u64) -> Result<()> {
        let script = format!(
            "const drawn = [...document.querySelectorAll('[data-testid^=seat-]:not([data-testid=seat-self]) canvas.picture')];
            return drawn.length === {others} && drawn.every((one) => Number(one.dataset.frames) >= {frames})"
        );
        self.wait(limit, &script)
    }

    /// Waits until exactly these are framed as speaking, by the names on their tiles.
    ///
    /// # Errors
    /// When others are, at the end.
    pub fn wait_until_framed(&self, limit: Duration, names: &[&str]) -> Result<()> {
        let script = format!(
            "const framed = [...document.querySelectorAll('[data-testid^=seat-][data-speaks=true] .name')].map((one) => one.textContent);
            return JSON.stringify(framed.sort()) === JSON.stringify({}.sort())",
            json!(names)
        );
        self.wait(limit, &script)
    }
}

fn seat(told: &Value) -> Result<Seat> {
    let word = |key: &str| {
        let word = told[key].as_str();
        word.map(ToOwned::to_owned)
            .with_context(|| format!("no {key}: {told}"))
    };
    let place: Option<Vec<f64>> = told["place"]
        .as_array()
        .map(|sides| sides.iter().filter_map(Value::as_f64).collect());
    Ok(Seat {
        key: word("key")?,
        name: word("name")?,
        frames: told["frames"].as_f64().unwrap_or(0.0) as u64,
        number: told["number"].as_u64(),
        place: place
            .and_then(|place| place.try_into().ok())
            .context("no place")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_beside_each_other_do_not_overlap() {
        let at = |left: f64, top: f64| {
            let told = json!({ "key": "a", "name": "Ada", "frames": 3, "number": null, "place": [left, top, 100.0, 50.0] });
            seat(&told).unwrap()
        };
        let check = |left, top, expect| {
            assert_eq!(at(0.0, 0.0).overlaps(&at(left, top)), expect, "{left} {top}");
        };
        check(50.0, 20.0, true);
        check(108.0, 0.0, false);
        check(0.0, 58.0, false);
        check(100.0, 50.0, false);
        check(99.0, 49.0, true);
    }
}
