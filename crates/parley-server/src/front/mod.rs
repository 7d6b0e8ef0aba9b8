//! The front door: everything that is spoken over TCP comes in by the same port, and its first bytes tell what it is.
//!
//! | stage | what decides | then |
//! |---|---|---|
//! | `crowd` | are there too many that speak HTTP or have said nothing yet? | the one that came first goes, of those from where most came |
//! | `opening` | the first byte: a TLS ClientHello, STUN, HTTP | a handshake, TURN over TCP, the pages |
//! | `media` | STUN once more: is it in a frame, as in ICE over TCP? | the SFU, once a whole packet came |
//! | `opening` again, inside TLS | the protocol that was agreed on (ALPN), else the first byte | TURN over TLS, the pages |
//! | `no_tls` | TLS where there is none | "write http" |
//! | `redirect` | HTTP without TLS where TLS is wanted | "go to https" |
//!
//! Each stage has a time limit, and every refusal a counter. TURN's and the SFU's streams and WebSockets are no longer counted here:
//! they have limits of their own. `certificates` says who we are. A driver.

mod acme;
mod certificates;
mod crowd;
mod media;
mod no_tls;
mod opening;
mod own_certificate;
mod redirect;
mod speak;

pub use certificates::{CertificateError, CertificateSource};
pub(crate) use certificates::{Certificates, server_config};
pub(crate) use crowd::Crowd;
pub(crate) use redirect::router as redirecting;
pub(crate) use speak::Arrival;

use crate::counters::Tally;
use crate::sfu::driver::SfuDriver;
use crate::stage::Stage;
use crate::turn::TurnDriver;
use axum::Router;
use opening::{Opening, opening};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// After a failed accept (out of file descriptors, most likely): do not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(50);
/// What is looked at inside TLS before it is clear who reads on. Small: it stays for as long as the connection.
const LOOK_BYTES: usize = 512;
/// The protocol that TURN clients ask for in TLS (RFC 7443).
const ALPN_TURN: &[u8] = b"stun.turn";

/// HTTPS, and TURN over TLS.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// TCP addresses where TLS is expected. At the plain ones it is understood too.
    pub listen: Vec<SocketAddr>,
    /// Where the certificate comes from.
    pub certificate: CertificateSource,
}

/// What is behind the door of one listener.
#[derive(Clone)]
pub(crate) struct Door {
    /// What plain HTTP gets.
    pub(crate) plain: Router,
    /// What HTTP within TLS gets.
    pub(crate) secure: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) turn: Option<Arc<TurnDriver>>,
    /// Where it takes streams.
    pub(crate) sfu: Option<Arc<SfuDriver>>,
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) tally: Arc<Tally>,
    /// For each stage.
    pub(crate) patience: Duration,
}

/// Serves one listener until told to stop; requests under way are dropped then, they take microseconds.
pub(crate) async fn serve(listener: TcpListener, door: Door, mut stage: watch::Receiver<Stage>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (socket, from) = accept(&listener) => {
                door.tally.tcp_accepted.add();
                connections.spawn(let_in(socket, from, door.clone()));
            }
            Some(_) = connections.join_next() => {}
            _ = stage.wait_for(|stage| *stage == Stage::Stopping) => return,
        }
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}

/// What a connection turned out to be.
enum Guest {
    Http(TcpStream),
    Https(SecureStream),
    Turn(TcpStream),
    TurnTls(SecureStream),
    /// With what was read of it.
    Media(TcpStream, Vec<u8>),
}

type SecureStream = BufReader<tokio_rustls::server::TlsStream<TcpStream>>;

