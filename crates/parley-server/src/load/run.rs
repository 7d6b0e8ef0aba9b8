//! A run: an SFU in this process with its own threads and socket, and clients on another thread, each with a socket of its own.
//! A driver.

use super::client::{LoadClient, Part};
use super::publisher::Publisher;
use super::receiver::Receiver;
use super::report::{Report, percentile_ms};
use crate::sfu::driver::{SfuDriver, SfuSockets, StartSfuError};
use crate::sfu::{Ask, Certificate, Command, Event, What};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use parley_proto::limits::{AUDIO_DOWNS_MAX, VIDEO_DOWNS_MAX};
use parley_proto::{ParticipantId, PublishedLayer, RoomId, Source, Wish};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver as Inbox, sync_channel};
use std::time::{Duration, Instant};

/// Events that wait for the clients; the SFU keeps what does not fit.
const EVENTS_MAX: usize = 65_536;
/// Connections begin so far apart: a key exchange each.
const ENTER_EVERY: Duration = Duration::from_millis(3);
/// After the last one came, before it is measured: estimates have to grow, layers to be changed.
const SETTLE: Duration = Duration::from_secs(5);
/// A datagram.
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// Between two looks at everything.
const PATIENCE_MAX: Duration = Duration::from_millis(20);

/// What to load it with.
#[derive(Debug, Clone, Copy)]
pub struct LoadPlan {
    /// Rooms.
    pub rooms: usize,
    /// In each: who sends sound and pictures, and receives nothing.
    pub publishers: usize,
    /// In each: who sees and hears the publishers.
    pub subscribers: usize,
    /// What they send.
    pub video: Video,
    /// How long it is measured.
    pub time: Duration,
    /// Threads of the SFU.
    pub threads: u16,
}

/// A picture to load with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Video {
    /// 720p at 1.5 Mbit/s, with 360p and 180p beside it.
    Simulcast720p,
    /// 720p alone.
    Single720p,
    /// Sound alone.
    None,
}

