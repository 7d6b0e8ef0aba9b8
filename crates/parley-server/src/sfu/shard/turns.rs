//! Whose turn it is: each connection that was given something, or whose time has come, sends what it has.
//!
//! Deliberately absent: what it has to say, which is heard in [`packets`](super::packets).

use super::super::peer::PeerAt;
use super::{Sfu, TICK};
use parley_proto::SfuClosed;
use std::time::{Duration, Instant};
use str0m::Input;

/// What one connection may send in one go, before others have their turn.
const BURST_MAX: usize = 64;
/// The library lets go of one packet, and wants to be woken a microsecond later for the next one: what is so close is now.
const NOW: Duration = Duration::from_micros(100);
/// So long after one packet it is asked for the next one: time has to move on for it.
const NEXT: Duration = Duration::from_micros(1);
/// Rounds of passing on within one flush: what is passed on makes nobody else speak, so one is enough, and two are plenty.
const ROUNDS_MAX: usize = 3;

/// What a connection had to say.
pub(super) enum Said {
    /// It is over.
    Over,
    /// It sent a packet, and may have more.
    Sent,
    /// It is done, and wants to be woken then.
    Wakes(Instant),
}

impl Sfu {
    /// Works off what is due and what was not passed on yet. To be called after packets and commands, and when time is up.
    pub fn flush(&mut self, now: Instant) {
        while self.flush_one(now) {}
    }

    /// The same for one connection, so that what it sends is taken before its memory is cold. False: nothing is left.
    pub fn flush_one(&mut self, now: Instant) -> bool {
        if self.due.is_empty() {
            if self.rounds == 0 && now >= self.next_tick {
                self.next_tick = now + TICK;
                self.tick(now);
            }
            if self.rounds < ROUNDS_MAX {
                self.rounds += 1;
                self.agenda.take_due(now, &mut self.due);
            }
        }
        let Some(at) = self.due.pop_front() else {
            self.rounds = 0;
            return false;
        };
        self.work(now, at);
        true
    }

    /// Lets one connection send what is due.
    ///
    /// The library lets go of one packet each time it is told of time, and asked for its wish after that it looks everything through to
    /// say that it wants to be told again a microsecond later. As long as it has more of what it was given, it is told without being
    /// asked; and where it looks for nothing that its way could carry, so it is after the last packet: what it wanted before still holds.
    /// Asked too seldom it is at the time that it said last, which is as early as what waited then; and too often costs only time.
    fn work(&mut self, now: Instant, at: PeerAt) {
        let mut time = now;
        for _ in 0..BURST_MAX {
            let Some(peer) = self.peers.get_mut(at) else {
                return;
            };
            peer.dirty = false;
            if let Err(error) = peer.rtc.handle_input(Input::Timeout(time)) {
                tracing::debug!(%error, "a connection fails");
                return self.close(at, SfuClosed::Lost);
            }
            let is_known = peer.way.is_quiet && self.agenda.is_on(at);
            let said = if peer.backlog.count() > usize::from(!is_known) {
                self.hear(now, at)
            } else {
                self.drain(now, at)
            };
            time = match said {
                Said::Over => return,
                Said::Sent if is_known && !self.waits(at) => return,
                Said::Sent => time + NEXT,
                Said::Wakes(wake) if wake > now + NOW => return,
                Said::Wakes(wake) => wake.max(time),
            };
        }
        // There is more to send: once others had their turn.
        self.agenda.wake(at, time);
    }

    /// Whether the library still has something that it was given to send.
    fn waits(&self, at: PeerAt) -> bool {
        self.peers.get(at).is_some_and(|peer| peer.backlog.count() > 0)
    }

    /// Notes who was given something while everybody was looked at.
    pub(super) fn note_given(&mut self) {
        for (at, peer) in &self.peers {
            if peer.dirty {
                self.agenda.give(at);
            }
        }
    }

    /// How many connections are at rest.
    #[cfg(test)]
    pub(in super::super) fn at_rest(&self) -> usize {
        self.peers.iter().filter(|(_, peer)| peer.is_at_rest()).count()
    }

    /// So many packets are taken to wait in each connection's library, whatever was counted.
    #[cfg(test)]
    pub(in super::super) fn miscount(&mut self, waits: usize) {
        for (_, peer) in &mut self.peers {
            peer.backlog = super::super::backlog::Backlog::default();
            (0..waits).for_each(|_| peer.backlog.given());
        }
    }
}
