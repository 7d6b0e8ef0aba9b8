//! All rooms of one thread: a value. Datagrams, commands and time in; datagrams and events out.
//!
//! Who drives it calls [`Sfu::handle_packet`] for every datagram that was read, [`Sfu::handle_frame`] for every packet of a stream,
//! [`Sfu::handle_command`] for everything that was asked,
//! then once [`Sfu::flush`], and sends what [`Sfu::take_outgoing`] gives; all of it again at [`Sfu::next_timeout`] at the latest.

use super::certificate::Certificate;
use super::counts::Counts;
use super::demux::Demux;
use super::event::{Event, What};
use super::part::Part;
use super::peer::{Peer, PeerAt};
use super::room::{Member, Room};
use agenda::Agenda;
use parley_proto::limits::{AUDIO_DOWNS_MAX, VIDEO_DOWNS_MAX};
use parley_proto::{Bitrate, ParticipantId, Publish, RoomId, SfuClosed, Wish};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::Candidate;
use str0m::net::TcpType;

pub(super) use passed::Passed;

mod agenda;
mod connections;
mod packets;
mod passed;
pub(in crate::sfu) mod streams;
mod turns;

/// Between two looks at what everybody gets and is told.
const TICK: Duration = Duration::from_millis(100);
/// A connection that does not stand after this long is given up ...
const CONNECT_MAX: Duration = Duration::from_secs(15);
/// ... and one over which nothing came for this long.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// What a library's value may say in one go; more means that it talks to itself.
const OUTPUTS_MAX: usize = 20_000;

/// How to run it.
#[derive(Debug, Clone)]
pub struct SfuConfig {
    /// The certificate of all its connections.
    pub certificate: Certificate,
    /// Where it listens: an address each that clients may reach it by, without wildcards.
    pub addresses: Vec<SocketAddr>,
    /// The address that a router in front gives it to the outside, for those of [`SfuConfig::addresses`] of the same family.
    pub outside: Vec<SocketAddr>,
    /// Where streams come in (ICE over TCP), those of the outside among them; none: there are none.
    pub streams: Vec<SocketAddr>,
    /// Connections at once.
    pub peers_max: usize,
    /// Random bytes: sequence numbers begin anywhere.
    pub seed: [u8; 32],
}

/// What somebody in a room asks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// In which room.
    pub room: RoomId,
    /// Who.
    pub participant: ParticipantId,
    /// What.
    pub ask: Ask,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// To connect, or to change a connection.
    Offer {
        /// The client's number of it.
        connection: u32,
        /// The description.
        sdp: String,
        /// What is sent in which sections.
        publish: Vec<Publish>,
    },
    /// To send something else.
    Publish(Vec<Publish>),
    /// To see somebody else.
    Subscribe {
        /// Everything that is wanted.
        downs: Vec<Wish>,
        /// The most of pictures.
        kbps_max: Option<u32>,
    },
    /// To be taken as one who may speak, or as one who only listens. Said before each offer of a listener, for this may have begun anew.
    Part(Part),
    /// To have its connections ended, for what was said over signaling. It may offer another.
    Kick,
    /// To be forgotten.
    Leave,
}

/// A datagram to send, or a packet in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// From which of its addresses.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// Over the stream that came from there.
    pub is_stream: bool,
    /// What.
    pub bytes: Vec<u8>,
}

/// See the module.
pub struct Sfu {
    certificate: Certificate,
    candidates: Vec<Candidate>,
    peers_max: usize,
    rng: StdRng,
    peers: Slab<Peer>,
    rooms: HashMap<RoomId, Room>,
    demux: Demux,
    agenda: Agenda,
    next_tick: Instant,
    outgoing: Vec<Outgoing>,
    events: Vec<Event>,
    counts: Counts,
    /// Who is to be worked off, and how often that was begun in this flush.
    due: VecDeque<PeerAt>,
    rounds: usize,
}

impl Sfu {
    /// Nobody is here yet.
    #[must_use]
    pub fn new(now: Instant, config: SfuConfig) -> Self {
        let host = |address: &SocketAddr| Candidate::host(*address, "udp").ok();
        let outside = |address: &SocketAddr| {
            let base = config
                .addresses
                .iter()
                .find(|base| base.is_ipv4() == address.is_ipv4())?;
            Candidate::server_reflexive(*address, *base, "udp").ok()
        };
        // Whoever is behind a router is connected to at its address all the same: nothing comes from these by itself.
        let passive = |address: &SocketAddr| {
            let candidate = Candidate::builder().tcp().host(*address);
            candidate.tcptype(TcpType::Passive).build().ok()
        };
        let candidates = config.addresses.iter().filter_map(host);
        Self {
            candidates: candidates
                .chain(config.outside.iter().filter_map(outside))
                .chain(config.streams.iter().filter_map(passive))
                .collect(),
            certificate: config.certificate,
            peers_max: config.peers_max,
            rng: StdRng::from_seed(config.seed),
            peers: Slab::new(),
            rooms: HashMap::new(),
            demux: Demux::default(),
            agenda: Agenda::default(),
            next_tick: now,
            outgoing: Vec::new(),
            events: Vec::new(),
            counts: Counts::default(),
            due: VecDeque::new(),
            rounds: 0,
        }
    }

