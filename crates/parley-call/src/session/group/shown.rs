//! What others may see of a group.

use super::Group;
use super::source::kind_of;
use crate::session::peer_link::PeerLink;
use crate::sfu_port::{DownSnapshot, GroupSnapshot};
use crate::snapshot::{PersonSnapshot, RecordingConsent};
use parley_proto::{Down, DownState, Participant, ParticipantId};
use std::time::Instant;

impl Group {
    /// How it stands; nothing while media goes directly only.
    pub(in crate::session) fn snapshot(&self) -> Option<GroupSnapshot> {
        let shown = |down: &Down| {
            let kind = kind_of(down.source).filter(|_| !down.source.is_sound())?;
            Some(DownSnapshot {
                participant: down.participant,
                kind,
                state: down.state,
                saved: down.state == DownState::Paused && self.is_saved(down),
                rid: down.rid.clone(),
            })
        };
        self.connection.is_wanted().then(|| GroupSnapshot {
            up: self.connection.is_up(),
            speakers: self.speakers.clone(),
            downs: self.downs.iter().filter_map(shown).collect(),
        })
    }

    /// Whether a picture that the server leaves out would be beyond what this side asked for itself. The server does not tell which of both
    /// it is; what each layer takes is known.
    fn is_saved(&self, left_out: &Down) -> bool {
        let takes = |down: &Down| {
            self.publications
                .kbps(down.participant, down.source, down.rid.as_deref())
        };
        let come = self
            .downs
            .iter()
            .filter(|down| !down.source.is_sound() && down.state == DownState::Flows);
        let all = come.map(takes).fold(takes(left_out), u32::saturating_add);
        let most = self.members.own_media().picture_kbps_max;
        most.is_some_and(|most| all > most)
    }

    /// When media could first go through the SFU.
    pub(in crate::session) const fn first_up(&self) -> Option<Instant> {
        self.first_up
    }

    /// What all of them said to the wish to record.
    pub(in crate::session) fn consent(&self) -> RecordingConsent {
        self.members.consent()
    }

    /// Somebody of it, with the direct way to them where there is one.
    pub(in crate::session) fn person(&self, person: &Participant, link: Option<&PeerLink>) -> PersonSnapshot {
        let member = self.members.get(person.id);
        let told = member
            .and_then(|member| member.media)
            .or_else(|| link.filter(|link| link.media_told()).map(PeerLink::their_media));
        let stalled = if self.is_up() {
            self.lacks_picture(person.id)
        } else {
            link.is_some_and(PeerLink::lacks_something)
        };
        PersonSnapshot {
            id: person.id,
            name: person.name.clone(),
            role: person.role,
            away: person.away,
            listens: person.listens,
            media: told.unwrap_or_else(|| self.publications.media_of(person.id)),
            media_told: told.is_some(),
            hand_raised: member.is_some_and(|member| member.hand)
                || link.is_some_and(PeerLink::their_hand)
                    && member.is_none_or(|member| member.media.is_none()),
            recording: member.is_some_and(super::members::Member::records)
                || link.is_some_and(PeerLink::they_record),
            stalled,
            proven: member.is_some_and(|member| member.proven) || link.is_some_and(PeerLink::proven),
        }
    }

    /// Whether a picture that is wished for stopped, and the server says that it flows.
    fn lacks_picture(&self, who: ParticipantId) -> bool {
        let lacks = |down: &Down| {
            let kind =
                kind_of(down.source).filter(|_| down.participant == who && down.state == DownState::Flows);
            kind.is_some_and(|kind| self.watch.is_stalled(who, kind))
        };
        self.downs.iter().any(lacks)
    }
}
