//! A client's socket, and when what it hears came: a thread with many clients reads late, and that is none of the server's doing.

use mio::event::Source;
use mio::net::UdpSocket;
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A datagram.
const DATAGRAM_BYTES_MAX: usize = 2_048;

/// Changes a socket before it is used.
pub type Tune = fn(&UdpSocket) -> io::Result<()>;

/// One client's socket.
#[derive(Debug)]
pub(super) struct Ear {
    socket: UdpSocket,
    /// Where the kernel says when something came.
    kernel: Option<UdpSocketState>,
}

/// Room for what one call reads; one is enough for all sockets.
#[derive(Debug)]
pub(super) struct Room(Box<[u8]>);

impl Room {
    pub(super) fn new() -> Self {
        Self(vec![0; BATCH_SIZE * DATAGRAM_BYTES_MAX].into())
    }
}

impl Ear {
    /// On a free port of this address. With `tune`, the kernel is asked when things came.
    pub(super) fn bind(ip: IpAddr, tune: Option<Tune>) -> io::Result<Self> {
        let socket = UdpSocket::bind(SocketAddr::new(ip, 0))?;
        let kernel = match tune {
            Some(tune) => {
                let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
                tune(&socket)?;
                Some(state)
            }
            None => None,
        };
        Ok(Self { socket, kernel })
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What is to be waited for.
    pub(super) fn source(&mut self) -> &mut impl Source {
        &mut self.socket
    }

    /// UDP may lose it, and then it is lost.
    pub(super) fn send(&self, to: SocketAddr, bytes: &[u8]) {
        let _ = self.socket.send_to(bytes, to);
    }

    /// Hands over what is there: from where, when it came (since 1970, where the kernel says so), and what. False: nothing is left.
    pub(super) fn read(
        &self,
        room: &mut Room,
        mut each: impl FnMut(SocketAddr, Option<Duration>, &[u8]),
    ) -> bool {
        let Some(kernel) = &self.kernel else {
            let buffer = room.0.get_mut(..DATAGRAM_BYTES_MAX).unwrap_or_default();
            let Ok((length, from)) = self.socket.recv_from(buffer) else {
                return false;
            };
            each(from, None, buffer.get(..length).unwrap_or_default());
            return true;
        };
        let mut meta = [RecvMeta::default(); BATCH_SIZE];
        let mut buffers = room.0.chunks_mut(DATAGRAM_BYTES_MAX);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
        let read = self
            .socket
            .try_io(|| kernel.recv(UdpSockRef::from(&self.socket), &mut slices, &mut meta));
        let Ok(count) = read else {
            return false;
        };
        for (meta, slice) in meta.iter().zip(&slices).take(count) {
            let datagrams = slice.get(..meta.len).unwrap_or_default();
            for datagram in datagrams.chunks(meta.stride.max(1)) {
                each(meta.addr, meta.timestamp, datagram);
            }
        }
        true
    }
}
