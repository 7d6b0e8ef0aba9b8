//! One thread: waits, reads everything there is, datagrams and streams, lets the [`Sfu`] decide, sends it all.

use super::super::event::{Event, What};
use super::super::shard::{Ask, Command, Sfu, SfuConfig};
use super::Shared;
use super::pause::Pause;
use super::standing::Standing;
use super::streams::{Inlet, Streams};
use crate::turn::driver::batch::{Batch, Route};
use crate::turn::driver::bell::Bell;
use crate::turn::driver::socket::Udp;
use mio::{Events, Interest, Poll, Token};
use parley_proto::{ParticipantId, RoomId};
use quinn_udp::{BATCH_SIZE, RecvMeta};
use std::collections::{HashSet, VecDeque};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A datagram, or what the system joined of several (GRO).
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Reads before what was decided is sent.
const READS_MAX: usize = 4;
/// Commands taken before the socket gets its turn.
const COMMANDS_AT_ONCE: usize = 64;
/// Events that could not be told yet. What is older is lost: lists are told anew on the next change, and a client that gets no answer
/// offers again.
const EVENTS_MAX: usize = 8_192;
/// Between two looks whether to stop, while it rests after a failure.
const NAP: Duration = Duration::from_millis(20);
/// Between two counts for others.
const COUNT_EVERY: Duration = Duration::from_millis(100);
/// Between two looks at the clock at the latest.
const PATIENCE_MAX: Duration = Duration::from_millis(100);
const SOCKET: Token = Token(0);
const BELL: Token = Token(1);
/// Things to read that one wait tells of; the next one tells of the others.
const EVENTS_AT_ONCE: usize = 64;

/// What one thread owns.
#[derive(Debug)]
pub(super) struct Worker {
    socket: Udp,
    config: SfuConfig,
    commands: Receiver<Command>,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    poll: Poll,
    bell: Arc<Bell>,
    buffers: Box<[u8]>,
    batch: Batch,
    streams: Streams,
    events: VecDeque<Event>,
    /// Whom to tell when the thread fails.
    standing: Standing,
    /// Whose command is worked on.
    in_hand: Option<(RoomId, ParticipantId)>,
    /// The socket takes IPv4 as a part of IPv6.
    mapped: bool,
}

impl Worker {
    pub(super) fn new(
        mut socket: Udp,
        config: SfuConfig,
        commands: Receiver<Command>,
        shared: Arc<Shared>,
        stop: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let bell = Arc::new(Bell::new(poll.registry(), BELL)?);
        poll.registry()
            .register(&mut socket.socket, SOCKET, Interest::READABLE)?;
        let mapped = socket.local_addr()?.is_ipv6();
        let streams = Streams::new(poll.registry().try_clone()?, Arc::clone(&bell));
        Ok(Self {
            socket,
            config,
            commands,
            shared,
            stop,
            poll,
            bell,
            buffers: vec![0; BATCH_SIZE * DATAGRAM_BYTES_MAX].into(),
            batch: Batch::new(),
            streams,
            events: VecDeque::new(),
            standing: Standing::default(),
            in_hand: None,
            mapped,
        })
    }

    pub(super) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// Where this thread is given streams.
    pub(super) fn inlet(&self) -> Inlet {
        self.streams.inlet()
    }

    /// Streams come in there, of which clients are told.
    pub(super) fn tell_of_streams(&mut self, told: Vec<SocketAddr>) {
        self.config.streams = told;
    }

    pub(super) fn outside(&self) -> impl Iterator<Item = IpAddr> {
        self.config.outside.iter().map(SocketAddr::ip)
    }

    pub(super) fn reached(&self) -> impl Iterator<Item = SocketAddr> {
        self.config.addresses.iter().chain(&self.config.outside).copied()
    }

    /// Until told to stop, whatever fails.
    pub(super) fn run(mut self, tell: impl Fn(&Event) -> bool) {
        let mut pause = Pause::default();
        while !self.stop.load(Ordering::Acquire) {
            let ended = catch_unwind(AssertUnwindSafe(|| self.serve(&tell)));
            if ended.is_ok() {
                return;
            }
            tracing::error!("a thread of the SFU failed and begins anew");
            self.shared.restarts.fetch_add(1, Ordering::Relaxed);
            self.batch = Batch::new();
            self.streams.clear();
            self.names().clear();
            let cause = self.in_hand.take();
            self.events.extend(self.standing.lose(cause));
            self.tell(&tell);
            self.config.seed = rand::random();
            self.rest(pause.after_failure(now()));
        }
    }

    /// A fault that stays shall not take a processor. Not a wait for the socket, which the first datagram would end.
    fn rest(&self, pause: Duration) {
        let until = now() + pause;
        while !self.stop.load(Ordering::Acquire) {
            let left = until.saturating_duration_since(now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(NAP));
        }
    }

