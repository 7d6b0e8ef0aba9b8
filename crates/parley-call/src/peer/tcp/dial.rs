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

/// Connects to `other`, once its time has come: if that was wanted, once, and only while the call does not stand without. The
/// library lets it go on in a task of its own, whatever becomes of the connection: it stops when that is closed.
///
/// # Errors
/// When there is to be no stream, or is none.
pub(in crate::peer) async fn dial(
    guard: Arc<Guard>,
    other: SocketAddr,
) -> io::Result<Arc<dyn AsyncTcpStream>> {
    tokio::select! {
        biased;
        () = guard.ended() => Err(io::Error::other("the connection is closed")),
        stream = dial_while_open(Arc::clone(&guard), other) => stream,
    }
}

async fn dial_while_open(guard: Arc<Guard>, other: SocketAddr) -> io::Result<Arc<dyn AsyncTcpStream>> {
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "test: a task and a clock of its own")]
mod tests {
    use super::*;
    use socket2::{Domain, Socket, Type};

    /// Somebody whose firewall says nothing: a socket that has no room for another stream answers nothing either.
    fn silent() -> (Socket, std::net::TcpStream, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let at = socket.local_addr().unwrap().as_socket().unwrap();
        let first = std::net::TcpStream::connect(at).unwrap();
        (socket, first, at)
    }

    #[tokio::test]
    async fn a_dial_stops_with_its_connection_and_none_begins_after_it() {
        let (_socket, _first, at) = silent();
        let begin = || {
            let guard = Guard::new(&["127.0.0.1:0".parse().unwrap()], &[], Arc::default());
            guard.want(at).unwrap();
            guard
        };
        for wait in [
            Duration::from_millis(700),
            Duration::from_millis(50),
            Duration::ZERO,
        ] {
            let guard = begin();
            let dialling = tokio::spawn(dial(Arc::clone(&guard), at));
            tokio::time::sleep(wait).await;
            assert!(!dialling.is_finished(), "{wait:?}: nobody answers");
            let before = Instant::now();
            guard.end();
            let dialled = timeout(CONNECT_MAX, dialling).await.expect("at once").unwrap();
            assert!(dialled.is_err());
            assert!(
                before.elapsed() < Duration::from_secs(1),
                "{wait:?}: {:?}",
                before.elapsed()
            );
        }
        let guard = begin();
        guard.end();
        assert!(dial(Arc::clone(&guard), at).await.is_err());
        assert!(guard.take(at), "it did not even begin");
    }
}
