//! The thread of a [`TurnServer`]: waits, reads everything there is, lets the server decide, sends it all.

use super::super::moment::Moment;
use super::super::server::TurnServer;
use super::batch::Route;
use super::bell::Bell;
use super::clock::Clock;
use super::desk::{Desk, Origin};
use super::pace::Pace;
use super::socket::Udp;
use super::stream::Inbound;
use super::tcp::Came;
use mio::{Events, Poll, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta};
use std::io::{self, IoSliceMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// A datagram, or what the system joined of several (GRO).
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Datagrams read by one call: a link has many clients, a relay few peers.
const LINK_BATCH: usize = BATCH_SIZE;
const RELAY_BATCH: usize = if BATCH_SIZE < 8 { BATCH_SIZE } else { 8 };
/// Reads from one socket before the others get their turn.
const READS_MAX: usize = 8;
/// The same for a client's stream: each read may hold thousands of frames, and others wait meanwhile.
const TCP_READS_MAX: usize = 2;
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

impl Worker {
    pub(super) fn new(
        server: TurnServer,
        links: Vec<Udp>,
        inbox: mpsc::Receiver<Inbound>,
        clock: Clock,
        stop: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let bell = Arc::new(Bell::new(poll.registry(), Origin::Bell.token())?);
        let desk = Desk::new(server, links, poll.registry().try_clone()?)?;
        Ok(Self {
            poll,
            bell,
            stop,
            clock,
            inbox,
            buffers: vec![0; BATCH_SIZE * DATAGRAM_BYTES_MAX].into(),
            unfinished: Vec::new(),
            next_sweep: clock.now(),
            desk,
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
            for event in &events {
                let token = event.token();
                if event.is_read_closed()
                    && let Origin::Tcp(client) = Origin::of(token)
                {
                    self.desk.tcp_ended(client);
                }
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
            self.desk.send_all(now);
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
        let more = match Origin::of(token) {
            Origin::Bell => self.take_inbound(now),
            Origin::Link(link) => self.read_batches::<LINK_BATCH>(now, Route::Link(link)),
            Origin::Relay(relay) => self.read_batches::<RELAY_BATCH>(now, Route::Relay(relay)),
            Origin::Tcp(client) => self.read_tcp(now, client),
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
    fn read_tcp(&mut self, now: Moment, client: usize) -> bool {
        self.desk.write_tcp(now, client);
        for _ in 0..TCP_READS_MAX {
            let room = self.buffers.get_mut(..DATAGRAM_BYTES_MAX).unwrap_or_default();
            let (came, last) = match self.desk.read_tcp(client, room) {
                Came::Bytes(count) => (count, false),
                Came::Last(count) => (count, true),
                Came::Nothing => return false,
                Came::End => {
                    self.desk.close_tcp(now, client);
                    return false;
                }
            };
            if !self
                .desk
                .tcp_bytes(now, client, room.get(..came).unwrap_or_default())
                || last
            {
                return false;
            }
        }
        true
    }

    /// True: there may be more.
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
