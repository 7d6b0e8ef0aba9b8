//! A server, some clients, and the ways between them, with a clock of their own.

use crate::load::{LoadClient, Part, Received, Stamp};
use crate::sfu::{Ask, Certificate, Command, Event, Sfu, SfuConfig, What};
use parley_proto::{
    Down, DownState, Offence, ParticipantId, Publication, Publish, PublishedLayer, RoomId, SfuClosed, Source,
    Wish,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(super) const SERVER: &str = "192.0.2.1:3479";

pub(super) fn room() -> RoomId {
    RoomId::from_bytes([9; 24])
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A way between the server and one client, the same in both directions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) delay: Duration,
    /// Of a hundred datagrams so many are lost.
    pub(super) loss_pct: u32,
    /// The same of those that go up alone.
    pub(super) loss_up_pct: u32,
    /// What goes down to the client in a second, in bits; what waits longer than 300 ms is lost.
    pub(super) down_bps: Option<u64>,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            delay: ms(10),
            loss_pct: 0,
            loss_up_pct: 0,
            down_bps: None,
        }
    }
}

/// Somebody with a client, and everything they were told.
pub(super) struct Somebody {
    pub(super) id: ParticipantId,
    pub(super) client: LoadClient,
    pub(super) address: SocketAddr,
    pub(super) way: Way,
    pub(super) part: Part,
    pub(super) connection: u32,
    pub(super) publish: Vec<Publish>,
    pub(super) publications: Vec<Publication>,
    pub(super) downs: Vec<Down>,
    pub(super) speakers: Vec<ParticipantId>,
    pub(super) layers_wanted: Option<Vec<String>>,
    pub(super) closed: Vec<(u32, SfuClosed)>,
    /// What the SFU said of their offences, all together, and how often it kicked them for it.
    pub(super) offences: BTreeMap<Offence, u64>,
    pub(super) kicks: u32,
    /// Packets that came, and when.
    pub(super) received: Vec<(Instant, Received)>,
    /// How loud they are, in dB below the loudest; `None` sends no sound.
    pub(super) voice: Option<i8>,
    /// Their picture goes on even where nobody wants it.
    pub(super) shows: bool,
    /// So many layers, the smallest ones, is what their way up carries.
    pub(super) carries: usize,
    /// Of their smallest layer no picture refers to every other one, which takes two thirds of the bits of the ones between.
    pub(super) spares: bool,
    /// So many copies of what they said before go along with each packet of their sound.
    pub(super) copies: u32,
    said: VecDeque<Vec<u8>>,
    clear_at: Instant,
    audio_time: u32,
    video_time: u32,
    pictures: u64,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) start: Instant,
    pub(super) sfu: Sfu,
    pub(super) people: Vec<Somebody>,
    certificate: Certificate,
    in_flight: BTreeMap<(Instant, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    sent: u64,
    rng: StdRng,
    ticks: u64,
}

/// Three layers of 720p, scaled down so that a test is quick: what counts is which is larger.
pub(super) fn layers() -> Vec<PublishedLayer> {
    [("q", 320, 180, 100), ("h", 640, 360, 300), ("f", 1280, 720, 900)]
        .map(|(rid, width, height, kbps)| PublishedLayer {
            rid: rid.to_owned(),
            width,
            height,
            kbps,
        })
        .to_vec()
}

