//! Streams that others open: each is listened to until it said a check that is meant for us, and only then the library hears of
//! it. A driver. Where nobody shall connect, there is [`Closed`].
//!
//! Anybody may connect to an open port. Whoever says nothing, or something else, is put out after a few seconds; while many
//! wait so, the newest puts out the oldest, since who is genuine speaks at once.

use super::guard::Guard;
use super::stream::{Carried, Ends, halves};
use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Aborted, BoxFuture, FutureExt as _, abortable};
use futures_util::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use webrtc::runtime::{AsyncTcpListener, AsyncTcpStream};

/// Streams that are listened to at a time.
const UNDECIDED_MAX: usize = 8;
/// After a stream could not be taken (too many files are open, most often), the next is waited for so long.
const AFTER_A_FAULT: Duration = Duration::from_millis(200);

/// What the library is to have.
type Decided = (Arc<dyn AsyncTcpStream>, SocketAddr);
/// What became of a stream, by its number.
type Deciding = BoxFuture<'static, Result<(u64, Option<Decided>), Aborted>>;

/// Streams that have not said yet who they are.
#[derive(Default)]
struct Undecided {
    listening: FuturesUnordered<Deciding>,
    /// By their numbers, oldest first.
    row: VecDeque<(u64, AbortHandle)>,
    came: u64,
}

impl Undecided {
    /// Listens to one more; gives whether another was put out for it.
    fn add(&mut self, deciding: impl Future<Output = Option<Decided>> + Send + 'static) -> bool {
        let crowded = self.row.len() >= UNDECIDED_MAX;
        if crowded && let Some((_, oldest)) = self.row.pop_front() {
            oldest.abort();
        }
        self.came += 1;
        let number = self.came;
        let (deciding, handle) = abortable(deciding.map(move |decided| (number, decided)));
        self.listening.push(deciding.boxed());
        self.row.push_back((number, handle));
        crowded
    }

    /// The next one that the library is to have; waits for ever while there is none.
    async fn next(&mut self) -> Decided {
        loop {
            match self.listening.next().await {
                Some(Ok((number, decided))) => {
                    self.row.retain(|(other, _)| *other != number);
                    if let Some(decided) = decided {
                        return decided;
                    }
                }
                Some(Err(Aborted)) => {}
                None => std::future::pending().await,
            }
        }
    }
}

/// See the module.
pub(in crate::peer) struct Listener {
    socket: TcpListener,
    guard: Arc<Guard>,
    undecided: Mutex<Undecided>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl Listener {
    /// For a socket that listens and does not block.
    ///
    /// # Errors
    /// When the system does not take it.
    pub(in crate::peer) fn new(socket: std::net::TcpListener, guard: Arc<Guard>) -> io::Result<Self> {
        Ok(Self {
            socket: TcpListener::from_std(socket)?,
            guard,
            undecided: Mutex::default(),
        })
    }

    async fn next(&self) -> Decided {
        let mut undecided = self.undecided.lock().await;
        loop {
            let came = tokio::select! {
                came = self.socket.accept() => came,
                decided = undecided.next() => return decided,
            };
            match came {
                Ok((stream, other)) => {
                    if undecided.add(decide(Arc::clone(&self.guard), stream, other)) {
                        self.guard.count(|counters| &counters.strangers);
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "a stream could not be taken");
                    tokio::time::sleep(AFTER_A_FAULT).await;
                }
            }
        }
    }
}

/// Listens to a stream; gives it if the library is to have it.
async fn decide(guard: Arc<Guard>, stream: TcpStream, other: SocketAddr) -> Option<Decided> {
    let local = stream.local_addr().ok()?;
    let (mut incoming, out) = halves(stream);
    let place = if incoming.begins(|packet| guard.knows(packet)).await {
        guard.place()
    } else {
        None
    };
    let Some(place) = place else {
        guard.count(|counters| &counters.strangers);
        return None;
    };
    let needed = guard.rest_of_head_start(clock()).await;
    needed.then(|| {
        let carried = Carried::start(Ends { local, other }, (incoming, out), guard, place);
        (carried, other)
    })
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

impl AsyncTcpListener for Listener {
    fn accept<'a>(
        &'a self,
    ) -> Pin<Box<dyn Future<Output = io::Result<(Arc<dyn AsyncTcpStream>, SocketAddr)>> + Send + 'a>> {
        Box::pin(async move { Ok(self.next().await) })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// What the library is given in place of a socket that nobody shall connect to: it makes a candidate for streams of ours of it.
#[derive(Debug)]
pub(in crate::peer) struct Closed {
    was: SocketAddr,
}

impl Closed {
    /// The socket itself is to be dropped.
    ///
    /// # Errors
    /// When the system does not say where it was.
    pub(in crate::peer) fn in_place_of(socket: &std::net::TcpListener) -> io::Result<Self> {
        let was = socket.local_addr()?;
        Ok(Self { was })
    }
}

impl AsyncTcpListener for Closed {
    fn accept<'a>(
        &'a self,
    ) -> Pin<Box<dyn Future<Output = io::Result<(Arc<dyn AsyncTcpStream>, SocketAddr)>> + Send + 'a>> {
        Box::pin(std::future::pending())
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.was)
    }
}
