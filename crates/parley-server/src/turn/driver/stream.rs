//! One client's stream, over TCP, TLS or anything that reads and writes: frames in, bytes out.

use super::super::allocation::{FiveTuple, LinkId};
use super::super::framing::{FRAME_BYTES_MAX, Frame, next_frame};
use super::outbox::Outbox;
use super::places::Place;
use super::{Thread, TurnDriver};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

/// The first frame has to be there by then.
pub(super) const FIRST_FRAME: Duration = Duration::from_secs(10);
/// And another one within this: who has a relay refreshes its permissions every five minutes.
pub(super) const NEXT_FRAME: Duration = Duration::from_secs(15 * 60);
/// A client that reads nothing for so long is gone.
pub(super) const WRITE: Duration = Duration::from_secs(60);
/// What may wait for one client: a second and a half at 1 Mbit/s. Sound that is older helps nobody, and who asks for pictures
/// again should not find these before them.
pub(super) const WAITING_BYTES_MAX: usize = 192 * 1024;

/// What a thread is told of streams.
#[derive(Debug)]
pub(super) enum Inbound {
    /// A stream's task: there is one more.
    Opened {
        /// The client.
        from: FiveTuple,
        /// Where to put what is for it.
        outbox: Arc<Outbox>,
    },
    /// A stream's task: whole frames came.
    Frames {
        /// Of whom.
        link: LinkId,
        /// One or more, each padded.
        bytes: Vec<u8>,
    },
    /// A stream's task: it is over.
    Closed {
        /// Which.
        link: LinkId,
    },
    /// A client on plain TCP, from now on the thread's own.
    Adopted {
        /// The client.
        from: FiveTuple,
        /// Its connection, not blocking.
        socket: std::net::TcpStream,
        /// What it is counted by.
        place: Place,
    },
}

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client left.
    Left,
    /// It sent something else, or nothing.
    Broken,
}

impl TurnDriver {
    /// Serves a client on `stream` until it is closed. For TLS, hand in the stream within. `client` and `local` are its
    /// addresses outside. Plain TCP is better served by [`TurnDriver::adopt_tcp`].
    pub async fn serve_stream<S>(&self, stream: S, client: SocketAddr, local: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let Some((thread, from, _place)) = self.admit(client, local) else {
            return;
        };
        let link = from.link;
        let outbox = Arc::new(Outbox::default());
        let opened = Inbound::Opened {
            from,
            outbox: Arc::clone(&outbox),
        };
        // Whatever ends this task, also its being dropped, tells the thread.
        let _farewell = Farewell {
            thread,
            link,
            outbox: Arc::clone(&outbox),
        };
        if !thread.tell(opened).await {
            return;
        }
        let (reader, writer) = tokio::io::split(stream);
        let end = tokio::select! {
            end = read(thread, link, reader) => end,
            () = write(&outbox, writer) => End::Left,
        };
        if end == End::Broken {
            thread.tally.streams_broken.add();
        }
    }

    /// Gives a client's plain TCP connection to one of the threads, which serves it with less work than a task can. What may
    /// have been looked at (`peek`) has not been read.
    ///
    /// # Errors
    /// What the system says of a connection that has ended already.
    pub async fn adopt_tcp(&self, socket: std::net::TcpStream) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let (client, local) = (socket.peer_addr()?, socket.local_addr()?);
        if let Some((thread, from, place)) = self.admit(client, local) {
            thread.tell(Inbound::Adopted { from, socket, place }).await;
        }
        Ok(())
    }

    /// Counts one more stream and chooses its thread, if there are not too many.
    fn admit(&self, client: SocketAddr, local: SocketAddr) -> Option<(&Thread, FiveTuple, Place)> {
        let number = self.next_link.fetch_add(1, Ordering::Relaxed);
        let at = usize::try_from(number).unwrap_or(0) % self.threads.len().max(1);
        let thread = self.threads.get(at)?;
        let Some(place) = self.places.take(client.ip()) else {
            thread.tally.streams_refused.add();
            return None;
        };
        thread.tally.streams_accepted.add();
        let from = FiveTuple {
            link: LinkId(number),
            stream: true,
            client,
            local_ip: Some(local.ip()),
        };
        Some((thread, from, place))
    }
}

impl Thread {
    /// False: the thread is gone.
    async fn tell(&self, inbound: Inbound) -> bool {
        let told = self.inbound.send(inbound).await.is_ok();
        self.bell.ring();
        told
    }
}

/// Says goodbye for a stream.
struct Farewell<'a> {
    thread: &'a Thread,
    link: LinkId,
    outbox: Arc<Outbox>,
}

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        // Should the thread's inbox be full at this moment, it finds the closed outbox by itself.
        self.outbox.close();
        let _ = self.thread.inbound.try_send(Inbound::Closed { link: self.link });
        self.thread.bell.ring();
    }
}

async fn read(thread: &Thread, link: LinkId, mut reader: impl AsyncRead + Unpin) -> End {
    let mut bytes: Vec<u8> = Vec::with_capacity(FRAME_BYTES_MAX);
    // Looked at when it is over instead of set anew for every frame: a silent client is noticed up to twice as late.
    let patience = sleep(FIRST_FRAME);
    tokio::pin!(patience);
    let mut heard = false;
    loop {
        let frames = tokio::select! {
            biased;
            frames = whole_frames(&mut reader, &mut bytes) => frames,
            () = &mut patience => {
                if !std::mem::take(&mut heard) {
                    return End::Broken;
                }
                let next = patience.deadline() + NEXT_FRAME;
                patience.as_mut().reset(next);
                continue;
            }
        };
        let frames = match frames {
            Ok(frames) => frames,
            Err(end) => return end,
        };
        heard = true;
        if !thread.tell(Inbound::Frames { link, bytes: frames }).await {
            return End::Left;
        }
    }
}

/// Reads until there is at least one whole frame; takes all that are whole, and leaves the beginning of the next. May be
/// dropped in between: what was read stays.
async fn whole_frames(reader: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Result<Vec<u8>, End> {
    loop {
        match reader.read_buf(bytes).await {
            Ok(0) | Err(_) => return Err(End::Left),
            Ok(_) => {}
        }
        let mut whole = 0;
        loop {
            match next_frame(bytes.get(whole..).unwrap_or_default()) {
                Frame::Whole { padded, .. } => whole += padded,
                Frame::Partial => break,
                Frame::Junk => return Err(End::Broken),
            }
        }
        if whole > 0 {
            return Ok(bytes.drain(..whole).collect());
        }
    }
}

async fn write(outbox: &Outbox, mut writer: impl AsyncWrite + Unpin) {
    let mut bytes = Vec::new();
    while outbox.take(&mut bytes).await {
        let written = timeout(WRITE, async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        });
        if !matches!(written.await, Ok(Ok(()))) {
            return;
        }
    }
}
