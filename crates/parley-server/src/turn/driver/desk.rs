//! What a relaying thread sends with: the server, its sockets, its clients. Apart from the [`super::worker::Worker`], which
//! waits and receives, so that what was received can be read while this answers.

use super::super::allocation::{FiveTuple, LinkId, RelayId};
use super::super::counters::TurnTally;
use super::super::moment::Moment;
use super::super::server::{Action, Onward, ToClient, TurnServer};
use super::super::wire::Prefix;
use super::batch::{Batch, Route};
use super::outbox::Outbox;
use super::socket::{self, Udp};
use super::stay::Stay;
use super::stream::Inbound;
use super::tcp::{Came, TcpClient, take_frames};
use mio::{Interest, Token};
use quinn_udp::RecvMeta;
use slab::Slab;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

const FIRST_LINK: usize = 1;
const FIRST_RELAY: usize = 1 << 16;
/// Above as many relays as there can be files.
const FIRST_TCP: usize = 1 << 28;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Bell,
    Link(usize),
    Relay(usize),
    Tcp(usize),
}

impl Origin {
    pub(super) fn token(self) -> Token {
        Token(match self {
            Self::Bell => 0,
            Self::Link(at) => FIRST_LINK + at,
            Self::Relay(at) => FIRST_RELAY + at,
            Self::Tcp(at) => FIRST_TCP + at,
        })
    }

    pub(super) fn of(token: Token) -> Self {
        match token.0 {
            0 => Self::Bell,
            FIRST_LINK..FIRST_RELAY => Self::Link(token.0 - FIRST_LINK),
            FIRST_RELAY..FIRST_TCP => Self::Relay(token.0 - FIRST_RELAY),
            _ => Self::Tcp(token.0 - FIRST_TCP),
        }
    }
}

/// The server and what it sends with.
pub(super) struct Desk {
    pub(super) server: TurnServer,
    tally: Arc<TurnTally>,
    registry: mio::Registry,
    links: Vec<Udp>,
    relays: Vec<Option<Udp>>,
    streams: HashMap<LinkId, Stream>,
    tcp: Slab<TcpClient>,
    /// Clients on TCP for whom something waits.
    to_write: Vec<usize>,
    batch: Batch,
    /// Packets since the last look at all sockets.
    pub(super) packets: usize,
}

/// A client on a stream.
struct Stream {
    from: FiveTuple,
    stay: Stay,
    way: Way,
}

/// How it is reached.
enum Way {
    /// By its task.
    Task(Arc<Outbox>),
    /// By this thread itself.
    Tcp(usize),
}

impl Desk {
    pub(super) fn new(server: TurnServer, mut links: Vec<Udp>, registry: mio::Registry) -> io::Result<Self> {
        for (at, link) in links.iter_mut().enumerate() {
            registry.register(&mut link.socket, Origin::Link(at).token(), Interest::READABLE)?;
        }
        Ok(Self {
            tally: server.tally(),
            server,
            registry,
            links,
            relays: Vec::new(),
            streams: HashMap::new(),
            tcp: Slab::new(),
            to_write: Vec::new(),
            batch: Batch::new(),
            packets: 0,
        })
    }

    pub(super) fn socket(&self, route: Route) -> Option<&Udp> {
        match route {
            Route::Link(at) => self.links.get(at),
            Route::Relay(at) => self.relays.get(at)?.as_ref(),
        }
    }

    /// One datagram, or several of one sender that the system joined.
    pub(super) fn datagrams(&mut self, now: Moment, route: Route, meta: &RecvMeta, datagrams: &[u8]) {
        // Port 0 is nobody's, and to answer it is an error that some systems take badly.
        if meta.addr.port() == 0 {
            self.tally.junk.add();
            return;
        }
        match route {
            Route::Link(at) => {
                let from = FiveTuple {
                    link: LinkId(u32::try_from(at).unwrap_or(u32::MAX)),
                    stream: false,
                    client: meta.addr,
                    local_ip: meta.dst_ip,
                };
                for packet in split(datagrams, meta.stride) {
                    self.client_packet(now, &from, packet);
                }
            }
            Route::Relay(at) => {
                for datagram in split(datagrams, meta.stride) {
                    self.peer_datagram(now, at, meta, datagram);
                }
            }
        }
    }

