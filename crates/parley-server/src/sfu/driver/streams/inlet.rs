//! How a stream comes to the thread that has its client's room: from thread to thread, until one knows the name in its first check.
//! The front cannot know: names are made by the thread that answers.

use crate::turn::driver::bell::Bell;
use crate::turn::driver::places::Place;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Streams that wait for one thread; further ones are turned away.
const ARRIVING_MAX: usize = 64;

/// A stream whose first packet is there.
#[derive(Debug)]
pub(in crate::sfu::driver) struct Arriving {
    /// Its connection, not blocking.
    pub(super) socket: TcpStream,
    pub(super) from: SocketAddr,
    /// Where it came in.
    pub(super) to: SocketAddr,
    /// What was read of it: a whole frame, and whatever came with it.
    pub(super) begun: Vec<u8>,
    pub(super) place: Place,
}

impl Arriving {
    pub(in crate::sfu::driver) const fn new(
        socket: TcpStream,
        (from, to): (SocketAddr, SocketAddr),
        begun: Vec<u8>,
        place: Place,
    ) -> Self {
        Self {
            socket,
            from,
            to,
            begun,
            place,
        }
    }
}

/// Where streams are put for one thread.
#[derive(Debug, Clone)]
pub(in crate::sfu::driver) struct Inlet {
    sender: SyncSender<Arriving>,
    bell: Arc<Bell>,
}

impl Inlet {
    /// The two ends, for the thread that hears this bell.
    pub(super) fn new(bell: Arc<Bell>) -> (Self, Receiver<Arriving>) {
        let (sender, arriving) = sync_channel(ARRIVING_MAX);
        (Self { sender, bell }, arriving)
    }

    /// False: there are too many, and the stream is closed.
    pub(in crate::sfu::driver) fn put(&self, arriving: Arriving) -> bool {
        let is_put = self.sender.try_send(arriving).is_ok();
        self.bell.ring();
        is_put
    }
}