    fn serve(&mut self, tell: &impl Fn(&Event) -> bool) {
        let mut sfu = Sfu::new(now(), self.config.clone());
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        let mut more = false;
        let mut count_at = now();
        let mut named = None;
        while !self.stop.load(Ordering::Acquire) {
            let patience = if more { Duration::ZERO } else { self.patience(&sfu) };
            // An interrupted wait is one that ended early.
            let _ = self.poll.poll(&mut events, Some(patience));
            if self.shared.fail.swap(false, Ordering::AcqRel) {
                fail();
            }
            self.bell.heard();
            let now = now();
            more = self.take_commands(now, &mut sfu)
                | self.read(now, &mut sfu)
                | self.streams.read(now, &events, &self.config.streams, &mut sfu);
            while sfu.flush_one(now) {
                self.pack(now, &mut sfu);
            }
            self.send(now, &mut sfu);
            self.tell_names(&mut named, &sfu);
            self.hear(&mut sfu);
            self.tell(tell);
            if now >= count_at {
                count_at = now + COUNT_EVERY;
                *self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner) =
                    sfu.counts().with_streams(self.streams.counts());
            }
        }
    }

    /// Before the answers: with them clients connect.
    fn tell_names(&self, told: &mut Option<u64>, sfu: &Sfu) {
        let (number, names) = sfu.names();
        if told.replace(number) != Some(number) {
            *self.names() = names.map(str::to_owned).collect();
        }
    }

    fn names(&self) -> MutexGuard<'_, HashSet<String>> {
        self.shared.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn patience(&self, sfu: &Sfu) -> Duration {
        if !self.events.is_empty() {
            return Duration::from_millis(5);
        }
        sfu.next_timeout()
            .saturating_duration_since(now())
            .min(PATIENCE_MAX)
    }

    /// True: there may be more.
    fn take_commands(&mut self, now: Instant, sfu: &mut Sfu) -> bool {
        for _ in 0..COMMANDS_AT_ONCE {
            let Ok(command) = self.commands.try_recv() else {
                return false;
            };
            let who = (command.room, command.participant);
            match &command.ask {
                Ask::Offer { connection, .. } => self.standing.offered(who, *connection),
                Ask::Leave => self.standing.left(who),
                _ => {}
            }
            self.in_hand = Some(who);
            sfu.handle_command(now, command);
            self.in_hand = None;
        }
        true
    }

    /// True: there may be more.
    fn read(&mut self, now: Instant, sfu: &mut Sfu) -> bool {
        for _ in 0..READS_MAX {
            let mut meta = [RecvMeta::default(); BATCH_SIZE];
            let mut buffers = self.buffers.chunks_mut(DATAGRAM_BYTES_MAX);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
            let count = match self.socket.receive(&mut slices, &mut meta) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Nothing left, or an ICMP message about an earlier packet.
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            };
            for (meta, slice) in meta.iter().zip(&slices).take(count) {
                let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
                let Some(to) = local(&self.config.addresses, meta.dst_ip) else {
                    continue;
                };
                let datagrams = slice.get(..meta.len).unwrap_or_default();
                for datagram in datagrams.chunks(meta.stride.max(1)) {
                    sfu.handle_packet(now, from, to, datagram);
                }
            }
            if count < BATCH_SIZE {
                return false;
            }
        }
        true
    }

    /// Sends all that is to be sent.
    fn send(&mut self, now: Instant, sfu: &mut Sfu) {
        self.pack(now, sfu);
        self.batch.flush(|_| Some(&self.socket));
        self.streams.write(now, sfu);
    }

    /// Puts what is to be sent together.
    fn pack(&mut self, now: Instant, sfu: &mut Sfu) {
        for outgoing in sfu.take_outgoing() {
            if outgoing.is_stream {
                self.streams.push(now, outgoing.to, outgoing.bytes);
                continue;
            }
            let to = match (outgoing.to, self.mapped) {
                (SocketAddr::V4(to), true) => SocketAddr::new(to.ip().to_ipv6_mapped().into(), to.port()),
                (to, _) => to,
            };
            self.batch.push(
                Route::Link(0),
                to,
                source(outgoing.from.ip()),
                None,
                &outgoing.bytes,
            );
            if self.batch.is_full() {
                self.batch.flush(|_| Some(&self.socket));
            }
        }
    }

    fn hear(&mut self, sfu: &mut Sfu) {
        for event in sfu.take_events() {
            if let What::Closed { connection, .. } = &event.what {
                self.standing.closed((event.room, event.participant), *connection);
            }
            self.events.push_back(event);
        }
    }

    fn tell(&mut self, tell: &impl Fn(&Event) -> bool) {
        while let Some(event) = self.events.front() {
            if !tell(event) {
                break;
            }
            self.events.pop_front();
        }
        while self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
    }
}

/// The address of ours that something was sent to.
fn local(addresses: &[SocketAddr], to: Option<IpAddr>) -> Option<SocketAddr> {
    let known = |ip: IpAddr| addresses.iter().find(|address| address.ip() == ip);
    to.and_then(|ip| known(ip.to_canonical()))
        .or_else(|| addresses.first())
        .copied()
}

/// Which of several addresses to answer from; loopback is left to the system, which knows only one way there.
fn source(from: IpAddr) -> Option<IpAddr> {
    (!from.is_loopback() && from != IpAddr::V4(Ipv4Addr::UNSPECIFIED)).then_some(from)
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock of the thread")]
fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: the thread's own, and it has nothing else to do meanwhile"
)]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}

#[expect(clippy::panic, reason = "a test asked the thread to fail")]
fn fail() {
    panic!("the thread was asked to fail");
}
