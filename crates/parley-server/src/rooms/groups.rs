//! Rooms of more than two: when media goes through the SFU and when not, and what passes between its clients and it.
//!
//! The server decides, clients follow and say when they are ready; nobody's old way is ended for them. A room becomes a group with
//! the third person and is one no more a moment after two are left. Deliberately absent: media, and the SFU itself, which is told
//! by [`Errand::Sfu`] and heard by [`Rooms::sfu_told`].

use super::listeners::{ListenerTerms, Places};
use super::offences::Record;
use super::room::{Member, Presence, Room};
use super::words::Words;
use super::{ClientId, Errand, Output, Rooms, Seat};
use crate::limit::TokenBucket;
use crate::sfu::{Ask, Command, Event, What};
use crate::time::Moment;
use parley_proto::limits::{GROUP_PARTICIPANTS_MAX, ROOM_PARTICIPANTS_MAX, SFU_SDP_BYTES_MAX};
use parley_proto::{
    Abilities, ErrorCode, Offence, ParticipantId, Publish, RoomId, ServerMessage, SfuClosed, TopologyMode,
    Wish,
};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// After the third one left, the other two go back to talking directly so much later: somebody who only comes in anew would have them
/// change twice.
const BACK_AFTER: Duration = Duration::from_secs(3);
/// Lists and wishes of one client.
const LISTS: (u32, u32) = (20, 10);
/// Offers of one client: each costs a key exchange.
const OFFERS: (u32, u32) = (5, 1);

/// How media flows in one room.
#[derive(Debug, Default)]
pub(super) struct Topology {
    pub(super) mode: TopologyMode,
    /// 0 in a room that was never a group.
    pub(super) number: u32,
    /// Who was there when it began, or comes back from a call of few: only they can have a way from before, so only they need to know of
    /// each other who is ready.
    from_before: BTreeSet<ParticipantId>,
    /// Who of them said that they are ready for this one.
    ready: BTreeSet<ParticipantId>,
    /// When it becomes direct again.
    back_at: Option<Moment>,
}

/// What is known of one member that only groups need.
#[derive(Debug, Clone, Default)]
pub(super) struct Grouped {
    /// Their client can take part in groups.
    pub(super) able: bool,
    /// It knows what a listener is.
    pub(super) knows_listening: bool,
    /// The SFU may know of them.
    pub(super) in_sfu: bool,
    offers: Option<TokenBucket>,
    lists: Option<TokenBucket>,
    pub(super) words: Words,
    pub(super) record: Record,
}

impl Grouped {
    pub(super) fn able(able: bool) -> Self {
        Self {
            able,
            ..Self::default()
        }
    }

    /// By this connection of theirs, which may say less than one before.
    pub(super) fn learn(&mut self, groups: &Groups, client: ClientId) {
        let said = groups.able.get(&client);
        self.able |= said.is_some();
        self.knows_listening |= said.is_some_and(|said| said.listens);
    }
}

/// What groups need of the whole server.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// People in one of them; `None` while there is no SFU.
    people_max: Option<usize>,
    pub(super) listeners: ListenerTerms,
    /// Connections whose clients can take part, and how.
    able: HashMap<ClientId, Abilities>,
    /// Rooms that become direct then. An entry may be out of date; the room decides.
    back: BTreeSet<(Moment, RoomId)>,
    /// Whose offences hosts are told then. An entry may be out of date; the member's own record decides.
    pub(super) late: BTreeSet<(Moment, RoomId, ParticipantId)>,
}

impl Groups {
    pub(super) fn next_timeout(&self) -> Option<Moment> {
        let late = self.late.first().map(|(at, _, _)| *at);
        self.back.first().map(|(at, _)| *at).into_iter().chain(late).min()
    }

    pub(super) fn is_able(&self, client: ClientId) -> bool {
        self.able.contains_key(&client)
    }

    /// What a client said of itself.
    pub(super) fn abilities(&self, client: ClientId) -> Abilities {
        self.able.get(&client).copied().unwrap_or_default()
    }

    /// Whether anybody can be a listener here.
    pub(super) const fn can_listen(&self) -> bool {
        self.people_max.is_some() && self.listeners.max > 0
    }

    pub(super) fn gone(&mut self, client: ClientId) {
        self.able.remove(&client);
    }
}

impl Rooms {
    /// The same with an SFU, for rooms of so many people.
    #[must_use]
    pub fn with_groups(mut self, people_max: Option<usize>) -> Self {
        self.groups.people_max =
            people_max.map(|max| max.clamp(ROOM_PARTICIPANTS_MAX, GROUP_PARTICIPANTS_MAX));
        self
    }

    /// A client can take part in groups.
    pub(super) fn can_group(&mut self, client: ClientId, abilities: Abilities) {
        self.groups.able.insert(client, abilities);
    }

