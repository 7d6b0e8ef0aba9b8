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
    if !guard.head_start().await || !guard.after_the_one_before(other).await {
        return Err(io::Error::other("the call stands without it"));
    }
    let place = guard.place().filter(|_| guard.spend(clock(), other));
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
    use super::super::frames::HEADER_BYTES;
    use super::super::rules::{AGAIN_FIRST, Budget, HEAD_START};
    use super::*;
    use socket2::{Domain, Socket, Type};
    use std::sync::{Mutex, PoisonError};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

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

    /// Somebody who answers as who has a call does.
    async fn answering() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        (listener, at)
    }

    async fn answer(listener: &TcpListener) -> TcpStream {
        let (mut end, _) = listener.accept().await.unwrap();
        let mut check = vec![0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        check.resize(HEADER_BYTES + 20, 7);
        end.write_all(&check).await.unwrap();
        end
    }

    /// One connection of a call after the other.
    fn connection(budget: &Arc<Mutex<Budget>>, places: &[SocketAddr]) -> Arc<Guard> {
        let guard = Guard::new(&["127.0.0.1:0".parse().unwrap()], &[], Arc::clone(budget));
        guard.begin("theirs", clock());
        for at in places {
            guard.want(*at).unwrap();
        }
        guard
    }

    #[tokio::test]
    async fn a_connection_that_broke_comes_back_where_it_was_at_once_and_reaches_out_for_no_other() {
        let ((there, good), (elsewhere, other)) = (answering().await, answering().await);
        let budget = Arc::default();
        let first = connection(&budget, &[good]);
        let (stream, _end) = tokio::join!(dial(Arc::clone(&first), good), answer(&there));
        assert!(stream.unwrap().read(&mut [0; 64]).await.unwrap() > 0);
        first.end();
        // As after many connections.
        let spend = |_: &u32| {
            budget
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .spend(clock(), other)
        };
        assert!((0..100).filter(spend).count() < 100);

        let second = connection(&budget, &[other, good]);
        let before = Instant::now();
        let late = tokio::spawn(dial(Arc::clone(&second), other));
        let (stream, _end) = tokio::join!(dial(Arc::clone(&second), good), answer(&there));
        assert!(stream.is_ok());
        assert!(
            before.elapsed() < HEAD_START + AGAIN_FIRST,
            "{:?}",
            before.elapsed()
        );
        assert!(!late.is_finished(), "the other one waits");
        second.rest();
        assert!(late.await.unwrap().is_err());
        assert!(
            second.counted().is_empty(),
            "it was not needed: {:?}",
            second.counted()
        );
        assert!(
            timeout(Duration::from_millis(50), elsewhere.accept())
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn where_nobody_answers_any_more_the_others_are_reached_out_for() {
        let ((_elsewhere, other), (_socket, _first, gone)) = (answering().await, silent());
        let budget: Arc<Mutex<Budget>> = Arc::default();
        connection(&budget, &[]).answers(gone);
        let guard = connection(&budget, &[gone, other]);
        let waits = tokio::spawn(dial(Arc::clone(&guard), gone));
        let before = Instant::now();
        assert!(dial(Arc::clone(&guard), other).await.is_ok());
        assert!(before.elapsed() >= AGAIN_FIRST, "{:?}", before.elapsed());
        guard.end();
        assert!(waits.await.unwrap().is_err());
        // Nor is anybody waited for who is not named any more.
        let guard = connection(&budget, &[other]);
        let before = Instant::now();
        assert!(dial(guard, other).await.is_ok());
        assert!(before.elapsed() < AGAIN_FIRST, "{:?}", before.elapsed());
    }
}
