//! A run: an SFU in this process with its own threads and socket, and clients on another thread, each with a socket of its own.
//! A driver.

use super::client::Part;
use super::crowd::{Crowd, now};
use super::report::Report;
use crate::sfu::driver::{SfuDriver, SfuSockets, StartSfuError};
use crate::sfu::{Ask, Certificate, Command, Event, What};
use parley_proto::limits::{AUDIO_DOWNS_MAX, VIDEO_DOWNS_MAX};
use parley_proto::{ParticipantId, PublishedLayer, RoomId, Source, Wish};
use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver as Inbox, sync_channel};
use std::time::{Duration, Instant};

/// Events that wait for the clients; the SFU keeps what does not fit.
const EVENTS_MAX: usize = 65_536;
/// Connections begin so far apart: a key exchange each.
const ENTER_EVERY: Duration = Duration::from_millis(3);
/// After the last one came, before it is measured: estimates have to grow, layers to be changed.
const SETTLE: Duration = Duration::from_secs(5);

/// What to load it with.
#[derive(Debug, Clone, Copy)]
pub struct LoadPlan {
    /// Rooms.
    pub rooms: usize,
    /// In each: who sends sound and pictures, and receives nothing.
    pub publishers: usize,
    /// In each: who sees and hears the publishers.
    pub subscribers: usize,
    /// In each: who does both, as people in a call do: they come before the publishers, and all see and hear them.
    pub participants: usize,
    /// What they send.
    pub video: Video,
    /// How long it is measured.
    pub time: Duration,
    /// Threads of the SFU.
    pub threads: u16,
}

impl LoadPlan {
    /// In each room.
    const fn people(&self) -> usize {
        self.senders() + self.subscribers
    }

    /// In each room; they are the first who come.
    const fn senders(&self) -> usize {
        self.participants + self.publishers
    }

    /// What somebody does.
    fn part(&self, number: usize) -> Part {
        let mut part = Part::default();
        if number < self.senders() {
            part.speaks = true;
            part.layers = self.video.layers();
        }
        if number < self.participants || number >= self.senders() {
            let others = self.senders() - usize::from(number < self.senders());
            part.hears = others.min(AUDIO_DOWNS_MAX);
            part.sees = match self.video {
                Video::None => 0,
                _ => others.min(VIDEO_DOWNS_MAX),
            };
        }
        part
    }
}

/// A picture to load with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Video {
    /// 720p at 1.5 Mbit/s, with 360p and 180p beside it.
    Simulcast720p,
    /// 720p alone.
    Single720p,
    /// 360p at 500 kbit/s alone, as each of ten in a grid.
    Single360p,
    /// 180p at 150 kbit/s alone, as each of forty.
    Single180p,
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
            Self::Single360p => vec![layer("", 640, 360, 500)],
            Self::Single180p => vec![layer("", 320, 180, 150)],
            Self::None => Vec::new(),
        }
    }

    /// How large everybody shows it, in pixels.
    fn shown(self) -> (u16, u16) {
        self.layers()
            .last()
            .map_or((0, 0), |layer| (layer.width, layer.height))
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
        peers_max: plan.rooms * plan.people() + 1,
    })?
    .run(move |event| tell.try_send(event.clone()).is_ok())?;
    let crowd = Crowd::new(Ipv4Addr::LOCALHOST.into(), Certificate::generate()?)?;
    let mut hall = Hall {
        sfu,
        events,
        crowd,
        by_id: HashMap::new(),
    };
    for room in 0..plan.rooms {
        for at in 0..plan.people() {
            hall.enter(plan, room, at)?;
        }
    }
    hall.serve_until(now() + SETTLE)?;
    let cpu = cpu_s();
    hall.crowd.count();
    hall.serve_until(now() + plan.time)?;
    let spent = cpu_s().zip(cpu).map(|(after, before)| after - before);
    let mut report = hall.crowd.report().with_cpu(spent);
    report.rss_mb = rss_mb();
    Ok(report)
}

/// The server's side, the crowd, and who is who.
struct Hall {
    sfu: SfuDriver,
    events: Inbox<Event>,
    crowd: Crowd,
    by_id: HashMap<ParticipantId, usize>,
}

impl Hall {
    fn enter(&mut self, plan: &LoadPlan, room: usize, number: usize) -> Result<(), LoadError> {
        let part = plan.part(number);
        let participant = id(room, number);
        let at = self.crowd.add(part)?;
        self.by_id.insert(participant, at);
        let Some(client) = self.crowd.client(at) else {
            return Ok(());
        };
        let (sdp, publish) = client.offer();
        let (width, height) = plan.video.shown();
        let others = (0..plan.senders()).filter(|other| *other != number);
        let downs = client
            .picture_sections()
            .zip(others)
            .map(|(mid, publisher)| Wish {
                mid,
                participant: id(room, publisher),
                source: Source::Camera,
                width,
                height,
                priority: 1,
            })
            .collect();
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
                room: RoomId::from_bytes(number_bytes(room)),
                participant,
                ask,
            });
        }
        self.serve_until(now() + ENTER_EVERY)
    }

    fn serve_until(&mut self, until: Instant) -> Result<(), LoadError> {
        while now() < until {
            self.crowd.turn(until)?;
            while let Ok(event) = self.events.try_recv() {
                self.told(event);
            }
        }
        Ok(())
    }

    fn told(&mut self, event: Event) {
        let Some(at) = self.by_id.get(&event.participant).copied() else {
            return;
        };
        match event.what {
            What::Answer { sdp, .. } => {
                let understood = self.crowd.client(at).map(|client| client.answer(&sdp));
                tracing::debug!(?understood, "an answer came");
            }
            What::LayersWanted { rids, .. } => self.crowd.want(at, &rids),
            _ => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn participants_send_and_get_all_others_publishers_send_and_subscribers_get() {
        let plan = LoadPlan {
            rooms: 1,
            publishers: 1,
            subscribers: 1,
            participants: 2,
            video: Video::Single180p,
            time: Duration::from_secs(1),
            threads: 1,
        };
        let parts: Vec<_> = (0..plan.people())
            .map(|number| plan.part(number))
            .map(|part| (part.speaks, part.layers.len(), part.hears, part.sees))
            .collect();
        let both = (true, 1, 2, 2);
        assert_eq!(parts, [both, both, (true, 1, 0, 0), (false, 0, 3, 3)]);
    }
}
