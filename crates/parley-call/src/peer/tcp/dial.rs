//! A stream that we open, where the other side said that it can be connected to. A driver.

use super::guard::Guard;
use super::stream::{Carried, Ends, halves};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use webrtc::runtime::AsyncTcpStream;

/// What connecting may take. Whoever does not answer is behind a firewall that says nothing.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Connects to `other`, once its time has come: if that was wanted, once, and only while the call does not stand without.
///
/// # Errors
/// When there is to be no stream, or is none.
pub(in crate::peer) async fn dial(
    guard: Arc<Guard>,
    other: SocketAddr,
) -> io::Result<Arc<dyn AsyncTcpStream>> {
    if !guard.take(other) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    if !guard.head_start().await {
        return Err(io::Error::other("the call stands without it"));
    }
    let place = guard.place().filter(|_| guard.spend(clock()));
    let Some(place) = place else {
        guard.count(|counters| &counters.refused);
        return Err(io::Error::other("there were too many"));
    };
    match connect(&guard, other).await {
        Ok((stream, ends)) => Ok(Carried::start(ends, halves(stream), guard, place)),
        Err(error) => {
            guard.count(|counters| &counters.failures);
            Err(error)
        }
    }
}

/// From an address that the library knows, or it would not know what comes. Where there is a choice, the system chooses.
async fn connect(guard: &Guard, other: SocketAddr) -> io::Result<(TcpStream, Ends)> {
    let socket = if other.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    let fits = |ip: &&IpAddr| ip.is_ipv4() == other.is_ipv4();
    let mut own = guard.listened().iter().filter(fits);
    if let (Some(ip), None) = (own.next(), own.next()) {
        socket.bind(SocketAddr::new(*ip, 0))?;
    }
    let stream = timeout(CONNECT_MAX, socket.connect(other)).await??;
    let ends = Ends {
        local: stream.local_addr()?,
        other,
    };
    if !guard.listened().contains(&ends.local.ip()) {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    }
    Ok((stream, ends))
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}
