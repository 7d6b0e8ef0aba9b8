//! One stream, as the library takes it. A driver.
//!
//! The library writes from the task that does everything else of the connection, and waits for it. So nothing is written
//! there: packets go into a queue, and those that find no room are dropped and counted, as a full router does; the estimate
//! lowers the rate. What comes is looked at before the library gets it: whole packets of a sane size, the first a STUN message.
//! A stream that breaks that rule ends, which the library takes as the other side's doing.

use super::frames::{Frames, HEADER_BYTES, Junk};
use super::guard::Guard;
use crate::relay::bridge::write_out;
use crate::stun;
use bytes::{Buf as _, BytesMut};
use socket2::SockRef;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, OwnedSemaphorePermit, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use webrtc::runtime::AsyncTcpStream;

/// How long a stream may be silent at its beginning: checks are made many times a second.
pub(super) const FIRST_MAX: Duration = Duration::from_secs(5);
/// Packets that may wait for the stream: some 0.3 s of picture. More would come too late to be seen.
const QUEUE_MAX: usize = 64;
/// Bytes that may wait in the system for a slow stream: a call's second at a low rate. More would only be delay.
const SEND_BUFFER_BYTES: usize = 128 << 10;
/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;

/// What is read of a stream: whole frames only.
#[derive(Debug)]
pub(super) struct Incoming {
    half: OwnedReadHalf,
    frames: Frames,
    /// Frames that the library has not taken yet: no more than what is read at once.
    ready: BytesMut,
    heard: bool,
}

/// The two halves of a stream. Small messages go at once, and little waits in the system.
pub(super) fn halves(stream: TcpStream) -> (Incoming, OwnedWriteHalf) {
    let settled = [
        stream.set_nodelay(true),
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES),
    ];
    for error in settled.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a stream stays at the system's default");
    }
    let (half, out) = stream.into_split();
    let incoming = Incoming {
        half,
        frames: Frames::default(),
        ready: BytesMut::new(),
        heard: false,
    };
    (incoming, out)
}

/// What became of waiting for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Some,
    /// The other side has no more to say.
    Ended,
    /// What it says is no call, or it never said anything.
    Junk,
}

impl Incoming {
    /// Waits for the first packet and gives whether it is as it should be; it stays to be read.
    pub(super) async fn begins(&mut self, is_right: impl Fn(&[u8]) -> bool) -> bool {
        self.first(is_right).await == More::Some
    }

    async fn first(&mut self, is_right: impl Fn(&[u8]) -> bool) -> More {
        match timeout(FIRST_MAX, self.frame()).await {
            Ok(Ok(Some(frame))) if is_right(&frame[HEADER_BYTES..]) => {
                self.ready.extend_from_slice(&frame);
                self.heard = true;
                More::Some
            }
            // They found something better meanwhile.
            Ok(Ok(None)) => More::Ended,
            _ => More::Junk,
        }
    }

    /// The next frame; `None` when there is no more.
    async fn frame(&mut self) -> Result<Option<BytesMut>, Junk> {
        loop {
            if let Some(frame) = self.frames.next()? {
                return Ok(Some(frame));
            }
            self.frames.buffer().reserve(READ_BYTES);
            let read = self.half.read_buf(self.frames.buffer()).await;
            if !matches!(read, Ok(1..)) {
                return Ok(None);
            }
        }
    }

    /// Waits until there is something to read.
    async fn fill(&mut self) -> More {
        if !self.heard {
            return self.first(stun::is_message).await;
        }
        let first = match self.frame().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return More::Ended,
            Err(Junk) => return More::Junk,
        };
        self.ready.extend_from_slice(&first);
        // Junk after them is found with the next one.
        while let Ok(Some(frame)) = self.frames.next() {
            self.ready.extend_from_slice(&frame);
        }
        More::Some
    }
}

/// See the module. Ends when dropped.
#[derive(Debug)]
pub(super) struct Carried {
    local: SocketAddr,
    other: SocketAddr,
    incoming: Mutex<Incoming>,
    queue: mpsc::Sender<BytesMut>,
    /// Nobody says anything there; it ends with the writer.
    written: watch::Receiver<()>,
    writer: AbortHandle,
    guard: Arc<Guard>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

/// Both ends of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) local: SocketAddr,
    pub(super) other: SocketAddr,
}

