//! Clients on plain TCP, owned by the thread that relays for them: no packet changes hands, and what is for one client leaves
//! by one write. What waits for a client that does not read is bounded; then the newest is lost.

use super::super::allocation::FiveTuple;
use super::super::framing::{Frame, next_frame};
use super::super::moment::Moment;
use super::super::wire::Prefix;
use super::places::Place;
use super::stream::{FIRST_FRAME, NEXT_FRAME, WAITING_BYTES_MAX, WRITE};
use mio::net::TcpStream;
use std::io::{self, Read as _, Write as _};

/// One of them.
#[derive(Debug)]
pub(super) struct TcpClient {
    pub(super) socket: TcpStream,
    pub(super) from: FiveTuple,
    /// The beginning of a frame whose rest has not come yet.
    partial: Vec<u8>,
    /// What it is to read.
    waiting: Vec<u8>,
    /// So much of it was written.
    written: usize,
    /// When its last whole frame came, or itself.
    heard_at: Moment,
    heard: bool,
    /// The end of what it sends has come in. The system tells so once, so a read that brings less than there is room for is
    /// not the last one: the end stands behind it.
    pub(super) ended: bool,
    /// Since when it has not read.
    stalled_since: Option<Moment>,
    _place: Place,
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// So many bytes, and there may be more.
    Bytes(usize),
    /// So many bytes, and that was all.
    Last(usize),
    /// Nothing now.
    Nothing,
    /// Nothing any more.
    End,
}

impl TcpClient {
    pub(super) fn new(now: Moment, socket: TcpStream, from: FiveTuple, place: Place) -> Self {
        // Sound does not wait for more to come.
        let _ = socket.set_nodelay(true);
        Self {
            socket,
            from,
            partial: Vec::new(),
            waiting: Vec::new(),
            written: 0,
            heard_at: now,
            heard: false,
            ended: false,
            stalled_since: None,
            _place: place,
        }
    }

    pub(super) fn read(&mut self, room: &mut [u8]) -> Came {
        loop {
            return match self.socket.read(room) {
                Ok(0) => Came::End,
                // Elsewhere than on Linux a short read says nothing about what is left.
                Ok(count) if count < room.len() && !self.ended && cfg!(target_os = "linux") => {
                    Came::Last(count)
                }
                Ok(count) => Came::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Came::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => Came::End,
            };
        }
    }

    /// What came, after what had come before: hand it to [`TcpClient::put_back`] once its frames are taken.
    pub(super) fn join(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(bytes);
        joined
    }

    /// Whether something came of which the rest is still to come.
    pub(super) fn has_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Whether something is to be written.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Keeps what is left of `bytes` after the first `taken`, which were whole frames: the beginning of one, so never much.
    pub(super) fn put_back(&mut self, now: Moment, bytes: &[u8], taken: usize) {
        if taken > 0 {
            self.heard_at = now;
            self.heard = true;
        }
        let rest = bytes.get(taken..).unwrap_or_default();
        self.partial.extend_from_slice(rest);
    }

    /// Puts in a whole frame. False: there is no room, it is lost.
    pub(super) fn push(&mut self, prefix: Option<&Prefix>, payload: &[u8]) -> bool {
        let (head, padding) = prefix.map_or((&[][..], 0), |prefix| (prefix.as_bytes(), prefix.padding()));
        if self.waiting.len() + head.len() + payload.len() + padding > WAITING_BYTES_MAX {
            return false;
        }
        self.waiting.extend_from_slice(head);
        self.waiting.extend_from_slice(payload);
        self.waiting
            .extend_from_slice([0; 3].get(..padding).unwrap_or_default());
        true
    }

    /// Writes what it takes. False: it is gone.
    pub(super) fn write(&mut self, now: Moment) -> bool {
        while let Some(rest) = self.waiting.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.socket.write(rest) {
                Ok(0) => return false,
                Ok(count) => {
                    self.written += count;
                    self.stalled_since = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Now and then, so that the room counts what waits and not what waited.
                    self.waiting.drain(..self.written);
                    self.written = 0;
                    self.stalled_since.get_or_insert(now);
                    return true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.waiting.clear();
        self.written = 0;
        true
    }

    /// Whether there is no use in waiting for it: it says nothing, or does not read.
    pub(super) fn is_lost(&self, now: Moment) -> bool {
        let patience = if self.heard { NEXT_FRAME } else { FIRST_FRAME };
        now.since(self.heard_at) >= patience
            || self.stalled_since.is_some_and(|since| now.since(since) >= WRITE)
    }
}

/// The whole frames at the beginning of `bytes`, handed to `take` without their padding; how many bytes they were. `None`: what
/// follows is no frame.
pub(super) fn take_frames(bytes: &[u8], mut take: impl FnMut(&[u8])) -> Option<usize> {
    let mut taken = 0;
    loop {
        let rest = bytes.get(taken..).unwrap_or_default();
        match next_frame(rest) {
            Frame::Whole { bytes, padded } => {
                take(rest.get(..bytes).unwrap_or_default());
                taken += padded;
            }
            Frame::Partial => return Some(taken),
            Frame::Junk => return None,
        }
    }
}
