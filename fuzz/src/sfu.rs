//! An SFU with two people who talk, a third who does whatever the input says, and strangers, in virtual time.

use crate::bytes::Plan;
use parley_proto::{ParticipantId, Publish, PublishedLayer, RoomId, Source, Wish};
use parley_server::load::{LoadClient, Part};
use parley_server::sfu::framing::take_frames;
use parley_server::sfu::{Ask, Certificate, Command, Event, Sfu, SfuConfig, What};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Steps of one plan; more find nothing new and take time.
const STEPS_MAX: usize = 120;
/// Connections the SFU takes.
const PEERS_MAX: usize = 8;
/// Of the clients: who talks, who listens, and who means no good.
const ADA: usize = 0;
const BOB: usize = 1;
const MALLORY: usize = 2;
const TICK: Duration = Duration::from_millis(2);
/// Until everybody is connected.
const BEGIN: u64 = 150;
/// At the end, when it is seen whether Bob still hears Ada.
const END: u64 = 200;

/// Whatever one client and strangers send and ask for, the others go on hearing each other, nobody but clients is sent anything, and
/// there are no more connections than there may be.
pub(crate) fn sfu(data: &[u8]) {
    let mut world = World::new();
    let mut plan = Plan(data);
    for _ in 0..STEPS_MAX {
        if plan.is_over() {
            break;
        }
        world.step(&mut plan);
        world.check();
    }
    world.end();
}

struct World {
    sfu: Sfu,
    now: Instant,
    ticks: u64,
    clients: Vec<Client>,
    connection: u32,
    /// The last thing that Mallory's client sent.
    said: Vec<u8>,
    /// Ada's packets that came to Bob.
    heard: u64,
    /// What was sent to somebody who is no client.
    astray: u64,
}

struct Client {
    id: ParticipantId,
    address: SocketAddr,
    client: LoadClient,
    publish: Vec<Publish>,
    /// Their microphone's number.
    number: u32,
}

impl World {
    fn new() -> Self {
        let now = start();
        let config = SfuConfig {
            certificate: certificate().clone(),
            addresses: vec![server()],
            outside: Vec::new(),
            streams: vec![server()],
            peers_max: PEERS_MAX,
            seed: [5; 32],
        };
        let mut world = Self {
            sfu: Sfu::new(now, config),
            now,
            ticks: 0,
            clients: Vec::new(),
            connection: 1,
            said: Vec::new(),
            heard: 0,
            astray: 0,
        };
        for number in 1..=3 {
            world.enter(number);
        }
        world.wait(BEGIN);
        assert!(
            world.clients.iter().all(|one| one.client.is_connected()),
            "not everybody got in"
        );
        world
    }

    fn enter(&mut self, number: u8) {
        let layers = ["q", "h"].map(|rid| PublishedLayer {
            rid: rid.to_owned(),
            width: 320,
            height: 180,
            kbps: 100,
        });
        let part = Part {
            speaks: true,
            layers: layers.to_vec(),
            hears: 2,
            sees: 1,
        };
        let address = SocketAddr::from(([198, 51, 100, number], 5_000));
        let mut client = LoadClient::new(self.now, certificate(), address, part);
        let (sdp, publish) = client.offer();
        self.clients.push(Client {
            id: ParticipantId::from_bytes([number; 16]),
            address,
            client,
            publish: publish.clone(),
            number: 0,
        });
        let at = self.clients.len() - 1;
        self.ask(
            at,
            Ask::Offer {
                connection: 1,
                sdp,
                publish,
            },
        );
    }

    fn ask(&mut self, at: usize, ask: Ask) {
        let participant = self.clients[at].id;
        self.sfu.handle_command(
            self.now,
            Command {
                room: RoomId::from_bytes([9; 24]),
                participant,
                ask,
            },
        );
        self.deliver();
    }

