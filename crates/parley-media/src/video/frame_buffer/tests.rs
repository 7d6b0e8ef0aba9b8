//! A sender, a link and the buffer in virtual time: minutes of video in milliseconds, the same ones each run.

use super::*;
use crate::video::h264::packetize;
use bytes::Bytes;
use proptest::prelude::*;

const FRAME_US: u64 = 33_333;
const DELAY_US: u64 = 20_000;

/// What the link does to packets.
#[derive(Debug, Clone, Copy, Default)]
struct Link {
    loss_pct: u64,
    /// Up to this much later, each packet by itself: packets overtake each other.
    jitter_us: u64,
    duplicate_pct: u64,
    /// Of lost packets, how many come again after a round trip and a half.
    repaired_pct: u64,
    /// From when to when nothing arrives, and nothing is repaired.
    outage_us: (u64, u64),
}

/// A number that looks random and is the same each run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

struct World {
    begin: Instant,
    dice: Dice,
    link: Link,
    sequence: u16,
    arrivals: BTreeMap<(u64, u64), ReceivedPacket>,
    serial: u64,
    sent: Vec<Bytes>,
    buffer: FrameBuffer,
    /// Picture number and the time it was handed out.
    shown: Vec<(usize, u64)>,
    requests: Vec<u64>,
    key_frame_due: bool,
    held_max: usize,
}

impl World {
    #[expect(
        clippy::disallowed_methods,
        reason = "test: any moment will do as the start of virtual time"
    )]
    fn new(link: Link, seed: u64) -> Self {
        let mut buffer = FrameBuffer::new();
        buffer.set_round_trip(Duration::from_micros(DELAY_US * 2));
        Self {
            begin: Instant::now(),
            dice: Dice(seed * 2 + 1),
            link,
            sequence: 65_400,
            arrivals: BTreeMap::new(),
            serial: 0,
            sent: Vec::new(),
            buffer,
            shown: Vec::new(),
            requests: Vec::new(),
            key_frame_due: true,
            held_max: 0,
        }
    }

    fn run(link: Link, seed: u64, seconds: u64) -> Self {
        let mut world = Self::new(link, seed);
        for number in 0..seconds * 30 {
            world.send(number);
            world.play_until((number + 1) * FRAME_US);
        }
        world.play_until((seconds + 2) * 1_000_000);
        world
    }

    fn send(&mut self, number: u64) {
        let now_us = number * FRAME_US;
        let key_frame = self
            .requests
            .last()
            .is_some_and(|&asked| asked + DELAY_US <= now_us)
            && self.key_frame_due
            || number == 0;
        if key_frame {
            self.key_frame_due = false;
        }
        let size = if key_frame { 6000 } else { self.dice.below(5000) };
        let unit = access_unit(number, key_frame, size as usize);
        self.sent.push(unit.clone());
        let payloads = packetize(&unit, 1200);
        let count = payloads.len();
        for (index, payload) in payloads.into_iter().enumerate() {
            let packet = ReceivedPacket {
                sequence: self.sequence,
                rtp_time: RtpTime(u32::MAX - 50_000).plus(number as u32 * 3000),
                marker: index + 1 == count,
                payload,
                arrived: ArrivalTime(self.begin),
                redundant: false,
            };
            self.sequence = self.sequence.wrapping_add(1);
            self.carry(packet, now_us + index as u64 * 200);
        }
    }

    fn carry(&mut self, packet: ReceivedPacket, left_us: u64) {
        let arrives = left_us + DELAY_US + self.dice.below(self.link.jitter_us);
        let out = (self.link.outage_us.0..self.link.outage_us.1).contains(&left_us);
        if out || self.dice.below(100) < self.link.loss_pct {
            if !out && self.dice.below(100) < self.link.repaired_pct {
                self.schedule(packet, arrives + DELAY_US * 3);
            }
            return;
        }
        if self.dice.below(100) < self.link.duplicate_pct {
            self.schedule(packet.clone(), arrives + 7_000);
        }
        self.schedule(packet, arrives);
    }

    fn schedule(&mut self, mut packet: ReceivedPacket, at_us: u64) {
        packet.arrived = ArrivalTime(self.begin + Duration::from_micros(at_us));
        self.serial += 1;
        self.arrivals.insert((at_us, self.serial), packet);
    }

    /// Lets arrivals and the buffer's own deadlines happen in order.
    fn play_until(&mut self, end_us: u64) {
        loop {
            let arrival = self.arrivals.keys().next().map(|key| key.0);
            let deadline = self
                .buffer
                .deadline()
                .map(|due| due.saturating_duration_since(self.begin).as_micros() as u64 + 1);
            let Some(next) = arrival
                .into_iter()
                .chain(deadline)
                .min()
                .filter(|&next| next < end_us)
            else {
                return;
            };
            if arrival == Some(next)
                && let Some((_, packet)) = self.arrivals.pop_first()
            {
                self.buffer.insert(packet);
            }
            self.serve(next);
        }
    }

    fn serve(&mut self, now_us: u64) {
        let now = self.begin + Duration::from_micros(now_us);
        while let Some(picture) = self.buffer.pop(now) {
            let number = self.number_of(&picture);
            let follows = self.shown.last().is_some_and(|&(before, _)| number == before + 1);
            assert!(
                picture.unit.key_frame || follows,
                "picture {number} after {:?}",
                self.shown.last()
            );
            self.shown.push((number, now_us));
        }
        if self.buffer.take_key_frame_request(now) {
            self.requests.push(now_us);
            self.key_frame_due = true;
        }
        self.held_max = self.held_max.max(self.buffer.packets.len());
    }

    fn number_of(&self, picture: &CompletePicture) -> usize {
        let since = picture.rtp_time.since(RtpTime(u32::MAX - 50_000));
        let number = since as usize / 3000;
        assert_eq!(
            picture.unit.data, self.sent[number],
            "picture {number} is not as it was sent"
        );
        number
    }
}

