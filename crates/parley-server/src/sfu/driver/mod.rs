//! The threads and sockets of the SFU. A driver: what it does is decided in [`Sfu`].
//!
//! A room lives on one thread (by its id), which has a UDP port of its own that the answers in this room name: the system cannot
//! know which thread a client belongs to, and so no packet ever changes threads. Streams come in by the front's port and are given to
//! the thread that knows their client (`streams`). A thread that fails begins anew with the same port,
//! at once or, where it goes on failing, ever later: everybody in its rooms is told that their connection is lost, and offers another.

mod addresses;
mod pause;
mod standing;
mod streams;
mod worker;

use super::counts::Counts;
use super::event::Event;
use super::shard::{Command, SfuConfig};
use crate::sfu::Certificate;
use crate::turn::driver::bell::Bell;
use crate::turn::driver::places::Places;
use crate::turn::driver::socket;
use addresses::own_addresses;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use streams::{Arriving, Inlet};
use worker::Worker;

/// What waits for one thread; beyond that its clients are told to come again.
const COMMANDS_MAX: usize = 1_024;

/// Streams at once: more clients than one thread has, each with one.
const STREAMS_MAX: usize = 2_048;
/// Of these, from one address (IPv6: from one /56): a school behind one router.
const STREAMS_PER_SOURCE_MAX: usize = 256;
/// Addresses that a stream may come in by, of which clients are told: they try no more of anybody.
const STREAM_ADDRESSES_MAX: usize = 4;

/// How to run it.
#[derive(Debug, Clone)]
pub struct SfuSockets {
    /// The UDP address of the first thread; the others have the ports after it. Port 0 picks free ones.
    pub listen: SocketAddr,
    /// Threads.
    pub threads: u16,
    /// Addresses that a router in front gives the server to the outside.
    pub outside: Vec<IpAddr>,
    /// Connections of one thread at once.
    pub peers_max: usize,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartSfuError {
    /// A UDP address cannot be had.
    #[error(
        "The SFU cannot listen on UDP {address}: {source}. Choose another address, or stop what uses this one."
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gives no thread, or nothing to wait with.
    #[error("The SFU cannot start its threads: {0}. Raise the limits of open files and of processes.")]
    Thread(#[from] io::Error),
    /// There is no certificate.
    #[error("The SFU cannot make its certificate: {0}.")]
    Certificate(#[from] rcgen::Error),
}

/// A running SFU. It stops when this is dropped.
#[derive(Debug)]
pub struct SfuDriver {
    shards: Vec<Shard>,
    stop: Arc<AtomicBool>,
    places: Arc<Places>,
    /// Streams for which there was no place.
    refused: AtomicU64,
    /// Streams may come.
    takes_streams: bool,
}

/// Its ports are held, and nobody is heard yet.
#[derive(Debug)]
pub struct BoundSfu {
    workers: Vec<Worker>,
    driver: SfuDriver,
}

/// What the threads and everybody else share of one of them.
#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<Counts>,
    /// How often it began anew.
    restarts: AtomicU64,
    /// Asked to fail, by a test.
    fail: AtomicBool,
}

#[derive(Debug)]
struct Shard {
    address: SocketAddr,
    commands: SyncSender<Command>,
    bell: Arc<Bell>,
    inlet: Inlet,
    shared: Arc<Shared>,
    handle: Option<JoinHandle<()>>,
}

impl SfuDriver {
    /// Binds the sockets.
    ///
    /// # Errors
    /// [`StartSfuError`], a sentence with what to do.
    pub fn bind(sockets: &SfuSockets) -> Result<BoundSfu, StartSfuError> {
        let certificate = Certificate::generate()?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut bound = BoundSfu {
            workers: Vec::new(),
            driver: Self {
                shards: Vec::new(),
                stop: Arc::clone(&stop),
                places: Places::new(STREAMS_MAX, STREAMS_PER_SOURCE_MAX),
                refused: AtomicU64::new(0),
                takes_streams: false,
            },
        };
        for number in 0..sockets.threads.max(1) {
            let mut address = sockets.listen;
            if address.port() != 0 {
                address.set_port(address.port().saturating_add(number));
            }
            let listen = |source| StartSfuError::Listen { address, source };
            let socket = socket::listen(address, false).map_err(listen)?;
            let local = socket.local_addr().map_err(listen)?;
            let addresses = own_addresses(local);
            let outside = sockets
                .outside
                .iter()
                .map(|ip| SocketAddr::new(*ip, local.port()));
            let config = SfuConfig {
                certificate: certificate.clone(),
                addresses,
                outside: outside.collect(),
                streams: Vec::new(),
                peers_max: sockets.peers_max,
                seed: rand::random(),
            };
            let (commands, asked) = sync_channel(COMMANDS_MAX);
            let shared = Arc::new(Shared::default());
            let worker = Worker::new(socket, config, asked, Arc::clone(&shared), Arc::clone(&stop))?;
            bound.driver.shards.push(Shard {
                address: local,
                commands,
                bell: worker.bell(),
                inlet: worker.inlet(),
                shared,
                handle: None,
            });
            bound.workers.push(worker);
        }
        let after = bound
            .driver
            .shards
            .iter()
            .skip(1)
            .map(|shard| shard.inlet.clone());
        for (worker, next) in bound.workers.iter_mut().zip(after) {
            worker.pass_on_to(next);
        }
        Ok(bound)
    }

    /// Where the threads listen.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.shards.iter().map(|shard| shard.address)
    }

    /// Hands a command to the thread of its room. False: there is too much to do.
    pub fn command(&self, command: Command) -> bool {
        // The same in every run: nobody gains from choosing a thread, for rooms are named by the server.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let place = hasher.hash_one(command.room) % self.shards.len().max(1) as u64;
        let Some(shard) = usize::try_from(place)
            .ok()
            .and_then(|place| self.shards.get(place))
        else {
            return false;
        };
        let taken = shard.commands.try_send(command).is_ok();
        shard.bell.ring();
        taken
    }

    /// Whether clients are told that they may come by a stream.
    #[must_use]
    pub const fn takes_streams(&self) -> bool {
        self.takes_streams
    }

    /// Takes over a client's stream, of which `begun` was read already: a whole frame, and whatever came with it. Whose it is turns
    /// out on the threads.
    ///
    /// # Errors
    /// What the system says of a connection that has ended already.
    pub fn adopt(&self, socket: TcpStream, begun: Vec<u8>) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        let ends = (canonical(socket.peer_addr()?), canonical(socket.local_addr()?));
        let place = self.places.take(ends.0.ip());
        let first = self.shards.first().zip(place);
        let taken =
            first.is_some_and(|(shard, place)| shard.inlet.put(Arriving::new(socket, ends, begun, place)));
        self.refused.fetch_add(u64::from(!taken), Ordering::Relaxed);
        Ok(())
    }

