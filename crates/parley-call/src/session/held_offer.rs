//! An offer that waits, because media flows over a proven connection and a message through the server is anybody's word.
//!
//! Who really needs a negotiation (an ICE restart) has no media coming from here, so soon none comes from there either: then
//! the offer is taken up. Only the newest waits, and not for long: who wants one says it again and again.

use std::time::{Duration, Instant};

/// An offer is repeated every two seconds for as long as it stands; one not repeated for so long stands no more.
const HELD_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct HeldOffer(Option<Held>);

#[derive(Debug)]
struct Held {
    at: Instant,
    from: Option<u32>,
    sdp: String,
}

impl HeldOffer {
    /// Keeps an offer that came about their connection of that number, instead of the one before.
    pub(super) fn hold(&mut self, now: Instant, from: Option<u32>, sdp: String) {
        self.0 = Some(Held { at: now, from, sdp });
    }

    /// Whether the one that waits is this.
    pub(super) fn is(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.0.as_ref().is_some_and(|held| wanted(&held.sdp))
    }

    /// Gives it, once, if it still stands.
    pub(super) fn take(&mut self, now: Instant) -> Option<(Option<u32>, String)> {
        let held = self.0.take()?;
        (now < held.at + HELD_MAX).then_some((held.from, held.sdp))
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_given_once_and_not_too_late() {
        let start = Instant::now();
        let mut held = HeldOffer::default();
        assert_eq!(held.take(start), None);
        held.hold(start, Some(1), "first".into());
        held.hold(start, Some(2), "second".into());
        assert_eq!(held.take(start), Some((Some(2), "second".into())));
        assert_eq!(held.take(start), None);
        held.hold(start, None, "old".into());
        assert_eq!(held.take(start + HELD_MAX), None);
    }
}