    /// Somebody asks for something.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        let Command {
            room,
            participant,
            ask,
        } = command;
        match ask {
            Ask::Offer {
                connection,
                sdp,
                publish,
            } => self.offer(now, (room, participant), connection, &sdp, publish),
            Ask::Publish(publish) => {
                if let Some(known) = self.rooms.get_mut(&room) {
                    publish_over_all(known, &mut self.peers, participant, &publish);
                }
            }
            Ask::Subscribe { downs, kbps_max } => {
                let known = self.rooms.entry(room).or_insert_with(|| Room::new(room));
                let member = known.members.entry(participant).or_default();
                member.wishes = downs;
                member.wishes.truncate(AUDIO_DOWNS_MAX + VIDEO_DOWNS_MAX);
                member.pictures_max = kbps_max.map(|kbps| Bitrate::from_kbps(u64::from(kbps)));
                known.stale = true;
            }
            Ask::Part(part) => {
                let known = self.rooms.entry(room).or_insert_with(|| Room::new(room));
                if let Some(said) = known.take_part(now, participant, part) {
                    publish_over_all(known, &mut self.peers, participant, &said);
                }
            }
            Ask::Kick => {
                let known = self.rooms.get(&room);
                let member = known.and_then(|room| room.members.get(&participant));
                let peers = member.map(|member| [member.coming, member.peer]);
                let mut peers = peers.into_iter().flatten().flatten().peekable();
                self.counts.kicked += u64::from(peers.peek().is_some());
                for at in peers {
                    self.close(at, SfuClosed::Kicked);
                }
            }
            Ask::Leave => self.leave(room, participant),
        }
        self.settle(now, room);
    }

    /// When [`Sfu::flush`] wants to be called at the latest.
    #[must_use]
    pub fn next_timeout(&self) -> Instant {
        let first = self.agenda.next();
        first.map_or(self.next_tick, |wake| wake.min(self.next_tick))
    }

    /// What is to be sent.
    pub fn take_outgoing(&mut self) -> std::vec::Drain<'_, Outgoing> {
        self.outgoing.drain(..)
    }

    /// What is to be told.
    pub fn take_events(&mut self) -> std::vec::Drain<'_, Event> {
        self.events.drain(..)
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            rooms: self.rooms.len() as u64,
            connections: self.peers.len() as u64,
            tracks: self.peers.iter().map(|(_, peer)| peer.ups.len() as u64).sum(),
            ..self.counts
        }
    }

    /// Brings routes, layers and wishes in order after something changed in a room.
    fn settle(&mut self, now: Instant, room_id: RoomId) {
        let Some(room) = self.rooms.get_mut(&room_id).filter(|room| room.stale) else {
            return;
        };
        room.route(&mut self.peers);
        room.allocate(now, &mut self.peers);
        self.ask(now, room_id);
        self.note_given();
    }

    fn ask(&mut self, now: Instant, room_id: RoomId) {
        let Some(room) = self.rooms.get(&room_id) else {
            return;
        };
        for at in room.members.values().filter_map(|member: &Member| member.peer) {
            if let Some(peer) = self.peers.get_mut(at) {
                self.counts.key_frames += peer.ask_key_frames(now);
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        let over: Vec<PeerAt> = self
            .peers
            .iter()
            .filter(|(_, peer)| {
                let late = !peer.connected && now >= peer.began + CONNECT_MAX;
                late || peer.connected && peer.silent_for(now) >= SILENCE_MAX
            })
            .map(|(at, _)| at)
            .collect();
        for at in over {
            self.counts.lost += 1;
            self.close(at, SfuClosed::Lost);
        }
        for (_, peer) in &mut self.peers {
            let flooded = peer.limit.take_flooded();
            peer.offences.flooded(flooded);
            let list = peer.offences.news(now, false);
            if !list.is_empty() {
                self.events.push(Event {
                    room: peer.room,
                    participant: peer.participant,
                    what: What::Offences { list, kicked: false },
                });
            }
        }
        self.rooms.retain(|_, room| !room.members.is_empty());
        let rooms: Vec<RoomId> = self.rooms.keys().copied().collect();
        for room_id in rooms {
            let Some(room) = self.rooms.get_mut(&room_id) else {
                continue;
            };
            room.tidy(now);
            room.listen(now);
            if room.stale {
                room.route(&mut self.peers);
            }
            room.allocate(now, &mut self.peers);
            let events = &mut self.events;
            room.tell(now, &mut self.peers, &mut |event| events.push(event));
            self.ask(now, room_id);
        }
        self.note_given();
    }
}

/// What somebody sends from now on, over each connection of theirs.
fn publish_over_all(room: &mut Room, peers: &mut Slab<Peer>, who: ParticipantId, publish: &[Publish]) {
    let Some(member) = room.members.get(&who) else {
        return;
    };
    for at in [member.coming, member.peer].into_iter().flatten() {
        if let Some(peer) = peers.get_mut(at) {
            room.publish(who, publish.to_vec(), peer);
        }
    }
}
