//! The streams of one thread (ICE over TCP, RFC 6544): for clients whom no datagram reaches. A driver; what is a packet in a stream
//! is decided in `framing`, whose it is in [`Sfu`], and what is dropped in `outbox`.
//!
//! | file | what |
//! |---|---|
//! | `inlet` | the way from the front to the thread that knows the client |
//! | `stream` | one connection |
//! | `outbox` | what it is to be sent: bounded in bytes and time, the oldest is dropped |
//!
//! A stream that brings something else, brings no genuine check in time, or takes nothing, is closed; nothing else ends by that.
//! Deliberately absent: connecting to clients (ours are passive), TLS, and any limit on what a client may send: that is the SFU's,
//! the same for datagrams.

mod inlet;
mod outbox;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use inlet::{Arriving, Inlet};

use super::super::counts::StreamCounts;
use super::super::framing::{Frame, next_frame};
use super::super::shard::Sfu;
use crate::turn::driver::bell::Bell;
use mio::{Events, Interest, Registry, Token};
use slab::Slab;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use stream::{Came, Stream};

/// Tokens below are the thread's own.
const FIRST_TOKEN: usize = 2;
/// Taken in before others have their turn.
const ARRIVALS_AT_ONCE: usize = 16;
/// Reads of one stream before others have their turn.
const READS_MAX: usize = 2;
const READ_BYTES: usize = 16 * 1024;
/// Between two looks at which are lost.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug)]
pub(super) struct Streams {
    registry: Registry,
    inlet: Inlet,
    arriving: Receiver<Arriving>,
    /// The thread that is asked when this one does not know a client.
    next: Option<Inlet>,
    all: Slab<Stream>,
    by_client: HashMap<SocketAddr, usize>,
    /// Those that may have more to read.
    unread: Vec<usize>,
    /// Those that may take more.
    unwritten: Vec<usize>,
    buffer: Box<[u8]>,
    look_at: Option<Instant>,
    counts: StreamCounts,
}

impl Streams {
    /// None yet. They are waited for in `registry`, where `bell` rings too.
    pub(super) fn new(registry: Registry, bell: Arc<Bell>) -> Self {
        let (inlet, arriving) = Inlet::new(bell);
        Self {
            registry,
            inlet,
            arriving,
            next: None,
            all: Slab::new(),
            by_client: HashMap::new(),
            unread: Vec::new(),
            unwritten: Vec::new(),
            buffer: vec![0; READ_BYTES].into(),
            look_at: None,
            counts: StreamCounts::default(),
        }
    }

    /// Where streams for this thread are put.
    pub(super) fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    /// Streams of clients that this thread does not know go there.
    pub(super) fn pass_on_to(&mut self, next: Inlet) {
        self.next = Some(next);
    }

    /// Of what this thread counted.
    pub(super) fn counts(&self) -> StreamCounts {
        StreamCounts {
            now: self.all.len() as u64,
            ..self.counts
        }
    }

