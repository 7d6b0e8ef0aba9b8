//! One room: who publishes what, who wishes to see whom, and the routes that follow from both.
//!
//! Owned by the SFU. Routes are worked out when something changed, never for a packet. Deliberately absent: connections (they
//! come in as an argument), and anything that is known of people beyond their ids.

use super::audio_stage::{AudioStage, Voice, seat};
use super::down_track::Feed;
use super::event::{Event, What};
use super::floor::Floor;
use super::part::Part;
use super::peer::{Peer, PeerAt};
use super::speakers::Speakers;
use super::up_track::{Route, UpTrack};
use super::way::Wanted;
use parley_proto::limits::{PUBLICATIONS_MAX, SPEAKERS_MAX};
use parley_proto::{Bitrate, Down, Offence, ParticipantId, Publication, Publish, RoomId, Source, Wish};
use slab::Slab;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// How long somebody without a connection is remembered, with what they wished to see.
const ALONE_MAX: Duration = Duration::from_secs(120);

/// Somebody in the room who has, had or is about to have a connection.
#[derive(Debug, Default)]
pub(super) struct Member {
    /// The connection in use.
    pub(super) peer: Option<PeerAt>,
    /// One that takes its place once it stands.
    pub(super) coming: Option<PeerAt>,
    /// Whether anything is taken of them.
    pub(super) part: Part,
    part_since: Option<Instant>,
    /// What they said they send, which counts once they may.
    said: Vec<Publish>,
    pub(super) publish: Vec<Publish>,
    pub(super) wishes: Vec<Wish>,
    pub(super) pictures_max: Option<Bitrate>,
    numbers: BTreeMap<Source, u32>,
    /// Since when they have no connection.
    alone: Option<Instant>,
    told_publications: Option<Vec<Publication>>,
    told_downs: Option<Vec<Down>>,
    told_speakers: Option<Vec<ParticipantId>>,
}

/// A room that goes through the SFU.
#[derive(Debug)]
pub(super) struct Room {
    id: RoomId,
    pub(super) members: HashMap<ParticipantId, Member>,
    pub(super) speakers: Speakers<u32>,
    stage: AudioStage,
    floor: Floor,
    next_number: u32,
    /// Routes have to be worked out anew.
    pub(super) stale: bool,
}

impl Room {
    pub(super) fn new(id: RoomId) -> Self {
        Self {
            id,
            members: HashMap::new(),
            speakers: Speakers::new(),
            stage: AudioStage::default(),
            floor: Floor::default(),
            next_number: 1,
            stale: false,
        }
    }

    /// Somebody may speak from now on, or only listens. Where that is news, what they said they send, which is to be taken anew.
    pub(super) fn take_part(&mut self, now: Instant, who: ParticipantId, part: Part) -> Option<Vec<Publish>> {
        let member = self.members.entry(who).or_default();
        let is_news = std::mem::replace(&mut member.part, part) != part;
        if is_news {
            member.part_since = Some(now);
        }
        is_news.then(|| member.said.clone())
    }

    /// What a packet of `who` is that belongs to none of their tracks.
    pub(super) fn stray(&self, now: Instant, who: ParticipantId) -> Option<Offence> {
        let member = self.members.get(&who);
        let since = member.and_then(|member| member.part_since);
        let lasts = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        member.map_or(Part::Speaks, |member| member.part).offence(lasts)
    }

