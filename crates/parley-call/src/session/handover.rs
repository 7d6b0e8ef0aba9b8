//! The network under a call changes: a cable is pulled, another wireless network is joined, a phone's tether takes over.
//!
//! Sans-IO. Told what became of this machine's addresses, it says when a connection is to be made on the new network, and how
//! ([`Move`]). Where the way in use is gone there is nothing to keep, and no waiting for ICE either, which needs five seconds to
//! see that nothing comes and would then bind the addresses that are gone: a fresh connection is made at once, and a new one to
//! the server with the resume token, for the old one is as dead. Where a better network came, a second connection is made on it
//! beside the first ([`super::second`]), and the call goes over once that one stands.
//!
//! A change that leaves the way in use alone and brings nothing better is no reason to touch a call that works. Once media stops,
//! it is: the address of a wireless network that one walks away from stays for long.

use std::time::{Duration, Instant};

/// Addresses of a network come one after the other: IPv4, IPv6, a VPN's. The first is enough, but the rest is worth a moment.
const SETTLE: Duration = Duration::from_millis(150);
/// A network that just came may not lead anywhere yet, and there is no hurry to leave one that works.
const SETTLE_BESIDE: Duration = Duration::from_millis(500);
/// A fresh connection that does not stand by then is tried anew, with the server too.
const MOVE_MAX: Duration = Duration::from_secs(5);
/// A second connection that is being made when a fresh one is due is waited for so long: on networks where it comes to stand at
/// all, it does within a second or two.
const BESIDE_MAX: Duration = Duration::from_secs(3);
/// So often; then what mends any other outage goes on alone.
const MOVES_MAX: u32 = 3;

/// What became of this machine's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkChange {
    /// The address that media uses is still there, and so is the relay that it may take.
    pub in_use: bool,
    /// There is an address by which others can be reached.
    pub reaches_others: bool,
    /// There is one among them that the connection does not use.
    pub has_more: bool,
    /// It is by one of those that the system goes to the other side now: where the way in use is still there, it is the worse one.
    pub better: bool,
}

/// How to go over to another network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// By a second connection, for as long as the first carries.
    Beside,
    /// By a fresh connection at once: there is nothing to keep.
    Afresh,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// All is well.
    #[default]
    Settled,
    /// The way in use is gone, and there is no other yet.
    Stranded,
    /// There is another; more addresses may come.
    Gathering { until: Instant, how: Move },
    /// A fresh connection is being made, for the so manieth time.
    Moving { until: Instant, count: u32 },
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Handover {
    stage: Stage,
    /// The number of the connection that this is about.
    connection: Option<u32>,
    /// There is a network that it does not use.
    has_more: bool,
    /// When the addresses changed last.
    changed: Option<Instant>,
    /// Until when a second connection that is being made is waited for.
    waits_until: Option<Instant>,
    /// Nothing came for half a second, or too little, and a second connection was tried because of that.
    doubted: bool,
    /// The one there is was made because too little came over another, by which the system still goes: that it is called better then
    /// is no news.
    fled: bool,
}

impl Handover {
    /// There is a connection of this number. A fresh one, whatever it was made for, is on a network that is there.
    pub(super) fn on_connection(&mut self, number: u32) {
        if self.connection.replace(number) != Some(number) {
            self.has_more = false;
            self.fled = std::mem::take(&mut self.doubted);
            self.waits_until = None;
            if matches!(self.stage, Stage::Gathering { .. }) {
                self.stage = Stage::Settled;
            }
        }
    }

    /// The addresses changed.
    pub(super) fn on_change(&mut self, now: Instant, change: NetworkChange) {
        self.has_more = change.has_more;
        self.changed = Some(now);
        let is_better = change.better && !std::mem::take(&mut self.fled);
        self.stage = match (change.in_use, change.reaches_others) {
            // The fresh connection has its addresses; whether it comes to stand is another matter.
            (true, _) if matches!(self.stage, Stage::Moving { .. }) => return,
            (true, _) if is_better => Stage::Gathering {
                until: now + SETTLE_BESIDE,
                how: Move::Beside,
            },
            (true, _) => Stage::Settled,
            (false, false) => Stage::Stranded,
            (false, true) => Stage::Gathering {
                until: now + SETTLE,
                how: Move::Afresh,
            },
        };
    }

    /// Nothing came for half a second over a connection that carried some.
    pub(super) fn on_lull(&mut self, now: Instant) {
        if self.has_more && self.stage == Stage::Settled && !std::mem::replace(&mut self.doubted, true) {
            self.stage = Stage::Gathering {
                until: now,
                how: Move::Beside,
            };
        }
    }

    /// Much of what should come, or go, is lost, and has been for seconds. Where the way in use was taken for that reason it is not
    /// left for it: it may well be the other side's own way that loses.
    pub(super) fn on_loss(&mut self, now: Instant) {
        if !self.fled {
            self.on_lull(now);
        }
    }

    /// Media stopped over a connection that carried some.
    pub(super) fn on_silence(&mut self, now: Instant) {
        if self.has_more && self.stage == Stage::Settled {
            self.has_more = false;
            self.stage = Stage::Gathering {
                until: now,
                how: Move::Afresh,
            };
        }
    }

