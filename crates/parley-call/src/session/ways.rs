//! By which of two ways somebody is heard, seen and written to while a call goes over between direct and SFU: the app is handed
//! one at a time, and the end of the other is nothing to it. Owned by [`super::io::Outbox`], so that nothing gets past it.
//!
//! In a call of two there is the direct way only, and everything is passed on as it comes.

use super::io::SessionEvent;
use crate::port::{Lane, LaneKind, TrackKind};
use crate::sfu_port::GroupTrack;
use parley_media::packet::ReceivedPacket;
use parley_proto::ParticipantId;
use parley_proto::limits::{GROUP_PARTICIPANTS_MAX, PUBLICATIONS_MAX};
use std::sync::mpsc::Receiver;

/// Tracks that are known at once: those of everybody.
const TRACKS_MAX: usize = GROUP_PARTICIPANTS_MAX * PUBLICATIONS_MAX;

/// More packets than any track's channel holds.
const WAITED_MAX: usize = 4096;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    Sfu,
}

/// One kind of track of one person.
#[derive(Debug)]
struct Heard {
    participant: ParticipantId,
    kind: TrackKind,
    /// What the app has.
    by: Option<Way>,
    /// The SFU carries it.
    by_sfu: bool,
    /// It comes directly, and the app has the SFU's.
    spare: Option<Receiver<ReceivedPacket>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ways {
    heard: Vec<Heard>,
    /// Whether what comes through the SFU is taken where both ways carry something.
    prefers_sfu: bool,
    /// A data channel for chat that opened while chat goes through the server: it is used when that is over.
    chat: Option<(ParticipantId, Lane)>,
}

impl Ways {
    /// A track begins to come directly.
    pub(super) fn direct_track(
        &mut self,
        participant: ParticipantId,
        kind: TrackKind,
        packets: Receiver<ReceivedPacket>,
    ) -> Option<SessionEvent> {
        let prefers_sfu = self.prefers_sfu;
        let heard = self.place(participant, kind)?;
        if prefers_sfu && heard.by == Some(Way::Sfu) {
            heard.spare = Some(packets);
            return None;
        }
        heard.by = Some(Way::Direct);
        heard.spare = None;
        Some(SessionEvent::Track {
            participant,
            kind,
            packets,
        })
    }

    /// No more of it comes directly.
    pub(super) fn direct_ended(
        &mut self,
        participant: ParticipantId,
        kind: TrackKind,
    ) -> Option<SessionEvent> {
        let heard = self.find(participant, kind)?;
        heard.spare = None;
        let ended = heard.by == Some(Way::Direct);
        if ended {
            heard.by = None;
        }
        self.tidy();
        ended.then_some(SessionEvent::TrackEnded { participant, kind })
    }

    /// A track begins to come through the SFU. While it is heard directly, and that is preferred, its driver will say so again.
    pub(super) fn sfu_track(&mut self, track: GroupTrack) -> Option<SessionEvent> {
        let prefers_sfu = self.prefers_sfu;
        let heard = self.place(track.participant, track.kind)?;
        heard.by_sfu = true;
        if heard.by == Some(Way::Direct) && !prefers_sfu {
            return None;
        }
        heard.by = Some(Way::Sfu);
        Some(SessionEvent::GroupTrack(track))
    }

    /// No more of it comes through the SFU.
    pub(super) fn sfu_ended(&mut self, participant: ParticipantId, kind: TrackKind) -> Option<SessionEvent> {
        let heard = self.find(participant, kind)?;
        heard.by_sfu = false;
        let told = heard
            .take_spare()
            .or_else(|| (heard.by == Some(Way::Sfu)).then(|| heard.end()));
        self.tidy();
        told
    }

    /// The SFU carries nothing for now: what also comes directly is heard that way.
    pub(super) fn sfu_down(&mut self) -> Vec<SessionEvent> {
        self.heard.iter_mut().filter_map(Heard::take_spare).collect()
    }

    /// The SFU carries nothing any more.
    pub(super) fn sfu_over(&mut self) -> Vec<SessionEvent> {
        let over = |heard: &mut Heard| {
            heard.by_sfu = false;
            heard
                .take_spare()
                .or_else(|| (heard.by == Some(Way::Sfu)).then(|| heard.end()))
        };
        let told = self.heard.iter_mut().filter_map(over).collect();
        self.tidy();
        told
    }

    /// Which way is taken from now on where both carry something.
    pub(super) fn prefer_sfu(&mut self, sfu: bool) -> Vec<SessionEvent> {
        self.prefers_sfu = sfu;
        if sfu {
            return Vec::new();
        }
        // One whose connection is over by now is no way at all.
        let open = self.chat.take().filter(|(_, lane)| !lane.outgoing.is_closed());
        let chat = open.map(|(participant, lane)| SessionEvent::Lane {
            participant,
            kind: LaneKind::Chat,
            lane,
        });
        self.sfu_down().into_iter().chain(chat).collect()
    }

    /// A data channel opened.
    pub(super) fn direct_lane(
        &mut self,
        participant: ParticipantId,
        kind: LaneKind,
        lane: Lane,
    ) -> Option<SessionEvent> {
        if self.prefers_sfu && kind == LaneKind::Chat {
            self.chat = Some((participant, lane));
            return None;
        }
        Some(SessionEvent::Lane {
            participant,
            kind,
            lane,
        })
    }

    /// Whether a track comes through the SFU, whichever way the app has it.
    pub(super) fn is_by_sfu(&self, participant: ParticipantId, kind: TrackKind) -> bool {
        let is = |heard: &Heard| heard.participant == participant && heard.kind == kind && heard.by_sfu;
        self.heard.iter().any(is)
    }

