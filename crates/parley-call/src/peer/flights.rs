//! A media socket that sends the flights of a DTLS handshake again sooner than the library does.
//!
//! webrtc 0.21.1 waits a second for the answer to a flight, and its setting for that is not handed through. Where packets are lost,
//! a call so stood a second or more later: at 30 % loss, few of ten datagrams all arrive. The copies are the same records with the same numbers: who has one of them
//! drops the others by its replay window (RFC 6347, 4.1.2.6), so no implementation can take them for anything new. Flights through
//! relays are left alone: they are wrapped by then.
//!
//! Copies end as soon as something came that answers the flight: a record of the handshake with a larger number than any before,
//! or anything that only comes after the handshake.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

/// When a flight is sent again, counted from the time before. The library's own second follows.
const AGAIN_AFTER: [Duration; 3] = [
    Duration::from_millis(80),
    Duration::from_millis(160),
    Duration::from_millis(320),
];
/// Datagrams of handshakes that a socket sends again at most: a whole handshake has some ten.
const DATAGRAMS_MAX: u16 = 64;
/// What came says that the handshake is over, whatever its numbers were.
const OVER: u64 = u64::MAX;

/// See the module.
pub(super) struct Flights {
    socket: Arc<dyn AsyncUdpSocket>,
    /// How far the other side is: the largest number of its records, and [`OVER`] in the end.
    heard: Arc<AtomicU64>,
    /// Datagrams that may still be sent again.
    left: AtomicU16,
}

impl Flights {
    pub(super) fn new(socket: Arc<dyn AsyncUdpSocket>) -> Self {
        Self {
            socket,
            heard: Arc::default(),
            left: AtomicU16::new(DATAGRAMS_MAX),
        }
    }

    fn may_again(&self) -> bool {
        let one_less = |left: u16| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }

    /// What is to be sent again of what was just sent.
    fn again(&self, transmit: &Transmit<'_>) -> Option<Again> {
        let before = self.heard.load(Ordering::Relaxed);
        if before == OVER || handshake_record(transmit.contents).is_none() || !self.may_again() {
            return None;
        }
        Some(Again {
            contents: transmit.contents.to_vec(),
            destination: transmit.destination,
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
            // A connection that is closed leaves no socket behind.
            socket: Arc::downgrade(&self.socket),
            heard: Arc::clone(&self.heard),
            before,
        })
    }

    fn on_received(&self, bufs: &[IoSliceMut<'_>], meta: &[RecvMeta]) {
        for (buf, meta) in bufs.iter().zip(meta) {
            let Some(received) = buf.get(..meta.len) else {
                continue;
            };
            for datagram in received.chunks(meta.stride.max(1)) {
                if let Some(number) = progress(datagram) {
                    self.heard.fetch_max(number, Ordering::Relaxed);
                }
            }
        }
    }
}

/// A datagram that is to be sent again.
struct Again {
    contents: Vec<u8>,
    destination: SocketAddr,
    segment_size: Option<usize>,
    src_ip: Option<IpAddr>,
    socket: Weak<dyn AsyncUdpSocket>,
    heard: Arc<AtomicU64>,
    /// How far the other side was when it was sent.
    before: u64,
}

impl Again {
    /// Sends it once more; false when it was answered or the socket is gone.
    async fn send(&self) -> bool {
        let Some(socket) = self.socket.upgrade() else {
            return false;
        };
        if self.heard.load(Ordering::Relaxed) > self.before {
            return false;
        }
        let transmit = Transmit {
            destination: self.destination,
            ecn: None,
            contents: &self.contents,
            segment_size: self.segment_size,
            src_ip: self.src_ip,
        };
        // Lost as any packet may be.
        let _ = poll_fn(|cx| socket.poll_send(cx, &transmit)).await;
        true
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "driver: under a second, ended by its bounds or by the end of the socket"
    )]
    fn spawn(self) {
        tokio::spawn(async move {
            for wait in AGAIN_AFTER {
                tokio::time::sleep(wait).await;
                if !self.send().await {
                    return;
                }
            }
        });
    }
}

/// The number of a record of a handshake, epoch and sequence number as they stand (RFC 6347, 4.1), plus one.
fn handshake_record(datagram: &[u8]) -> Option<u64> {
    let &[20..=22, 254, 253 | 255, ref rest @ ..] = datagram else {
        return None;
    };
    let number: [u8; 8] = rest.get(..8)?.try_into().ok()?;
    u64::from_be_bytes(number).checked_add(1)
}

/// How far a datagram shows the other side to be; nothing for what may come before a handshake too.
fn progress(datagram: &[u8]) -> Option<u64> {
    match datagram.first()? {
        20..=22 => handshake_record(datagram),
        // Data of an application, and what is protected with keys of the handshake (RFC 7983).
        23 | 128..=191 => Some(OVER),
        _ => None,
    }
}

impl AsyncUdpSocket for Flights {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = self.socket.poll_send(cx, transmit);
        if matches!(sent, Poll::Ready(Ok(_))) && transmit.contents.first().is_some_and(|first| *first < 23) {
            if let Some(again) = self.again(transmit) {
                again.spawn();
            }
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.socket.poll_recv(cx, bufs, meta);
        if let Poll::Ready(Ok(count)) = received
            && self.heard.load(Ordering::Relaxed) != OVER
        {
            self.on_received(
                bufs.get(..count).unwrap_or_default(),
                meta.get(..count).unwrap_or_default(),
            );
        }
        received
    }