impl World {
    pub(super) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let now = Instant::now();
        let certificate = Certificate::generate().unwrap();
        let config = SfuConfig {
            certificate: certificate.clone(),
            addresses: vec![SERVER.parse().unwrap()],
            outside: Vec::new(),
            streams: Vec::new(),
            peers_max: 16,
            seed: [3; 32],
        };
        Self {
            now,
            start: now,
            sfu: Sfu::new(now, config),
            people: Vec::new(),
            certificate,
            in_flight: BTreeMap::new(),
            sent: 0,
            rng: StdRng::seed_from_u64(11),
            ticks: 0,
        }
    }

    /// The SFU fails, and another one takes its place that knows nobody.
    pub(super) fn begin_anew(&mut self) {
        let config = SfuConfig {
            certificate: self.certificate.clone(),
            addresses: vec![SERVER.parse().unwrap()],
            outside: Vec::new(),
            streams: Vec::new(),
            peers_max: 16,
            seed: [4; 32],
        };
        self.sfu = Sfu::new(self.now, config);
        self.in_flight.clear();
    }

    /// Somebody comes, and offers a connection; their place among the people.
    pub(super) fn enter(&mut self, part: Part) -> usize {
        let at = self.people.len();
        let number = u8::try_from(at + 1).unwrap();
        let address = SocketAddr::from(([198, 51, 100, number], 5_000));
        let client = LoadClient::new(self.now, &self.certificate, address, part.clone());
        self.people.push(Somebody {
            id: ParticipantId::from_bytes([number; 16]),
            client,
            address,
            way: Way::default(),
            voice: part.speaks.then_some(30),
            part,
            connection: 0,
            publish: Vec::new(),
            publications: Vec::new(),
            downs: Vec::new(),
            speakers: Vec::new(),
            layers_wanted: None,
            closed: Vec::new(),
            offences: BTreeMap::new(),
            kicks: 0,
            received: Vec::new(),
            shows: false,
            carries: usize::MAX,
            spares: false,
            copies: 0,
            said: VecDeque::new(),
            clear_at: self.now,
            audio_time: u32::from(number) * 1_000_000,
            video_time: u32::MAX - 200_000,
            pictures: 0,
        });
        self.offer(at);
        at
    }

    /// Offers, the first or a fresh connection.
    pub(super) fn offer(&mut self, at: usize) {
        let somebody = &mut self.people[at];
        somebody.connection += 1;
        if somebody.connection > 1 {
            let port = 5_000 + u16::try_from(somebody.connection).unwrap();
            somebody.address.set_port(port);
            somebody.client = LoadClient::new(
                self.now,
                &self.certificate,
                somebody.address,
                somebody.part.clone(),
            );
        }
        let (sdp, publish) = somebody.client.offer();
        somebody.publish.clone_from(&publish);
        let connection = somebody.connection;
        self.ask(
            at,
            Ask::Offer {
                connection,
                sdp,
                publish,
            },
        );
    }

    pub(super) fn ask(&mut self, at: usize, ask: Ask) {
        let participant = self.people[at].id;
        self.sfu.handle_command(
            self.now,
            Command {
                room: room(),
                participant,
                ask,
            },
        );
        self.deliver();
    }

    /// Wants to see these people, in sections in order, each so large and so important.
    pub(super) fn watch(&mut self, at: usize, wanted: &[(usize, u16, u16, u8)]) {
        let sections: Vec<String> = self.people[at].client.picture_sections().collect();
        let downs = wanted
            .iter()
            .zip(sections)
            .map(|((whom, width, height, priority), mid)| Wish {
                mid,
                participant: self.people[*whom].id,
                source: Source::Camera,
                width: *width,
                height: *height,
                priority: *priority,
            })
            .collect();
        self.ask(
            at,
            Ask::Subscribe {
                downs,
                kbps_max: None,
            },
        );
    }

    /// Turns somebody's camera or microphone on or off.
    pub(super) fn turn(&mut self, at: usize, source: Source, on: bool) {
        let mut publish = self.people[at].publish.clone();
        for one in publish.iter_mut().filter(|one| one.source == source) {
            one.on = on;
        }
        self.people[at].publish.clone_from(&publish);
        self.ask(at, Ask::Publish(publish));
    }

    /// Lets time pass, with everybody sending.
    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += ms(2);
            self.ticks += 1;
            for at in 0..self.people.len() {
                self.send_media(at);
            }
            self.carry();
            self.sfu.flush(self.now);
            for somebody in &mut self.people {
                if somebody.client.next_timeout() <= self.now || somebody.client.is_connected() {
                    somebody.client.flush(self.now);
                }
            }
            self.deliver();
        }
    }

    fn send_media(&mut self, at: usize) {
        let sent_us = u64::try_from((self.now - self.start).as_micros()).unwrap();
        let somebody = &mut self.people[at];
        if !somebody.client.is_connected() {
            return;
        }
        if self.ticks.is_multiple_of(10) {
            somebody.audio_time = somebody.audio_time.wrapping_add(960);
            if let Some(level) = somebody.voice {
                // Syllables: whoever speaks is quiet for 60 ms in each 220.
                let quiet = self.ticks / 10 % 11 >= 8;
                let below = if level < 60 && quiet { 68 } else { level };
                let payload = Stamp { sent_us, layer: 9 }.payload(false, 80);
                let (client, time) = (&mut somebody.client, somebody.audio_time);
                if somebody.copies == 0 {
                    client.speak(self.now, time, below, payload.clone());
                } else {
                    let backs = (1..=somebody.copies).zip(&somebody.said);
                    let mut copies: Vec<_> = backs.map(|(back, copy)| (back * 960, copy.clone())).collect();
                    copies.reverse();
                    client.speak_again(self.now, time, below, &copies, &payload);
                }
                somebody.said.push_front(payload);
                somebody.said.truncate(3);
            }
        }
        // 25 pictures a second.
        if self.ticks.is_multiple_of(20) && !somebody.part.layers.is_empty() {
            somebody.video_time = somebody.video_time.wrapping_add(3_600);
            somebody.pictures += 1;
            for layer in 0..somebody.part.layers.len().min(somebody.carries) {
                let told = &somebody.part.layers[layer];
                let wanted = somebody
                    .layers_wanted
                    .as_ref()
                    .is_some_and(|rids| rids.contains(&told.rid));
                if !wanted && !somebody.shows {
                    // A layer that begins later begins with a key frame.
                    continue;
                }
                let key = somebody.client.take_key_frame(layer);
                let spare = somebody.spares && layer == 0 && !key && somebody.pictures.is_multiple_of(2);
                let fifths = match (somebody.spares && layer == 0, spare) {
                    (false, _) => 5,
                    (true, false) => 6,
                    (true, true) => 4,
                };
                let bytes = told.kbps as usize * 1_000 / 8 / 25 * fifths / 5 * if key { 3 } else { 1 };
                let packets = bytes.div_ceil(1_100).max(1);
                for packet in 0..packets {
                    let stamp = Stamp {
                        sent_us,
                        layer: u8::try_from(layer).unwrap(),
                    };
                    let mut payload = stamp.payload(key && packet == 0, bytes / packets);
                    if spare {
                        // A slice that none refers to.
                        payload[0] = 0x01;
                    }
                    somebody.client.show(
                        self.now,
                        layer,
                        somebody.video_time,
                        packet + 1 == packets,
                        payload,
                    );
                }
            }
        }
    }

    /// Takes what is due to its receivers, and what was sent on its way.
    fn carry(&mut self) {
        let server: SocketAddr = SERVER.parse().unwrap();
        while let Some(entry) = self
            .in_flight
            .first_entry()
            .filter(|entry| entry.key().0 <= self.now)
        {
            let (from, to, bytes) = entry.remove();
            if to == server {
                self.sfu.handle_packet(self.now, from, to, &bytes);
            } else if let Some(somebody) = self.people.iter_mut().find(|one| one.address == to) {
                somebody.client.handle_packet(self.now, from, &bytes);
            }
        }
    }

    fn deliver(&mut self) {
        let server: SocketAddr = SERVER.parse().unwrap();
        let mut leaving = Vec::new();
        for outgoing in self.sfu.take_outgoing() {
            leaving.push((outgoing.from, outgoing.to, outgoing.bytes));
        }
        for somebody in &mut self.people {
            let from = somebody.address;
            leaving.extend(
                somebody
                    .client
                    .take_outgoing()
                    .map(|(to, bytes)| (from, to, bytes)),
            );
            let now = self.now;
            somebody
                .received
                .extend(somebody.client.take_received().map(|one| (now, one)));
        }
        for (from, to, bytes) in leaving {
            let client = if to == server { from } else { to };
            let Some(somebody) = self.people.iter_mut().find(|one| one.address == client) else {
                continue;
            };
            let way = somebody.way;
            let mut arrives = self.now + way.delay;
            if to == client
                && let Some(bps) = way.down_bps
            {
                let takes = Duration::from_secs_f64(bytes.len() as f64 * 8.0 / bps as f64);
                somebody.clear_at = somebody.clear_at.max(self.now) + takes;
                if somebody.clear_at > self.now + ms(300) {
                    somebody.clear_at -= takes;
                    continue;
                }
                arrives = somebody.clear_at + way.delay;
            }
            let loss_pct = way.loss_pct.max(if to == server { way.loss_up_pct } else { 0 });
            if self.rng.random_range(0..100) < loss_pct {
                continue;
            }
            self.sent += 1;
            self.in_flight.insert((arrives, self.sent), (from, to, bytes));
        }
        let events: Vec<Event> = self.sfu.take_events().collect();
        for event in events {
            self.told(event);
        }
    }

    fn told(&mut self, event: Event) {
        let Some(somebody) = self.people.iter_mut().find(|one| one.id == event.participant) else {
            return;
        };
        match event.what {
            What::Answer { connection, sdp } => {
                assert_eq!(connection, somebody.connection);
                assert!(somebody.client.answer(&sdp), "{sdp}");
            }
            What::Closed { connection, reason } => somebody.closed.push((connection, reason)),
            What::Publications(list) => somebody.publications = list,
            What::LayersWanted { rids, .. } => {
                for (layer, told) in somebody.part.layers.iter().enumerate() {
                    let begins = rids.contains(&told.rid)
                        && !somebody
                            .layers_wanted
                            .as_ref()
                            .is_some_and(|before| before.contains(&told.rid));
                    if begins {
                        somebody.client.want_key_frame(layer);
                    }
                }
                somebody.layers_wanted = Some(rids);
            }
            What::Downs(list) => somebody.downs = list,
            What::Speakers(list) => somebody.speakers = list,
            What::Offences { list, kicked } => {
                for one in list {
                    *somebody.offences.entry(one.what).or_default() += one.count;
                }
                somebody.kicks += u32::from(kicked);
            }
        }
    }

    /// What somebody got of somebody else's picture or sound since `since`.
    pub(super) fn got(&self, at: usize, of: usize, source: Source, since: Instant) -> Vec<Received> {
        let number = self.people[at]
            .publications
            .iter()
            .find(|one| one.participant == self.people[of].id && one.source == source)
            .map(|one| one.number);
        self.people[at]
            .received
            .iter()
            .filter(|(came, one)| Some(one.number) == number && *came >= since)
            .map(|(_, one)| one.clone())
            .collect()
    }

    /// How the wishes of somebody stand, in order.
    pub(super) fn states(&self, at: usize) -> Vec<(DownState, Option<String>)> {
        let of = |down: &Down| (down.state, down.rid.clone());
        self.people[at].downs.iter().map(of).collect()
    }
}

