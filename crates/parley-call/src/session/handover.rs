//! The network under a call changes: a cable is pulled, another wireless network is joined, a phone's tether takes over.
//!
//! Sans-IO. Told what became of this machine's addresses, it says when a connection is to be made on the new network, without
//! waiting for ICE, which needs five seconds to see that nothing comes and would then bind the addresses that are gone. The
//! stay carries it out: a new connection to the server with the resume token, for the old one is as dead, and a fresh peer
//! connection, whose offer the other side takes up as soon as nothing comes over the old one any more.
//!
//! A change that leaves the address in use alone is no reason to touch a call that works.

use std::time::{Duration, Instant};

/// Addresses of a network come one after the other: IPv4, IPv6, a VPN's. The first is enough, but the rest is worth a moment.
const SETTLE: Duration = Duration::from_millis(150);
/// A fresh connection that does not stand by then is tried anew, with the server too.
const MOVE_MAX: Duration = Duration::from_secs(5);
/// So often; then what mends any other outage goes on alone.
const MOVES_MAX: u32 = 3;

/// What became of this machine's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkChange {
    /// The address that media uses is still there, and so is the relay that it may take.
    pub in_use: bool,
    /// There is an address by which others can be reached.
    pub reaches_others: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// All is well.
    #[default]
    Settled,
    /// The way in use is gone, and there is no other yet.
    Stranded,
    /// There is another; more addresses may come.
    Gathering { until: Instant },
    /// A fresh connection is being made, for the so manieth time.
    Moving { until: Instant, count: u32 },
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Handover {
    stage: Stage,
}

impl Handover {
    /// The addresses changed.
    pub(super) fn on_change(&mut self, now: Instant, change: NetworkChange) {
        self.stage = match (change.in_use, change.reaches_others) {
            (true, _) => Stage::Settled,
            (false, false) => Stage::Stranded,
            (false, true) => Stage::Gathering { until: now + SETTLE },
        };
    }

    /// Whether to move over now. `up`: media can flow over the connection there is.
    pub(super) fn due(&mut self, now: Instant, up: bool) -> bool {
        let (until, count) = match self.stage {
            Stage::Settled | Stage::Stranded => return false,
            // The old connection may still believe that it stands.
            Stage::Gathering { until } => (until, 0),
            Stage::Moving { .. } if up => {
                self.stage = Stage::Settled;
                return false;
            }
            Stage::Moving { until, count } => (until, count),
        };
        if now < until {
            return false;
        }
        self.stage = if count < MOVES_MAX {
            Stage::Moving {
                until: now + MOVE_MAX,
                count: count + 1,
            }
        } else {
            Stage::Settled
        };
        count < MOVES_MAX
    }

    /// Somebody else is there now, with a connection of their own.
    pub(super) fn reset(&mut self) {
        self.stage = Stage::Settled;
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Settled | Stage::Stranded => None,
            Stage::Gathering { until } | Stage::Moving { until, .. } => Some(until),
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    const LOST: NetworkChange = NetworkChange {
        in_use: false,
        reaches_others: false,
    };
    const OTHER: NetworkChange = NetworkChange {
        in_use: false,
        reaches_others: true,
    };

    #[test]
    fn a_change_beside_the_way_in_use_touches_nothing() {
        let (mut handover, now) = (Handover::default(), Instant::now());
        for reaches_others in [true, false] {
            let in_use = true;
            handover.on_change(
                now,
                NetworkChange {
                    in_use,
                    reaches_others,
                },
            );
            assert_eq!(handover.deadline(), None);
            assert!(!handover.due(now + MOVE_MAX, true));
        }
    }

    #[test]
    fn without_any_network_it_waits_for_one_and_then_hurries() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_change(start, LOST);
        assert_eq!(handover.deadline(), None);
        let back = start + Duration::from_secs(600);
        handover.on_change(back, OTHER);
        let at = handover.deadline().unwrap();
        assert!(at < back + Duration::from_millis(250));
        assert!(!handover.due(back, true), "more addresses may come");
        assert!(handover.due(at, true), "whatever the old connection believes");
        assert!(!handover.due(at, false), "once");
        assert!(!handover.due(at + Duration::from_secs(1), true), "it stands");
        assert_eq!(handover.deadline(), None);
    }

    #[test]
    fn a_move_that_does_not_help_is_made_again_a_few_times() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_change(start, OTHER);
        let mut moves = Vec::new();
        while let Some(at) = handover.deadline() {
            if handover.due(at, false) {
                moves.push(at - start);
            }
        }
        assert_eq!(moves, [SETTLE, SETTLE + MOVE_MAX, SETTLE + MOVE_MAX * 2]);
    }

    #[test]
    fn a_network_that_changes_again_in_the_middle_is_followed() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_change(start, OTHER);
        assert!(handover.due(start + SETTLE, false));
        handover.on_change(start + Duration::from_secs(1), LOST);
        assert_eq!(handover.deadline(), None, "there is nothing to move to");
        handover.on_change(start + Duration::from_secs(2), OTHER);
        assert!(handover.due(start + Duration::from_secs(2) + SETTLE, false));
    }
}
