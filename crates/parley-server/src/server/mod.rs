//! Starting and stopping: binds, spawns the tasks, and ends them in good order. A driver.

mod bound;
mod groups;
mod ways;

use crate::access::Record;
use crate::config::ServerConfig;
use crate::counters::{Counters, Tally};
use crate::errands::Errands;
use crate::front::{self, CertificateError, Certificates, Crowd, Door};
use crate::hub::{Hub, Inbound, Question, inbox};
use crate::net::own_name;
use crate::places::Places;
use crate::rooms::Rooms;
use crate::sfu::driver::{BoundSfu, SfuDriver, StartSfuError};
use crate::socket::Surroundings;
use crate::stage::Stage;
use crate::store::{OpenStoreError, Opened, Store};
use crate::stun;
use crate::time::Clock;
use crate::turn::{StartTurnError, TurnCounters, TurnDriver};
use crate::web::{self, Health, Names};
use crate::webhook::BadWebhook;
use bound::{Bound, addresses};
use rand::rngs::StdRng;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use ways::{Ways, stun_servers};

/// How long clients may take to hear that the server goes away.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// A running server. Dropping it ends it at once; [`Server::stop`] says goodbye first.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    udp_addresses: Vec<SocketAddr>,
    tally: Arc<Tally>,
    turn: Option<Arc<TurnDriver>>,
    sfu: Option<Arc<SfuDriver>>,
    stage: watch::Sender<Stage>,
    places: Arc<Places>,
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
    /// What is kept of invitations and bans cannot be reached.
    #[error("{0}")]
    Store(#[from] OpenStoreError),
    /// Nobody can be told anything there.
    #[error("{0}")]
    Webhook(#[from] BadWebhook),
    /// The SFU cannot start.
    #[error("{0}")]
    Sfu(#[from] StartSfuError),
    /// TURN cannot start for another reason.
    #[error("{0}")]
    Turn(StartTurnError),
    /// There is no certificate to speak TLS with.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    /// What was to be done before anybody is heard could not be done.
    #[error("{0}")]
    Then(Box<dyn std::error::Error + Send + Sync>),
    /// TLS does not take its own settings.
    #[error("TLS cannot be set up: {0}.")]
    Tls(#[from] rustls::Error),
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
        Self::start_once_bound(config, || Ok(())).await
    }

    /// The same, and calls `then` once all ports are held and what is kept was read, before anybody is heard: whoever is root
    /// for the sake of the ports is root no longer when the first stranger's byte is looked at.
    ///
    /// # Errors
    /// [`StartServerError`], a sentence; [`StartServerError::Then`] with what `then` said.
    pub async fn start_once_bound(
        config: ServerConfig,
        then: impl FnOnce() -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Self, StartServerError> {
        let bound = Bound::new(&config)?;
        let (addresses, tls_addresses) = (addresses(&bound.plain), addresses(&bound.tls));
        let sfu = config
            .sfu
            .as_ref()
            .and_then(|sfu| groups::bind(sfu, &addresses, &tls_addresses));
        let sfu_reached = sfu.as_ref().map(BoundSfu::reached).unwrap_or_default();
        let (ways, udp_addresses) = Ways::open(&config, &bound.udp, sfu_reached)?;

        let (clock, tally) = (Clock::start(), Arc::new(Tally::default()));
        let (stage, stage_now) = watch::channel(Stage::Serving);
        let (to_hub, from_connections) = inbox();
        let places = Places::new(config.connections_max);
        let rng: StdRng = rand::make_rng();
        let relays = ways.relays(&config, &udp_addresses, &addresses, &tls_addresses);
        let groups = sfu.as_ref().and(config.sfu.as_ref());
        let groups_max = groups.map(|sfu| sfu.participants_max);
        let (listeners_max, listen_from) = groups.map_or((0, 0), |sfu| (sfu.listeners_max, sfu.listen_from));
        let mut rooms = Rooms::new(
            clock.now(),
            &config.key,
            stun_servers(&config, &udp_addresses),
            config.participants_max,
            rng,
        )
        .with_relays(relays)
        .with_groups(groups_max)
        .with_listeners(listeners_max, listen_from);
        let mut store = None;
        if let Some(folder) = &config.folder {
            // Once, before anybody is served.
            let opened: Opened = Store::open(folder, clock.now(), taken_up_by(&to_hub))?;
            if let Some(aside) = &opened.set_aside {
                tracing::warn!(
                    "What was kept of invitations, keys and bans could not be read; it lies in {} now, and a new file was begun.",
                    aside.display()
                );
            }
            rooms.restore(clock.now(), opened.records);
            store = Some(opened.store);
        }
        let certificates = match &config.tls {
            Some(tls) => Some(Certificates::open(&tls.certificate)?),
            None => None,
        };
        then().map_err(StartServerError::Then)?;

        let sfu = match sfu {
            Some(bound) => Some(Arc::new(groups::run(bound, &to_hub)?)),
            None => None,
        };
        let turn = match ways.turn {
            Some(bound) => Some(Arc::new(bound.run().map_err(StartServerError::Turn)?)),
            None => None,
        };
        let mut tasks = JoinSet::new();
        let mut webhook = None;
        if let Some(hook) = &config.webhook {
            let (events, delivering) = crate::webhook::open(hook, clock, Arc::clone(&tally))?;
            tasks.spawn(delivering);
            webhook = Some(events);
        }
        let errands = Errands::new(&to_hub, store, webhook, Arc::clone(&tally)).with_sfu(sfu.clone());
        let around = Surroundings {
            hub: to_hub,
            clock,
            tally: Arc::clone(&tally),
            join_max: config.join_timeout,
        };
        let health = Health {
            stage: stage_now.clone(),
            turn: turn.clone(),
            sfu: sfu.clone(),
            token: config.metrics_token.as_deref().map(Into::into),
        };
        let machine = own_name();
        let own = config.names.iter().map(String::as_str).chain(machine.as_deref());
        let router = web::router(
            around,
            &config.key,
            config.domain.as_deref(),
            Names::new(own.chain(config.domain.as_deref())),
            Arc::clone(&places),
            health,
        );

        let tls = match certificates {
            None => None,
            Some(certificates) => {
                if let Some(keeper) = certificates.keeper {
                    tasks.spawn(keeper);
                }
                let config = front::server_config(certificates.resolver)?;
                Some(TlsAcceptor::from(Arc::new(config)))
            }
        };
        tasks.spawn(
            Hub::new(rooms, clock, Arc::clone(&tally), errands, Arc::clone(&places))
                .run(from_connections, stage_now.clone()),
        );
        if let Some(socket) = ways.stun {
            tasks.spawn(stun::serve(socket, clock, Arc::clone(&tally)));
        }
        let door = Door {
            plain: router.clone(),
            secure: router,
            tls,
            turn: turn.clone(),
            sfu: sfu.clone().filter(|sfu| sfu.takes_streams()),
            crowd: Crowd::new(config.undecided_max),
            tally: Arc::clone(&tally),
            patience: config.header_timeout,
        };
        for (_, listener) in bound.plain {
            tasks.spawn(front::serve(listener, door.clone(), stage_now.clone()));
        }
        let redirecting = |port| front::redirecting(config.domain.clone(), port, Arc::clone(&tally));
        for (address, listener) in bound.tls {
            let plain = redirecting(address.port());
            tasks.spawn(front::serve(
                listener,
                Door {
                    plain,
                    ..door.clone()
                },
                stage_now.clone(),
            ));
        }
        if let (Some((_, listener)), Some(secure)) = (bound.redirect, tls_addresses.first()) {
            let plain = redirecting(secure.port());
            tasks.spawn(front::serve(listener, Door { plain, ..door }, stage_now));
        }
        Ok(Self {
            addresses,
            tls_addresses,
            udp_addresses,
            tally,
            turn,
            sfu,
            stage,
            places,
            tasks,
        })
    }

    /// The first TCP address, with the port it really has.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        // `start` refuses an empty list; an address nobody listens at is the honest answer to the impossible.
        self.addresses
            .first()
            .or(self.tls_addresses.first())
            .copied()
            .unwrap_or_else(|| ([0, 0, 0, 0], 0).into())
    }

    /// All TCP addresses without TLS.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// All TCP addresses with TLS.
    #[must_use]
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// The first UDP address of STUN, with the port it really has.
    #[must_use]
    pub fn stun_address(&self) -> Option<SocketAddr> {
        self.udp_addresses.first().copied()
    }

    /// All UDP addresses of STUN and TURN.
    #[must_use]
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.udp_addresses
    }

    /// What the relays did so far; nothing where there are none.
    #[must_use]
    pub fn turn_counters(&self) -> Option<TurnCounters> {
        self.turn.as_ref().map(|turn| turn.counters())
    }

    /// The SFU, where there is one.
    #[must_use]
    pub fn sfu(&self) -> Option<&SfuDriver> {
        self.sfu.as_deref()
    }

    /// From now on no call begins and no relay is given; those that are there go on. Before [`Server::stop`].
    pub fn drain(&self) {
        if let Some(turn) = &self.turn {
            turn.drain();
        }
        // Every task may be gone already; then there is nobody to tell.
        let _ = self.stage.send(Stage::Draining);
    }

    /// Whether nobody is in a call here, and nobody uses a relay.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let relays = self.turn_counters().map_or(0, |turn| turn.allocations);
        self.counters().rooms == 0 && relays == 0
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.tally.snapshot()
    }

    /// Tells everyone that the server goes away, waits (briefly) until they heard it, and frees the ports.
    pub async fn stop(mut self) {
        // Every task may be gone already; then there is nobody to tell.
        let _ = self.stage.send(Stage::Stopping);
        if tokio::time::timeout(FAREWELL_MAX, self.places.empty())
            .await
            .is_err()
        {
            tracing::info!("some clients did not say goodbye in time");
        }
        self.tasks.shutdown().await;
    }
}

/// Hands on to the hub what was left in the file from the command line; whether it was taken.
fn taken_up_by(hub: &mpsc::Sender<Inbound>) -> impl Fn(&[Record]) -> bool + Send + use<> {
    // Weak: a hub that held its own inbox open would never see that everybody is gone.
    let hub = hub.downgrade();
    move |left| {
        let left = left.to_vec();
        let question = Question::new(move |rooms, now| {
            rooms.book().take_up(now, left);
            Vec::new()
        });
        // Never waits: a hub that ends waits for this thread.
        hub.upgrade()
            .is_some_and(|hub| hub.try_send(Inbound::Asked(question)).is_ok())
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
