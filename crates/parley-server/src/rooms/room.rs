//! One room and its members. Tells nobody anything: [`super::Rooms`] does.

use super::ClientId;
use super::door::RoomDoor;
use super::groups::{Grouped, Topology};
use super::listeners::Places;
use crate::access::Source;
use crate::time::Moment;
use parley_proto::limits::{RESUME_GRACE_S, ROOM_PARTICIPANTS_MAX};
use parley_proto::{LeaveReason, Participant, ParticipantId, Role};
use std::collections::VecDeque;
use std::time::Duration;

/// How many of those who were given up a room remembers, to know them again.
const LOST_MAX: usize = 16;
/// Someone who was lost gives way to a newcomer after ten seconds: a connection that only broke is back before that.
const GIVES_WAY_BEFORE_END: Duration = Duration::from_secs(RESUME_GRACE_S - 10);
/// Orders count from here (the start of 2026, in seconds of the UNIX epoch).
const ORDER_EPOCH_S: u64 = 1_767_225_600;

/// Whether a member can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// By this connection.
    Here(ClientId),
    /// Lost; the place is kept until then.
    Away { until: Moment },
    /// Known from another's token only, after a restart; the place is kept until then.
    Expected { until: Moment },
}

impl Presence {
    pub(super) fn lost_at(self, now: Moment) -> bool {
        match self {
            Self::Here(_) => false,
            Self::Away { until } | Self::Expected { until } => until <= now,
        }
    }
}

/// Someone in a room.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: ParticipantId,
    pub(super) name: String,
    pub(super) role: Role,
    /// Host only because nobody else was there.
    pub(super) lent: bool,
    pub(super) order: u32,
    pub(super) presence: Presence,
    /// Only hears, sees, writes and raises a hand.
    pub(super) listens: bool,
    /// Where they came from last, as far as it is known: who is away can be kept out by it too.
    pub(super) source: Option<Source>,
    pub(super) grouped: Grouped,
}

impl Member {
    /// Makes host of this call who is none by right.
    pub(super) const fn lend_host(&mut self) {
        self.role = Role::Host;
        self.lent = true;
    }

    /// By which connection they can be reached.
    pub(super) const fn here(&self) -> Option<ClientId> {
        match self.presence {
            Presence::Here(client) => Some(client),
            Presence::Away { .. } | Presence::Expected { .. } => None,
        }
    }

    /// As the others see it.
    pub(super) fn participant(&self) -> Participant {
        Participant {
            id: self.id,
            name: self.name.clone(),
            role: self.role,
            order: self.order,
            away: !matches!(self.presence, Presence::Here(_)),
            listens: self.listens,
        }
    }
}

/// The members, in order of arrival, and who was given up.
#[derive(Debug, Default)]
pub(super) struct Room {
    members: Vec<Member>,
    lost: VecDeque<(ParticipantId, bool)>,
    order_last: Option<u32>,
    pub(super) door: RoomDoor,
    pub(super) topology: Topology,
}

impl Room {
    /// An empty room whose door stands so.
    pub(super) fn behind(door: RoomDoor) -> Self {
        Self {
            door,
            ..Self::default()
        }
    }