    /// What `who` sends from now on, by this connection of theirs; of a listener nothing is taken.
    pub(super) fn publish(&mut self, who: ParticipantId, publish: Vec<Publish>, peer: &mut Peer) {
        let member = self.members.entry(who).or_default();
        member.said.clone_from(&publish);
        member.said.truncate(PUBLICATIONS_MAX);
        let publish = if member.part == Part::Speaks {
            publish
        } else {
            Vec::new()
        };
        let mut list: Vec<Publish> = Vec::new();
        for one in publish {
            let known = one.source == Source::Unknown || list.iter().any(|other| other.source == one.source);
            if !known && list.len() < PUBLICATIONS_MAX {
                list.push(one);
            }
        }
        let before: Vec<Source> = member.numbers.keys().copied().collect();
        for source in before {
            if !list.iter().any(|one| one.source == source)
                && let Some(number) = member.numbers.remove(&source)
            {
                self.speakers.gone(number);
            }
        }
        let mut ups = Vec::new();
        for one in &list {
            let mut give = || {
                let number = self.next_number;
                self.next_number = self.next_number.checked_add(1).unwrap_or(1);
                number
            };
            let mut number = *member.numbers.entry(one.source).or_insert_with(&mut give);
            let known = peer
                .ups
                .iter()
                .position(|up| up.number == number && up.is_in(&one.mid));
            let known = known.map(|at| peer.ups.swap_remove(at));
            if known.as_ref().is_some_and(|up| !up.has_layers_of(one)) {
                // Whoever watches it begins anew: the places of the layers mean something else now.
                number = give();
                member.numbers.insert(one.source, number);
            }
            match known.filter(|up| up.number == number) {
                Some(mut up) => {
                    up.update(one);
                    ups.push(up);
                }
                None => ups.push(UpTrack::new(number, one)),
            }
            // Who mutes falls silent at once, whatever the last packets said.
            if one.source == Source::Microphone && !one.on {
                self.speakers.gone(number);
            }
        }
        peer.ups = ups;
        peer.forget_streams();
        member.publish = list;
        self.stale = true;
    }

    /// Works out which packets go where, after something changed.
    pub(super) fn route(&mut self, peers: &mut Slab<Peer>) {
        self.stale = false;
        let feeds = self.feeds(peers);
        let in_use: Vec<(ParticipantId, PeerAt)> = self
            .members
            .iter()
            .filter_map(|(who, member)| Some((*who, member.peer?)))
            .collect();
        for (_, at) in &in_use {
            if let Some(peer) = peers.get_mut(*at) {
                peer.ups.iter_mut().for_each(|up| up.routes.clear());
            }
        }
        for (who, at) in in_use {
            let Some(peer) = peers.get_mut(at) else {
                continue;
            };
            self.choose(who, peer, &feeds);
            let routes: Vec<(Feed, usize)> = peer
                .downs
                .iter()
                .enumerate()
                .filter_map(|(down, track)| Some((track.feed?, down)))
                .collect();
            for (feed, down) in routes {
                if let Some(up) = peers
                    .get_mut(feed.peer)
                    .and_then(|peer| peer.ups.get_mut(feed.up))
                {
                    up.routes.push(Route { peer: at, down });
                }
            }
        }
    }

    /// Every publication that comes over a connection in use.
    fn feeds(&self, peers: &Slab<Peer>) -> HashMap<(ParticipantId, Source), Feed> {
        let mut feeds = HashMap::new();
        for (who, member) in &self.members {
            let Some((at, peer)) = member.peer.and_then(|at| Some((at, peers.get(at)?))) else {
                continue;
            };
            for (up, track) in peer.ups.iter().enumerate() {
                let feed = Feed {
                    number: track.number,
                    peer: at,
                    up,
                };
                feeds.insert((*who, track.source), feed);
            }
        }
        feeds
    }

    /// What goes into each section of one subscriber.
    fn choose(&self, who: ParticipantId, peer: &mut Peer, feeds: &HashMap<(ParticipantId, Source), Feed>) {
        let Some(member) = self.members.get(&who) else {
            return;
        };
        peer.way.pictures_max = member.pictures_max;
        let mut free = Vec::new();
        for (at, down) in peer.downs.iter_mut().enumerate() {
            let wish = member.wishes.iter().find(|wish| down.is_in(&wish.mid));
            let wish = wish.filter(|wish| wish.source.is_sound() == down.kind.is_audio() && down.open);
            down.wish = wish.cloned();
            if down.wish.is_none() && down.kind.is_audio() && down.open {
                free.push(at);
                continue;
            }
            let feed = wish
                .filter(|wish| wish.participant != who)
                .and_then(|wish| feeds.get(&(wish.participant, wish.source)));
            down.set_feed(feed.copied());
        }
        let by_number: HashMap<u32, Feed> = feeds.values().map(|feed| (feed.number, *feed)).collect();
        let own = member.numbers.get(&Source::Microphone).copied();
        let wanted: Vec<u32> = self
            .stage
            .first(free.len(), own)
            .filter(|number| by_number.contains_key(number))
            .collect();
        let mut sections: Vec<Option<u32>> = free
            .iter()
            .map(|at| {
                peer.downs
                    .get(*at)
                    .and_then(|down| down.feed.map(|feed| feed.number))
            })
            .collect();
        seat(&mut sections, &wanted);
        for (at, number) in free.into_iter().zip(sections) {
            if let Some(down) = peer.downs.get_mut(at) {
                down.set_feed(number.and_then(|number| by_number.get(&number).copied()));
            }
        }
    }

