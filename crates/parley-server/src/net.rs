//! Sockets as a server wants them: reusable at once after a restart, IPv4 and IPv6 on one where the system can.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, UdpSocket};

/// Connections waiting to be accepted.
const BACKLOG: i32 = 1024;

/// A listener at `address`; `[::]` also takes IPv4, and stands for `0.0.0.0` where there is no IPv6.
pub(crate) fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    with_ipv4_fallback(address, |address| {
        let socket = bound(address, Type::STREAM, Protocol::TCP)?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    })
}

/// A UDP socket at `address`, with the same meaning of `[::]`.
pub(crate) fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    with_ipv4_fallback(address, |address| {
        UdpSocket::from_std(bound(address, Type::DGRAM, Protocol::UDP)?.into())
    })
}

fn with_ipv4_fallback<T>(address: SocketAddr, bind: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match bind(address) {
        Err(error) if address.is_ipv6() && address.ip().is_unspecified() && !is_taken(&error) => {
            bind((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        outcome => outcome,
    }
}

/// What this machine is called, where the system says so.
pub(crate) fn own_name() -> Option<String> {
    let said = if cfg!(target_os = "linux") {
        std::fs::read_to_string("/proc/sys/kernel/hostname").ok()
    } else {
        let by_variable = |name| std::env::var(name).ok();
        by_variable("COMPUTERNAME").or_else(|| by_variable("HOSTNAME"))
    };
    said.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
}

/// Whether the port belongs to somebody else.
pub(crate) fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

fn bound(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A listener of before may still have connections in TIME_WAIT. On Windows the option would mean sharing a port that
    // is in use, and for UDP it means that on Linux too.
    #[cfg(unix)]
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The address as people write it: IPv4 on an IPv6 socket is IPv4.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