    /// Somebody is gone.
    pub(super) fn forget(&mut self, participant: ParticipantId) -> Vec<SessionEvent> {
        self.chat.take_if(|(with, _)| *with == participant);
        let of_them = self
            .heard
            .iter_mut()
            .filter(|heard| heard.participant == participant);
        let told = of_them
            .filter(|heard| heard.by.is_some())
            .map(|heard| heard.end())
            .collect();
        self.heard.retain(|heard| heard.participant != participant);
        told
    }

    fn find(&mut self, participant: ParticipantId, kind: TrackKind) -> Option<&mut Heard> {
        self.heard
            .iter_mut()
            .find(|heard| heard.participant == participant && heard.kind == kind)
    }

    fn place(&mut self, participant: ParticipantId, kind: TrackKind) -> Option<&mut Heard> {
        if self.find(participant, kind).is_none() {
            if self.heard.len() >= TRACKS_MAX {
                return None;
            }
            self.heard.push(Heard {
                participant,
                kind,
                by: None,
                by_sfu: false,
                spare: None,
            });
        }
        self.find(participant, kind)
    }

    fn tidy(&mut self) {
        self.heard
            .retain(|heard| heard.by.is_some() || heard.by_sfu || heard.spare.is_some());
    }
}

impl Heard {
    /// What comes directly is what the app has from now on.
    fn take_spare(&mut self) -> Option<SessionEvent> {
        let packets = self.spare.take()?;
        // What waited is old.
        packets.try_iter().take(WAITED_MAX).for_each(drop);
        self.by = Some(Way::Direct);
        Some(SessionEvent::Track {
            participant: self.participant,
            kind: self.kind,
            packets,
        })
    }

    fn end(&mut self) -> SessionEvent {
        self.by = None;
        SessionEvent::TrackEnded {
            participant: self.participant,
            kind: self.kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_frame::KeyFrameRequester;
    use parley_media::video::SenderTimes;
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;
    use tokio::sync::mpsc;

    const BEN: ParticipantId = ParticipantId::from_bytes([2; 16]);

    fn packets() -> Receiver<ReceivedPacket> {
        sync_channel(1).1
    }

    fn by_sfu() -> GroupTrack {
        GroupTrack {
            participant: BEN,
            kind: TrackKind::Audio,
            packets: packets(),
            key_frames: KeyFrameRequester::new(),
            times: SenderTimes::default(),
        }
    }

    fn name(event: Option<SessionEvent>) -> &'static str {
        match event {
            None => "nothing",
            Some(SessionEvent::Track { .. }) => "direct",
            Some(SessionEvent::GroupTrack(_)) => "sfu",
            Some(SessionEvent::TrackEnded { .. }) => "ended",
            Some(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_end_of_the_way_that_was_left_ends_nothing() {
        let mut ways = Ways::default();
        let kind = TrackKind::Audio;
        assert_eq!(name(ways.direct_track(BEN, kind, packets())), "direct");
        assert!(ways.prefer_sfu(true).is_empty());
        assert_eq!(name(ways.sfu_track(by_sfu())), "sfu");
        assert_eq!(
            name(ways.direct_ended(BEN, kind)),
            "nothing",
            "it comes through the SFU"
        );
        // And back.
        assert!(ways.prefer_sfu(false).is_empty());
        assert_eq!(name(ways.direct_track(BEN, kind, packets())), "direct");
        assert_eq!(
            name(ways.sfu_track(by_sfu())),
            "nothing",
            "said again, and not wanted"
        );
        assert_eq!(name(ways.sfu_ended(BEN, kind)), "nothing");
        assert_eq!(name(ways.direct_ended(BEN, kind)), "ended");
        assert!(ways.heard.is_empty());
    }

    #[test]
    fn what_comes_directly_stands_in_while_the_sfu_is_down_and_when_it_is_over() {
        for over in [false, true] {
            let mut ways = Ways::default();
            ways.prefer_sfu(true);
            ways.sfu_track(by_sfu());
            assert_eq!(
                name(ways.direct_track(BEN, TrackKind::Audio, packets())),
                "nothing"
            );
            let mut told = if over { ways.sfu_over() } else { ways.sfu_down() };
            assert_eq!((name(told.pop()), told.len()), ("direct", 0));
            assert_eq!(ways.is_by_sfu(BEN, TrackKind::Audio), !over);
        }
    }

    #[test]
    fn a_data_channel_that_opened_meanwhile_is_used_afterwards_if_it_is_still_there() {
        for there in [true, false] {
            let mut ways = Ways::default();
            ways.prefer_sfu(true);
            let ((outgoing, to_go), (_came, incoming)) = (mpsc::channel(1), mpsc::channel(1));
            let lane = Lane {
                outgoing,
                incoming,
                answered: Arc::default(),
                allotment: Arc::default(),
            };
            let kept = there.then_some(to_go);
            assert!(ways.direct_lane(BEN, LaneKind::Chat, lane).is_none());
            assert_eq!(ways.prefer_sfu(false).len(), usize::from(there));
            drop(kept);
        }
    }

    #[test]
    fn a_person_who_is_gone_is_gone_either_way() {
        let mut ways = Ways::default();
        ways.prefer_sfu(true);
        ways.sfu_track(by_sfu());
        ways.direct_track(BEN, TrackKind::Audio, packets());
        assert_eq!(ways.forget(BEN).len(), 1);
        assert!(ways.forget(BEN).is_empty());
    }
}