    /// Whether the way in use is given up, so that only what is on another network is worth waiting for.
    pub(super) const fn hurries(&self) -> bool {
        match self.stage {
            Stage::Settled | Stage::Stranded => false,
            Stage::Gathering { how, .. } => matches!(how, Move::Afresh),
            Stage::Moving { .. } => true,
        }
    }

    /// When the addresses changed last.
    pub(super) const fn changed(&self) -> Option<Instant> {
        self.changed
    }

    /// How to move over now, if at all. `up`: media can flow over the connection there is; `beside`: a second one is being made that
    /// is worth waiting for, which is done for a while.
    pub(super) fn due(&mut self, now: Instant, up: bool, beside: bool) -> Option<Move> {
        let (until, how, count) = match self.stage {
            Stage::Settled | Stage::Stranded => return None,
            // The old connection may still believe that it stands.
            Stage::Gathering { until, how } => (until, how, 0),
            Stage::Moving { .. } if up => {
                self.stage = Stage::Settled;
                self.waits_until = None;
                return None;
            }
            Stage::Moving { until, count } => (until, Move::Afresh, count),
        };
        if now < until {
            return None;
        }
        if beside && now < *self.waits_until.get_or_insert(now + BESIDE_MAX) {
            // It is on the other network, and further than any that begins now.
            if let Stage::Gathering { until, .. } | Stage::Moving { until, .. } = &mut self.stage {
                *until = now + SETTLE;
            }
            return None;
        }
        self.waits_until = None;
        if how == Move::Beside {
            self.stage = Stage::Settled;
            return Some(how);
        }
        self.stage = if count < MOVES_MAX {
            Stage::Moving {
                until: now + MOVE_MAX,
                count: count + 1,
            }
        } else {
            Stage::Settled
        };
        (count < MOVES_MAX).then_some(how)
    }

    /// Somebody else is there now, with a connection of their own.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Settled | Stage::Stranded => None,
            Stage::Gathering { until, .. } | Stage::Moving { until, .. } => Some(until),
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

    const fn change(in_use: bool, reaches_others: bool, has_more: bool) -> NetworkChange {
        NetworkChange {
            in_use,
            reaches_others,
            has_more,
            better: false,
        }
    }

    const LOST: NetworkChange = change(false, false, false);
    const OTHER: NetworkChange = change(false, true, true);
    const BETTER: NetworkChange = NetworkChange {
        better: true,
        ..change(true, true, true)
    };

    impl Handover {
        /// Whether a fresh connection is due, while no second one is being made.
        fn is_due(&mut self, now: Instant, up: bool) -> bool {
            self.due(now, up, false) == Some(Move::Afresh)
        }
    }

    #[test]
    fn a_change_beside_the_way_in_use_touches_nothing() {
        let (mut handover, now) = (Handover::default(), Instant::now());
        for has_more in [true, false] {
            handover.on_change(now, change(true, true, has_more));
            assert_eq!(handover.deadline(), None);
            assert!(!handover.is_due(now + MOVE_MAX, true));
        }
    }

    #[test]
    fn a_network_that_fell_silent_is_left_for_another_if_there_is_one() {
        let (mut handover, now) = (Handover::default(), Instant::now());
        handover.on_silence(now);
        assert_eq!(handover.deadline(), None, "there is only this one");
        handover.on_change(now, change(true, true, true));
        handover.on_silence(now);
        assert!(handover.is_due(now, true));
        handover.on_change(now, change(true, true, false));
        assert!(
            handover.is_due(now + MOVE_MAX, false),
            "a move is not forgotten on its way"
        );
        assert!(!handover.is_due(now + MOVE_MAX, true));
        handover.on_silence(now + MOVE_MAX);
        assert_eq!(handover.deadline(), None, "it uses all there is now");
    }

    #[test]
    fn what_an_earlier_connection_did_not_use_is_no_reason_to_leave_the_one_there_is() {
        let (mut handover, now) = (Handover::default(), Instant::now());
        handover.on_connection(1);
        handover.on_change(now, OTHER);
        assert!(handover.is_due(now + SETTLE, true));
        handover.on_connection(2);
        assert!(!handover.is_due(now + MOVE_MAX, true), "it stands");
        handover.on_silence(now + MOVE_MAX);
        assert_eq!(handover.deadline(), None, "the other one may have left");
        handover.on_change(now, change(true, true, true));
        handover.on_connection(2);
        handover.on_silence(now + MOVE_MAX);
        assert!(handover.is_due(now + MOVE_MAX, true), "this one came later");
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
        assert!(!handover.is_due(back, true), "more addresses may come");
        assert!(handover.is_due(at, true), "whatever the old connection believes");
        assert!(!handover.is_due(at, false), "once");
        assert!(!handover.is_due(at + Duration::from_secs(1), true), "it stands");
        assert_eq!(handover.deadline(), None);
    }

