//! Streams over real sockets, among them those of nobody good, with a front that is a few lines.

use super::super::super::framing::{Frame, next_frame, take_frames};
use super::super::super::{Ask, Certificate, Command, Counts, Event, What};
use super::super::{SfuDriver, SfuSockets};
use crate::load::{LoadClient, Part};
use parley_proto::{ParticipantId, Publish, RoomId};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// For all that is waited for here.
const LONG: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(5);

#[expect(clippy::disallowed_methods, reason = "test: real sockets have real time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "test: real sockets have real time")]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// A running SFU with a door for streams.
struct House {
    sfu: Arc<SfuDriver>,
    door: SocketAddr,
    events: Receiver<Event>,
}

impl House {
    #[expect(clippy::disallowed_methods, reason = "test: the front is a thread of its own")]
    fn open(threads: u16) -> Self {
        let listener = TcpListener::bind(ANY).unwrap();
        let door = listener.local_addr().unwrap();
        let bound = SfuDriver::bind(&SfuSockets {
            listen: ANY,
            threads,
            outside: Vec::new(),
            peers_max: 16,
        })
        .unwrap()
        .with_streams_at(&[door]);
        let (tell, events) = sync_channel(1_024);
        let sfu = Arc::new(
            bound
                .run(move |event| tell.try_send(event.clone()).is_ok())
                .unwrap(),
        );
        let front = Arc::downgrade(&sfu);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let Some(front) = front.upgrade() else {
                    return;
                };
                // Whoever is closed before a whole packet came is none of the SFU's.
                if let Ok((socket, begun)) = socket.and_then(first_packet) {
                    front.adopt(socket, begun).unwrap();
                }
            }
        });
        Self { sfu, door, events }
    }

    fn counts_until(&self, is_so: impl Fn(&Counts) -> bool) -> Counts {
        let until = now() + LONG;
        loop {
            let counts = self.sfu.counts();
            if is_so(&counts) {
                return counts;
            }
            assert!(now() < until, "{counts:?}");
            sleep(STEP);
        }
    }
}

fn first_packet(mut socket: TcpStream) -> io::Result<(TcpStream, Vec<u8>)> {
    let mut begun = Vec::new();
    while next_frame(&begun) == Frame::Partial {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        begun.extend(byte);
    }
    Ok((socket, begun))
}

fn framed(packet: &[u8]) -> Vec<u8> {
    [&(packet.len() as u16).to_be_bytes()[..], packet].concat()
}

enum Wire {
    Datagrams(UdpSocket),
    Stream(TcpStream, Vec<u8>),
}

/// Somebody with a microphone, in one room with the others.
struct Person {
    id: ParticipantId,
    client: LoadClient,
    wire: Wire,
    door: SocketAddr,
    time: u32,
    heard: usize,
    /// Reads what comes.
    reads: bool,
    /// What it sent last.
    said: Vec<u8>,
}

impl Person {
    fn enter(house: &House, number: u8, by_stream: bool) -> Self {
        let certificate = Certificate::generate().unwrap();
        let part = Part {
            speaks: true,
            hears: 2,
            ..Part::default()
        };
        let (wire, local, mut client);
        if by_stream {
            let socket = TcpStream::connect(house.door).unwrap();
            local = socket.local_addr().unwrap();
            socket.set_nonblocking(true).unwrap();
            client = LoadClient::by_stream(now(), &certificate, local, part);
            wire = Wire::Stream(socket, Vec::new());
        } else {
            let socket = UdpSocket::bind(ANY).unwrap();
            local = socket.local_addr().unwrap();
            socket.set_nonblocking(true).unwrap();
            client = LoadClient::new(now(), &certificate, local, part);
            wire = Wire::Datagrams(socket);
        }
        let id = ParticipantId::from_bytes([number; 16]);
        let (sdp, publish) = client.offer();
        ask(house, id, sdp, publish);
        Self {
            id,
            client,
            wire,
            door: house.door,
            time: 0,
            heard: 0,
            reads: true,
            said: Vec::new(),
        }
    }

