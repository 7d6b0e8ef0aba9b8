//! Starting and stopping: binds, spawns the tasks, and ends them in good order. A driver.

use crate::config::ServerConfig;
use crate::counters::{Counters, Tally};
use crate::hub::{Hub, inbox};
use crate::net::{bind_udp, canonical, is_taken, listen_tcp};
use crate::rooms::Rooms;
use crate::socket::Surroundings;
use crate::time::Clock;
use crate::{listener, stun, web};
use parley_proto::{IceServer, IceServerKind};
use rand::rngs::StdRng;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long clients may take to hear that the server goes away.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// A running server. Dropping it ends it at once; [`Server::stop`] says goodbye first.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    stun_address: Option<SocketAddr>,
    tally: Arc<Tally>,
    stopping: watch::Sender<bool>,
    places: Arc<Semaphore>,
    places_max: u32,
    tasks: JoinSet<()>,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartServerError {
    /// No address to listen at was given.
    #[error("The server was given no address to listen at.")]
    NoAddress,
    /// Somebody else has the TCP port.
    #[error(
        "TCP {} is taken by another program. Stop that program, or choose another port.",
        place(address)
    )]
    Taken {
        /// Where.
        address: SocketAddr,
    },
    /// Somebody else has the UDP port of STUN.
    #[error(
        "UDP {} is taken by another program. Stop that program, or choose another port for STUN.",
        place(address)
    )]
    StunTaken {
        /// Where.
        address: SocketAddr,
    },
    /// Something else is wrong with an address.
    #[error("The server cannot listen on {}: {source}.", place(address))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl Server {
    /// Binds everything and serves. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// [`StartServerError`], a sentence with the address.
    pub async fn start(config: ServerConfig) -> Result<Self, StartServerError> {
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for address in &config.listen {
            let bound = listen_tcp(*address)
                .and_then(|listener| Ok((listener.local_addr()?, listener)))
                .map_err(|source| refused(source, *address, StartServerError::Taken { address: *address }))?;
            addresses.push(canonical(bound.0));
            listeners.push(bound.1);
        }
        if addresses.is_empty() {
            return Err(StartServerError::NoAddress);
        }
        let stun = match config.stun {
            None => None,
            Some(address) => Some(
                bind_udp(address)
                    .and_then(|socket| Ok((socket.local_addr()?, socket)))
                    .map_err(|source| refused(source, address, StartServerError::StunTaken { address }))?,
            ),
        };
        let stun_address = stun.as_ref().map(|(address, _)| canonical(*address));

        let (clock, tally) = (Clock::start(), Arc::new(Tally::default()));
        let (stopping, stop) = watch::channel(false);
        let (to_hub, from_connections) = inbox();
        let places_max = u32::try_from(config.connections_max).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(places_max as usize));
        let ice_servers = ice_servers(stun_address);
        let rng: StdRng = rand::make_rng();
        let rooms = Rooms::new(
            clock.now(),
            &config.key,
            ice_servers,
            config.participants_max,
            rng,
        );
        let around = Surroundings {
            hub: to_hub,
            clock,
            tally: Arc::clone(&tally),
        };
        let router = web::router(around, &config.key, Arc::clone(&places));

        let mut tasks = JoinSet::new();
        tasks.spawn(Hub::new(rooms, clock, Arc::clone(&tally)).run(from_connections, stop.clone()));
        if let Some((_, socket)) = stun {
            tasks.spawn(stun::serve(socket, clock, Arc::clone(&tally)));
        }
        for listener in listeners {
            tasks.spawn(listener::serve(
                listener,
                router.clone(),
                config.header_timeout,
                stop.clone(),
            ));
        }
        Ok(Self {
            addresses,
            stun_address,
            tally,
            stopping,
            places,
            places_max,
            tasks,
        })
    }

    /// The first TCP address, with the port it really has.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        // `start` refuses an empty list; an address nobody listens at is the honest answer to the impossible.
        self.addresses
            .first()
            .copied()
            .unwrap_or_else(|| ([0, 0, 0, 0], 0).into())
    }

    /// All TCP addresses.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The UDP address of STUN, with the port it really has.
    #[must_use]
    pub const fn stun_address(&self) -> Option<SocketAddr> {
        self.stun_address
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.tally.snapshot()
    }

    /// Tells everyone that the server goes away, waits (briefly) until they heard it, and frees the ports.
    pub async fn stop(mut self) {
        // Every task may be gone already; then there is nobody to tell.
        let _ = self.stopping.send(true);
        let all = self.places.acquire_many(self.places_max);
        if tokio::time::timeout(FAREWELL_MAX, all).await.is_err() {
            tracing::info!("some clients did not say goodbye in time");
        }
        self.tasks.shutdown().await;
    }
}

fn refused(source: io::Error, address: SocketAddr, taken: StartServerError) -> StartServerError {
    if is_taken(&source) {
        taken
    } else {
        StartServerError::Listen { address, source }
    }
}

/// A port in words; which address it is of only where somebody chose one.
fn place(address: &SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("port {}", address.port())
    } else {
        format!("port {} of {}", address.port(), address.ip())
    }
}

/// "The host you reached me at": a server does not know its own name from outside.
fn ice_servers(stun: Option<SocketAddr>) -> Vec<IceServer> {
    stun.into_iter()
        .map(|address| IceServer {
            kind: IceServerKind::Stun,
            host: None,
            port: address.port(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_cannot_be_had_is_told_as_people_know_it() {
        for (address, expect) in [
            ("[::]:7788", "port 7788"),
            ("0.0.0.0:7788", "port 7788"),
            ("127.0.0.1:80", "port 80 of 127.0.0.1"),
            ("[::1]:80", "port 80 of ::1"),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let source = io::ErrorKind::PermissionDenied.into();
            for error in [
                StartServerError::Taken { address },
                StartServerError::StunTaken { address },
                StartServerError::Listen { address, source },
            ] {
                let said = error.to_string();
                let fits = [" is", ":"]
                    .iter()
                    .any(|after| said.contains(&format!("{expect}{after}")));
                assert!(fits, "{said}");
            }
        }
    }
}
