//! One client's stream: its connection, what was read of a frame that is not whole, and what it is to be sent. Owned by the thread
//! that has the client's room.

use super::super::super::framing::take_frames;
use super::inlet::Arriving;
use super::outbox::Outbox;
use crate::turn::driver::places::Place;
use mio::net::TcpStream;
use socket2::SockRef;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long it may take until a genuine check came over it, or until it has another one after its client is gone.
const UNKNOWN_MAX: Duration = Duration::from_secs(5);
/// A client that takes nothing for so long is gone.
const STALL_MAX: Duration = Duration::from_secs(10);
/// What may wait unsent in the system for a slow stream: at 1 Mbit/s an eighth of a second.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 16 * 1024;
/// The same where only what waits and what is on its way can be bounded together.
#[cfg(not(target_os = "linux"))]
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    pub(super) from: SocketAddr,
    /// The address of ours that the client reached, as it is told of it.
    pub(super) to: SocketAddr,
    partial: Vec<u8>,
    outbox: Outbox,
    came: Instant,
    /// Since when it takes nothing.
    stalled: Option<Instant>,
    _place: Place,
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// So many bytes, and there may be more.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// Nothing any more.
    End,
}

impl Stream {
    /// Takes a connection over; `to` is what the client knows us as.
    pub(super) fn new(now: Instant, arriving: Arriving, to: SocketAddr) -> Self {
        let socket = TcpStream::from_std(arriving.socket);
        settle(&socket);
        Self {
            socket,
            from: arriving.from,
            to,
            partial: Vec::new(),
            outbox: Outbox::default(),
            came: now,
            stalled: None,
            _place: arriving.place,
        }
    }

    pub(super) fn read(&mut self, room: &mut [u8]) -> Came {
        loop {
            return match self.socket.read(room) {
                Ok(0) => Came::End,
                Ok(count) => Came::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Came::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => Came::End,
            };
        }
    }

    /// Hands the packets in what came to `take`. False: what came is no call, and the stream is of no more use.
    pub(super) fn cut(&mut self, bytes: &[u8], take: impl FnMut(&[u8])) -> bool {
        if self.partial.is_empty() {
            let Some(taken) = take_frames(bytes, take) else {
                return false;
            };
            self.partial
                .extend_from_slice(bytes.get(taken..).unwrap_or_default());
            return true;
        }
        self.partial.extend_from_slice(bytes);
        let Some(taken) = take_frames(&self.partial, take) else {
            return false;
        };
        self.partial.drain(..taken);
        true
    }

    /// Puts a packet in. How many were dropped for it.
    pub(super) fn push(&mut self, now: Instant, packet: Vec<u8>) -> u64 {
        self.outbox.push(now, packet)
    }

    /// Writes what is taken. Nothing: it is gone; else how many packets were dropped because they are late.
    pub(super) fn write(&mut self, now: Instant) -> Option<u64> {
        let mut dropped = self.outbox.tidy(now);
        loop {
            let next = self.outbox.next();
            if next.is_empty() {
                self.stalled = None;
                return Some(dropped);
            }
            match self.socket.write_vectored(&next) {
                Ok(0) => return None,
                Ok(count) => {
                    self.outbox.took(count);
                    self.stalled = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stalled.get_or_insert(now);
                    dropped += self.outbox.tidy(now);
                    return Some(dropped);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    /// Whether there is no use in it: nobody who is known came over it, or comes over it any more, or it takes nothing.
    pub(super) fn is_lost(&self, now: Instant, is_known: bool) -> bool {
        let since = |moment: Instant| now.saturating_duration_since(moment);
        (!is_known && since(self.came) >= UNKNOWN_MAX)
            || self.stalled.is_some_and(|from| since(from) >= STALL_MAX)
    }
}

/// Small packets go at once, and little waits in the system, where it could not be dropped.
fn settle(socket: &TcpStream) {
    let options = SockRef::from(socket);
    #[cfg(target_os = "linux")]
    let bounded = options.set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
    #[cfg(not(target_os = "linux"))]
    let bounded = options.set_send_buffer_size(SEND_BUFFER_BYTES);
    for error in [socket.set_nodelay(true), bounded]
        .into_iter()
        .filter_map(Result::err)
    {
        tracing::debug!(%error, "a stream stays at the system's default");
    }
}