    /// Takes what came, and sends what is to be sent.
    fn step(&mut self) {
        let now = now();
        let mut bytes = [0; 4_096];
        loop {
            let client = &mut self.client;
            match &mut self.wire {
                Wire::Datagrams(socket) => {
                    let Ok((count, from)) = socket.recv_from(&mut bytes) else {
                        break;
                    };
                    client.handle_packet(now, from, &bytes[..count]);
                }
                Wire::Stream(socket, partial) => {
                    let Some(count) = socket
                        .read(&mut bytes)
                        .ok()
                        .filter(|count| self.reads && *count > 0)
                    else {
                        break;
                    };
                    partial.extend_from_slice(&bytes[..count]);
                    let taken =
                        take_frames(partial, |packet| client.handle_packet(now, self.door, packet)).unwrap();
                    partial.drain(..taken);
                }
            }
        }
        self.client.flush(now);
        self.heard += self.client.take_received().count();
        for (to, packet) in self.client.take_outgoing() {
            match &mut self.wire {
                Wire::Datagrams(socket) => drop(socket.send_to(&packet, to)),
                Wire::Stream(socket, _) => {
                    assert_eq!(to, self.door, "there is no other way");
                    drop(socket.write_all(&framed(&packet)));
                }
            }
            self.said = packet;
        }
    }

    fn speak(&mut self) {
        self.time += 960;
        self.client.speak(now(), self.time, 20, vec![1; 60]);
    }
}

fn ask(house: &House, participant: ParticipantId, sdp: String, publish: Vec<Publish>) {
    let command = Command {
        room: RoomId::from_bytes([9; parley_proto::id::ROOM_ID_BYTES]),
        participant,
        ask: Ask::Offer {
            connection: 1,
            sdp,
            publish,
        },
    };
    assert!(house.sfu.command(command));
}

/// Lets all go on until something is so; they speak meanwhile.
fn until(house: &House, people: &mut [Person], is_so: impl Fn(&[Person]) -> bool) {
    let end = now() + LONG;
    let mut speak_at = now();
    while !is_so(people) {
        assert!(now() < end, "{:?}", house.sfu.counts());
        for event in house.events.try_iter() {
            let person = people.iter_mut().find(|one| one.id == event.participant);
            if let (Some(person), What::Answer { sdp, .. }) = (person, event.what) {
                assert!(person.client.answer(&sdp));
            }
        }
        let speaks = now() >= speak_at;
        if speaks {
            speak_at = now() + Duration::from_millis(20);
        }
        for person in &mut *people {
            if speaks && person.client.is_connected() {
                person.speak();
            }
            person.step();
        }
        sleep(Duration::from_millis(1));
    }
}

fn hear_on(house: &House, people: &mut [Person], who: &[usize]) {
    let before: Vec<usize> = people.iter().map(|one| one.heard).collect();
    until(house, people, |people| {
        who.iter().all(|at| people[*at].heard >= before[*at] + 20)
    });
}

#[test]
fn whoever_comes_by_a_stream_talks_with_those_who_come_by_datagrams_on_whichever_thread() {
    let house = House::open(3);
    let mut people = [
        Person::enter(&house, 1, true),
        Person::enter(&house, 2, false),
        Person::enter(&house, 3, true),
    ];
    hear_on(&house, &mut people, &[0, 1, 2]);
    let counts = house.counts_until(|counts| counts.streams == 2);
    assert_eq!((counts.streams_taken, counts.streams_strange), (2, 0));
    assert_eq!((counts.streams_broken, counts.streams_dropped), (0, 0));

    // One hangs up: nothing else ends, not even what is known of them.
    people[0].wire = Wire::Datagrams(UdpSocket::bind(ANY).unwrap());
    house.counts_until(|counts| counts.streams == 1);
    hear_on(&house, &mut people[1..], &[0, 1]);
    assert_eq!(house.sfu.counts().connections, 3);
}