    fn client_packet(&mut self, now: Moment, from: &FiveTuple, packet: &[u8]) {
        self.packets += 1;
        match self.server.handle_client(now, from, packet) {
            Some(Onward::Peer(to_peer)) => {
                let payload = packet.get(to_peer.payload).unwrap_or_default();
                let route = Route::Relay(to_peer.relay.index());
                self.batch.push(route, to_peer.peer, None, None, payload);
                self.relieve();
            }
            Some(Onward::Client(to_client, payload)) => {
                self.deliver(&to_client, packet.get(payload).unwrap_or_default());
            }
            None => self.act(now),
        }
    }

    fn peer_datagram(&mut self, now: Moment, at: usize, meta: &RecvMeta, datagram: &[u8]) {
        self.packets += 1;
        let Some(relay) = RelayId::from_index(at) else {
            return;
        };
        if let Some(to_client) = self.server.handle_peer(now, relay, meta.addr, datagram.len()) {
            self.deliver(&to_client, datagram);
        }
    }

    fn deliver(&mut self, to_client: &ToClient, datagram: &[u8]) {
        let to = to_client.to;
        if to.stream {
            self.queue_for(to.link, Some(&to_client.prefix), datagram);
        } else {
            let route = Route::Link(usize::try_from(to.link.0).unwrap_or(usize::MAX));
            self.batch
                .push(route, to.client, to.local_ip, Some(&to_client.prefix), datagram);
            self.relieve();
        }
    }

    fn queue_for(&mut self, link: LinkId, prefix: Option<&Prefix>, payload: &[u8]) {
        let taken = match self.streams.get(&link).map(|stream| &stream.way) {
            None => true,
            Some(Way::Task(outbox)) => outbox.push(prefix, payload),
            Some(Way::Tcp(at)) => {
                let at = *at;
                self.tcp.get_mut(at).is_none_or(|client| {
                    if !client.has_waiting() {
                        self.to_write.push(at);
                    }
                    client.push(prefix, payload)
                })
            }
        };
        if !taken {
            self.tally.slow_client_drops.add();
        }
    }

    pub(super) fn inbound(&mut self, now: Moment, inbound: Inbound) {
        match inbound {
            Inbound::Opened { from, outbox } => {
                self.welcome(now, from, Way::Task(outbox));
            }
            Inbound::Frames { link, bytes } => {
                if let Some(stream) = self.streams.get(&link) {
                    let from = stream.from;
                    // The task sends whole frames only.
                    let _ = take_frames(&bytes, |frame| self.client_packet(now, &from, frame));
                }
            }
            Inbound::Closed { link } => self.forget(now, link),
            Inbound::Adopted { from, socket, place } => {
                let client = TcpClient::new(now, mio::net::TcpStream::from_std(socket), from, place);
                let at = self.tcp.insert(client);
                let both = Interest::READABLE | Interest::WRITABLE;
                let registered = self.tcp.get_mut(at).is_some_and(|client| {
                    self.registry
                        .register(&mut client.socket, Origin::Tcp(at).token(), both)
                        .is_ok()
                });
                self.welcome(now, from, Way::Tcp(at));
                if !registered {
                    self.close_tcp(now, at);
                }
            }
        }
    }

    /// A client will send no more than what is there already.
    pub(super) fn tcp_ended(&mut self, at: usize) {
        if let Some(client) = self.tcp.get_mut(at) {
            client.ended = true;
        }
    }

    pub(super) fn read_tcp(&mut self, at: usize, room: &mut [u8]) -> Came {
        // It may have been closed since the event.
        self.tcp
            .get_mut(at)
            .map_or(Came::Nothing, |client| client.read(room))
    }

    /// Bytes of a client's stream. False: it was closed, as they are no frames.
    pub(super) fn tcp_bytes(&mut self, now: Moment, at: usize, bytes: &[u8]) -> bool {
        let Some(client) = self.tcp.get_mut(at) else {
            return false;
        };
        let from = client.from;
        let joined = client.has_partial().then(|| client.join(bytes));
        let bytes = joined.as_deref().unwrap_or(bytes);
        let taken = take_frames(bytes, |frame| self.client_packet(now, &from, frame));
        if let (Some(taken), Some(client)) = (taken, self.tcp.get_mut(at)) {
            client.put_back(now, bytes, taken);
            return true;
        }
        self.tally.streams_broken.add();
        self.close_tcp(now, at);
        false
    }