fn access_unit(number: u64, key_frame: bool, size: usize) -> Bytes {
    let mut unit = Vec::new();
    if key_frame {
        unit.extend_from_slice(&[0, 0, 0, 1, 0x67, 66, 224, 31, 0, 0, 0, 1, 0x68, 206]);
    }
    unit.extend_from_slice(&[0, 0, 0, 1, if key_frame { 0x65 } else { 0x41 }]);
    unit.extend((0..=size).map(|at| (number as usize + at) as u8 | 1));
    unit.into()
}

#[test]
fn on_a_clean_path_each_picture_comes_out_with_its_last_packet() {
    let world = World::run(Link::default(), 1, 10);
    assert_eq!(world.shown.len(), 300);
    for &(number, at_us) in &world.shown {
        let packets = packetize(&world.sent[number], 1200).len() as u64;
        let expect = number as u64 * FRAME_US + (packets - 1) * 200 + DELAY_US;
        assert_eq!(at_us, expect, "picture {number}");
    }
    let counters = world.buffer.counters();
    assert_eq!(
        (counters.key_frames, counters.freezes, counters.key_frame_requests),
        (1, 0, 0)
    );
}

#[test]
fn reordering_and_duplicates_cost_no_picture() {
    for seed in 0..10 {
        let link = Link {
            jitter_us: 25_000,
            duplicate_pct: 20,
            ..Link::default()
        };
        let world = World::run(link, seed, 20);
        assert_eq!(world.shown.len(), 600, "seed {seed}");
        assert!(world.requests.is_empty(), "seed {seed}");
        let counters = world.buffer.counters();
        assert!(
            counters.duplicates + counters.late > 100,
            "seed {seed}: {counters:?}"
        );
    }
}

#[test]
fn losses_that_are_repaired_cost_no_picture_and_no_key_frame() {
    for seed in 0..10 {
        let link = Link {
            loss_pct: 5,
            jitter_us: 3_000,
            repaired_pct: 100,
            ..Link::default()
        };
        let world = World::run(link, seed, 20);
        assert_eq!(
            world.shown.len(),
            600,
            "seed {seed}: {:?}",
            world.buffer.counters()
        );
        assert!(world.requests.is_empty(), "seed {seed}: {:?}", world.requests);
    }
}

#[test]
fn losses_that_are_not_repaired_freeze_until_a_key_frame_that_is_asked_for_with_patience() {
    for seed in 0..10 {
        let link = Link {
            loss_pct: 2,
            repaired_pct: 60,
            jitter_us: 3_000,
            ..Link::default()
        };
        let world = World::run(link, seed, 60);
        let counters = world.buffer.counters();
        assert!(counters.freezes > 3, "seed {seed}: {counters:?}");
        // A freeze lasts for the patience, the round trip and the next picture.
        assert!(
            world.shown.len() > 900,
            "seed {seed}: {} shown, {counters:?}",
            world.shown.len()
        );
        let gaps = world.requests.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(
            gaps.min().unwrap_or(u64::MAX) > 100_000,
            "seed {seed}: {:?}",
            world.requests
        );
        let &(last, _) = world.shown.last().unwrap();
        assert!(last > 1700, "seed {seed}: stopped at {last}");
    }
}