    /// Who speaks, and whose voices come first from now on.
    pub(super) fn listen(&mut self, now: Instant) {
        self.speakers.decide(now);
        let speaking = self.speakers.speaking(now);
        let voices: Vec<Voice> = self
            .microphones()
            .map(|(_, number)| Voice {
                number,
                speaks: speaking.contains(&number),
                dominant: speaking.first() == Some(&number),
                loudness: self.speakers.loudness(number),
            })
            .collect();
        self.stale |= self.stage.arrange(&voices);
        let dominant = speaking.first().and_then(|dominant| {
            let mut microphones = self.microphones();
            microphones.find(|(_, number)| number == dominant)
        });
        let dominant = dominant.map(|(who, _)| who);
        self.floor.decide(now, dominant);
    }

    fn microphones(&self) -> impl Iterator<Item = (ParticipantId, u32)> {
        let number = |member: &Member| member.numbers.get(&Source::Microphone).copied();
        let on = |member: &Member| {
            let sends = |one: &Publish| one.source == Source::Microphone && one.on;
            member.peer.is_some() && member.publish.iter().any(sends)
        };
        self.members
            .iter()
            .filter(move |(_, member)| on(member))
            .filter_map(move |(who, member)| Some((*who, number(member)?)))
    }

    /// Divides what each subscriber's way carries, and says which key frames are waited for.
    pub(super) fn allocate(&self, now: Instant, peers: &mut Slab<Peer>) {
        for at in self.in_use() {
            // Tracks of others are looked at while this one is changed: it is taken out for the moment.
            let Some(peer) = peers.get_mut(at) else {
                continue;
            };
            let mut downs = std::mem::take(&mut peer.downs);
            let wanted = {
                let peers = &*peers;
                Wanted::of(now, &downs, self.floor.holder(), |feed| {
                    peers.get(feed.peer)?.ups.get(feed.up)
                })
            };
            let aims = peers
                .get_mut(at)
                .map(|peer| peer.grant(now, &wanted, downs.len()))
                .unwrap_or_default();
            for (down, aim) in downs.iter_mut().zip(aims) {
                down.forwarder.aim(aim.map(|aim| aim.layer));
                down.forwarder.halve(aim.is_some_and(|aim| aim.halved));
            }
            let waits: Vec<(Feed, usize, bool)> = downs
                .iter()
                .filter_map(|down| {
                    let waits_for = down.forwarder.waits_for()?;
                    Some((down.feed?, waits_for, down.forwarder.current().is_none()))
                })
                .collect();
            if let Some(peer) = peers.get_mut(at) {
                peer.downs = downs;
            }
            for (feed, layer, dark) in waits {
                if let Some(up) = peers
                    .get_mut(feed.peer)
                    .and_then(|peer| peer.ups.get_mut(feed.up))
                {
                    up.wait_for(now, layer, dark);
                }
            }
        }
    }

    fn in_use(&self) -> Vec<PeerAt> {
        self.members.values().filter_map(|member| member.peer).collect()
    }