/// One connection, until it ends or is somebody else's.
async fn let_in(socket: TcpStream, from: SocketAddr, door: Door) {
    // Small messages that should not wait for one another.
    let _ = socket.set_nodelay(true);
    let Ok(local) = socket.local_addr() else {
        return;
    };
    let (place, evicted) = door.crowd.enter(from.ip(), &door.tally);
    let speaks = async {
        match decide(socket, &door).await {
            Some(Guest::Http(stream)) => {
                speak::http(stream, from, door.plain.clone(), &door).await;
                None
            }
            Some(Guest::Https(stream)) => {
                speak::http(stream, from, door.secure.clone(), &door).await;
                None
            }
            Some(stream) => Some(stream),
            None => None,
        }
    };
    let stream = tokio::select! {
        stream = speaks => stream,
        () = evicted.wait() => {
            door.tally.tcp_evicted.add();
            return;
        }
    };
    drop(place);
    let guest = match stream {
        Some(Guest::Media(stream, begun)) => return media::hand_over(stream, begun, &door),
        Some(guest) => guest,
        None => return,
    };
    let Some(driver) = &door.turn else {
        return;
    };
    door.tally.turn_streams.add();
    match guest {
        Guest::TurnTls(stream) => driver.serve_stream(stream, from, local).await,
        Guest::Turn(stream) => {
            let adopted = match stream.into_std() {
                Ok(stream) => driver.adopt_tcp(stream).await,
                Err(error) => Err(error),
            };
            if let Err(error) = adopted {
                tracing::debug!(%error, "a TURN connection ended early");
            }
        }
        Guest::Http(_) | Guest::Https(_) | Guest::Media(..) => {}
    }
}

/// Finds out what it is; nothing when it is nobody we know, which is counted.
async fn decide(socket: TcpStream, door: &Door) -> Option<Guest> {
    let mut first = [0; 1];
    let looked = timeout(door.patience, socket.peek(&mut first)).await;
    let Ok(looked) = looked else {
        door.tally.tcp_silent.add();
        return None;
    };
    // Gone again without a word: a port scan, or a browser that opened one too many.
    if looked.unwrap_or(0) == 0 {
        return None;
    }
    match (opening(first[0]), &door.tls) {
        (Opening::Http, _) => Some(Guest::Http(socket)),
        (Opening::Stun, _) => decide_stun(socket, door).await,
        (Opening::Tls, Some(tls)) => decide_inside(tls, socket, door).await,
        (Opening::Tls, None) => {
            door.tally.tls_unserved.add();
            no_tls::tell(socket, door.patience).await;
            None
        }
        (Opening::Junk, _) => {
            door.tally.tcp_junk.add();
            None
        }
    }
}

/// A message of STUN for the relays, or one in a frame for the SFU.
async fn decide_stun(socket: TcpStream, door: &Door) -> Option<Guest> {
    if door.sfu.is_some() {
        let said = timeout(door.patience, media::begins(socket)).await;
        let Ok(said) = said else {
            door.tally.tcp_silent.add();
            return None;
        };
        return match said? {
            media::Begins::Framed(socket, begun) => Some(Guest::Media(socket, begun)),
            media::Begins::Bare(socket) => turn_if_there_is(door, Guest::Turn(socket)),
            media::Begins::Junk => {
                door.tally.tcp_junk.add();
                None
            }
        };
    }
    turn_if_there_is(door, Guest::Turn(socket))
}

async fn decide_inside(tls: &TlsAcceptor, socket: TcpStream, door: &Door) -> Option<Guest> {
    let stream = match timeout(door.patience, tls.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            door.tally.tls_failed.add();
            return None;
        }
        Err(_slow) => {
            door.tally.tcp_silent.add();
            return None;
        }
    };
    let agreed = stream.get_ref().1.alpn_protocol();
    // An authority that looked whether we have the name: it has seen what it came for.
    if agreed == Some(acme::ALPN) {
        return None;
    }
    let is_turn = agreed == Some(ALPN_TURN);
    let mut stream = BufReader::with_capacity(LOOK_BYTES, stream);
    if is_turn {
        return turn_if_there_is(door, Guest::TurnTls(stream));
    }
    let first = match timeout(door.patience, stream.fill_buf()).await {
        Ok(bytes) => bytes.ok().and_then(|bytes| bytes.first().copied()),
        Err(_slow) => {
            door.tally.tcp_silent.add();
            return None;
        }
    };
    match opening(first?) {
        Opening::Http => Some(Guest::Https(stream)),
        Opening::Stun => turn_if_there_is(door, Guest::TurnTls(stream)),
        // TLS within TLS, too.
        Opening::Tls | Opening::Junk => {
            door.tally.tcp_junk.add();
            None
        }
    }
}

fn turn_if_there_is(door: &Door, guest: Guest) -> Option<Guest> {
    if door.turn.is_none() {
        door.tally.turn_unserved.add();
        return None;
    }
    Some(guest)
}