#[test]
fn what_is_no_call_is_closed_and_harms_nobody() {
    let house = House::open(2);
    let mut people = [Person::enter(&house, 1, true), Person::enter(&house, 2, false)];
    hear_on(&house, &mut people, &[0, 1]);
    let is_closed = |socket: &mut TcpStream| {
        socket.set_nonblocking(false).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        // What was on its way may come first.
        let mut bytes = [0; 512];
        loop {
            match socket.read(&mut bytes) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                    return;
                }
            }
        }
    };
    // Nobody is called so, on any thread.
    let mut stranger = TcpStream::connect(house.door).unwrap();
    let mut check = vec![
        0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];
    check.extend([0, 6, 0, 6]);
    check.extend(b"no:one\0\0");
    stranger.write_all(&framed(&check)).unwrap();
    is_closed(&mut stranger);
    assert_eq!(
        house.counts_until(|counts| counts.streams_strange == 1).streams,
        1
    );

    // Somebody's own: empty packets and garbage are counted, a length that no packet has is the end of it.
    let Wire::Stream(mut socket, _) = std::mem::replace(
        &mut people[0].wire,
        Wire::Datagrams(UdpSocket::bind(ANY).unwrap()),
    ) else {
        panic!("it came by a stream");
    };
    socket.set_nonblocking(false).unwrap();
    let before = house.sfu.counts();
    for piece in [
        &[0, 0, 0, 0, 0][..],
        &[3, 0xff],
        &[0xff, 0xff, 0, 4, 1, 2],
        &[3, 4],
    ] {
        socket.write_all(piece).unwrap();
        sleep(STEP);
    }
    let counts = house.counts_until(|counts| counts.strange >= before.strange + 4);
    assert_eq!((counts.streams, counts.streams_broken), (1, 0));
    socket.write_all(&[0xff]).unwrap();
    socket.write_all(&[0xff]).unwrap();
    is_closed(&mut socket);
    let counts = house.counts_until(|counts| counts.streams_broken == 1);
    assert_eq!((counts.streams, counts.connections), (0, 2));

    // The other is there, and a third one comes.
    let [_, other] = people;
    let mut people = [other, Person::enter(&house, 3, true)];
    hear_on(&house, &mut people, &[0, 1]);
}

#[test]
fn a_name_that_was_overheard_opens_nothing() {
    let house = House::open(1);
    let mut people = [Person::enter(&house, 1, true), Person::enter(&house, 2, false)];
    hear_on(&house, &mut people, &[0, 1]);
    // A check of theirs, seen on the way, with one bit of its proof changed, and media after it.
    until(&house, &mut people, |people| people[0].said.starts_with(&[0, 1]));
    let mut check = people[0].said.clone();
    let last = check.len() - 12;
    check[last] ^= 1;
    let mut forger = TcpStream::connect(house.door).unwrap();
    forger.write_all(&framed(&check)).unwrap();
    house.counts_until(|counts| counts.streams == 2);
    // What was said before is counted by then.
    sleep(Duration::from_millis(300));
    let before = house.sfu.counts().media_in;
    for _ in 0..50 {
        forger
            .write_all(&framed(&[0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5, 5]))
            .unwrap();
    }
    let counts = house.counts_until(|counts| counts.strange >= 50);
    assert_eq!(counts.media_in, before);
    // In a few seconds it is put out, and nobody else.
    hear_on(&house, &mut people, &[0, 1]);
    let counts = house.counts_until(|counts| counts.streams_lost == 1);
    assert_eq!((counts.streams, counts.connections), (1, 2));
    hear_on(&house, &mut people, &[0, 1]);
}

#[test]
fn whoever_reads_nothing_loses_packets_and_then_the_stream() {
    let house = House::open(1);
    let mut people = [
        Person::enter(&house, 1, true),
        Person::enter(&house, 2, false),
        Person::enter(&house, 3, false),
    ];
    hear_on(&house, &mut people, &[0, 1, 2]);
    people[0].reads = false;
    let Wire::Stream(socket, _) = &people[0].wire else {
        panic!("it came by a stream");
    };
    socket2::SockRef::from(socket)
        .set_recv_buffer_size(4_096)
        .unwrap();
    // Long voices, to be through with it.
    let end = now() + LONG;
    while house.sfu.counts().streams_dropped == 0 {
        assert!(now() < end, "{:?}", house.sfu.counts());
        for person in &mut people[1..] {
            for _ in 0..4 {
                person.time += 960;
                person.client.speak(now(), person.time, 20, vec![1; 1_100]);
            }
        }
        for person in &mut people {
            person.step();
        }
        sleep(STEP);
    }
    hear_on(&house, &mut people, &[1, 2]);
}