    fn step(&mut self, plan: &mut Plan<'_>) {
        match plan.byte() % 10 {
            0 => {
                let (length, times) = (usize::from(plan.byte()), plan.byte() % 64);
                let packet = plan.take(length).to_vec();
                for _ in 0..=times {
                    self.send(self.clients[MALLORY].address, &packet);
                }
            }
            1 => {
                let length = usize::from(plan.byte());
                let packet = plan.take(length).to_vec();
                self.send(stranger(), &packet);
                self.stream(stranger(), &packet);
                self.stream(self.clients[MALLORY].address, &packet);
            }
            // Something of her own once more, or a little changed.
            2 | 3 => {
                let (place, with) = (usize::from(plan.u16()), plan.byte());
                let mut packet = self.said.clone();
                let place = place % packet.len().max(1);
                if let Some(byte) = packet.get_mut(place) {
                    *byte ^= with;
                }
                self.send(self.clients[MALLORY].address, &packet);
            }
            4 => {
                let (level, time, length) = (plan.byte(), plan.u16(), plan.u16() % 1_300);
                let (time, below) = (u32::from(time) << 16, (level % 128) as i8);
                if level < 128 {
                    let payload = vec![0; usize::from(length)];
                    self.clients[MALLORY].client.speak(self.now, time, below, payload);
                } else {
                    // Headers of copies as the input says, and something behind them.
                    let mut packed = plan.take(usize::from(length % 96)).to_vec();
                    packed.resize(packed.len() + usize::from(length), 0x78);
                    self.clients[MALLORY]
                        .client
                        .speak_packed(self.now, time, below, packed);
                }
                self.wait(1);
            }
            5 => {
                let (layer, time, head) = (plan.byte(), plan.u16(), plan.byte());
                let mut payload = vec![head; usize::from(plan.u16() % 1_300)];
                let begin = plan.take(4);
                payload.splice(..0, begin.iter().copied());
                let mallory = &mut self.clients[MALLORY].client;
                mallory.show(
                    self.now,
                    usize::from(layer % 4),
                    u32::from(time) << 16,
                    layer & 8 == 0,
                    payload,
                );
                self.wait(1);
            }
            6 => {
                let publish = self.publish(plan);
                self.ask(MALLORY, Ask::Publish(publish));
            }
            7 => {
                let (downs, kbps) = (self.wishes(plan), plan.u16());
                let kbps_max = (kbps & 1 == 1).then_some(u32::from(kbps));
                self.ask(MALLORY, Ask::Subscribe { downs, kbps_max });
            }
            8 => self.offer(plan),
            _ => {
                let ticks = u64::from(plan.byte() % 100);
                self.wait(ticks);
            }
        }
    }

    /// What she says that she sends.
    fn publish(&self, plan: &mut Plan<'_>) -> Vec<Publish> {
        let own = &self.clients[MALLORY].publish;
        let mut list = Vec::new();
        for _ in 0..plan.byte() % 8 {
            let pick = plan.byte();
            let mid = own.get(usize::from(pick % 4)).map(|one| one.mid.clone());
            let layers = (0..pick / 16 % 6).map(|_| PublishedLayer {
                rid: String::from_utf8_lossy(plan.take(2)).into_owned(),
                width: plan.u16(),
                height: plan.u16(),
                kbps: u32::from(plan.u16()) << 16,
            });
            list.push(Publish {
                layers: layers.collect(),
                mid: mid.unwrap_or_else(|| format!("{pick}")),
                source: source(pick / 4),
                on: pick & 128 == 0,
            });
        }
        list
    }

    fn wishes(&self, plan: &mut Plan<'_>) -> Vec<Wish> {
        let mut list = Vec::new();
        for _ in 0..plan.byte() % 16 {
            let pick = plan.byte();
            list.push(Wish {
                mid: format!("{}", pick % 8),
                participant: self.clients[usize::from(pick / 8 % 3)].id,
                source: source(pick / 24),
                width: plan.u16(),
                height: plan.u16(),
                priority: plan.byte(),
            });
        }
        list
    }

    /// Another connection, or a change of one, described wrongly at one place.
    fn offer(&mut self, plan: &mut Plan<'_>) {
        let (number, cut, put) = (plan.byte(), usize::from(plan.u16()), plan.byte());
        let address = self.clients[MALLORY].address;
        let mut other = LoadClient::new(
            self.now,
            certificate(),
            address,
            Part {
                speaks: number & 1 == 1,
                hears: usize::from(number / 2 % 10),
                sees: usize::from(number / 32 * 8),
                ..Part::default()
            },
        );
        let (mut sdp, publish) = other.offer();
        let cut = cut % sdp.len().max(1);
        if put > 0 && sdp.is_char_boundary(cut) {
            sdp.truncate(cut);
            sdp.push_str(&String::from_utf8_lossy(plan.take(usize::from(put % 32))));
        }
        if number >= 128 {
            self.connection += 1;
        }
        self.ask(
            MALLORY,
            Ask::Offer {
                connection: self.connection,
                sdp,
                publish,
            },
        );
    }

