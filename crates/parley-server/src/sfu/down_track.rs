//! A section in which a subscriber receives: whom it shows, and the numbers that its packets get.
//!
//! Owned by a peer. Sections are not bound to anybody: a client says whom it wants to see in which, and sections of sound that it
//! says nothing of are filled with the loudest.

use super::copies::Copies;
use super::forwarder::{Forwarder, Verdict};
use super::h264;
use super::left_out::{LeftOut, Part};
use super::peer::PeerAt;
use super::rewriter::{Rewriter, Rewritten};
use super::shield::Fates;
use super::up_track::Came;
use super::used::Used;
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

/// A packet of its feed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived<'a> {
    /// The stream it is of.
    pub(super) ssrc: Ssrc,
    pub(super) seq: u64,
    pub(super) time: u32,
    pub(super) marker: bool,
    pub(super) payload: &'a [u8],
}

impl<'a> From<&'a RtpPacket> for Arrived<'a> {
    fn from(packet: &'a RtpPacket) -> Self {
        Self {
            ssrc: packet.header.ssrc,
            seq: *packet.seq_no,
            time: packet.header.timestamp,
            marker: packet.header.marker,
            payload: &packet.payload,
        }
    }
}

/// What goes down of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Goes {
    pub(super) at: Rewritten,
    /// Without its payload: its number was kept free, and nobody is to wait for it, but the picture it is of was left out. Receivers count
    /// it as padding.
    pub(super) empty: bool,
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
    /// The publisher's stream that goes down; what another one numbers means nothing here.
    stream: Option<Ssrc>,
    rewriter: Rewriter,
    used: Used,
    left_out: LeftOut,
    /// Of sound: what goes along once more, and what is told of what went.
    pub(super) copies: Copies,
    pub(super) fates: Fates,
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
            stream: None,
            rewriter: Rewriter::new(clock_rate, first_seq),
            used: Used::default(),
            left_out: LeftOut::default(),
            copies: Copies::default(),
            fates: Fates::new(first_seq),
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

    /// A packet of its feed: what goes down of it, if anything does.
    pub(super) fn take(&mut self, now: Instant, came: Came, packet: Arrived<'_>) -> Option<Goes> {
        let Arrived { ssrc, seq, time, .. } = packet;
        let is_another = self.stream != Some(ssrc);
        match came {
            Came::Sound { .. } if is_another => self.fresh = true,
            // A publisher whose stream began anew: it goes on with a key frame, as another layer does.
            Came::Picture { layer, .. } if is_another => self.forwarder.lose(layer),
            _ => {}
        }
        let is_late = self.rewriter.is_late(seq);
        let mut empty = false;
        match came {
            Came::Sound { again } => {
                if std::mem::take(&mut self.fresh) {
                    self.stream = Some(ssrc);
                    self.copies.forget();
                    self.rewriter.begin(now, seq, time);
                } else if again {
                    self.rewriter.go_on(seq);
                }
            }
            // What comes late fills a gap that its receiver knows of, if only that it is none.
            Came::Picture { layer, .. } if is_late && self.forwarder.has_left_out(layer, time) => {
                empty = true;
            }
            Came::Picture { layer, spare, .. }
                if spare && !is_late && self.forwarder.leaves_out(layer, time) =>
            {
                let part = Part {
                    seq,
                    time,
                    begins: h264::begins_picture(packet.payload),
                    ends: packet.marker,
                };
                self.left_out.part(&mut self.rewriter, part);
                return None;
            }
            Came::Picture { layer, begins, .. } => match self.forwarder.take(layer, begins) {
                Verdict::Pass if is_late => {}
                Verdict::Pass => self.left_out.passes(&mut self.rewriter, seq),
                Verdict::Begin => {
                    self.stream = Some(ssrc);
                    self.left_out.forget();
                    self.rewriter.begin(now, seq, time);
                }
                Verdict::Drop => return None,
            },
            Came::Useless { .. } if is_another => return None,
            Came::Useless { layer } => {
                // Numbers of a feed of which nothing was passed on yet mean nothing here.
                let is_heard = self.kind.is_audio() && !self.fresh;
                if is_heard || self.forwarder.current() == Some(layer) {
                    self.left_out.forget();
                    self.rewriter.leave_out(seq);
                }
                return None;
            }
            Came::Silent | Came::Known => return None,
        }
        let at = self.rewriter.rewrite(now, seq, time)?;
        self.used.first_time(at.seq).then_some(Goes { at, empty })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BEGINS: &[u8] = &[0x01, 0x9a];
    const GOES_ON: &[u8] = &[0x01, 0x3a];

    struct Section {
        now: Instant,
        track: DownTrack,
    }

    impl Section {
        /// A section in which a picture goes down at half its rate, after its key frame with number 10.
        fn halved() -> Self {
            #[expect(clippy::disallowed_methods, reason = "a start to count from")]
            let now = Instant::now();
            let track = DownTrack::new(Mid::from("1"), MediaKind::Video, Ssrc::from(7), 100);
            let mut section = Self { now, track };
            section.track.forwarder.aim(Some(0));
            section.track.forwarder.halve(true);
            let key = Came::Picture {
                layer: 0,
                begins: true,
                spare: false,
            };
            assert_eq!(section.take(key, (10, 0, true), &[0x67]), Some((100, false)));
            section
        }

        fn take(&mut self, came: Came, numbers: (u64, u32, bool), payload: &[u8]) -> Option<(u64, bool)> {
            let (seq, time, marker) = numbers;
            let arrived = Arrived {
                ssrc: Ssrc::from(1),
                seq,
                time,
                marker,
                payload,
            };
            let goes = self.track.take(self.now, came, arrived)?;
            Some((goes.at.seq, goes.empty))
        }

        fn part(&mut self, spare: bool, numbers: (u64, u32, bool), payload: &[u8]) -> Option<(u64, bool)> {
            let came = Came::Picture {
                layer: 0,
                begins: false,
                spare,
            };
            self.take(came, numbers, payload)
        }
    }

    #[test]
    fn what_comes_late_of_a_picture_that_was_left_out_fills_its_place_with_nothing() {
        let mut section = Section::halved();
        // Of the picture that is left out 11 and 12 are lost at first: 12 was certainly of it, 11 may have been of one before.
        assert_eq!(section.part(true, (13, 3_000, false), GOES_ON), None);
        assert_eq!(section.part(true, (14, 3_000, true), GOES_ON), None);
        assert_eq!(
            section.part(false, (15, 6_000, true), &[0x41]),
            Some((102, false))
        );
        assert_eq!(section.part(true, (16, 9_000, true), BEGINS), None, "another one");
        assert_eq!(
            section.part(false, (17, 12_000, true), &[0x41]),
            Some((103, false))
        );
        assert_eq!(section.part(true, (11, 3_000, false), BEGINS), Some((101, true)));
        assert_eq!(section.part(true, (12, 3_000, false), GOES_ON), None);
    }

    #[test]
    fn what_is_never_repaired_of_a_picture_that_was_left_out_stops_nobody() {
        let mut section = Section::halved();
        assert_eq!(section.part(true, (11, 3_000, false), BEGINS), None);
        // 12, its end, is lost.
        assert_eq!(
            section.part(false, (13, 6_000, true), &[0x41]),
            Some((101, false))
        );
        // 15, in the middle of the next one.
        assert_eq!(section.part(true, (14, 9_000, false), BEGINS), None);
        assert_eq!(section.part(true, (16, 9_000, true), GOES_ON), None);
        assert_eq!(
            section.part(false, (17, 12_000, true), &[0x41]),
            Some((102, false))
        );
    }

    #[test]
    fn a_whole_picture_that_comes_late_goes_down_as_it_is() {
        let mut section = Section::halved();
        assert_eq!(
            section.part(false, (12, 6_000, true), &[0x41]),
            Some((102, false))
        );
        assert_eq!(section.part(true, (11, 3_000, true), BEGINS), Some((101, false)));
    }

    fn sound(track: &mut DownTrack, now: Instant, ssrc: u32, seq: u64) -> Option<u64> {
        let arrived = Arrived {
            ssrc: Ssrc::from(ssrc),
            seq,
            time: seq as u32 * 960,
            marker: false,
            payload: &[0x78],
        };
        let goes = track.take(now, Came::Sound { again: false }, arrived)?;
        Some(goes.at.seq)
    }

    #[test]
    fn a_voice_whose_stream_begins_anew_goes_on_under_numbers_of_its_own() {
        let now = Section::halved().now;
        let mut track = DownTrack::new(Mid::from("1"), MediaKind::Audio, Ssrc::from(7), 100);
        let first: Vec<_> = (1_000..1_003).map(|seq| sound(&mut track, now, 1, seq)).collect();
        assert_eq!(first, [Some(100), Some(101), Some(102)]);
        // The numbers of the stream before are meant for other packets.
        let other: Vec<_> = (1_000..1_003).map(|seq| sound(&mut track, now, 2, seq)).collect();
        assert_eq!(other, [Some(103), Some(104), Some(105)]);
    }

    #[test]
    fn a_picture_whose_stream_begins_anew_waits_for_its_key_frame() {
        let mut section = Section::halved();
        let mut other = |seq: u64, begins: bool| {
            let arrived = Arrived {
                ssrc: Ssrc::from(2),
                seq,
                time: 3_000,
                marker: true,
                payload: BEGINS,
            };
            let came = Came::Picture {
                layer: 0,
                begins,
                spare: false,
            };
            let goes = section.track.take(section.now, came, arrived)?;
            Some(goes.at.seq)
        };
        assert_eq!((other(10, false), other(11, false)), (None, None));
        assert_eq!((other(12, true), other(13, false)), (Some(101), Some(102)));
    }

    proptest! {
        #[test]
        fn no_number_leaves_twice_whatever_comes(steps in proptest::collection::vec((0u8..6, 1u32..3, 0u64..60), 1..300), is_sound: bool) {
            let kind = if is_sound { MediaKind::Audio } else { MediaKind::Video };
            let mut track = DownTrack::new(Mid::from("1"), kind, Ssrc::from(7), 100);
            track.forwarder.aim(Some(0));
            let now = Section::halved().now;
            let mut left = std::collections::BTreeSet::new();
            for (what, ssrc, seq) in steps {
                let came = match what {
                    0 => Came::Useless { layer: 0 },
                    1 if is_sound => Came::Sound { again: true },
                    _ if is_sound => Came::Sound { again: false },
                    _ => Came::Picture { layer: 0, begins: what == 1, spare: what == 2 },
                };
                track.forwarder.halve(what == 3);
                let arrived = Arrived { ssrc: Ssrc::from(ssrc), seq, time: seq as u32 * 960, marker: what == 4, payload: GOES_ON };
                if let Some(goes) = track.take(now, came, arrived) {
                    prop_assert!(left.insert(goes.at.seq), "{} twice", goes.at.seq);
                }
            }
        }
    }
}