    pub(super) fn write_tcp(&mut self, now: Moment, at: usize) {
        if self.tcp.get_mut(at).is_some_and(|client| !client.write(now)) {
            self.close_tcp(now, at);
        }
    }

    pub(super) fn close_tcp(&mut self, now: Moment, at: usize) {
        if let Some(client) = self.tcp.get(at) {
            self.forget(now, client.from.link);
        }
    }

    fn welcome(&mut self, now: Moment, from: FiveTuple, way: Way) {
        let stay = Stay::new(now);
        self.streams.insert(from.link, Stream { from, stay, way });
    }

    fn forget(&mut self, now: Moment, link: LinkId) {
        let Some(stream) = self.streams.remove(&link) else {
            return;
        };
        match stream.way {
            Way::Task(outbox) => outbox.close(),
            Way::Tcp(at) => {
                if let Some(mut client) = self.tcp.try_remove(at) {
                    let _ = self.registry.deregister(&mut client.socket);
                }
            }
        }
        self.server.stream_closed(&stream.from);
        self.act(now);
    }

    /// Forgets streams that could not say goodbye, and those of whom nothing is to be expected.
    pub(super) fn sweep(&mut self, now: Moment) {
        let (server, tcp) = (&self.server, &self.tcp);
        let mut gone = Vec::new();
        for (link, stream) in &mut self.streams {
            let (left, lost) = match &stream.way {
                Way::Task(outbox) => (outbox.is_closed(), false),
                Way::Tcp(at) => (false, tcp.get(*at).is_none_or(|client| client.is_lost(now))),
            };
            let over = stream.stay.is_over(now, server.has_allocation(&stream.from));
            if left || lost || over {
                gone.push((*link, left));
            }
        }
        for (link, left) in gone {
            if !left {
                self.tally.streams_broken.add();
            }
            self.forget(now, link);
        }
    }

    /// Does what the server wants done.
    pub(super) fn act(&mut self, now: Moment) {
        while let Some(action) = self.server.poll() {
            match action {
                Action::Answer { to, message } if to.stream => self.queue_for(to.link, None, &message),
                Action::Answer { to, message } => {
                    let route = Route::Link(usize::try_from(to.link.0).unwrap_or(usize::MAX));
                    self.batch.push(route, to.client, to.local_ip, None, &message);
                    self.relieve();
                }
                Action::Open { relay, at } => {
                    let opened = socket::relay(at).and_then(|socket| self.open(relay, socket));
                    if let Err(error) = &opened {
                        tracing::debug!(port = at.port(), %error, "a relay cannot be opened there");
                    }
                    self.server.relay_opened(now, relay, opened.is_ok());
                }
                Action::Close { relay } => {
                    // What waits may still have to leave by this socket, and not by the next one of that number.
                    self.flush();
                    if let Some(Some(mut closed)) = self.relays.get_mut(relay.index()).map(Option::take) {
                        let _ = self.registry.deregister(&mut closed.socket);
                    }
                }
            }
        }
    }

    fn open(&mut self, relay: RelayId, mut socket: Udp) -> io::Result<()> {
        let at = relay.index();
        self.registry
            .register(&mut socket.socket, Origin::Relay(at).token(), Interest::READABLE)?;
        if self.relays.len() <= at {
            self.relays.resize_with(at + 1, || None);
        }
        self.relays[at] = Some(socket);
        Ok(())
    }

    fn relieve(&mut self) {
        if self.batch.is_full() {
            self.flush();
        }
    }

    /// Sends all that waits, over UDP and TCP.
    pub(super) fn send_all(&mut self, now: Moment) {
        self.flush();
        for at in std::mem::take(&mut self.to_write) {
            self.write_tcp(now, at);
        }
    }

    fn flush(&mut self) {
        let (links, relays) = (&self.links, &self.relays);
        let lost = self.batch.flush(|route| match route {
            Route::Link(at) => links.get(at),
            Route::Relay(at) => relays.get(at)?.as_ref(),
        });
        self.tally.send_failed.add_many(lost);
    }
}

/// Datagrams that were joined, taken apart; an empty one is one.
fn split(datagrams: &[u8], stride: usize) -> impl Iterator<Item = &[u8]> {
    let empty = datagrams.is_empty().then_some(datagrams);
    empty.into_iter().chain(datagrams.chunks(stride.max(1)))
}