    fn max_gso_segments(&self) -> usize {
        self.socket.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.socket.max_gro_segments()
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Mutex;

    /// A socket that writes down what goes out, and receives what it is given.
    #[derive(Debug, Default)]
    struct Wire {
        out: Mutex<Vec<Vec<u8>>>,
        coming: Mutex<Vec<Vec<u8>>>,
    }

    impl AsyncUdpSocket for Wire {
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(([127, 0, 0, 1], 1).into())
        }

        fn poll_send(&self, _: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
            self.out.lock().unwrap().push(transmit.contents.to_vec());
            Poll::Ready(Ok(transmit.contents.len()))
        }

        fn poll_recv(
            &self,
            _: &mut Context<'_>,
            bufs: &mut [IoSliceMut<'_>],
            meta: &mut [RecvMeta],
        ) -> Poll<io::Result<usize>> {
            let Some(next) = self.coming.lock().unwrap().pop() else {
                return Poll::Pending;
            };
            bufs[0][..next.len()].copy_from_slice(&next);
            meta[0].len = next.len();
            meta[0].stride = next.len();
            Poll::Ready(Ok(1))
        }
    }

    fn record(kind: u8, number: u64) -> Vec<u8> {
        let mut record = vec![kind, 254, 253];
        record.extend(number.to_be_bytes());
        record.extend([0, 1, 7]);
        record
    }

    fn sent(contents: &[u8]) -> Transmit<'_> {
        Transmit {
            destination: ([127, 0, 0, 1], 2).into(),
            ecn: None,
            contents,
            segment_size: None,
            src_ip: None,
        }
    }

    fn flights() -> (Arc<Wire>, Flights) {
        let wire = Arc::new(Wire::default());
        let flights = Flights::new(Arc::clone(&wire) as Arc<dyn AsyncUdpSocket>);
        (wire, flights)
    }

    async fn receive(wire: &Wire, flights: &Flights, datagram: Vec<u8>) {
        wire.coming.lock().unwrap().push(datagram);
        flights.recv_from(&mut [0; 1_500]).await.unwrap();
    }

    #[tokio::test]
    async fn a_flight_is_sent_again_as_it_was_until_it_is_answered() {
        let answers = [record(22, 0), record(23, 1 << 48), vec![0x80, 96, 0, 1]];
        for answer in answers {
            let (wire, flights) = flights();
            let again = flights.again(&sent(&record(22, 5))).unwrap();
            // What may come before an answer too.
            receive(&wire, &flights, vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]).await;
            assert!(again.send().await && again.send().await);
            assert_eq!(*wire.out.lock().unwrap(), [record(22, 5), record(22, 5)]);
            receive(&wire, &flights, answer).await;
            assert!(!again.send().await);
            assert_eq!(wire.out.lock().unwrap().len(), 2);
        }
    }

    #[tokio::test]
    async fn a_copy_of_what_came_before_answers_nothing() {
        let (wire, flights) = flights();
        receive(&wire, &flights, record(22, 3)).await;
        let again = flights.again(&sent(&record(22, 0))).unwrap();
        receive(&wire, &flights, record(22, 3)).await;
        assert!(again.send().await);
        receive(&wire, &flights, record(22, 4)).await;
        assert!(!again.send().await);
    }

    #[tokio::test]
    async fn nothing_else_is_sent_again_and_nothing_after_the_handshake() {
        let (wire, flights) = flights();
        for other in [
            record(23, 1),
            vec![0x80, 96, 0, 1],
            vec![0, 1, 0, 0],
            vec![],
            vec![22],
        ] {
            assert!(flights.again(&sent(&other)).is_none(), "{other:?}");
        }
        receive(&wire, &flights, record(23, 1 << 48)).await;
        assert!(flights.again(&sent(&record(22, 9))).is_none());
    }

    #[tokio::test]
    async fn what_is_sent_leaves_again_by_itself() {
        let (wire, flights) = flights();
        let to = ([127, 0, 0, 1], 2).into();
        flights.send_to(&record(22, 0), to).await.unwrap();
        for _ in 0..1_000 {
            if wire.out.lock().unwrap().len() > AGAIN_AFTER.len() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(wire.out.lock().unwrap().len(), 1 + AGAIN_AFTER.len());
    }

    #[test]
    fn copies_are_bounded() {
        let (_, flights) = flights();
        let flood = (0..500).filter(|number| flights.again(&sent(&record(22, *number))).is_some());
        assert_eq!(flood.count(), usize::from(DATAGRAMS_MAX));
    }

    #[tokio::test]
    async fn a_socket_that_is_closed_is_not_kept_open() {
        let (wire, flights) = flights();
        let again = flights.again(&sent(&record(22, 0))).unwrap();
        drop(flights);
        assert_eq!(Arc::strong_count(&wire), 1);
        drop(wire);
        assert!(!again.send().await);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_looked_at_within_its_length(datagram in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = (progress(&datagram), handshake_record(&datagram));
        }
    }
}
