//! The sockets of the TURN server: threads for UDP, tasks for streams. A driver; what it does is decided in [`TurnServer`].
//!
//! | who | owns | why there |
//! |---|---|---|
//! | thread `turn-N` (`worker`, `desk`, `tcp`) | one [`TurnServer`], its UDP sockets, relays and clients on plain TCP | a packet is received, decided and sent without changing hands; the system spreads clients over the threads (SO_REUSEPORT) |
//! | `pace` | when to let packets gather | a busy thread sends more with the same CPU |
//! | `batch` | what is to be sent until the thread has read all there was | packets for one socket and destination leave in one system call |
//! | task of [`TurnDriver::serve_stream`] | one client's stream | TLS and slow clients are no business of the threads |
//! | `outbox` | what is on its way to one such task | bounded: a client that does not read loses its own packets and nobody else's |
//!
//! On Linux, many datagrams are read and written by one system call (recvmmsg, GRO, GSO); elsewhere one by one, by the same code.

pub(crate) mod batch;
pub(crate) mod bell;
mod clock;
mod desk;
mod outbox;
mod pace;
pub(crate) mod places;
pub(crate) mod socket;
mod stay;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod worker;

use super::config::TurnConfig;
use super::counters::{TurnCounters, TurnTally};
use super::server::{TurnServer, TurnShared};
use bell::Bell;
use clock::Clock;
use places::Places;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use stream::Inbound;
use tokio::sync::mpsc;
use worker::Worker;

/// What waits for one thread from its streams; then they are not read until it caught up.
const INBOUND_MAX: usize = 256;

/// A TURN server with its sockets. It stops when this is dropped.
#[derive(Debug)]
pub struct TurnDriver {
    shared: Arc<TurnShared>,
    threads: Vec<Thread>,
    udp: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    places: Arc<Places>,
    next_link: AtomicU32,
}

/// Its sockets are bound, and nobody is heard yet: what may be done by whoever opens ports but not by whoever listens to strangers
/// (being root, say) ends here.
pub struct BoundTurn {
    driver: TurnDriver,
    /// One for each thread of the driver, in the same order.
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Thread {
    inbound: mpsc::Sender<Inbound>,
    bell: Arc<Bell>,
    tally: Arc<TurnTally>,
    handle: Option<JoinHandle<()>>,
}

/// Why a TURN server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartTurnError {
    /// A UDP address cannot be had.
    #[error(
        "TURN cannot listen on UDP {address}: {source}. Choose another address, or stop what uses this one."
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gives no thread, or nothing to wait with.
    #[error("TURN cannot start its threads: {0}. Raise the limits of open files and of processes.")]
    Thread(#[from] io::Error),
}

/// How to run it.
#[derive(Clone)]
pub struct TurnSockets {
    /// UDP addresses to listen on. `[::]` also takes IPv4; port 0 picks a free one.
    pub udp: Vec<SocketAddr>,
    /// Threads; a second one helps once the first is busy. More than one only where the system spreads clients (Linux).
    pub threads: usize,
    /// Streams at once; more are turned away.
    pub streams_max: usize,
    /// Of these, from one client address (IPv6: from one /56).
    pub streams_per_source_max: usize,
    /// Random bytes: nonces, ports and tokens come of it.
    pub seed: [u8; 32],
}

impl std::fmt::Debug for TurnSockets {
    /// Without the seed, of which every nonce and token comes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnSockets")
            .field("udp", &self.udp)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl TurnDriver {
    /// Binds the sockets and starts the threads.
    ///
    /// # Errors
    /// [`StartTurnError`], a sentence with what to do.
    pub fn start(config: TurnConfig, sockets: &TurnSockets) -> Result<Self, StartTurnError> {
        Self::bind(config, sockets)?.run()
    }

    /// Binds the sockets.
    ///
    /// # Errors
    /// [`StartTurnError`], a sentence with what to do.
    pub fn bind(config: TurnConfig, sockets: &TurnSockets) -> Result<BoundTurn, StartTurnError> {
        let threads = if cfg!(target_os = "linux") {
            sockets.threads.max(1)
        } else {
            1
        };
        let clock = Clock::start();
        let mut seeds = Seeds(sockets.seed);
        let shared = TurnShared::new(config, seeds.next());
        let stop = Arc::new(AtomicBool::new(false));
        let mut driver = Self {
            shared: Arc::clone(&shared),
            threads: Vec::with_capacity(threads),
            udp: Vec::new(),
            stop: Arc::clone(&stop),
            places: Places::new(sockets.streams_max, sockets.streams_per_source_max),
            next_link: AtomicU32::new(u32::try_from(sockets.udp.len()).unwrap_or(0)),
        };
        let mut workers = Vec::with_capacity(threads);
        for number in 0..threads {
            let mut links = Vec::new();
            for (at, address) in sockets.udp.iter().enumerate() {
                // The first thread finds the port that port 0 stands for; the others share it.
                let address = driver.udp.get(at).copied().unwrap_or(*address);
                let listen = |source| StartTurnError::Listen { address, source };
                let socket = socket::listen(address, threads > 1).map_err(listen)?;
                if number == 0 {
                    driver.udp.push(socket.local_addr().map_err(listen)?);
                }
                links.push(socket);
            }
            let server = TurnServer::new(Arc::clone(&shared), seeds.next());
            let tally = server.tally();
            let (inbound, inbox) = mpsc::channel(INBOUND_MAX);
            let worker = Worker::new(server, links, inbox, clock, Arc::clone(&stop))?;
            driver.threads.push(Thread {
                inbound,
                bell: worker.bell(),
                tally,
                handle: None,
            });
            workers.push(worker);
        }
        Ok(BoundTurn { driver, workers })
    }

    /// Where it listens on UDP, in the order asked for.
    #[must_use]
    pub fn udp(&self) -> &[SocketAddr] {
        &self.udp
    }

    /// From now on nobody gets a new relay; those who have one keep it. [`TurnCounters::allocations`] tells when all are gone.
    pub fn drain(&self) {
        self.shared.drain();
    }

    /// What happened so far, over all threads.
    #[must_use]
    pub fn counters(&self) -> TurnCounters {
        self.threads
            .iter()
            .map(|thread| thread.tally.snapshot())
            .fold(TurnCounters::default(), |sum, one| sum + one)
    }
}

impl BoundTurn {
    /// Where it will listen on UDP, in the order asked for.
    #[must_use]
    pub fn udp(&self) -> &[SocketAddr] {
        self.driver.udp()
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// [`StartTurnError::Thread`].
    pub fn run(self) -> Result<TurnDriver, StartTurnError> {
        let Self { mut driver, workers } = self;
        for (number, (thread, worker)) in driver.threads.iter_mut().zip(workers).enumerate() {
            let handle = std::thread::Builder::new()
                .name(format!("turn-{number}"))
                .spawn(move || worker.run())?;
            thread.handle = Some(handle);
        }
        Ok(driver)
    }
}

impl Drop for TurnDriver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in &mut self.threads {
            thread.bell.ring();
            if let Some(handle) = thread.handle.take() {
                // A thread that panicked has said so by itself.
                let _ = handle.join();
            }
        }
    }
}

/// Many seeds of one.
struct Seeds([u8; 32]);

impl Seeds {
    fn next(&mut self) -> [u8; 32] {
        use sha2::{Digest as _, Sha256};
        let next = |label: &[u8]| {
            Sha256::new()
                .chain_update(self.0)
                .chain_update(label)
                .finalize()
                .into()
        };
        let given = next(b"given");
        self.0 = next(b"kept");
        given
    }
}