    /// How many people a room takes if this client is one of them.
    pub(super) fn places_in(&self, room: &Room, client: ClientId) -> Places {
        match self.groups.people_max {
            Some(max) if self.groups.is_able(client) && room.is_able() => Places {
                speakers: max,
                listeners: self.groups.listeners.max,
            },
            _ => Places::PAIR,
        }
    }

    /// Somebody came into a room or left it: media may have to flow another way.
    pub(super) fn arrange(&mut self, now: Moment, room_id: RoomId) {
        self.let_the_last_one_speak(now, room_id);
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        let (people, is_group) = (room.members().len(), room.is_group());
        if (people != 2 || is_group)
            && let Some(at) = room.topology.back_at.take()
        {
            // A room that ends is never looked for again.
            self.groups.back.remove(&(at, room_id));
        }
        match (people, room.topology.mode) {
            (_, TopologyMode::Sfu) if is_group => {}
            (_, _) if is_group => self.change(now, room_id, TopologyMode::Sfu),
            (2, TopologyMode::Sfu) if room.topology.back_at.is_none() => {
                let at = now + BACK_AFTER;
                room.topology.back_at = Some(at);
                self.groups.back.insert((at, room_id));
            }
            (0 | 1, TopologyMode::Sfu) => {
                self.change(now, room_id, TopologyMode::Direct);
                self.part(room_id);
            }
            _ => {}
        }
    }

    /// Rooms that two people have been left in for long enough.
    pub(super) fn go_back(&mut self, now: Moment) {
        while let Some((at, room_id)) = self.groups.back.first().copied() {
            if at > now {
                return;
            }
            self.groups.back.pop_first();
            let due = self
                .rooms
                .get(&room_id)
                .is_some_and(|room| room.topology.back_at == Some(at) && !room.is_group());
            if due {
                self.change(now, room_id, TopologyMode::Direct);
            }
        }
    }

    fn change(&mut self, now: Moment, room_id: RoomId, mode: TopologyMode) {
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        let number = room.next_topology(now);
        room.topology = Topology {
            mode,
            number,
            from_before: room.members().iter().map(|member| member.id).collect(),
            ..Topology::default()
        };
        tracing::debug!(room = ?room_id, ?mode, number, "media flows another way");
        for (client, _, _) in self.everybody_here(room_id) {
            self.tell_topology(client, room_id);
        }
    }

    /// Tells somebody how media flows, where it ever was not simply direct.
    pub(super) fn tell_topology(&mut self, client: ClientId, room_id: RoomId) {
        let Some(room) = self.rooms.get(&room_id) else {
            return;
        };
        let topology = &room.topology;
        // A client that knows of no groups comes where one was, once a single person is left.
        let mut able = room.members().iter().filter(|member| member.grouped.able);
        if topology.number == 0 || !able.any(|member| member.here() == Some(client)) {
            return;
        }
        let message = ServerMessage::Topology {
            mode: topology.mode,
            number: topology.number,
            ready: topology.ready.iter().copied().collect(),
        };
        self.send(client, message);
    }

    /// Somebody comes back who was in this room when it held so many people besides, as their token says: what two of a few said to each
    /// other directly may go on all the while. Of a larger group nobody has such a way.
    pub(super) fn comes_from_before(&mut self, seat: Seat, others: usize) {
        if others <= ROOM_PARTICIPANTS_MAX
            && let Some(room) = self.rooms.get_mut(&seat.room)
        {
            room.topology.from_before.insert(seat.id);
        }
    }

    pub(super) fn topology_ready(&mut self, client: ClientId, number: u32) {
        let Some(seat) = self.seats.get(&client).copied() else {
            return self.refuse(client, ErrorCode::NotJoined);
        };
        let Some(room) = self.rooms.get_mut(&seat.room) else {
            return;
        };
        // About one that is over, or said once more.
        let direct = room.topology.mode == TopologyMode::Direct;
        let topology = &mut room.topology;
        // Of hundreds who came into a group since, nobody waits for anybody.
        let counts = direct || topology.from_before.contains(&seat.id);
        if topology.number != number || number == 0 || !counts || !topology.ready.insert(seat.id) {
            return;
        }
        let everybody = room
            .members()
            .iter()
            .all(|member| room.topology.ready.contains(&member.id));
        let waits = |id| direct || room.topology.from_before.contains(id);
        let waiting: Vec<ClientId> = room
            .members()
            .iter()
            .filter(|member| member.id != seat.id && waits(&member.id))
            .filter_map(Member::here)
            .collect();
        self.send_all(waiting, ServerMessage::ParticipantReady { id: seat.id, number });
        if everybody && direct {
            self.part(seat.room);
        }
    }

    /// The SFU forgets everybody of a room.
    pub(super) fn part(&mut self, room_id: RoomId) {
        let ids: Vec<ParticipantId> = self
            .rooms
            .get(&room_id)
            .map(|room| room.members().iter().map(|member| member.id).collect())
            .unwrap_or_default();
        for id in ids {
            self.forget_in_sfu(Seat { room: room_id, id });
        }
    }