impl Video {
    fn layers(self) -> Vec<PublishedLayer> {
        let layer = |rid: &str, width, height, kbps| PublishedLayer {
            rid: rid.to_owned(),
            width,
            height,
            kbps,
        };
        match self {
            Self::Simulcast720p => vec![
                layer("q", 320, 180, 150),
                layer("h", 640, 360, 500),
                layer("f", 1280, 720, 1_500),
            ],
            Self::Single720p => vec![layer("", 1280, 720, 1_500)],
            Self::None => Vec::new(),
        }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The server's side does not start.
    #[error("{0}")]
    Server(#[from] StartSfuError),
    /// A client has no socket.
    #[error("A client cannot have a socket: {0}. Raise the limit of open files.")]
    Socket(#[from] io::Error),
    /// There is no certificate.
    #[error("The clients cannot make their certificate: {0}.")]
    Certificate(#[from] rcgen::Error),
}

/// One client with its socket.
struct Somebody {
    room: RoomId,
    id: ParticipantId,
    client: LoadClient,
    socket: UdpSocket,
    publisher: Option<Publisher>,
    receiver: Receiver,
    watches: Vec<ParticipantId>,
}

/// Does it. Takes as long as it is measured, and some seconds more.
///
/// # Errors
/// [`LoadError`], a sentence.
pub fn run(plan: &LoadPlan) -> Result<Report, LoadError> {
    let (tell, events) = sync_channel::<Event>(EVENTS_MAX);
    let sfu = SfuDriver::bind(&SfuSockets {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        threads: plan.threads,
        outside: Vec::new(),
        peers_max: plan.rooms * (plan.publishers + plan.subscribers) + 1,
    })?
    .run(move |event| tell.try_send(event.clone()).is_ok())?;
    Crowd::new(plan, sfu, events)?.run(plan)
}

struct Crowd {
    sfu: SfuDriver,
    events: Inbox<Event>,
    poll: Poll,
    people: Vec<Somebody>,
    by_id: HashMap<ParticipantId, usize>,
    start: Instant,
    measuring: bool,
}

impl Crowd {
    fn new(plan: &LoadPlan, sfu: SfuDriver, events: Inbox<Event>) -> Result<Self, LoadError> {
        let certificate = Certificate::generate()?;
        let mut crowd = Self {
            sfu,
            events,
            poll: Poll::new()?,
            people: Vec::new(),
            by_id: HashMap::new(),
            start: now(),
            measuring: false,
        };
        for room in 0..plan.rooms {
            let room_id = RoomId::from_bytes(number_bytes(room));
            let publishers: Vec<ParticipantId> = (0..plan.publishers).map(|at| id(room, at)).collect();
            for at in 0..plan.publishers + plan.subscribers {
                let publishes = at < plan.publishers;
                let part = if publishes {
                    Part {
                        speaks: true,
                        layers: plan.video.layers(),
                        ..Part::default()
                    }
                } else {
                    Part {
                        hears: plan.publishers.min(AUDIO_DOWNS_MAX),
                        sees: if plan.video == Video::None {
                            0
                        } else {
                            plan.publishers.min(VIDEO_DOWNS_MAX)
                        },
                        ..Part::default()
                    }
                };
                let watches = if publishes { Vec::new() } else { publishers.clone() };
                crowd.add(room_id, id(room, at), &certificate, part, watches)?;
            }
        }
        Ok(crowd)
    }

    fn add(
        &mut self,
        room: RoomId,
        id: ParticipantId,
        certificate: &Certificate,
        part: Part,
        watches: Vec<ParticipantId>,
    ) -> Result<(), LoadError> {
        let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let mut socket = UdpSocket::bind(any)?;
        let at = self.people.len();
        self.poll
            .registry()
            .register(&mut socket, Token(at), Interest::READABLE)?;
        let begin = now();
        // Nobody sends in the same moment as everybody else.
        let phase = Duration::from_micros(u64::try_from(at).unwrap_or(0) * 7_919 % 33_000);
        let publisher = part
            .speaks
            .then(|| Publisher::new(begin + phase, part.layers.clone(), part.speaks));
        self.people.push(Somebody {
            room,
            id,
            client: LoadClient::new(begin, certificate, socket.local_addr()?, part),
            socket,
            publisher,
            receiver: Receiver::default(),
            watches,
        });
        self.by_id.insert(id, at);
        Ok(())
    }

    fn run(mut self, plan: &LoadPlan) -> Result<Report, LoadError> {
        for at in 0..self.people.len() {
            self.enter(at);
            self.serve_until(now() + ENTER_EVERY)?;
        }
        self.serve_until(now() + SETTLE)?;
        self.measuring = true;
        let (began, cpu) = (now(), cpu_s());
        self.serve_until(began + plan.time)?;
        let seconds = now().saturating_duration_since(began).as_secs_f64();
        let spent = cpu_s().zip(cpu).map(|(after, before)| after - before);
        Ok(self.report(seconds).with_cpu(spent))
    }

    fn enter(&mut self, at: usize) {
        let Some(somebody) = self.people.get_mut(at) else {
            return;
        };
        let (sdp, publish) = somebody.client.offer();
        let downs = somebody
            .client
            .picture_sections()
            .zip(&somebody.watches)
            .map(|(mid, participant)| Wish {
                mid,
                participant: *participant,
                source: Source::Camera,
                width: 1280,
                height: 720,
                priority: 1,
            })
            .collect();
        let (room, participant) = (somebody.room, somebody.id);
        let offer = Ask::Offer {
            connection: 1,
            sdp,
            publish,
        };
        let wishes = Ask::Subscribe {
            downs,
            kbps_max: None,
        };
        for ask in [offer, wishes] {
            // A command that finds no room shows in the report: somebody is not connected.
            let _ = self.sfu.command(Command {
                room,
                participant,
                ask,
            });
        }
    }

    fn serve_until(&mut self, until: Instant) -> Result<(), LoadError> {
        let mut events = Events::with_capacity(1_024);
        loop {
            let at = now();
            if at >= until {
                return Ok(());
            }
            let due = self.people.iter().flat_map(|one| {
                let sends = one
                    .publisher
                    .as_ref()
                    .filter(|_| one.client.is_connected())
                    .and_then(Publisher::next);
                sends.into_iter().chain([one.client.next_timeout()])
            });
            let wake = due.min().unwrap_or(until).min(until);
            let patience = wake.saturating_duration_since(at).min(PATIENCE_MAX);
            match self.poll.poll(&mut events, Some(patience)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            for event in &events {
                self.read(event.token().0);
            }
            while let Ok(event) = self.events.try_recv() {
                self.told(event);
            }
            self.work();
        }
    }

    fn read(&mut self, at: usize) {
        let Some(somebody) = self.people.get_mut(at) else {
            return;
        };
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        while let Ok((length, from)) = somebody.socket.recv_from(&mut buffer) {
            let datagram = buffer.get(..length).unwrap_or_default();
            somebody.client.handle_packet(now(), from, datagram);
        }
    }

    fn told(&mut self, event: Event) {
        let Some(somebody) = self
            .by_id
            .get(&event.participant)
            .and_then(|at| self.people.get_mut(*at))
        else {
            return;
        };
        match event.what {
            What::Answer { sdp, .. } => {
                let understood = somebody.client.answer(&sdp);
                tracing::debug!(understood, "an answer came");
            }
            What::LayersWanted { rids, .. } => {
                if let Some(publisher) = &mut somebody.publisher {
                    publisher.want(&mut somebody.client, &rids);
                }
            }
            _ => {}
        }
    }

    fn work(&mut self) {
        let at = now();
        let at_us = u64::try_from(at.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX);
        for somebody in &mut self.people {
            let mut busy = somebody.client.next_timeout() <= at;
            if let Some(publisher) = &mut somebody.publisher
                && somebody.client.is_connected()
                && publisher.next().is_some_and(|next| next <= at)
            {
                publisher.send(at, self.start, &mut somebody.client);
                busy = true;
            }
            if busy {
                somebody.client.flush(at);
            }
            for (to, bytes) in somebody.client.take_outgoing() {
                // UDP may lose it, and then it is lost.
                let _ = somebody.socket.send_to(&bytes, to);
            }
            for received in somebody.client.take_received() {
                if self.measuring {
                    somebody.receiver.take(at_us, &received);
                }
            }
        }
    }

    fn report(&self, seconds: f64) -> Report {
        let connected = self
            .people
            .iter()
            .filter(|one| one.client.is_connected() && !one.client.is_closed())
            .count();
        let mut delays: Vec<u32> = self
            .people
            .iter()
            .flat_map(|one| one.receiver.delays_us.iter().copied())
            .collect();
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
            rss_mb: rss_mb(),
        }
    }
}

fn id(room: usize, at: usize) -> ParticipantId {
    ParticipantId::from_bytes(number_bytes((room << 16) + at))
}

fn number_bytes<const N: usize>(number: usize) -> [u8; N] {
    let mut bytes = [0; N];
    if let Some(first) = bytes.first_chunk_mut::<8>() {
        *first = (number as u64).to_be_bytes();
    }
    bytes
}

/// What the SFU's threads took so far, in seconds; they are told by their names.
fn cpu_s() -> Option<f64> {
    /// Clock ticks in a second: the same on every Linux that is in use.
    const TICKS_PER_S: f64 = 100.0;
    let mut ticks = None;
    for task in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else {
            continue;
        };
        // The name stands in parentheses; user and system time are the 12th and 13th field after it.
        let Some((head, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        if head.contains("(sfu-") {
            let fields: Vec<&str> = rest.split_whitespace().collect();
            let field = |at: usize| {
                fields
                    .get(at)
                    .and_then(|text| text.parse::<u64>().ok())
                    .unwrap_or(0)
            };
            ticks = Some(ticks.unwrap_or(0) + field(11) + field(12));
        }
    }
    ticks.map(|ticks| ticks as f64 / TICKS_PER_S)
}

fn rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kb: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kb / 1_024.0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: the clock of the clients' thread"
)]
fn now() -> Instant {
    Instant::now()
}