#[test]
fn after_an_outage_the_pictures_come_back_by_themselves() {
    let link = Link {
        outage_us: (3_000_000, 6_000_000),
        ..Link::default()
    };
    let world = World::run(link, 3, 10);
    let back = world.shown.iter().find(|&&(number, _)| number > 95).unwrap();
    assert!(back.1 < 6_600_000, "back at {back:?}");
    assert_eq!(world.shown.last().unwrap().0, 299);
    assert!(world.buffer.counters().freezes >= 1);
}

#[test]
fn without_any_key_frame_it_keeps_asking_and_stays_small() {
    let mut world = World::new(Link::default(), 5);
    for number in 1..1500 {
        world.key_frame_due = false;
        world.send(number);
        world.play_until((number + 1) * FRAME_US);
    }
    assert!(world.shown.is_empty());
    assert!(world.held_max <= PACKETS_MAX, "{}", world.held_max);
    // Every 300 ms, in 50 seconds.
    assert!(
        (140..=170).contains(&world.requests.len()),
        "{}",
        world.requests.len()
    );
    assert!(world.buffer.counters().dropped > 1000);
}

#[test]
fn a_lost_beginning_waits_for_a_key_frame_and_a_lost_decoder_too() {
    let mut world = World::new(Link::default(), 6);
    for number in 0..60 {
        if number == 30 {
            world.buffer.require_key_frame();
        }
        world.send(number);
        world.play_until((number + 1) * FRAME_US);
    }
    assert_eq!(world.requests.len(), 1, "{:?}", world.requests);
    let numbers: Vec<_> = world.shown.iter().map(|shown| shown.0).collect();
    let gap = numbers.windows(2).find(|pair| pair[1] != pair[0] + 1).unwrap();
    assert!((28..=30).contains(&gap[0]) && gap[1] <= 34, "{numbers:?}");
}

#[test]
fn a_sender_that_begins_anew_is_followed() {
    let mut world = World::new(Link::default(), 7);
    for number in 0..120 {
        if number == 60 {
            world.sequence = world.sequence.wrapping_sub(20_000);
        }
        world.send(number);
        world.play_until((number + 1) * FRAME_US);
    }
    world.play_until(5_000_000);
    assert_eq!(world.buffer.counters().restarts, 1);
    assert_eq!(
        world.shown.last().unwrap().0,
        119,
        "{:?}",
        world.buffer.counters()
    );
}

#[test]
fn packets_without_payload_are_passed_over() {
    let mut world = World::new(Link::default(), 8);
    for number in 0..30 {
        world.send(number);
        let padding = ReceivedPacket {
            sequence: world.sequence,
            rtp_time: RtpTime(u32::MAX - 50_000).plus(number as u32 * 3000),
            marker: false,
            payload: Bytes::new(),
            arrived: ArrivalTime(world.begin),
            redundant: false,
        };
        world.sequence = world.sequence.wrapping_add(1);
        world.carry(padding, number * FRAME_US + 5_000);
        world.play_until((number + 1) * FRAME_US + DELAY_US);
    }
    world.play_until(2_000_000);
    assert_eq!(world.shown.len(), 30);
    assert!(world.requests.is_empty());
}

proptest! {
    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start of virtual time")]
    fn any_packets_at_all_leave_it_alive_and_bounded(
        packets in proptest::collection::vec(
            (any::<u16>(), 0u32..4, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..12)),
            0..400,
        ),
    ) {
        let mut buffer = FrameBuffer::new();
        let begin = Instant::now();
        for (step, (sequence, rtp_time, marker, payload)) in (0u64..).zip(packets) {
            let now = begin + Duration::from_millis(step * 5);
            buffer.insert(ReceivedPacket {
                // Near each other, or nothing would ever be complete.
                sequence: sequence % 300,
                rtp_time: RtpTime(rtp_time),
                marker,
                payload: payload.into(),
                arrived: ArrivalTime(now),
                redundant: false,
            });
            while buffer.pop(now).is_some() {}
            let _ = buffer.take_key_frame_request(now);
            prop_assert!(buffer.packets.len() <= PACKETS_MAX);
            let held: usize = buffer.packets.values().map(|packet| packet.payload.len()).sum();
            prop_assert_eq!(held, buffer.bytes);
        }
    }
}

