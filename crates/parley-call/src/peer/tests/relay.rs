//! A relay of datagrams between two peers on loopback, which loses as many as it is told to.
//!
//! Each side gets one of its sockets as the other side's candidate, so all that they send passes here.

use parley_proto::Candidate;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Loses one in `every`, scattered so that it hits sound and pictures alike; 0 loses nothing.
#[derive(Debug, Default)]
pub(super) struct Loss {
    pub(super) every: AtomicU64,
    seen: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) media: AtomicU64,
}

impl Loss {
    /// Whether this datagram is lost. Only RTP is: setting up a connection under loss is ICE's and DTLS's own business.
    fn takes(&self, datagram: &[u8]) -> bool {
        if !is_rtp(datagram) {
            return false;
        }
        self.media.fetch_add(1, Ordering::Relaxed);
        let every = self.every.load(Ordering::Relaxed);
        if every == 0 {
            return false;
        }
        // The golden ratio scatters evenly (Weyl's sequence): every n-th would always hit the same packet of a picture.
        let scattered = self
            .seen
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            >> 32;
        let lost = scattered.is_multiple_of(every);
        self.lost.fetch_add(u64::from(lost), Ordering::Relaxed);
        lost
    }
}

/// RFC 7983 and RFC 5761: RTP, and not RTCP.
fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, second, ..] if !(192..=223).contains(second))
}

pub(super) struct Relay {
    /// What B is told to be A's address, and the other way round.
    sockets: [Arc<UdpSocket>; 2],
    /// The real addresses of A and B.
    addresses: [tokio::sync::watch::Sender<Option<SocketAddr>>; 2],
    /// What is lost on the way from A to B, and back.
    pub(super) loss: [Arc<Loss>; 2],
    tasks: Vec<JoinHandle<()>>,
}

impl Relay {
    pub(super) async fn new() -> Self {
        let bind = async || Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let sockets = [bind().await, bind().await];
        let addresses = [(); 2].map(|()| tokio::sync::watch::Sender::new(None));
        let loss = [(); 2].map(|()| Arc::new(Loss::default()));
        let mut tasks = Vec::new();
        // What B sends comes in at socket 0, and goes out of socket 1 to A; and the other way round.
        for (entry, exit, to, lossy) in [(0, 1, 0, 1), (1, 0, 1, 0)] {
            let (entry, exit) = (Arc::clone(&sockets[entry]), Arc::clone(&sockets[exit]));
            let (to, loss) = (addresses[to].subscribe(), Arc::clone(&loss[lossy]));
            tasks.push(tokio::spawn(async move {
                let mut datagram = vec![0; 2048];
                while let Ok((bytes, _)) = entry.recv_from(&mut datagram).await {
                    let address = *to.borrow();
                    if let Some(address) = address
                        && !loss.takes(&datagram[..bytes])
                    {
                        let _ = exit.send_to(&datagram[..bytes], address).await;
                    }
                }
            }));
        }
        Self {
            sockets,
            addresses,
            loss,
            tasks,
        }
    }

    /// Takes the candidate of a side (0: A, 1: B) and gives the one to tell the other side instead.
    pub(super) fn through(&self, side: usize, mut candidate: Candidate) -> Option<Candidate> {
        let mut words: Vec<String> = candidate.candidate.split(' ').map(str::to_owned).collect();
        if words
            .get(2)
            .is_none_or(|transport| !transport.eq_ignore_ascii_case("udp"))
        {
            return None;
        }
        let address = format!("{}:{}", words[4], words[5]).parse().unwrap();
        self.addresses[side].send_replace(Some(address));
        words[5] = self.sockets[side].local_addr().unwrap().port().to_string();
        candidate.candidate = words.join(" ");
        Some(candidate)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
