//! Rounds that the library's loop makes once more before it sleeps, so that nothing waits that goes through a relay. Shared
//! by a connection, which knows whether one is in use, and its runtime, which the loop asks for its timer.
//!
//! webrtc 0.21.1 writes, handles events, reads what relays brought, and then sleeps until a timer or a packet. An answer to
//! what a relay brought waits for the next round, and in the queue of its TURN client for the one after, and nothing wakes
//! the loop for either. Each flight of a DTLS handshake so waited for some timer that had nothing to do with it: a call
//! through relays took one and a half seconds to stand, where one in which packets for nobody woke both loops all the time
//! took a tenth of one. Media was a packet late.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// From the relay's packet to an answer, from there to the TURN client's queue, from there to the socket.
const ROUNDS: u8 = 2;
/// The loop sleeps no longer between them: a timer of its own may run out just in the last one.
const SLEEP_MAX: Duration = Duration::from_millis(20);

/// See the module.
#[derive(Debug)]
pub(super) struct Rounds {
    /// There are relays that could be used.
    offered: bool,
    /// One may be in use.
    wanted: AtomicBool,
    /// Rounds that are made at once.
    left: AtomicU8,
}

/// How the loop waits this time.
#[derive(Debug)]
pub(super) enum Wait {
    /// Not at all.
    Round(Round),
    /// So long at most.
    For(Duration),
}

/// A timer that is due at once, and counts when it was looked at: a loop that went on for another reason has something new
/// to carry, which needs all of its rounds.
#[derive(Debug)]
pub(super) struct Round {
    rounds: Arc<Rounds>,
    left: u8,
}

impl Future for Round {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.rounds.left.store(self.left, Ordering::Relaxed);
        Poll::Ready(())
    }
}

impl Rounds {
    /// For a connection that is told of relays, or of none.
    pub(super) fn new(offered: bool) -> Arc<Self> {
        Arc::new(Self {
            offered,
            wanted: AtomicBool::new(offered),
            left: AtomicU8::new(ROUNDS),
        })
    }

    /// Whether a relay may be in use: until a way is found, and while it is the way.
    pub(super) fn set(&self, wanted: bool) {
        self.wanted.store(wanted && self.offered, Ordering::Relaxed);
    }

    /// The loop would sleep.
    pub(super) fn wait(rounds: &Arc<Self>, duration: Duration) -> Wait {
        if !rounds.wanted.load(Ordering::Relaxed) {
            return Wait::For(duration);
        }
        match rounds.left.swap(ROUNDS, Ordering::Relaxed).checked_sub(1) {
            Some(left) => Wait::Round(Round {
                rounds: Arc::clone(rounds),
                left,
            }),
            None => Wait::For(duration.min(SLEEP_MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    const LONG: Duration = Duration::from_secs(5);

    /// Waits as the loop does when nothing else comes; gives whether that was a round.
    fn waits(rounds: &Arc<Rounds>) -> bool {
        match Rounds::wait(rounds, LONG) {
            Wait::Round(round) => round.now_or_never().is_some(),
            Wait::For(duration) => {
                assert_eq!(duration, SLEEP_MAX);
                false
            }
        }
    }

    #[test]
    fn the_loop_sleeps_after_its_rounds_and_makes_them_again() {
        let rounds = Rounds::new(true);
        let made: Vec<_> = (0..6).map(|_| waits(&rounds)).collect();
        assert_eq!(made, [true, true, false, true, true, false]);
    }

    #[test]
    fn what_comes_in_between_gets_all_of_its_rounds() {
        let rounds = Rounds::new(true);
        assert!(waits(&rounds));
        // A packet was quicker than the timer.
        assert!(matches!(Rounds::wait(&rounds, LONG), Wait::Round(_)));
        let made: Vec<_> = (0..3).map(|_| waits(&rounds)).collect();
        assert_eq!(made, [true, true, false]);
    }

    #[test]
    fn a_direct_way_and_a_call_without_relays_sleep_as_they_like() {
        let sleeps =
            |rounds: &Arc<Rounds>| matches!(Rounds::wait(rounds, LONG), Wait::For(all) if all == LONG);
        let rounds = Rounds::new(true);
        rounds.set(false);
        assert!(sleeps(&rounds));
        rounds.set(true);
        assert!(!sleeps(&rounds));
        let without = Rounds::new(false);
        without.set(true);
        assert!(sleeps(&without));
    }
}