    /// What was counted so far, over all threads.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let sum = self
            .shards
            .iter()
            .map(|shard| *shard.shared.counts.lock().unwrap_or_else(PoisonError::into_inner))
            .fold(Counts::default(), |sum, one| sum + one);
        Counts {
            restarts: self.restarts(),
            streams_refused: sum.streams_refused + self.refused.load(Ordering::Relaxed),
            ..sum
        }
    }

    /// How often a thread failed and began anew.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| shard.shared.restarts.load(Ordering::Relaxed))
            .sum()
    }

    /// Makes all threads fail, for tests of what follows from it.
    pub fn fail(&self) {
        for shard in &self.shards {
            shard.shared.fail.store(true, Ordering::Release);
            shard.bell.ring();
        }
    }
}

impl BoundSfu {
    /// Where it will listen.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.driver.addresses()
    }

    /// Every address that clients are told to reach it by.
    #[must_use]
    pub fn reached(&self) -> Vec<SocketAddr> {
        self.workers.iter().flat_map(Worker::reached).collect()
    }

    /// Streams come in at `doors`, all of one port, where somebody else listens and hands them to [`SfuDriver::adopt`]: clients are
    /// told so, with the addresses of the outside and of this machine that these may be reached by.
    #[must_use]
    pub fn with_streams_at(mut self, doors: &[SocketAddr]) -> Self {
        for worker in &mut self.workers {
            let port = doors.first().map_or(0, SocketAddr::port);
            let outside = worker.outside().map(|ip| SocketAddr::new(ip, port));
            let own = doors.iter().flat_map(|door| own_addresses(*door));
            let mut told: Vec<SocketAddr> = Vec::new();
            for address in outside.chain(own).filter(|_| port != 0) {
                if !told.contains(&address) && told.len() < STREAM_ADDRESSES_MAX {
                    told.push(address);
                }
            }
            self.driver.takes_streams = !told.is_empty();
            worker.tell_of_streams(told);
        }
        self
    }

    /// Starts the threads. `tell` is given every event; where it says false, the event is kept and told again.
    ///
    /// # Errors
    /// [`StartSfuError::Thread`].
    pub fn run(
        self,
        tell: impl Fn(&Event) -> bool + Send + Clone + 'static,
    ) -> Result<SfuDriver, StartSfuError> {
        let Self { workers, mut driver } = self;
        for (number, (worker, shard)) in workers.into_iter().zip(&mut driver.shards).enumerate() {
            let tell = tell.clone();
            let handle = std::thread::Builder::new()
                .name(format!("sfu-{number}"))
                .spawn(move || worker.run(tell))?;
            shard.handle = Some(handle);
        }
        Ok(driver)
    }
}

impl Drop for SfuDriver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for shard in &mut self.shards {
            shard.bell.ring();
            if let Some(handle) = shard.handle.take() {
                // A thread that panicked has said so by itself.
                let _ = handle.join();
            }
        }
    }
}