    fn send(&mut self, from: SocketAddr, packet: &[u8]) {
        self.sfu.handle_packet(self.now, from, server(), packet);
    }

    /// What came over a stream, as far as it is whole.
    fn stream(&mut self, from: SocketAddr, bytes: &[u8]) {
        let taken = take_frames(bytes, |packet| {
            self.sfu.handle_frame(self.now, from, server(), packet);
        });
        assert!(taken.is_none_or(|taken| taken <= bytes.len()));
        assert!(!self.sfu.knows_stream(from), "nobody proved anything over it");
    }

    /// Lets time pass, in which Ada talks.
    fn wait(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.now += TICK;
            self.ticks += 1;
            if self.ticks.is_multiple_of(10) {
                let time = u32::try_from(self.ticks * 96).unwrap_or(0);
                self.clients[ADA].client.speak(self.now, time, 20, vec![1; 60]);
            }
            for at in 0..self.clients.len() {
                let one = &mut self.clients[at];
                one.client.flush(self.now);
                let (from, sent): (_, Vec<_>) = (one.address, one.client.take_outgoing().collect());
                for (_, packet) in sent {
                    self.send(from, &packet);
                    if at == MALLORY {
                        self.said = packet;
                    }
                }
            }
            self.sfu.flush(self.now);
            self.deliver();
        }
    }

    fn deliver(&mut self) {
        let outgoing: Vec<_> = self.sfu.take_outgoing().collect();
        for one in outgoing {
            match self.clients.iter_mut().find(|client| client.address == one.to) {
                Some(client) => client.client.handle_packet(self.now, one.from, &one.bytes),
                None => self.astray += 1,
            }
        }
        let number = self.clients.first().map_or(0, |ada| ada.number);
        if let Some(bob) = self.clients.get_mut(BOB) {
            let came = bob.client.take_received();
            self.heard += came.filter(|one| number != 0 && one.number == number).count() as u64;
        }
        let events: Vec<Event> = self.sfu.take_events().collect();
        for event in events {
            self.told(event);
        }
    }

    fn told(&mut self, event: Event) {
        let at = self.clients.iter().position(|one| one.id == event.participant);
        assert!(at.is_some(), "somebody is told who never was there");
        let Some(at) = at else {
            return;
        };
        match event.what {
            What::Answer { connection: 1, sdp } => {
                self.clients[at].client.answer(&sdp);
            }
            What::Closed { reason, .. } => {
                assert_eq!(at, MALLORY, "{reason:?} for somebody who did nothing");
            }
            What::Publications(list) => {
                for one in list.iter().filter(|one| one.source == Source::Microphone) {
                    let of = self
                        .clients
                        .iter_mut()
                        .find(|client| client.id == one.participant);
                    if let Some(of) = of {
                        of.number = one.number;
                    }
                }
            }
            _ => {}
        }
    }

    fn check(&self) {
        let counts = self.sfu.counts();
        assert!(counts.connections <= PEERS_MAX as u64, "{counts:?}");
        assert_eq!(self.astray, 0, "something is sent to somebody who is no client");
    }

    fn end(mut self) {
        self.wait(END / 2);
        let before = self.heard;
        self.wait(END);
        // A packet in 20 ms.
        let heard = self.heard - before;
        assert!(heard >= END / 10 - 3, "Bob heard {heard} packets of {}", END / 10);
        self.check();
    }
}

const fn source(pick: u8) -> Source {
    match pick % 5 {
        0 => Source::Microphone,
        1 => Source::Camera,
        2 => Source::Screen,
        3 => Source::ScreenSound,
        _ => Source::Unknown,
    }
}

fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 3_479))
}

fn stranger() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 9], 9))
}

/// Made once: making one takes longer than all the rest.
fn certificate() -> &'static Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE.get_or_init(|| Certificate::generate().expect("a certificate"))
}

#[expect(clippy::disallowed_methods, reason = "a start to count from")]
fn start() -> Instant {
    Instant::now()
}