    /// What everybody has to be told that they were not told yet.
    pub(super) fn tell(&mut self, now: Instant, peers: &mut Slab<Peer>, tell: &mut impl FnMut(Event)) {
        self.tell_layers(now, peers, tell);
        let publications = self.publications();
        let speaking: Vec<ParticipantId> = {
            let by_number: HashMap<u32, ParticipantId> =
                self.microphones().map(|(who, number)| (number, who)).collect();
            let speaking = self.speakers.speaking(now).into_iter();
            speaking
                .filter_map(|number| by_number.get(&number).copied())
                .take(SPEAKERS_MAX)
                .collect()
        };
        let room = self.id;
        for (who, member) in &mut self.members {
            let Some(peer) = member.peer.and_then(|at| peers.get(at)) else {
                continue;
            };
            let to = |what| Event {
                room,
                participant: *who,
                what,
            };
            let others = publications.iter().filter(|one| one.participant != *who);
            if !member
                .told_publications
                .as_ref()
                .is_some_and(|told| told.iter().eq(others.clone()))
            {
                let list: Vec<Publication> = others.cloned().collect();
                member.told_publications = Some(list.clone());
                tell(to(What::Publications(list)));
            }
            let downs: Vec<Down> = peer
                .downs
                .iter()
                .filter_map(|down| {
                    let up = down.feed.and_then(|feed| peers.get(feed.peer)?.ups.get(feed.up));
                    let rid = |layer: usize| {
                        let rid = &up?.layers.get(layer)?.told.rid;
                        (!rid.is_empty()).then(|| rid.clone())
                    };
                    down.told(up.is_some_and(|up| up.on), rid)
                })
                .collect();
            if member.told_downs.as_ref().is_none_or(|told| *told != downs)
                && (!downs.is_empty() || member.told_downs.is_some())
            {
                member.told_downs = Some(downs.clone());
                tell(to(What::Downs(downs)));
            }
            if member.told_speakers.as_ref().is_none_or(|told| *told != speaking)
                && (!speaking.is_empty() || member.told_speakers.is_some())
            {
                member.told_speakers = Some(speaking.clone());
                tell(to(What::Speakers(speaking.clone())));
            }
        }
    }

    /// Which layers publishers have to send.
    fn tell_layers(&self, now: Instant, peers: &mut Slab<Peer>, tell: &mut impl FnMut(Event)) {
        for (who, member) in &self.members {
            let Some(at) = member.peer else {
                continue;
            };
            let ups = peers.get(at).map_or(0, |peer| peer.ups.len());
            for up in 0..ups {
                let Some(track) = peers.get(at).and_then(|peer| peer.ups.get(up)) else {
                    continue;
                };
                if track.source.is_sound() {
                    continue;
                }
                let wanted = track.routes.iter().fold(0u8, |wanted, route| {
                    let down = peers.get(route.peer).and_then(|peer| peer.downs.get(route.down));
                    let layers = down.map(|down| [down.forwarder.wanted(), down.forwarder.current()]);
                    layers
                        .into_iter()
                        .flatten()
                        .flatten()
                        .fold(wanted, |wanted, layer| wanted | 1 << layer.min(7))
                });
                let Some(track) = peers.get_mut(at).and_then(|peer| peer.ups.get_mut(up)) else {
                    continue;
                };
                if let Some(sends) = track.dynacast.update(now, wanted) {
                    let rids = track
                        .layers
                        .iter()
                        .enumerate()
                        .filter(|(layer, _)| sends >> layer & 1 != 0)
                        .map(|(_, layer)| layer.told.rid.clone())
                        .collect();
                    tell(Event {
                        room: self.id,
                        participant: *who,
                        what: What::LayersWanted {
                            source: track.source,
                            rids,
                        },
                    });
                }
            }
        }
    }

    fn publications(&self) -> Vec<Publication> {
        let mut list: Vec<Publication> = self
            .members
            .iter()
            .filter(|(_, member)| member.peer.is_some())
            .flat_map(|(who, member)| {
                member.publish.iter().filter_map(|one| {
                    Some(Publication {
                        number: *member.numbers.get(&one.source)?,
                        participant: *who,
                        source: one.source,
                        on: one.on,
                        layers: one.layers.clone(),
                    })
                })
            })
            .collect();
        list.sort_by_key(|one| one.number);
        list
    }

    /// Forgets those who have had no connection for long: that they left should have been said, and may have been lost.
    pub(super) fn tidy(&mut self, now: Instant) {
        let mut over = Vec::new();
        for (who, member) in &mut self.members {
            if member.peer.or(member.coming).is_some() {
                member.alone = None;
            } else if now >= *member.alone.get_or_insert(now) + ALONE_MAX {
                over.push(*who);
            }
        }
        for who in over {
            self.forget(who);
        }
    }

    /// Another connection of somebody is in use now, which was told nothing yet.
    pub(super) fn tell_anew(&mut self, who: ParticipantId) {
        if let Some(member) = self.members.get_mut(&who) {
            member.told_publications = None;
            member.told_downs = None;
            member.told_speakers = None;
        }
    }

    /// Somebody left, or has no connection any more.
    pub(super) fn forget(&mut self, who: ParticipantId) {
        if let Some(member) = self.members.remove(&who) {
            for number in member.numbers.values() {
                self.speakers.gone(*number);
            }
        }
        self.stale = true;
    }
}
