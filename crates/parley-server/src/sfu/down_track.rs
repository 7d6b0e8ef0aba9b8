//! A section in which a subscriber receives: whom it shows, and the numbers that its packets get.
//!
//! Owned by a peer. Sections are not bound to anybody: a client says whom it wants to see in which, and sections of sound that it
//! says nothing of are filled with the loudest.

use super::forwarder::{Forwarder, Verdict};
use super::peer::PeerAt;
use super::rewriter::{Rewriter, Rewritten};
use super::up_track::Came;
use parley_proto::{Down, DownState, Wish};
use std::time::{Duration, Instant};
use str0m::media::{MediaKind, Mid};
use str0m::rtp::{RtpPacket, Ssrc};

/// Nobody has a key frame sooner than this after it was asked for.
const ASKED_AGAIN: Duration = Duration::from_millis(50);

/// What a section is fed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Feed {
    /// The publication's number.
    pub(super) number: u32,
    /// The publisher's connection.
    pub(super) peer: PeerAt,
    /// The track's place among the tracks of that.
    pub(super) up: usize,
}

/// One section.
#[derive(Debug)]
pub(super) struct DownTrack {
    pub(super) mid: Mid,
    pub(super) kind: MediaKind,
    pub(super) ssrc: Ssrc,
    /// The client still wants to receive in it.
    pub(super) open: bool,
    /// What the client asked for.
    pub(super) wish: Option<Wish>,
    pub(super) feed: Option<Feed>,
    pub(super) forwarder: Forwarder,
    rewriter: Rewriter,
    /// Of a feed of sound: nothing of it was passed on yet.
    fresh: bool,
    /// When the client asked for a key frame last.
    asked: Option<Instant>,
}

impl DownTrack {
    pub(super) fn new(mid: Mid, kind: MediaKind, ssrc: Ssrc, first_seq: u16) -> Self {
        let clock_rate = if kind.is_audio() { 48_000 } else { 90_000 };
        Self {
            mid,
            kind,
            ssrc,
            open: true,
            wish: None,
            feed: None,
            forwarder: Forwarder::default(),
            rewriter: Rewriter::new(clock_rate, first_seq),
            fresh: true,
            asked: None,
        }
    }

    /// Whether it is the section of that name.
    pub(super) fn is_in(&self, mid: &str) -> bool {
        self.mid == Mid::from(mid)
    }

    /// From now on it is fed with this. The same publication by another connection of its publisher begins anew, too.
    pub(super) fn set_feed(&mut self, feed: Option<Feed>) {
        if self.feed == feed {
            return;
        }
        // A publication whose tracks were put in another order is the same all the same.
        let same = |one: Feed, other: Feed| one.number == other.number && one.peer == other.peer;
        if !matches!((self.feed, feed), (Some(one), Some(other)) if same(one, other)) {
            self.forwarder.change();
            self.fresh = true;
        }
        self.feed = feed;
    }

    /// The client asks for a key frame. True: so soon after the last time that nothing can have come of it yet.
    pub(super) fn nags(&mut self, now: Instant) -> bool {
        let before = self.asked.replace(now);
        before.is_some_and(|before| now < before + ASKED_AGAIN)
    }

    /// A packet of its feed: the numbers it goes down with, if it does.
    pub(super) fn take(&mut self, now: Instant, came: Came, packet: &RtpPacket) -> Option<Rewritten> {
        let (seq, time) = (*packet.seq_no, packet.header.timestamp);
        match came {
            Came::Sound { again } => {
                if std::mem::take(&mut self.fresh) {
                    self.rewriter.begin(now, seq, time);
                } else if again {
                    self.rewriter.go_on(seq);
                }
            }
            // What comes late fills a gap that its receiver knows of.
            Came::Picture { layer, spare, .. }
                if spare && !self.rewriter.is_late(seq) && self.forwarder.leaves_out(layer, time) =>
            {
                self.rewriter.leave_out(seq);
                return None;
            }
            Came::Picture { layer, begins, .. } => match self.forwarder.take(layer, begins) {
                Verdict::Pass => {}
                Verdict::Begin => self.rewriter.begin(now, seq, time),
                Verdict::Drop => return None,
            },
            Came::Useless { layer } => {
                if self.kind.is_audio() || self.forwarder.current() == Some(layer) {
                    self.rewriter.leave_out(seq);
                }
                return None;
            }
            Came::Silent => return None,
        }
        self.rewriter.rewrite(now, seq, time)
    }

    /// How its wish stands. `on`: the publication is there and sends; `rid` of the layer that goes down.
    pub(super) fn told(&self, on: bool, rid: impl Fn(usize) -> Option<String>) -> Option<Down> {
        let wish = self.wish.as_ref()?;
        let state = match (self.feed, on) {
            (None, _) | (_, false) => DownState::Absent,
            _ if self.kind.is_audio() => DownState::Flows,
            _ if self.forwarder.wanted().is_none() => DownState::Paused,
            _ if self.forwarder.current().is_none() => DownState::Waiting,
            _ => DownState::Flows,
        };
        let layer = self.forwarder.current().filter(|_| state == DownState::Flows);
        Some(Down {
            mid: wish.mid.clone(),
            participant: wish.participant,
            source: wish.source,
            state,
            rid: layer.and_then(rid),
        })
    }
}
