//! What the world does of an SFU: connections to it come to stand, carry, break, and lanes go through the server.

use super::World;
use crate::port::{LaneKind, TrackKind};
use crate::session::Input;
use bytes::Bytes;
use parley_proto::{ParticipantId, Source};
use std::time::Instant;

impl World {
    /// What the SFU does: connections come to stand, and carry what is published and wished for.
    pub(super) fn look_at_sfu(&mut self) {
        for party in 0..self.parties.len() {
            let here = &mut self.parties[party];
            let Some(client) = here.connection.map(|connection| (party, connection)) else {
                continue;
            };
            if here.crashed || here.no_sfu || !self.server_up || !here.sfu.may_stand() {
                continue;
            }
            let event = here.sfu.stand();
            let replies = self.server.sfu_stands(client, event.connection);
            self.input(party, Input::Sfu(event));
            self.reply(replies);
        }
        let ids: Vec<Option<ParticipantId>> = self
            .parties
            .iter()
            .map(|party| party.session.snapshot().me.filter(|_| !party.crashed))
            .collect();
        for party in 0..self.parties.len() {
            let Some(me) = ids[party].filter(|_| self.parties[party].sfu.stands.is_some()) else {
                continue;
            };
            let others = ids.iter().flatten().filter(|id| **id != me);
            let coming: Vec<_> = others
                .flat_map(|id| {
                    let sources = self.server.groups.carries(*id, me).into_iter();
                    sources.map(|source| (*id, kind_of(source)))
                })
                .collect();
            for event in self.parties[party].sfu.carry(&coming) {
                self.input(party, Input::Sfu(event));
            }
        }
    }

    /// Everything that goes through the SFU is gone, and its connections with it; nobody is told.
    pub(in crate::session::tests) fn restart_sfu(&mut self) {
        for place in self.server.groups.places.values_mut() {
            *place = crate::session::tests::fake_groups::Place::default();
        }
        for party in 0..self.parties.len() {
            if let Some(event) = self.parties[party].sfu.fall() {
                self.input(party, Input::Sfu(event));
            }
        }
        self.look();
    }

    /// Somebody cannot reach the SFU, or can again.
    pub(in crate::session::tests) fn set_sfu_reach(&mut self, party: usize, reaches: bool) {
        self.parties[party].no_sfu = !reaches;
        if !reaches && let Some(event) = self.parties[party].sfu.fall() {
            if let Some(me) = self.snapshot(party).me
                && let Some(place) = self.server.groups.places.get_mut(&me)
            {
                place.stands = None;
            }
            self.input(party, Input::Sfu(event));
        }
        self.look();
    }

    /// The chat of a party says something to another on a lane through the server, as far as that may go now.
    pub(in crate::session::tests) fn frame(&mut self, party: usize, to: usize, frame: &str) {
        let participant = self.id(to);
        assert!(
            self.parties[party].lanes.contains(&participant),
            "there is no lane"
        );
        let takes_at = self.parties[party].session.takes_frame_at(self.now);
        assert!(
            takes_at.is_some_and(|at| at <= self.now),
            "it is not taken now: {takes_at:?}"
        );
        let frame = Bytes::copy_from_slice(frame.as_bytes());
        self.input(
            party,
            Input::Frame {
                to: Some(participant),
                kind: LaneKind::Chat,
                frame,
            },
        );
    }

    /// Something is told to a session.
    pub(in crate::session::tests) fn tell(&mut self, party: usize, input: Input) {
        self.input(party, input);
    }

    pub(in crate::session::tests) const fn now(&self) -> Instant {
        self.now
    }

    pub(in crate::session::tests) fn id(&self, party: usize) -> ParticipantId {
        self.snapshot(party).me.unwrap()
    }
}

fn kind_of(source: Source) -> TrackKind {
    match source {
        Source::Microphone => TrackKind::Audio,
        Source::Camera => TrackKind::Video,
        Source::Screen => TrackKind::Screen,
        Source::ScreenSound | Source::Unknown => TrackKind::ScreenSound,
    }
}
