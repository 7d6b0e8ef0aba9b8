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
use std::future::Future as _;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Sleep, sleep};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

/// When a flight is sent again, counted from the time before. The library's own second follows.
const AGAIN_AFTER: [Duration; 3] = [
    Duration::from_millis(80),
    Duration::from_millis(160),
    Duration::from_millis(320),
];
/// Datagrams of handshakes that a socket sends again at most: a whole handshake has some ten.
const DATAGRAMS_MAX: usize = 64;
/// What came says that the handshake is over, whatever its numbers were.
const OVER: u64 = u64::MAX;

/// See the module.
pub(super) struct Flights {
    socket: Arc<dyn AsyncUdpSocket>,
    /// How far the other side is: the largest number of its records, and [`OVER`] in the end.
    heard: AtomicU64,
    waiting: Mutex<Waiting>,
}

/// What may have to be sent again. Looked at by whoever receives, which the library does all the time: no task is needed.
#[derive(Default)]
struct Waiting {
    again: Vec<Again>,
    /// Datagrams that were kept so far.
    kept: usize,
    /// Whoever receives.
    receiver: Option<Waker>,
}

impl Flights {
    pub(super) fn new(socket: Arc<dyn AsyncUdpSocket>) -> Self {
        Self {
            socket,
            heard: AtomicU64::new(0),
            waiting: Mutex::default(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.heard.load(Ordering::Relaxed) == OVER
    }

    fn on_sent(&self, transmit: &Transmit<'_>) {
        let before = self.heard.load(Ordering::Relaxed);
        if before == OVER || handshake_record(transmit.contents).is_none() {
            return;
        }
        let mut waiting = self.waiting();
        if waiting.kept == DATAGRAMS_MAX {
            return;
        }
        waiting.kept += 1;
        let mut again = Again::new(transmit, before);
        if let Some(receiver) = &waiting.receiver {
            // Its turn comes when the time is over.
            again.poll(&mut Context::from_waker(receiver), &*self.socket, before);
        }
        waiting.again.push(again);
    }

    /// Sends what is due, before something is received.
    fn before_receiving(&self, cx: &mut Context<'_>) {
        let heard = self.heard.load(Ordering::Relaxed);
        let mut waiting = self.waiting();
        waiting.receiver = Some(cx.waker().clone());
        waiting
            .again
            .retain_mut(|again| again.poll(cx, &*self.socket, heard));
    }

    fn on_received(&self, bufs: &[IoSliceMut<'_>], meta: &[RecvMeta]) {
        for (buf, meta) in bufs.iter().zip(meta) {
            let received = buf.get(..meta.len).unwrap_or_default();
            for datagram in received.chunks(meta.stride.max(1)) {
                if let Some(number) = progress(datagram) {
                    self.heard.fetch_max(number, Ordering::Relaxed);
                }
            }
        }
        if self.is_over() {
            *self.waiting() = Waiting::default();
        }
    }
}

/// A datagram that is to be sent again.
struct Again {
    contents: Vec<u8>,
    destination: SocketAddr,
    segment_size: Option<usize>,
    src_ip: Option<IpAddr>,
    /// How far the other side was when it was sent.
    before: u64,
    /// How often it was sent again.
    times: usize,
    wait: Pin<Box<Sleep>>,
}

impl Again {
    fn new(transmit: &Transmit<'_>, before: u64) -> Self {
        Self {
            contents: transmit.contents.to_vec(),
            destination: transmit.destination,
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
            before,
            times: 0,
            wait: Box::pin(sleep(AGAIN_AFTER[0])),
        }
    }

    /// Sends it once more if it is time; false when it was answered, or that was the last time.
    fn poll(&mut self, cx: &mut Context<'_>, socket: &dyn AsyncUdpSocket, heard: u64) -> bool {
        while heard <= self.before {
            if self.wait.as_mut().poll(cx).is_pending() {
                return true;
            }
            let transmit = Transmit {
                destination: self.destination,
                ecn: None,
                contents: &self.contents,
                segment_size: self.segment_size,
                src_ip: self.src_ip,
            };
            // Lost as any packet may be, also for want of room.
            let _ = socket.poll_send(cx, &transmit);
            self.times += 1;
            match AGAIN_AFTER.get(self.times) {
                Some(wait) => self.wait = Box::pin(sleep(*wait)),
                None => return false,
            }
        }
        false
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
            self.on_sent(transmit);
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if self.is_over() {
            return self.socket.poll_recv(cx, bufs, meta);
        }
        self.before_receiving(cx);
        let received = self.socket.poll_recv(cx, bufs, meta);
        if let Poll::Ready(Ok(count)) = received {
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
    use tokio::time::timeout;

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

    impl Wire {
        fn sent(&self) -> usize {
            self.out.lock().unwrap().len()
        }
    }

    fn record(kind: u8, number: u64) -> Vec<u8> {
        let mut record = vec![kind, 254, 253];
        record.extend(number.to_be_bytes());
        record.extend([0, 1, 7]);
        record
    }

    const TO: ([u8; 4], u16) = ([127, 0, 0, 1], 2);
    const ALL: usize = 1 + AGAIN_AFTER.len();

    fn flights() -> (Arc<Wire>, Flights) {
        let wire = Arc::new(Wire::default());
        let flights = Flights::new(Arc::clone(&wire) as Arc<dyn AsyncUdpSocket>);
        (wire, flights)
    }

    /// Receives for as long as it takes until so much went out, or nothing more can come.
    async fn receive_until(count: usize, wire: &Wire, flights: &Flights) -> usize {
        let all = async {
            while wire.sent() < count {
                let mut datagram = [0; 1_500];
                let wake = sleep(Duration::from_millis(10));
                tokio::select! {
                    biased;
                    _ = flights.recv_from(&mut datagram) => {}
                    () = wake => {}
                }
            }
        };
        let _ = timeout(Duration::from_secs(2), all).await;
        wire.sent()
    }

    async fn receive(wire: &Wire, flights: &Flights, datagram: Vec<u8>) {
        wire.coming.lock().unwrap().push(datagram);
        flights.recv_from(&mut [0; 1_500]).await.unwrap();
    }

    #[tokio::test]
    async fn a_flight_that_nobody_answers_goes_four_times_as_it_was() {
        let (wire, flights) = flights();
        flights.send_to(&record(22, 5), TO.into()).await.unwrap();
        assert_eq!(receive_until(ALL + 1, &wire, &flights).await, ALL);
        assert!(wire.out.lock().unwrap().iter().all(|sent| *sent == record(22, 5)));
    }

    #[tokio::test]
    #[expect(
        clippy::disallowed_methods,
        reason = "test: a task that waits for its own waker"
    )]
    async fn who_receives_already_is_woken_for_a_copy() {
        let (wire, flights) = flights();
        let flights = Arc::new(flights);
        let receiving = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move { flights.recv_from(&mut [0; 1_500]).await.map(|_| ()) }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        flights.send_to(&record(22, 5), TO.into()).await.unwrap();
        for _ in 0..500 {
            if wire.sent() == ALL {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(wire.sent(), ALL);
        receiving.abort();
    }

    #[tokio::test]
    async fn an_answer_ends_the_copies() {
        for answer in [record(22, 0), record(23, 1 << 48), vec![0x80, 96, 0, 1]] {
            let (wire, flights) = flights();
            flights.send_to(&record(22, 5), TO.into()).await.unwrap();
            // What may come before an answer too.
            receive(&wire, &flights, vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]).await;
            assert!(receive_until(2, &wire, &flights).await >= 2);
            receive(&wire, &flights, answer).await;
            let sent = wire.sent();
            assert_eq!(receive_until(ALL + 1, &wire, &flights).await, sent);
        }
    }

    #[tokio::test]
    async fn a_copy_of_what_came_before_answers_nothing() {
        let (wire, flights) = flights();
        receive(&wire, &flights, record(22, 3)).await;
        flights.send_to(&record(22, 0), TO.into()).await.unwrap();
        receive(&wire, &flights, record(22, 3)).await;
        assert_eq!(receive_until(ALL + 1, &wire, &flights).await, ALL);
    }

    #[tokio::test]
    async fn nothing_else_is_sent_again_and_nothing_after_the_handshake() {
        let (wire, flights) = flights();
        let others = [
            record(23, 1),
            vec![0x80, 96, 0, 1],
            vec![0, 1, 0, 0],
            vec![],
            vec![22],
        ];
        for other in &others {
            flights.send_to(other, TO.into()).await.unwrap();
        }
        receive(&wire, &flights, record(23, 1 << 48)).await;
        flights.send_to(&record(22, 9), TO.into()).await.unwrap();
        assert!(flights.waiting().again.is_empty());
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let (_, flights) = flights();
        for number in 0..500 {
            flights.send_to(&record(22, number), TO.into()).await.unwrap();
        }
        assert_eq!(flights.waiting().again.len(), DATAGRAMS_MAX);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_looked_at_within_its_length(datagram in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = (progress(&datagram), handshake_record(&datagram));
        }
    }
}
