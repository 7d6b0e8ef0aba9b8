//! One relay behind a stream, as a UDP socket on this machine that the peer connection's library takes for it. A driver.
//!
//! ```text
//! library's socket <-> this socket -> queue -> stream -> relay
//!                                  <---------- stream <-
//! ```
//! The library has a socket for each address of this machine, and asks from each of them. One allocation is enough: only
//! what comes from this socket's own address is taken, and of that only the first port. A stream is one client to the relay
//! (RFC 8656, section 3.1), so two could not share it anyway. With an ICE restart the library changes all of its sockets: then
//! whoever asks for an allocation from the new port gets a stream of its own in place of the old one's. While the call stands
//! nobody restarts, and no other program on this machine gets the stream by asking.
//!
//! A stream that breaks takes its allocation with it. Before there is one it is opened again; after, the library could not be
//! told, so the bridge is [`Ended`](BridgeState::Ended) and the call needs a fresh connection.

use super::dial::{DialError, Stream, dial};
use super::frame::{self, Frames};
use super::proxy::Proxy;
use super::start::{self, Better};
use crate::ice::{RelayTransport, TurnServer};
use bytes::BytesMut;
use rustls::ClientConfig;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, split};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, sleep_until, timeout};

/// Datagrams that may wait for the stream: some 0.3 s of picture. More would come too late to be seen; what finds no room is
/// dropped and counted, as a full router does, and the estimate lowers the rate.
const QUEUE_MAX: usize = 64;
/// Datagrams that go into the stream at once.
const BATCH_MAX: usize = 32;
/// The largest datagram.
const DATAGRAM_BYTES_MAX: usize = 2048;
/// Bytes read of the stream at once.
const READ_BYTES: usize = 16 << 10;
/// A stream that takes nothing for so long is dead.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// How a bridge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BridgeState {
    /// No stream yet.
    Waiting,
    /// There is one.
    Open,
    /// There was one with an allocation, and it broke.
    Ended,
}

/// What is counted of a bridge.
#[derive(Debug, Default)]
pub(crate) struct BridgeCounters {
    /// Datagrams that found the stream too slow.
    pub(crate) queue_full: AtomicU64,
    /// Datagrams of somebody else, or that are neither STUN nor ChannelData.
    pub(crate) refused: AtomicU64,
    /// Streams that could not be opened, or broke.
    pub(crate) failures: AtomicU64,
}

/// What a bridge leads to, and how.
#[derive(Debug, Clone)]
pub(crate) struct BridgePlan {
    /// The relay.
    pub(crate) server: TurnServer,
    /// How it is encrypted; needed for [`RelayTransport::Tls`].
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// The proxy, where there is one.
    pub(crate) proxy: Option<Proxy>,
    /// How many others are tried before.
    pub(crate) before: usize,
}

/// See the module. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Bridge {
    address: SocketAddr,
    transport: RelayTransport,
    state: watch::Receiver<BridgeState>,
    counters: Arc<BridgeCounters>,
    task: AbortHandle,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bridge {
    /// Makes one at `ip`, which the library's sockets must have one of.
    ///
    /// # Errors
    /// When the system gives no socket there.
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: one task a bridge, ended with it"
    )]
    pub(crate) async fn open(
        ip: IpAddr,
        plan: BridgePlan,
        better: watch::Receiver<Better>,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind((ip, 0)).await?;
        let address = socket.local_addr()?;
        let transport = plan.server.transport;
        let counters = Arc::new(BridgeCounters::default());
        let (tell, state) = watch::channel(BridgeState::Waiting);
        let work = Work {
            socket,
            ip,
            plan,
            better,
            tell,
            counters: Arc::clone(&counters),
        };
        Ok(Self {
            address,
            transport,
            state,
            counters,
            task: tokio::spawn(work.run()).abort_handle(),
        })
    }

    /// Where the library finds it.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How the relay is really reached.
    pub(crate) const fn transport(&self) -> RelayTransport {
        self.transport
    }

    /// How it stands.
    pub(crate) fn state(&self) -> watch::Receiver<BridgeState> {
        self.state.clone()
    }

    /// What was counted.
    pub(crate) fn counters(&self) -> &BridgeCounters {
        &self.counters
    }
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

struct Work {
    socket: UdpSocket,
    ip: IpAddr,
    plan: BridgePlan,
    better: watch::Receiver<Better>,
    tell: watch::Sender<BridgeState>,
    counters: Arc<BridgeCounters>,
}

/// Who asked for an allocation, and how: it asks the same way until there is an answer.
#[derive(Debug, Clone)]
struct Asked {
    client: SocketAddr,
    framed: BytesMut,
}

/// Why a stream is carried no further.
#[derive(Debug)]
enum Over {
    Fault(io::Error),
    /// The library has other sockets now.
    Moved(Asked),
}

impl Work {
    async fn run(mut self) {
        let mut failures = 0;
        let mut asked = None;
        loop {
            let client = match asked.take() {
                Some(asked) => asked,
                None => self.first().await,
            };
            let Some(client) = self.wait_for_better(client, clock()).await else {
                continue;
            };
            match self.stream().await {
                Ok(stream) => {
                    self.tell.send_replace(BridgeState::Open);
                    let allocated = AtomicBool::new(false);
                    match self.carry(stream, &client, &allocated).await {
                        Over::Moved(other) => {
                            tracing::debug!(server = ?self.plan.server, "another socket asks for a relay");
                            self.tell.send_replace(BridgeState::Waiting);
                            asked = Some(other);
                            continue;
                        }
                        Over::Fault(fault) => {
                            tracing::debug!(server = ?self.plan.server, %fault, "the stream to a relay ended");
                        }
                    }
                    if allocated.load(Ordering::Acquire) {
                        self.tell.send_replace(BridgeState::Ended);
                        return;
                    }
                    self.tell.send_replace(BridgeState::Waiting);
                }
                Err(error) => tracing::debug!(server = ?self.plan.server, %error, "no stream to a relay"),
            }
            asked = Some(client);
            failures += 1;
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            sleep(start::again(failures)).await;
        }
    }

