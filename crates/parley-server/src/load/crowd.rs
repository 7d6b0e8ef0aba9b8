//! Clients with a socket each, on the thread of whoever calls. A driver.
//!
//! Deliberately absent: which server they go to, and how they tell it what they offer: that is between [`LoadClient`] and whoever calls.

use super::client::{LoadClient, Part};
use super::ear::{Ear, Room, Tune};
use super::publisher::Publisher;
use super::receiver::Receiver;
use super::report::{Report, percentile_ms};
use crate::sfu::Certificate;
use mio::{Events, Interest, Poll, Token};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Sockets that are told of at once.
const EVENTS_AT_ONCE: usize = 1_024;
/// Between two looks at everything.
const PATIENCE_MAX: Duration = Duration::from_millis(20);

/// One client with its socket.
struct Somebody {
    client: LoadClient,
    ear: Ear,
    publisher: Option<Publisher>,
    receiver: Receiver,
}

/// All of them.
pub struct Crowd {
    ip: IpAddr,
    certificate: Certificate,
    poll: Poll,
    people: Vec<Somebody>,
    tune: Option<Tune>,
    room: Room,
    start: Instant,
    /// The same moment since 1970, as the kernel counts.
    start_unix: Duration,
    /// Since when what comes is counted.
    counting: Option<Instant>,
}

impl Crowd {
    /// Nobody yet; they will be at this address.
    ///
    /// # Errors
    /// When the system gives nothing to wait with.
    pub fn new(ip: IpAddr, certificate: Certificate) -> io::Result<Self> {
        Ok(Self {
            ip,
            certificate,
            poll: Poll::new()?,
            people: Vec::new(),
            tune: None,
            room: Room::new(),
            start: now(),
            start_unix: since_1970(),
            counting: None,
        })
    }

    /// The same, whose delays end when the kernel got something, not when it was read. `tune` is given each socket before it is used.
    #[must_use]
    pub fn by_the_kernels_clock(mut self, tune: Tune) -> Self {
        self.tune = Some(tune);
        self
    }

    /// One more, who sends from the moment of its connection on; its place. A publisher sends the layers that are wanted.
    ///
    /// # Errors
    /// When there is no socket for it.
    pub fn add(&mut self, part: Part) -> io::Result<usize> {
        let mut ear = Ear::bind(self.ip, self.tune)?;
        let at = self.people.len();
        self.poll
            .registry()
            .register(ear.source(), Token(at), Interest::READABLE)?;
        let begin = now();
        // Nobody sends in the same moment as everybody else.
        let phase = Duration::from_micros(u64::try_from(at).unwrap_or(0) * 7_919 % 33_000);
        let publishes = part.speaks || !part.layers.is_empty();
        self.people.push(Somebody {
            publisher: publishes.then(|| Publisher::new(begin + phase, part.layers.clone(), part.speaks)),
            client: LoadClient::new(begin, &self.certificate, ear.address()?, part),
            ear,
            receiver: Receiver::default(),
        });
        Ok(at)
    }

    /// Somebody's client.
    pub fn client(&mut self, at: usize) -> Option<&mut LoadClient> {
        self.people.get_mut(at).map(|one| &mut one.client)
    }

    /// From now on a publisher sends these layers.
    pub fn want(&mut self, at: usize, rids: &[String]) {
        if let Some(one) = self.people.get_mut(at)
            && let Some(publisher) = &mut one.publisher
        {
            publisher.want(&mut one.client, rids);
        }
    }

    /// Whether all of them are connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.people.iter().all(|one| one.client.is_connected())
    }

    /// What comes from now on counts, and nothing that came before.
    pub fn count(&mut self) {
        self.counting = Some(now());
        for one in &mut self.people {
            one.receiver = Receiver::default();
        }
    }

    /// Waits for what is next, not beyond `until`, and works it off.
    ///
    /// # Errors
    /// When the system does not let it wait.
    pub fn turn(&mut self, until: Instant) -> io::Result<()> {
        let due = self.people.iter().flat_map(|one| {
            let publisher = one.publisher.as_ref().filter(|_| one.client.is_connected());
            publisher
                .and_then(Publisher::next)
                .into_iter()
                .chain([one.client.next_timeout()])
        });
        let wake = due.min().unwrap_or(until).min(until);
        let patience = wake.saturating_duration_since(now()).min(PATIENCE_MAX);
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        match self.poll.poll(&mut events, Some(patience)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            self.read(event.token().0);
        }
        self.work();
        Ok(())
    }

    fn read(&mut self, at: usize) {
        let (start, start_unix, counting) = (self.start, self.start_unix, self.counting.is_some());
        let Some(one) = self.people.get_mut(at) else {
            return;
        };
        let (client, receiver) = (&mut one.client, &mut one.receiver);
        let mut take = |from, told: Option<Duration>, datagram: &[u8]| {
            // To its server, too, a client reports when something came, not when this thread got around to it: else a way looks
            // as if it had a queue.
            let came = told.map_or_else(
                || now().saturating_duration_since(start),
                |told| told.saturating_sub(start_unix),
            );
            client.handle_packet(start + came, from, datagram);
            for received in client.take_received() {
                if counting {
                    receiver.take(micros(came), &received);
                }
            }
        };
        while one.ear.read(&mut self.room, &mut take) {}
        one.send();
    }

    fn work(&mut self) {
        let at = now();
        for one in &mut self.people {
            let mut busy = one.client.next_timeout() <= at;
            if let Some(publisher) = &mut one.publisher
                && one.client.is_connected()
                && publisher.next().is_some_and(|next| next <= at)
            {
                // Whoever was looked at before took time.
                publisher.send(now(), self.start, &mut one.client);
                busy = true;
            }
            if busy {
                one.client.flush(now());
                one.send();
            }
        }
    }

    /// What came since it counts.
    #[must_use]
    pub fn report(&self) -> Report {
        let seconds = self
            .counting
            .map_or(0.0, |since| now().saturating_duration_since(since).as_secs_f64());
        let connected = self
            .people
            .iter()
            .filter(|one| one.client.is_connected() && !one.client.is_closed())
            .count();
        let delays = self.people.iter().flat_map(|one| &one.receiver.delays_us);
        let mut delays: Vec<u32> = delays.copied().collect();
        delays.sort_unstable();
        let (came, due) = self.people.iter().fold((0, 0), |(came, due), one| {
            let (more, should) = one.receiver.counts();
            (came + more, due + should)
        });
        let bytes: u64 = self.people.iter().map(|one| one.receiver.bytes).sum();
        let missing = due.saturating_sub(came);
        Report {
            seconds,
            connected: (connected, self.people.len()),
            packets_per_s: came as f64 / seconds,
            mbit_s: bytes as f64 * 8.0 / 1e6 / seconds,
            loss_pct: if due == 0 {
                100.0
            } else {
                missing as f64 * 100.0 / due as f64
            },
            forward_ms_p50: percentile_ms(&delays, 50),
            forward_ms_p99: percentile_ms(&delays, 99),
            cpu_pct: None,
            cpu_pct_per_stream: None,
            packets_per_cpu_s: None,
            rss_mb: None,
        }
    }
}

impl Somebody {
    fn send(&mut self) {
        for (to, bytes) in self.client.take_outgoing() {
            self.ear.send(to, &bytes);
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "driver: what the kernel counts by")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: the clock of the clients' thread"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}