/// Every section's packets, put in order, have no gap, no number twice, and times that never step back.
pub(super) fn assert_unbroken(received: &[(Instant, Received)]) {
    let mut sections: HashMap<&str, BTreeMap<u64, &Received>> = HashMap::new();
    for (_, one) in received {
        let before = sections.entry(&one.mid).or_default().insert(one.seq, one);
        assert_eq!(before.map(|one| one.seq), None, "twice");
    }
    for (mid, packets) in sections {
        let (first, last) = (
            packets.keys().next().unwrap(),
            packets.keys().next_back().unwrap(),
        );
        let missing: Vec<u64> = (*first..=*last)
            .filter(|seq| !packets.contains_key(seq))
            .collect();
        assert!(
            missing.is_empty(),
            "section {mid}: {missing:?} of {first}..={last}"
        );
        let packets: Vec<&&Received> = packets.values().collect();
        for pair in packets.windows(2) {
            let step = pair[1].time.wrapping_sub(pair[0].time) as i32;
            assert!(
                (0..90_000 * 20).contains(&step),
                "section {mid}: time steps by {step} at {}",
                pair[1].seq
            );
            let changes = pair[0].number != pair[1].number
                || pair[0].stamp.unwrap().layer != pair[1].stamp.unwrap().layer;
            if changes && pair[1].stamp.unwrap().layer != 9 {
                assert!(
                    pair[1].begins,
                    "section {mid}: another picture without a key frame at {}",
                    pair[1].seq
                );
            }
        }
    }
}
