//! One of two people in a measured call, whatever program their window is of.

use crate::harness::sound_card::SoundCard;
use crate::harness::xvfb::Screen;
use anyhow::Result;
use std::time::Instant;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// The first of the two only; the second has camera and microphone off.
    OneWay,
    /// Both.
    TwoWay,
}

impl Case {
    /// As rows name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OneWay => "one-way",
            Self::TwoWay => "two-way",
        }
    }
}

/// How long going in took, as the one who came second saw it, in ms from the press on the button, with the ticket in hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct SetUp {
    /// Until connected.
    pub(super) connected: f64,
    /// Until a picture of the other was shown.
    pub(super) first_picture: f64,
}

/// What the measurement needs of a window.
pub(super) trait Person: Sized {
    /// Lets both leave the call they are in, and meet again.
    fn meet_again(pair: &[Self; 2], case: Case) -> Result<SetUp>;
    /// The root of its processes, and the names of those among them that are not the program's own.
    fn processes(&self) -> (u32, &'static [&'static str]);
    /// The screen it is on.
    fn screen(&self) -> &Screen;
    /// What it hears and speaks with.
    fn sound(&self) -> &SoundCard;
    /// What its own statistics say now.
    fn tally(&self) -> Result<Tally>;
    /// How late, in ms, each picture of the other was shown, from the first call of this on.
    fn lateness(&self) -> Result<Vec<f64>>;
    /// Which moment counts as shown.
    fn shown_when(&self) -> &'static str;
}

/// Counts since the call began, and what is true now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    /// When `shown` was read.
    pub(super) at: Instant,
    /// Pictures of the other that were drawn.
    pub(super) shown: f64,
    /// Seconds that the counts below are of.
    pub(super) seconds: f64,
    /// Pictures sent.
    pub(super) sent: f64,
    /// Sound and pictures that came, in kbit.
    pub(super) kbit: f64,
    /// Packets lost, and packets expected, on the way here.
    pub(super) packets: (f64, f64),
    /// Milliseconds.
    pub(super) rtt_ms: f64,
    /// Of the picture as it came, in pixels.
    pub(super) size: (f64, f64),
}

/// Rates between two tallies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    pub(super) fps_shown: f64,
    pub(super) fps_sent: f64,
    pub(super) kbit_s: f64,
    pub(super) loss_pct: f64,
}

impl Tally {
    /// What happened a second since `before`.
    pub(super) fn since(&self, before: &Self) -> Rates {
        let watched = self.at.saturating_duration_since(before.at).as_secs_f64();
        let seconds = self.seconds - before.seconds;
        let (lost, expected) = (
            self.packets.0 - before.packets.0,
            self.packets.1 - before.packets.1,
        );
        Rates {
            fps_shown: (self.shown - before.shown) / watched,
            fps_sent: (self.sent - before.sent) / seconds,
            kbit_s: (self.kbit - before.kbit) / seconds,
            loss_pct: 100.0 * lost / expected.max(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn rates_are_of_the_time_between_two_tallies() {
        let before = Tally {
            at: Instant::now(),
            shown: 100.0,
            seconds: 5.0,
            sent: 150.0,
            kbit: 1000.0,
            packets: (1.0, 500.0),
            rtt_ms: 0.3,
            size: (1280.0, 720.0),
        };
        let after = Tally {
            at: before.at + Duration::from_secs(10),
            shown: 400.0,
            // The program's own statistics are a second behind.
            seconds: 14.0,
            sent: 420.0,
            kbit: 14_500.0,
            packets: (3.0, 700.0),
            ..before
        };
        let rates = after.since(&before);
        assert_eq!(
            (rates.fps_shown, rates.fps_sent, rates.kbit_s),
            (30.0, 30.0, 1500.0)
        );
        assert_eq!(rates.loss_pct, 1.0);
    }
}
