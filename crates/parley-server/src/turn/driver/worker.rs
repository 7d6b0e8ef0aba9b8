//! The thread of a [`TurnServer`]: waits, reads everything there is, lets the server decide, sends it all.

use super::super::allocation::{FiveTuple, LinkId, RelayId};
use super::super::counters::TurnTally;
use super::super::framing::{Frame, next_frame};
use super::super::moment::Moment;
use super::super::server::{Action, TurnServer};
use super::batch::{Batch, Route};
use super::bell::Bell;
use super::clock::Clock;
use super::outbox::Outbox;
use super::pace::Pace;
use super::socket::{self, Udp};
use super::stream::Inbound;
use mio::{Events, Interest, Poll, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta};
use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

const BELL: Token = Token(0);
const FIRST_LINK: usize = 1;
const FIRST_RELAY: usize = 1 << 16;
/// A datagram, or what the system joined of several (GRO).
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Datagrams read by one call: a link has many clients, a relay few peers.
const LINK_BATCH: usize = BATCH_SIZE;
const RELAY_BATCH: usize = if BATCH_SIZE < 8 { BATCH_SIZE } else { 8 };
/// Reads from one socket before the others get their turn.
const READS_MAX: usize = 8;
/// Streams' messages taken before the sockets get their turn.
const INBOUND_AT_ONCE: usize = 64;
/// Between two looks for streams that ended without a word, and at the clock at all.
const TICK: Duration = Duration::from_secs(1);

/// What one thread owns.
pub(super) struct Worker {
    poll: Poll,
    bell: Arc<Bell>,
    stop: Arc<AtomicBool>,
    clock: Clock,
    inbox: mpsc::Receiver<Inbound>,
    buffers: Box<[u8]>,
    /// Sockets that may have more than was read.
    unfinished: Vec<Token>,
    next_sweep: Moment,
    desk: Desk,
}

/// The server and what it sends with: apart from what is received into, so that both can be borrowed at once.
struct Desk {
    server: TurnServer,
    tally: Arc<TurnTally>,
    registry: mio::Registry,
    links: Vec<Udp>,
    relays: Vec<Option<Udp>>,
    streams: HashMap<LinkId, (FiveTuple, Arc<Outbox>)>,
    batch: Batch,
    /// Packets since the last look at all sockets.
    packets: usize,
}

impl Worker {
    pub(super) fn new(
        server: TurnServer,
        links: Vec<Udp>,
        inbox: mpsc::Receiver<Inbound>,
        clock: Clock,
        stop: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let bell = Arc::new(Bell::new(poll.registry(), BELL)?);
        let mut links = links;
        for (at, link) in links.iter_mut().enumerate() {
            let token = Token(FIRST_LINK + at);
            poll.registry()
                .register(&mut link.socket, token, Interest::READABLE)?;
        }
        let registry = poll.registry().try_clone()?;
        Ok(Self {
            poll,
            bell,
            stop,
            clock,
            inbox,
            buffers: vec![0; BATCH_SIZE * DATAGRAM_BYTES_MAX].into(),
            unfinished: Vec::new(),
            next_sweep: clock.now(),
            desk: Desk {
                tally: server.tally(),
                server,
                registry,
                links,
                relays: Vec::new(),
                streams: HashMap::new(),
                batch: Batch::new(),
                packets: 0,
            },
        })
    }

    pub(super) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// Until told to stop.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        let mut ready = Vec::new();
        let mut pace = Pace::new(self.clock.now());
        while !self.stop.load(Ordering::Acquire) {
            // An interrupted wait is one that ended early.
            let _ = self.poll.poll(&mut events, Some(self.patience()));
            ready.clear();
            ready.append(&mut self.unfinished);
            let unfinished = ready.len();
            for token in events.iter().map(mio::event::Event::token) {
                if !ready[..unfinished].contains(&token) {
                    ready.push(token);
                }
            }
            let now = self.clock.now();
            for token in &ready {
                self.serve(now, *token);
            }
            if self
                .desk
                .server
                .next_timeout()
                .is_some_and(|deadline| deadline <= now)
            {
                self.desk.server.handle_timeout(now);
                self.desk.act(now);
            }
            if self.next_sweep <= now {
                self.next_sweep = now + TICK;
                self.desk.sweep(now);
            }
            self.desk.flush();
            let pause = pace.after(now, std::mem::take(&mut self.desk.packets));
            if let Some(pause) = pause.filter(|_| self.unfinished.is_empty()) {
                gather(pause);
            }
        }
    }

    fn patience(&self) -> Duration {
        if !self.unfinished.is_empty() {
            return Duration::ZERO;
        }
        let deadline = self.desk.server.next_timeout();
        deadline.map_or(TICK, |deadline| self.clock.until(deadline).min(TICK))
    }

    fn serve(&mut self, now: Moment, token: Token) {
        let more = if token == BELL {
            self.take_inbound(now)
        } else {
            self.read(now, token)
        };
        if more {
            self.unfinished.push(token);
        }
    }

    /// True: there may be more.
    fn take_inbound(&mut self, now: Moment) -> bool {
        self.bell.heard();
        for _ in 0..INBOUND_AT_ONCE {
            match self.inbox.try_recv() {
                Ok(inbound) => self.desk.inbound(now, inbound),
                Err(_) => return false,
            }
        }
        true
    }

    /// True: there may be more.
    fn read(&mut self, now: Moment, token: Token) -> bool {
        match token.0.checked_sub(FIRST_RELAY) {
            Some(relay) => self.read_batches::<RELAY_BATCH>(now, Route::Relay(relay)),
            None => self.read_batches::<LINK_BATCH>(now, Route::Link(token.0.saturating_sub(FIRST_LINK))),
        }
    }

    fn read_batches<const BATCH: usize>(&mut self, now: Moment, route: Route) -> bool {
        for _ in 0..READS_MAX {
            let mut meta = [RecvMeta::default(); BATCH];
            let mut buffers = self.buffers.chunks_mut(DATAGRAM_BYTES_MAX);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
            // A relay may have been closed since the event.
            let Some(socket) = self.desk.socket(route) else {
                return false;
            };
            let count = match socket.receive(&mut slices, &mut meta) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Nothing left, or an ICMP message about an earlier packet: the next one wakes us.
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            };
            for (meta, slice) in meta.iter().zip(&slices).take(count) {
                let datagrams = slice.get(..meta.len).unwrap_or_default();
                self.desk.datagrams(now, route, meta, datagrams);
            }
            // Fewer than fit were all there were: whatever comes now wakes us again.
            if count < BATCH && BATCH > 1 {
                return false;
            }
        }
        true
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: the thread's own, and it has nothing else to do meanwhile"
)]
fn gather(pause: Duration) {
    std::thread::sleep(pause);
}