impl Carried {
    /// Carries a stream from now on.
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: one writer a stream, ended with it"
    )]
    pub(super) fn start(
        ends: Ends,
        (incoming, out): (Incoming, OwnedWriteHalf),
        guard: Arc<Guard>,
        place: OwnedSemaphorePermit,
    ) -> Arc<dyn AsyncTcpStream> {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let (writing, written) = watch::channel(());
        let writer = async move {
            let fault = write_out(out, waiting).await;
            tracing::debug!(%fault, "a stream to the other side takes no more");
            drop(writing);
        };
        Arc::new(Self {
            local: ends.local,
            other: ends.other,
            incoming: Mutex::new(incoming),
            queue,
            written,
            writer: tokio::spawn(writer).abort_handle(),
            guard,
            _place: place,
        })
    }

    /// Reads whole frames, or what is left of them; nothing more once it is zero.
    async fn read_some(&self, buf: &mut [u8]) -> usize {
        let mut incoming = self.incoming.lock().await;
        if incoming.ready.is_empty() {
            let mut written = self.written.clone();
            let was_heard = incoming.heard;
            let more = tokio::select! {
                more = incoming.fill() => more,
                _ = written.changed() => More::Junk,
            };
            // Of those that come in the first packet was heard before they are carried.
            if incoming.heard && !was_heard {
                self.guard.answers(self.other);
            }
            if more == More::Junk {
                self.guard.count(|counters| &counters.failures);
            }
            if more != More::Some {
                return 0;
            }
        }
        let bytes = incoming.ready.len().min(buf.len());
        buf[..bytes].copy_from_slice(&incoming.ready[..bytes]);
        incoming.ready.advance(bytes);
        bytes
    }
}

impl AsyncTcpStream for Carried {
    fn read<'a, 'b>(
        &'a self,
        buf: &'b mut [u8],
    ) -> Pin<Box<dyn Future<Output = io::Result<usize>> + Send + 'b>>
    where
        'a: 'b,
    {
        Box::pin(async move { Ok(self.read_some(buf).await) })
    }

    /// Never waits, and never fails: what cannot go is dropped.
    fn write_all<'a, 'b>(&'a self, buf: &'b [u8]) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'b>>
    where
        'a: 'b,
    {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(BytesMut::from(buf)) {
            self.guard.count(|counters| &counters.queue_full);
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    const LONG: Duration = Duration::from_secs(10);
    /// A STUN message without attributes.
    const MESSAGE: [u8; 20] = [
        0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];

    fn framed(packet: &[u8]) -> Vec<u8> {
        [&(packet.len() as u16).to_be_bytes()[..], packet].concat()
    }

    /// A stream that is carried, its guard, and who is at the other end.
    async fn carried() -> (Arc<dyn AsyncTcpStream>, Arc<Guard>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = listener.local_addr().unwrap();
        let stream = TcpStream::connect(other).await.unwrap();
        let (end, _) = listener.accept().await.unwrap();
        let guard = Guard::new(&["127.0.0.1:0".parse().unwrap()], &[], Arc::default());
        let local = stream.local_addr().unwrap();
        let place = guard.place().unwrap();
        let carried = Carried::start(Ends { local, other }, halves(stream), Arc::clone(&guard), place);
        (carried, guard, end)
    }

    async fn read(carried: &Arc<dyn AsyncTcpStream>) -> Vec<u8> {
        let mut buf = vec![0; 30];
        let bytes = timeout(LONG, carried.read(&mut buf)).await.unwrap().unwrap();
        buf.truncate(bytes);
        buf
    }

    #[tokio::test]
    async fn whole_packets_are_read_in_pieces_as_large_as_asked_for() {
        let (carried, guard, mut end) = carried().await;
        let packets = [framed(&MESSAGE), framed(&[7; 40])].concat();
        end.write_all(&packets[..10]).await.unwrap();
        let late = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            end.write_all(&packets[10..]).await.unwrap();
        };
        let (first, ()) = tokio::join!(read(&carried), late);
        assert_eq!(first, framed(&MESSAGE));
        let rest = [read(&carried).await, read(&carried).await].concat();
        assert_eq!(rest, framed(&[7; 40]));
        drop(end);
        assert_eq!(read(&carried).await, b"", "the end");
        assert!(guard.counted().is_empty(), "{:?}", guard.counted());
    }

    #[tokio::test]
    async fn whoever_speaks_something_else_is_not_heard() {
        for said in [&b"HTTP/1.1 400 Bad Request"[..], b"\x00\x04abcd"] {
            let (carried, guard, mut end) = carried().await;
            end.write_all(said).await.unwrap();
            assert_eq!(read(&carried).await, b"");
            assert_eq!(guard.counted(), [("tcp_failures", 1)]);
        }
    }

    #[tokio::test]
    async fn what_a_slow_stream_cannot_take_is_dropped_and_counted_at_once() {
        let (carried, guard, _never_reads) = carried().await;
        let packet = framed(&[7; 1200]);
        let writing = async {
            while guard.counted().is_empty() {
                for _ in 0..50 {
                    carried.write_all(&packet).await.unwrap();
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, writing).await.expect("nothing waits for ever");
        assert!(guard.counted()[0].0 == "tcp_queue_full", "{:?}", guard.counted());
    }
}