    /// Who becomes host, where nobody is: the first one who is here, one who may speak before one who listens, or else the first one.
    pub(super) fn next_host(&self) -> Option<ParticipantId> {
        if self.members.iter().any(|member| member.role == Role::Host) {
            return None;
        }
        let here = |member: &&Member| matches!(member.presence, Presence::Here(_));
        let speaks = |member: &&Member| here(member) && !member.listens;
        let next = self.members.iter().find(speaks);
        let next = next.or_else(|| self.members.iter().find(here));
        next.or_else(|| self.members.first()).map(|member| member.id)
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(super) fn member(&self, id: ParticipantId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    pub(super) fn member_mut(&mut self, id: ParticipantId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    /// Whether all places for those who listen, or for those who may speak, are taken.
    pub(super) fn is_full(&self, places: Places, listens: bool) -> bool {
        if places.listeners == 0 {
            return self.members.len() >= places.speakers;
        }
        let taken = self.members.iter().filter(|member| member.listens == listens);
        let max = if listens {
            places.listeners
        } else {
            places.speakers
        };
        taken.count() >= max
    }

    /// Whether someone new can come in.
    pub(super) fn has_place(&self, now: Moment, places: Places, listens: bool) -> bool {
        !self.is_full(places, listens) || self.gives_way(now, places, listens).is_some()
    }

    /// Someone who was lost so long ago that their place is for a newcomer of their kind.
    pub(super) fn gives_way(
        &self,
        now: Moment,
        places: Places,
        listens: bool,
    ) -> Option<(Moment, ParticipantId)> {
        self.long_away(now, |member| places.listeners == 0 || member.listens == listens)
    }

    /// Whether some only listen.
    pub(super) fn has_listeners(&self) -> bool {
        self.members.iter().any(|member| member.listens)
    }

    /// Whether its media goes through the SFU: of three and more, and of any who listen.
    pub(super) fn is_group(&self) -> bool {
        let people = self.members.len();
        people > ROOM_PARTICIPANTS_MAX || people == ROOM_PARTICIPANTS_MAX && self.has_listeners()
    }

    /// Whether all in it can take part in a group.
    pub(super) fn is_able(&self) -> bool {
        self.members.iter().all(|member| member.grouped.able)
    }

    /// Two people, who talk directly: a third one makes a group of them.
    pub(super) fn is_pair(&self) -> bool {
        self.members.len() == ROOM_PARTICIPANTS_MAX
    }

    /// Whether a full room is so only because a place in it is kept.
    pub(super) fn keeps_a_place(&self) -> bool {
        self.members
            .iter()
            .any(|member| !matches!(member.presence, Presence::Here(_)))
    }

    /// Someone who was lost so long ago that they give way to a newcomer, and until when they would be waited for.
    pub(super) fn long_away(
        &self,
        now: Moment,
        counts: impl Fn(&Member) -> bool,
    ) -> Option<(Moment, ParticipantId)> {
        let mut members = self.members.iter().filter(|member| counts(member));
        members.find_map(|member| match member.presence {
            Presence::Away { until } if until <= now + GIVES_WAY_BEFORE_END => Some((until, member.id)),
            Presence::Away { .. } | Presence::Here(_) | Presence::Expected { .. } => None,
        })
    }

    /// Larger than every order given out before, in this life of the server or (by the clock) in a former one: someone who
    /// joins right after a restart must not get the order of someone who is about to resume.
    pub(super) fn next_order(&self, now: Moment) -> u32 {
        let by_clock = u32::try_from(now.unix_s().saturating_sub(ORDER_EPOCH_S)).unwrap_or(u32::MAX - 1);
        self.order_last
            .map_or(by_clock, |last| by_clock.max(last.saturating_add(1)))
    }

    /// Larger than every number of a topology before, in this life of the server or in a former one: tenths of a second since the start
    /// of 2026, which fit until 2039.
    pub(super) fn next_topology(&self, now: Moment) -> u32 {
        let since_ms = now.unix_ms().saturating_sub(ORDER_EPOCH_S * 1000);
        let by_clock = u32::try_from(since_ms / 100).unwrap_or(u32::MAX - 1);
        by_clock.max(self.topology.number.saturating_add(1))
    }

    /// Seats someone. Who comes back with an order that somebody else has by now comes last instead: that happens only when
    /// the room was empty, and so forgotten, in between.
    pub(super) fn insert(&mut self, now: Moment, mut member: Member) {
        if self.members.iter().any(|other| other.order == member.order) {
            member.order = self.next_order(now);
        }
        self.order_last = self.order_last.max(Some(member.order));
        let place = self.members.partition_point(|other| other.order < member.order);
        self.members.insert(place, member);
    }

    pub(super) fn remove(&mut self, id: ParticipantId, reason: LeaveReason) {
        let listened = self.member(id).is_some_and(|member| member.listens);
        self.members.retain(|member| member.id != id);
        if reason == LeaveReason::Lost {
            self.lost.retain(|(known, _)| *known != id);
            if self.lost.len() == LOST_MAX {
                self.lost.pop_front();
            }
            self.lost.push_back((id, listened));
        }
    }

    /// Whether `id` only listened, if they were in this call and were given up.
    pub(super) fn lost(&self, id: ParticipantId) -> Option<bool> {
        let mut lost = self.lost.iter();
        lost.find_map(|(known, listened)| (*known == id).then_some(*listened))
    }

    /// Someone who was not seen since the restart, and until when they are waited for.
    pub(super) fn unconfirmed(&self) -> Option<(Moment, ParticipantId)> {
        self.members.iter().find_map(|member| match member.presence {
            Presence::Expected { until } => Some((until, member.id)),
            Presence::Here(_) | Presence::Away { .. } => None,
        })
    }
}