impl Desk {
    fn socket(&self, route: Route) -> Option<&Udp> {
        match route {
            Route::Link(at) => self.links.get(at),
            Route::Relay(at) => self.relays.get(at)?.as_ref(),
        }
    }

    /// One datagram, or several of one sender that the system joined.
    fn datagrams(&mut self, now: Moment, route: Route, meta: &RecvMeta, datagrams: &[u8]) {
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
        if let Some(to_peer) = self.server.handle_client(now, from, packet) {
            let payload = packet.get(to_peer.payload).unwrap_or_default();
            let route = Route::Relay(to_peer.relay.index());
            self.batch.push(route, to_peer.peer, None, None, payload);
            self.relieve();
        }
        self.act(now);
    }

    fn peer_datagram(&mut self, now: Moment, at: usize, meta: &RecvMeta, datagram: &[u8]) {
        self.packets += 1;
        let Some(relay) = RelayId::from_index(at) else {
            return;
        };
        let Some(to_client) = self.server.handle_peer(now, relay, meta.addr, datagram.len()) else {
            return;
        };
        let to = to_client.to;
        if to.stream {
            self.to_stream(to.link, Some(&to_client.prefix), datagram);
        } else {
            let route = Route::Link(usize::try_from(to.link.0).unwrap_or(usize::MAX));
            self.batch
                .push(route, to.client, to.local_ip, Some(&to_client.prefix), datagram);
            self.relieve();
        }
    }

    fn to_stream(&self, link: LinkId, prefix: Option<&super::super::wire::Prefix>, payload: &[u8]) {
        let taken = self
            .streams
            .get(&link)
            .is_none_or(|(_, outbox)| outbox.push(prefix, payload));
        if !taken {
            self.tally.slow_client_drops.add();
        }
    }

    fn inbound(&mut self, now: Moment, inbound: Inbound) {
        match inbound {
            Inbound::Opened { from, outbox } => {
                self.streams.insert(from.link, (from, outbox));
            }
            Inbound::Frames { link, bytes } => {
                let Some((from, _)) = self.streams.get(&link) else {
                    return;
                };
                let from = *from;
                let mut rest = &bytes[..];
                while let Frame::Whole { bytes, padded } = next_frame(rest) {
                    self.client_packet(now, &from, rest.get(..bytes).unwrap_or_default());
                    rest = rest.get(padded..).unwrap_or_default();
                }
            }
            Inbound::Closed { link } => self.forget(now, link),
        }
    }

    fn forget(&mut self, now: Moment, link: LinkId) {
        if let Some((from, _)) = self.streams.remove(&link) {
            self.server.stream_closed(&from);
            self.act(now);
        }
    }

    /// Forgets streams that could not say goodbye.
    fn sweep(&mut self, now: Moment) {
        let closed = |(_, (_, outbox)): &(&LinkId, &(FiveTuple, Arc<Outbox>))| outbox.is_closed();
        let gone: Vec<LinkId> = self
            .streams
            .iter()
            .filter(closed)
            .map(|(link, _)| *link)
            .collect();
        for link in gone {
            self.forget(now, link);
        }
    }

    /// Does what the server wants done.
    fn act(&mut self, now: Moment) {
        while let Some(action) = self.server.poll() {
            match action {
                Action::Answer { to, message } if to.stream => self.to_stream(to.link, None, &message),
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
        let token = Token(FIRST_RELAY + at);
        self.registry
            .register(&mut socket.socket, token, Interest::READABLE)?;
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