#[test]
fn beginnings_without_end_stay_few_and_the_key_frame_behind_them_is_found() {
    let mut world = World::new(Link::default(), 1);
    let packet = |sequence: u16, rtp_time, payload: Bytes, marker| ReceivedPacket {
        sequence,
        rtp_time: RtpTime(rtp_time),
        marker,
        payload,
        arrived: ArrivalTime(world.begin),
        redundant: false,
    };
    let parameters = Bytes::from_static(&[0x67, 66, 224, 31]);
    for number in 0..1_000 {
        world
            .buffer
            .insert(packet(number, u32::from(number / 300), parameters.clone(), false));
        assert!(world.buffer.pop(world.begin).is_none());
        assert!(world.buffer.starts.len() <= STARTS_MAX);
    }
    let payloads = packetize(&access_unit(1, true, 3_000), 1_200);
    let count = payloads.len();
    for (index, payload) in payloads.into_iter().enumerate() {
        world
            .buffer
            .insert(packet(1_000 + index as u16, 9_000, payload, index + 1 == count));
    }
    assert!(
        world
            .buffer
            .pop(world.begin)
            .is_some_and(|picture| picture.unit.key_frame)
    );
}

/// Gives the buffer a picture packet by packet; those named are lost. Gives when a key frame was wished for, in milliseconds.
fn trickle(
    buffer: &mut FrameBuffer,
    begin: Instant,
    payloads: Vec<Bytes>,
    gap_ms: u64,
    lost: &[usize],
) -> Vec<u64> {
    let (count, mut wishes) = (payloads.len(), Vec::new());
    let mut payloads = payloads.into_iter().enumerate();
    for ms in 0..6_000 {
        let now = begin + Duration::from_millis(ms);
        if ms % gap_ms == 0
            && let Some((index, payload)) = payloads.next()
            && !lost.contains(&index)
        {
            buffer.insert(ReceivedPacket {
                sequence: index as u16,
                rtp_time: RtpTime(0),
                marker: index + 1 == count,
                payload,
                arrived: ArrivalTime(now),
                redundant: false,
            });
        }
        if buffer.pop(now).is_some() {
            break;
        }
        let due = buffer.deadline().is_none_or(|due| due <= now);
        if buffer.take_key_frame_request(now) {
            assert!(due, "wished for without a deadline");
            wishes.push(ms);
        }
    }
    wishes
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "test: any moment will do as the start of virtual time"
)]
fn a_key_frame_that_is_on_its_way_over_a_slow_line_is_not_asked_for_again() {
    let payloads = packetize(&access_unit(0, true, 28_000), 1_000);
    assert!(payloads.len() > 25);
    let fresh = || {
        let mut buffer = FrameBuffer::new();
        buffer.set_round_trip(Duration::from_millis(60));
        buffer.require_key_frame();
        (buffer, Instant::now())
    };
    let (mut buffer, begin) = fresh();
    let _ = buffer.take_key_frame_request(begin);
    let wishes = trickle(&mut buffer, begin, payloads.clone(), 60, &[]);
    assert!(wishes.is_empty(), "1.7 seconds: {wishes:?}");
    assert_eq!(buffer.counters().key_frames, 1);

    let (mut buffer, begin) = fresh();
    let _ = buffer.take_key_frame_request(begin);
    let wishes = trickle(&mut buffer, begin, payloads.clone(), 20, &[9]);
    assert!(
        (860..=900).contains(&wishes[0]) && wishes.len() > 10,
        "a part of it is lost, and its last packet came after 560: {wishes:?}"
    );

    let (mut buffer, begin) = fresh();
    let wishes = trickle(&mut buffer, begin, payloads, 200, &[]);
    assert_eq!(wishes[0], 2_000, "nobody waits for ever: {wishes:?}");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "test: any moment will do as the start of virtual time"
)]
fn a_loss_is_waited_for_until_what_is_sent_again_can_be_there_however_long_the_way() {
    let begin = Instant::now();
    for (round_trip_ms, patience_ms) in [
        (0, 50),
        (40, 110),
        (300, 500),
        (400, 540),
        (600, 760),
        (1_500, 1_000),
    ] {
        let mut buffer = FrameBuffer::new();
        buffer.set_round_trip(Duration::from_millis(round_trip_ms));
        buffer.insert(ReceivedPacket {
            sequence: 7,
            rtp_time: RtpTime(0),
            marker: true,
            payload: Bytes::from_static(&[0x41, 1]),
            arrived: ArrivalTime(begin),
            redundant: false,
        });
        assert!(buffer.pop(begin).is_none());
        let waits = buffer.deadline().unwrap() - begin;
        assert!(
            waits.abs_diff(Duration::from_millis(patience_ms)) < Duration::from_millis(2),
            "{round_trip_ms}: {waits:?}"
        );
    }
}