    /// The thread begins anew: all are closed.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.by_client.clear();
        self.unread.clear();
        self.unwritten.clear();
    }

    /// Takes in new ones and reads from those that have something; `told` is where clients were told to connect to. True: there may
    /// be more.
    pub(super) fn read(&mut self, now: Instant, events: &Events, told: &[SocketAddr], sfu: &mut Sfu) -> bool {
        for event in events {
            let Some(at) = event.token().0.checked_sub(FIRST_TOKEN) else {
                continue;
            };
            // The end and errors are found by reading.
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.unread.push(at);
            }
            if event.is_writable() {
                self.unwritten.push(at);
            }
        }
        let more_come = self.take_in(now, told, sfu);
        for at in std::mem::take(&mut self.unread) {
            self.read_one(now, at, sfu);
        }
        if self.look_at.is_none_or(|look_at| now >= look_at) {
            self.look_at = Some(now + LOOK_EVERY);
            self.put_out(now, sfu);
        }
        more_come || !self.unread.is_empty()
    }

    /// A packet for a client on a stream.
    pub(super) fn push(&mut self, now: Instant, to: SocketAddr, packet: Vec<u8>) {
        let place = self.by_client.get(&to).copied();
        let Some((at, stream)) = place.and_then(|at| Some((at, self.all.get_mut(at)?))) else {
            // It was closed a moment ago; its client is found another way, or is gone.
            self.counts.dropped += 1;
            return;
        };
        self.counts.dropped += stream.push(now, packet);
        if self.unwritten.last() != Some(&at) {
            self.unwritten.push(at);
        }
    }

    /// Writes all that is taken.
    pub(super) fn write(&mut self, now: Instant, sfu: &mut Sfu) {
        let mut touched = std::mem::take(&mut self.unwritten);
        touched.sort_unstable();
        touched.dedup();
        for at in touched {
            let Some(stream) = self.all.get_mut(at) else {
                continue;
            };
            match stream.write(now) {
                Some(dropped) => self.counts.dropped += dropped,
                None => self.close(at, sfu),
            }
        }
    }

    /// True: there may be more.
    fn take_in(&mut self, now: Instant, told: &[SocketAddr], sfu: &mut Sfu) -> bool {
        for _ in 0..ARRIVALS_AT_ONCE {
            let Ok(arriving) = self.arriving.try_recv() else {
                return false;
            };
            let is_ours = matches!(next_frame(&arriving.begun), Frame::Whole(first) if sfu.expects(first));
            match (&self.next, is_ours) {
                (_, true) => {
                    if let Err(error) = self.add(now, arriving, told, sfu) {
                        tracing::debug!(%error, "a stream cannot be taken");
                        self.counts.refused += 1;
                    }
                }
                (Some(next), false) => self.counts.refused += u64::from(!next.put(arriving)),
                (None, false) => self.counts.strange += 1,
            }
        }
        true
    }

    fn add(
        &mut self,
        now: Instant,
        mut arriving: Arriving,
        told: &[SocketAddr],
        sfu: &mut Sfu,
    ) -> io::Result<()> {
        let Some(to) = told_as(told, arriving.to) else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        // One of before with the same address is over, whether the system said so yet or not.
        if let Some(before) = self.by_client.get(&arriving.from).copied() {
            self.close(before, sfu);
        }
        let begun = std::mem::take(&mut arriving.begun);
        let entry = self.all.vacant_entry();
        let (at, mut stream) = (entry.key(), Stream::new(now, arriving, to));
        self.registry.register(
            &mut stream.socket,
            Token(FIRST_TOKEN + at),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        self.by_client.insert(stream.from, at);
        entry.insert(stream);
        self.counts.taken += 1;
        self.cut(now, at, &begun, sfu);
        self.unread.push(at);
        Ok(())
    }

    fn read_one(&mut self, now: Instant, at: usize, sfu: &mut Sfu) {
        for _ in 0..READS_MAX {
            let Some(stream) = self.all.get_mut(at) else {
                return;
            };
            let mut buffer = std::mem::take(&mut self.buffer);
            let came = stream.read(&mut buffer);
            let goes_on = match came {
                Came::Bytes(count) => self.cut(now, at, buffer.get(..count).unwrap_or_default(), sfu),
                Came::Nothing => false,
                Came::End => {
                    self.close(at, sfu);
                    false
                }
            };
            self.buffer = buffer;
            if !goes_on {
                return;
            }
        }
        self.unread.push(at);
    }

    /// Hands over the packets in what came. False: the stream is closed for what it brought.
    fn cut(&mut self, now: Instant, at: usize, bytes: &[u8], sfu: &mut Sfu) -> bool {
        let Some(stream) = self.all.get_mut(at) else {
            return false;
        };
        let (from, to) = (stream.from, stream.to);
        let is_call = stream.cut(bytes, |packet| sfu.handle_frame(now, from, to, packet));
        if !is_call {
            self.counts.broken += 1;
            self.close(at, sfu);
        }
        is_call
    }

    fn put_out(&mut self, now: Instant, sfu: &mut Sfu) {
        let lost: Vec<usize> = self
            .all
            .iter()
            .filter(|(_, stream)| stream.is_lost(now, sfu.knows_stream(stream.from)))
            .map(|(at, _)| at)
            .collect();
        for at in lost {
            self.counts.lost += 1;
            self.close(at, sfu);
        }
    }

    /// Ends one. Its client, if it is somebody's, goes on by another way.
    fn close(&mut self, at: usize, sfu: &mut Sfu) {
        let Some(mut stream) = self.all.try_remove(at) else {
            return;
        };
        self.by_client.remove(&stream.from);
        // The system forgets it with the socket in any case.
        let _ = self.registry.deregister(&mut stream.socket);
        sfu.stream_ended(stream.from);
    }
}

/// The address of ours that a client which came in there knows us by.
fn told_as(told: &[SocketAddr], local: SocketAddr) -> Option<SocketAddr> {
    let same = told.iter().find(|told| told.ip() == local.ip());
    // A router in front may have changed it: which one does not matter then, as long as it is one of ours.
    same.or_else(|| told.first()).copied()
}
