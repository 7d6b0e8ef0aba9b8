//! One client's stream, over TCP, TLS or anything that reads and writes: frames in, bytes out.

use super::super::allocation::{FiveTuple, LinkId};
use super::super::framing::{Frame, next_frame};
use super::outbox::Outbox;
use super::{Thread, TurnDriver};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

/// No frame on a stream may be longer. Datagrams of calls have 1500 bytes at most, and so many clients may send the beginning
/// of something long.
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// The first frame has to be there by then.
const FIRST_FRAME: Duration = Duration::from_secs(10);
/// And another one within this: who has a relay refreshes its permissions every five minutes.
const NEXT_FRAME: Duration = Duration::from_secs(15 * 60);
/// A client that reads nothing for so long is gone.
const WRITE: Duration = Duration::from_secs(60);

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
    /// addresses outside.
    pub async fn serve_stream<S>(&self, stream: S, client: SocketAddr, local: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let number = self.next_link.fetch_add(1, Ordering::Relaxed);
        let at = usize::try_from(number).unwrap_or(0) % self.threads.len().max(1);
        let Some(thread) = self.threads.get(at) else {
            return;
        };
        let _place = Place(self);
        if self.streams.fetch_add(1, Ordering::AcqRel) >= self.streams_max {
            thread.tally.streams_refused.add();
            return;
        }
        thread.tally.streams_accepted.add();
        let link = LinkId(number);
        let outbox = Arc::new(Outbox::default());
        let from = FiveTuple {
            link,
            stream: true,
            client,
            local_ip: Some(local.ip()),
        };
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
}

impl Thread {
    /// False: the thread is gone.
    async fn tell(&self, inbound: Inbound) -> bool {
        let told = self.inbound.send(inbound).await.is_ok();
        self.bell.ring();
        told
    }
}

/// A stream that is counted.
struct Place<'a>(&'a TurnDriver);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
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
        if bytes.len() >= FRAME_BYTES_MAX {
            return Err(End::Broken);
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