    /// The library's first request, and who sent it.
    async fn first(&self) -> Asked {
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let (bytes, from) = self.receive(&mut datagram).await;
            if let Some(asked) = self.asks(&datagram[..bytes], from) {
                return asked;
            }
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What asks for an allocation, if this does, and comes from where the library's socket is.
    fn asks(&self, datagram: &[u8], client: SocketAddr) -> Option<Asked> {
        let mut framed = BytesMut::new();
        let asks =
            client.ip() == self.ip && frame::is_allocate(datagram) && frame::append(datagram, &mut framed);
        asks.then_some(Asked { client, framed })
    }

    async fn receive(&self, datagram: &mut [u8]) -> (usize, SocketAddr) {
        receive(&self.socket, datagram).await
    }

    /// Returns when the stream is wanted, all better ways considered, and who wants it by then; `None` when it is not: then
    /// whoever asks next begins anew.
    async fn wait_for_better(&mut self, mut asked: Asked, since: Instant) -> Option<Asked> {
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let better = *self.better.borrow_and_update();
            let due = since + start::after(better, self.plan.before)?;
            // What others than the library send is counted where there is a stream.
            let changed = tokio::select! {
                () = sleep_until(due.into()) => return Some(asked),
                changed = self.better.changed() => changed,
                (bytes, from) = receive(&self.socket, &mut datagram) => {
                    if let Some(newer) = self.asks(&datagram[..bytes], from) {
                        asked = newer;
                    }
                    Ok(())
                }
            };
            if changed.is_err() {
                return Some(asked);
            }
        }
    }

    async fn stream(&self) -> Result<Box<dyn Stream>, DialError> {
        let tls = match self.plan.server.transport {
            RelayTransport::Tls => Some(
                self.plan
                    .tls
                    .as_ref()
                    .ok_or_else(|| DialError::Tls(io::Error::other("none on this system")))?,
            ),
            RelayTransport::Udp | RelayTransport::Tcp => None,
        };
        dial(&self.plan.server.at, tls, self.plan.proxy.as_ref()).await
    }

    /// Carries datagrams both ways until the stream is of no more use; says why.
    async fn carry(&self, stream: Box<dyn Stream>, asked: &Asked, allocated: &AtomicBool) -> Over {
        let (reader, writer) = split(stream);
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        // There is room: it is empty.
        let _ = queue.try_send(asked.framed.clone());
        tokio::select! {
            other = self.take_in(asked.client, queue) => Over::Moved(other),
            fault = write_out(writer, waiting) => Over::Fault(fault),
            fault = self.read_in(reader, asked.client, allocated) => Over::Fault(fault),
        }
    }

    /// From the library into the queue, until it asks from another socket.
    async fn take_in(&self, client: SocketAddr, queue: mpsc::Sender<BytesMut>) -> Asked {
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let (bytes, from) = self.receive(&mut datagram).await;
            let mut framed = BytesMut::with_capacity(bytes + 3);
            if from != client
                && *self.better.borrow() != Better::Found
                && let Some(other) = self.asks(&datagram[..bytes], from)
            {
                return other;
            }
            if from != client || !frame::append(&datagram[..bytes], &mut framed) {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
            } else if queue.try_send(framed).is_err() {
                self.counters.queue_full.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// From the stream to the library.
    async fn read_in(
        &self,
        mut reader: ReadHalf<Box<dyn Stream>>,
        client: SocketAddr,
        allocated: &AtomicBool,
    ) -> io::Error {
        let mut frames = Frames::default();
        loop {
            frames.buffer().reserve(READ_BYTES);
            match reader.read_buf(frames.buffer()).await {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(_) => {}
                Err(error) => return error,
            }
            loop {
                let datagram = match frames.next() {
                    Ok(Some(datagram)) => datagram,
                    Ok(None) => break,
                    Err(frame::Junk) => return io::Error::other("it carries no TURN"),
                };
                if frame::is_allocated(&datagram) {
                    allocated.store(true, Ordering::Release);
                }
                if let Err(error) = self.socket.send_to(&datagram, client).await {
                    tracing::trace!(%error, "a datagram of a relay is lost on this machine");
                }
            }
        }
    }
}

/// Receives. An error is word of an earlier datagram that nobody took, which is no matter here.
async fn receive(socket: &UdpSocket, datagram: &mut [u8]) -> (usize, SocketAddr) {
    loop {
        match socket.recv_from(datagram).await {
            Ok(received) => return received,
            Err(error) => {
                tracing::trace!(%error, "a bridge's socket");
                sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

/// From the queue into a stream, as much at once as there is; says what ended it.
pub(crate) async fn write_out(
    mut writer: impl AsyncWrite + Unpin,
    mut waiting: mpsc::Receiver<BytesMut>,
) -> io::Error {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut out = BytesMut::new();
    loop {
        if waiting.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return io::ErrorKind::BrokenPipe.into();
        }
        out.clear();
        for framed in batch.drain(..) {
            out.extend_from_slice(&framed);
        }
        let writing = async {
            writer.write_all(&out).await?;
            writer.flush().await
        };
        match timeout(WRITE_MAX, writing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(_) => return io::ErrorKind::TimedOut.into(),
        }
    }
}

#[cfg(test)]
#[path = "bridge/tests.rs"]
mod tests;