    /// The SFU forgets somebody, if it knows of them. To be called before they are taken out of the room.
    pub(super) fn forget_in_sfu(&mut self, seat: Seat) {
        let known = self
            .member_mut(seat)
            .is_some_and(|member| std::mem::take(&mut member.grouped.in_sfu));
        if known {
            self.ask_sfu(seat, Ask::Leave);
        }
        if let Some(room) = self.rooms.get_mut(&seat.room) {
            room.topology.ready.remove(&seat.id);
        }
    }

    pub(super) fn sfu_offer(
        &mut self,
        now: Moment,
        client: ClientId,
        connection: u32,
        sdp: String,
        publish: Vec<Publish>,
    ) {
        let Some(seat) = self.may_use_sfu(client) else {
            return;
        };
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        let (burst, per_s) = OFFERS;
        let offers = &mut member.grouped.offers;
        if !offers
            .get_or_insert_with(|| TokenBucket::new(now, burst, per_s))
            .take(now)
        {
            return self.too_fast(now, client, seat);
        }
        if sdp.len() > SFU_SDP_BYTES_MAX {
            self.refuse(client, ErrorCode::SfuRefused);
            return self.misspeaks(now, seat, Offence::Absurd);
        }
        let ask = Ask::Offer {
            connection,
            sdp,
            publish,
        };
        self.ask_for(now, seat, ask);
    }

    pub(super) fn sfu_list(&mut self, now: Moment, client: ClientId, ask: Ask) {
        let Some(seat) = self.may_use_sfu(client) else {
            return;
        };
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        let (burst, per_s) = LISTS;
        let lists = &mut member.grouped.lists;
        if !lists
            .get_or_insert_with(|| TokenBucket::new(now, burst, per_s))
            .take(now)
        {
            return self.too_fast(now, client, seat);
        }
        self.ask_for(now, seat, ask);
    }

    pub(super) fn subscribe(
        &mut self,
        now: Moment,
        client: ClientId,
        downs: Vec<Wish>,
        kbps_max: Option<u32>,
    ) {
        self.sfu_list(now, client, Ask::Subscribe { downs, kbps_max });
    }

    /// What the SFU wants somebody to know. Who is away is not told: they offer a connection anew when they are back, if they need one.
    pub fn sfu_told(&mut self, now: Moment, event: Event) -> Vec<Output> {
        let seat = Seat {
            room: event.room,
            id: event.participant,
        };
        if let What::Offences { list, kicked } = event.what {
            self.offends(now, seat, &list, kicked);
            return std::mem::take(&mut self.outputs);
        }
        let there = self.member_mut(seat).map(|member| member.presence);
        let Some(Presence::Here(client)) = there else {
            return Vec::new();
        };
        match event.what {
            What::Answer { connection, sdp } => {
                self.send(client, ServerMessage::SfuAnswer { connection, sdp });
            }
            What::Closed { connection, reason } => {
                match reason {
                    SfuClosed::Refused => self.refuse(client, ErrorCode::SfuRefused),
                    SfuClosed::Full => self.refuse(client, ErrorCode::SfuUnavailable),
                    _ => {}
                }
                self.send(client, ServerMessage::SfuClosed { connection, reason });
            }
            What::Publications(list) => self.send(client, ServerMessage::Publications { list }),
            What::LayersWanted { source, rids } => {
                self.send(client, ServerMessage::LayersWanted { source, rids });
            }
            What::Downs(list) => self.send(client, ServerMessage::Downs { list }),
            What::Speakers(list) => self.send(client, ServerMessage::Speakers { list }),
            What::Offences { .. } => {}
        }
        std::mem::take(&mut self.outputs)
    }

    /// The seat of a client in a room that is a group, or was one and still changes back.
    pub(super) fn may_use_sfu(&mut self, client: ClientId) -> Option<Seat> {
        let Some(seat) = self.seats.get(&client).copied() else {
            self.refuse(client, ErrorCode::NotJoined);
            return None;
        };
        let room = self.rooms.get(&seat.room);
        let is_group = room.is_some_and(|room| room.topology.number > 0);
        // Whoever says only after coming in that they know of groups is in none.
        let came_able = room
            .and_then(|room| room.member(seat.id))
            .is_some_and(|member| member.grouped.able);
        if !is_group || !came_able || !self.groups.is_able(client) || self.groups.people_max.is_none() {
            self.refuse(client, ErrorCode::SfuUnavailable);
            return None;
        }
        Some(seat)
    }

    pub(super) fn ask_sfu(&mut self, seat: Seat, ask: Ask) {
        self.errands.push(Errand::Sfu(Command {
            room: seat.room,
            participant: seat.id,
            ask,
        }));
    }
}