    #[test]
    fn a_move_that_does_not_help_is_made_again_a_few_times() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_change(start, OTHER);
        let mut moves = Vec::new();
        while let Some(at) = handover.deadline() {
            if handover.is_due(at, false) {
                moves.push(at - start);
            }
        }
        assert_eq!(moves, [SETTLE, SETTLE + MOVE_MAX, SETTLE + MOVE_MAX * 2]);
    }

    #[test]
    fn a_network_that_changes_again_in_the_middle_is_followed() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_change(start, OTHER);
        assert!(handover.is_due(start + SETTLE, false));
        handover.on_change(start + Duration::from_secs(1), LOST);
        assert_eq!(handover.deadline(), None, "there is nothing to move to");
        handover.on_change(start + Duration::from_secs(2), OTHER);
        assert!(handover.is_due(start + Duration::from_secs(2) + SETTLE, false));
    }

    #[test]
    fn a_better_network_is_gone_over_to_beside_the_one_that_works() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_connection(1);
        handover.on_change(start, BETTER);
        let at = handover.deadline().unwrap();
        assert_eq!(handover.due(start, true, false), None, "it just came");
        assert_eq!(handover.due(at, true, false), Some(Move::Beside));
        assert_eq!(handover.deadline(), None, "once");
        handover.on_connection(2);
        handover.on_change(at, change(true, true, true));
        assert_eq!(
            handover.deadline(),
            None,
            "the one it left is no reason to go back"
        );
    }

    #[test]
    fn a_network_that_was_fled_is_not_gone_back_to_because_the_system_goes_by_it_still() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_connection(1);
        handover.on_change(start, change(true, true, true));
        handover.on_lull(start);
        assert_eq!(handover.due(start, true, false), Some(Move::Beside));
        handover.on_connection(2);
        handover.on_change(start, BETTER);
        assert_eq!(handover.deadline(), None);
        handover.on_change(start + Duration::from_secs(9), BETTER);
        assert!(handover.deadline().is_some(), "another one came since");
    }

    #[test]
    fn a_better_network_that_goes_again_at_once_is_left_alone() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_change(start, BETTER);
        handover.on_change(start + Duration::from_millis(250), change(true, true, false));
        assert_eq!(handover.deadline(), None);
    }

    #[test]
    fn a_second_connection_on_its_way_is_waited_for_when_the_first_network_goes() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_connection(1);
        handover.on_change(start, OTHER);
        let mut now = start;
        for _ in 0..20 {
            now = handover.deadline().unwrap();
            assert_eq!(handover.due(now, true, true), None);
        }
        assert!(now > start + Duration::from_secs(2), "without haste");
        let mut failed = handover;
        now = failed.deadline().unwrap();
        assert_eq!(
            failed.due(now, true, false),
            Some(Move::Afresh),
            "it came to nothing"
        );
        failed.reset();
        failed.on_connection(1);
        failed.on_change(now, OTHER);
        failed.on_connection(2);
        assert_eq!(failed.deadline(), None, "it was gone over to");
    }

    #[test]
    fn a_second_connection_that_does_not_come_to_stand_is_not_waited_for_long() {
        let (mut handover, start) = (Handover::default(), Instant::now());
        handover.on_connection(1);
        handover.on_change(start, OTHER);
        let moved = |handover: &mut Handover| {
            (0..100).find_map(|_| {
                let at = handover.deadline()?;
                handover.due(at, false, true).map(|how| (how, at))
            })
        };
        let (how, at) = moved(&mut handover).expect("it moves, whatever is being made");
        assert_eq!(how, Move::Afresh);
        assert!(at < start + Duration::from_secs(4), "{:?}", at - start);
        // Nor is the next one, and the moves are counted all the same.
        let later: Vec<_> = std::iter::from_fn(|| moved(&mut handover)).collect();
        assert_eq!(later.len(), 2, "as often as any other");
    }

    #[test]
    fn a_network_that_loses_much_is_left_for_another_once_and_not_for_the_one_that_was_left() {
        let (mut handover, now) = (Handover::default(), Instant::now());
        handover.on_connection(1);
        handover.on_loss(now);
        assert_eq!(handover.deadline(), None, "there is only this one");
        handover.on_change(now, change(true, true, true));
        handover.on_loss(now);
        assert_eq!(handover.due(now, true, false), Some(Move::Beside));
        handover.on_loss(now);
        assert_eq!(handover.deadline(), None, "once");
        handover.on_connection(2);
        handover.on_change(now, change(true, true, true));
        handover.on_loss(now);
        assert_eq!(handover.deadline(), None, "it is the other side's way that loses");
    }

    #[test]
    fn half_a_second_of_nothing_is_enough_to_try_the_other_network_beside_once() {
        let (mut handover, now) = (Handover::default(), Instant::now());
        handover.on_lull(now);
        assert_eq!(handover.deadline(), None, "there is only this one");
        handover.on_change(now, change(true, true, true));
        handover.on_lull(now);
        assert_eq!(handover.due(now, true, false), Some(Move::Beside));
        handover.on_lull(now);
        assert_eq!(handover.deadline(), None, "once");
        handover.on_silence(now);
        assert_eq!(handover.due(now, true, false), Some(Move::Afresh));
    }
}
