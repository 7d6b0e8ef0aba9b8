//! The part of the server in memory that knows groups: topology, and an SFU that carries whatever is published and wished for.

use parley_proto::{
    Down, DownState, ParticipantId, Publication, Publish, ServerMessage, Source, TopologyMode, Wish,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const BACK_AFTER: Duration = Duration::from_secs(3);

/// Somebody's place in the SFU.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The newest that was offered.
    offered: u32,
    /// The one that stands.
    pub(super) stands: Option<u32>,
    pub(super) publish: Vec<Publish>,
    pub(super) wishes: Vec<Wish>,
    /// Lists that were told: what is published, and what is wished for.
    pub(super) lists: u32,
    pub(super) offers: u32,
}

#[derive(Debug, Default)]
pub(super) struct FakeGroups {
    /// Whether there is an SFU.
    pub(super) on: bool,
    /// Offers are not answered.
    pub(super) mute: bool,
    mode: TopologyMode,
    number: u32,
    number_floor: u32,
    pub(super) ready: BTreeSet<ParticipantId>,
    back_at: Option<Instant>,
    pub(super) places: BTreeMap<ParticipantId, Place>,
    /// Words that were passed on.
    pub(super) told: u32,
    /// No picture comes to this one until so many lists were told, whatever is said of it.
    pub(super) dark_until: Option<(ParticipantId, u32)>,
}

impl FakeGroups {
    /// After a restart: nothing is known but that numbers grow.
    pub(super) fn forgotten(&self) -> Self {
        Self {
            on: self.on,
            number_floor: self.number.max(self.number_floor),
            ..Self::default()
        }
    }

    /// So many are in the room now. Gives whether the topology changed. With listeners among them, two are a group too.
    pub(super) fn arrange(&mut self, now: Instant, people: usize, listeners: bool) -> bool {
        let people = if people == 2 && listeners { 3 } else { people };
        match (people, self.mode) {
            (3.., TopologyMode::Sfu) => self.back_at = None,
            (3.., _) => return self.change(TopologyMode::Sfu),
            (2, TopologyMode::Sfu) => {
                let at = *self.back_at.get_or_insert(now + BACK_AFTER);
                if now >= at {
                    return self.change(TopologyMode::Direct);
                }
            }
            (0 | 1, TopologyMode::Sfu) => {
                self.places.clear();
                return self.change(TopologyMode::Direct);
            }
            _ => {}
        }
        false
    }

    fn change(&mut self, mode: TopologyMode) -> bool {
        self.mode = mode;
        self.number = self.number.max(self.number_floor) + 1;
        self.ready.clear();
        self.back_at = None;
        true
    }

    /// What somebody who comes in is told, where the room is or was a group.
    pub(super) fn topology(&self) -> Option<ServerMessage> {
        (self.number > 0).then(|| ServerMessage::Topology {
            mode: self.mode,
            number: self.number,
            ready: self.ready.iter().copied().collect(),
        })
    }

    /// Somebody is ready. Gives whether that is news for the others.
    pub(super) fn on_ready(&mut self, id: ParticipantId, number: u32, people: usize) -> bool {
        if number != self.number || !self.ready.insert(id) {
            return false;
        }
        if self.mode == TopologyMode::Direct && self.ready.len() == people {
            self.places.clear();
        }
        true
    }

    pub(super) fn forget(&mut self, id: ParticipantId) {
        self.places.remove(&id);
        self.ready.remove(&id);
    }

    pub(super) fn on_offer(
        &mut self,
        id: ParticipantId,
        connection: u32,
        publish: Vec<Publish>,
    ) -> Option<ServerMessage> {
        let place = self.places.entry(id).or_default();
        place.offers += 1;
        if self.mute || connection < place.offered {
            return None;
        }
        place.offered = connection;
        place.publish = publish;
        Some(ServerMessage::SfuAnswer {
            connection,
            sdp: "answer".into(),
        })
    }

    pub(super) fn on_subscribe(&mut self, id: ParticipantId, wishes: Vec<Wish>) -> ServerMessage {
        let place = self.places.entry(id).or_default();
        place.wishes = wishes;
        place.lists += 1;
        self.downs(id)
    }

    fn downs(&self, id: ParticipantId) -> ServerMessage {
        let wishes = self.places.get(&id).map(|place| place.wishes.as_slice());
        let published = self.publications(id);
        let down = |wish: &Wish| {
            let there = published
                .iter()
                .any(|one| one.participant == wish.participant && one.source == wish.source && one.on);
            Down {
                mid: wish.mid.clone(),
                participant: wish.participant,
                source: wish.source,
                state: if there {
                    DownState::Flows
                } else {
                    DownState::Absent
                },
                rid: None,
            }
        };
        ServerMessage::Downs {
            list: wishes.unwrap_or_default().iter().map(down).collect(),
        }
    }

    /// A connection stands: there is nothing any more of one before.
    pub(super) fn stands(&mut self, id: ParticipantId, connection: u32) {
        if let Some(place) = self
            .places
            .get_mut(&id)
            .filter(|place| place.offered == connection)
        {
            place.stands = Some(connection);
        }
    }

    /// What everybody whose connection stands is told of all the others.
    pub(super) fn news(&self) -> Vec<(ParticipantId, ServerMessage)> {
        let standing = self.places.iter().filter(|(_, place)| place.stands.is_some());
        let told = |id: ParticipantId| {
            let list = self.publications(id);
            [(id, ServerMessage::Publications { list }), (id, self.downs(id))]
        };
        standing.flat_map(|(id, _)| told(*id)).collect()
    }

    fn publications(&self, except: ParticipantId) -> Vec<Publication> {
        let others = self
            .places
            .iter()
            .filter(|(id, place)| **id != except && place.stands.is_some());
        others
            .flat_map(|(id, place)| {
                place.publish.iter().map(|one| Publication {
                    number: number(*id, one.source),
                    participant: *id,
                    source: one.source,
                    on: one.on,
                    layers: one.layers.clone(),
                })
            })
            .collect()
    }

    /// What of somebody reaches somebody else now.
    pub(super) fn carries(&self, from: ParticipantId, to: ParticipantId) -> Vec<Source> {
        let (Some(sender), Some(receiver)) = (self.places.get(&from), self.places.get(&to)) else {
            return Vec::new();
        };
        if sender.stands.is_none() || receiver.stands.is_none() {
            return Vec::new();
        }
        let dark = self
            .dark_until
            .is_some_and(|(who, lists)| who == to && receiver.lists < lists);
        let wished = |source: Source| {
            !dark
                && receiver
                    .wishes
                    .iter()
                    .any(|wish| wish.participant == from && wish.source == source)
        };
        let on = sender.publish.iter().filter(|one| one.on);
        on.map(|one| one.source)
            .filter(|source| *source == Source::Microphone || wished(*source))
            .collect()
    }
}

fn number(id: ParticipantId, source: Source) -> u32 {
    u32::from(id.as_bytes()[0]) * 8 + source as u32 + 1
}
