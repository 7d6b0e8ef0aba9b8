//! UDP sockets as a relay wants them: large buffers, unfragmented, many datagrams at a time where the system can.

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr};

/// With the default (208 KiB on Linux) bursts of many clients lose packets before they are read.
const BUFFER_BYTES: usize = 4 << 20;

/// A socket and what is known of its system's abilities.
#[derive(Debug)]
pub(crate) struct Udp {
    pub(crate) socket: UdpSocket,
    state: UdpSocketState,
}

/// A socket for clients. `[::]` also takes IPv4, and stands for `0.0.0.0` where there is no IPv6.
pub(crate) fn listen(address: SocketAddr, shared: bool) -> io::Result<Udp> {
    match bound(address, shared, address.ip().is_unspecified()) {
        Err(error)
            if address.is_ipv6()
                && address.ip().is_unspecified()
                && error.kind() != io::ErrorKind::AddrInUse =>
        {
            bound((Ipv4Addr::UNSPECIFIED, address.port()).into(), shared, false)
        }
        outcome => outcome,
    }
}

/// A relay's socket, of one family only.
pub(crate) fn relay(address: SocketAddr) -> io::Result<Udp> {
    bound(address, false, false)
}

fn bound(address: SocketAddr, shared: bool, both_families: bool) -> io::Result<Udp> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!both_families)?;
    }
    #[cfg(target_os = "linux")]
    if shared {
        socket.set_reuse_port(true)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = shared;
    enlarge(&socket);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from_std(socket.into());
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    Ok(Udp { socket, state })
}

/// As large as wanted where this process may say so, else as large as the system lets everybody have.
fn enlarge(socket: &Socket) {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::sockopt;
        let received = sockopt::set_socket_recv_buffer_size_force(socket, BUFFER_BYTES);
        let sent = sockopt::set_socket_send_buffer_size_force(socket, BUFFER_BYTES);
        if received.is_ok() && sent.is_ok() {
            return;
        }
    }
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
}

impl Udp {
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) fn receive(&self, buffers: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> io::Result<usize> {
        // Through mio, which on Windows has to see that nothing is left to wake us again.
        self.socket
            .try_io(|| self.state.recv(UdpSockRef::from(&self.socket), buffers, meta))
    }

    /// Datagrams that one call can take, each of the same size.
    pub(crate) fn segments_max(&self) -> usize {
        self.state.max_gso_segments()
    }

    pub(crate) fn send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.state.try_send(UdpSockRef::from(&self.socket), transmit)
    }
}
