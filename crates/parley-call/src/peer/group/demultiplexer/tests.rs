//! People in sections, in virtual time.

use super::*;
use crate::sfu_port::GroupTrack;
use bytes::Bytes;
use parley_proto::Source;
use std::sync::mpsc::Receiver;

const ADA: u32 = 17;
const BOB: u32 = 18;
const KEY: &[u8] = &[0x67, 66, 224, 31];
const PART: &[u8] = &[0x41, 1, 2, 3];

fn publication(number: u32, of: u8, source: Source) -> Publication {
    Publication {
        number,
        participant: ParticipantId::from_bytes([of; 16]),
        source,
        on: true,
        layers: Vec::new(),
    }
}

struct World {
    now: Instant,
    core: Demultiplexer,
    drops: Drops,
    heard: HashMap<(u8, TrackKind), Heard>,
    ended: Vec<(u8, TrackKind)>,
    flows: Vec<(u8, bool)>,
}

#[derive(Default)]
struct Heard {
    packets: Option<Receiver<ReceivedPacket>>,
    times_told: usize,
    came: Vec<ReceivedPacket>,
}

const fn section(connection: u32, ssrc: u32) -> Place {
    Place { connection, ssrc }
}

impl World {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let now = Instant::now();
        let mut world = Self {
            now,
            core: Demultiplexer::default(),
            drops: Drops::default(),
            heard: HashMap::new(),
            ended: Vec::new(),
            flows: Vec::new(),
        };
        for ssrc in 1..=4 {
            world.core.bind(section(1, ssrc));
        }
        world
    }

    /// Two people with cameras and microphones.
    fn with_two() -> Self {
        let mut world = Self::new();
        world.publish(&[
            publication(ADA, 1, Source::Camera),
            publication(BOB, 2, Source::Camera),
            publication(ADA + 100, 1, Source::Microphone),
            publication(BOB + 100, 2, Source::Microphone),
        ]);
        world
    }

    fn publish(&mut self, list: &[Publication]) {
        self.core.publications(self.now, list, &self.drops);
        self.take_in();
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn feed(&mut self, place: Place, sequence: u16, time: u32, csrc: &[u32], payload: &[u8]) {
        self.feed_with(place, (sequence, time), csrc, payload, &[]);
    }

    /// With copies of the packets so many before it, of 20 ms each.
    fn feed_with(
        &mut self,
        place: Place,
        (sequence, time): (u16, u32),
        csrc: &[u32],
        payload: &[u8],
        backs: &[u16],
    ) {
        let packet = rtp::Packet {
            header: rtp::header::Header {
                version: 2,
                ssrc: place.ssrc,
                sequence_number: sequence,
                timestamp: time,
                csrc: csrc.to_vec(),
                ..Default::default()
            },
            payload: Bytes::copy_from_slice(payload),
        };
        let copy = |back: &u16| Copied {
            back: *back,
            earlier: u32::from(*back) * 960,
            payload: Bytes::copy_from_slice(&[sequence.wrapping_sub(*back) as u8]),
        };
        let copies = backs.iter().map(copy).collect();
        self.core.packet(self.now, place, packet, copies, &self.drops);
        self.take_in();
    }

    fn take_in(&mut self) {
        for news in self.core.take_news() {
            match news {
                SfuEventKind::Track(GroupTrack {
                    participant,
                    kind,
                    packets,
                    ..
                }) => {
                    let heard = self.heard.entry((participant.as_bytes()[0], kind)).or_default();
                    heard.packets = Some(packets);
                    heard.times_told += 1;
                }
                SfuEventKind::TrackEnded { participant, kind } => {
                    self.ended.push((participant.as_bytes()[0], kind));
                }
                SfuEventKind::Flow {
                    participant, comes, ..
                } => self.flows.push((participant.as_bytes()[0], comes)),
                other => panic!("{other:?}"),
            }
        }
        for heard in self.heard.values_mut() {
            heard
                .came
                .extend(heard.packets.iter().flat_map(Receiver::try_iter));
        }
    }

    /// Numbers and times of what came of somebody, in the order it came.
    fn came(&self, of: u8, kind: TrackKind) -> Vec<(u16, u32)> {
        let heard = self.heard.get(&(of, kind));
        let came = heard.iter().flat_map(|heard| &heard.came);
        came.map(|packet| (packet.sequence, packet.rtp_time.0)).collect()
    }

    fn times_told(&self, of: u8, kind: TrackKind) -> usize {
        self.heard.get(&(of, kind)).map_or(0, |heard| heard.times_told)
    }
}

#[test]
fn a_section_that_changes_hands_gives_each_person_an_unbroken_stream() {
    let mut world = World::with_two();
    let place = section(1, 1);
    // Two pictures of three packets of each in turn, in one numbering of the section that wraps on the way.
    let mut sequence = 65_530u16;
    let mut time = 1_000;
    for turn in 0..6u32 {
        let number = [ADA, BOB][turn as usize % 2];
        for picture in 0..2 {
            for n in 0..3 {
                let payload = if picture == 0 && n == 0 { KEY } else { PART };
                world.feed(place, sequence, time, &[number], payload);
                sequence = sequence.wrapping_add(1);
            }
            time += 3_000;
            world.pass(33);
        }
    }
    for of in [1, 2] {
        let came = world.came(of, TrackKind::Video);
        assert_eq!(came.len(), 18);
        assert_eq!(world.times_told(of, TrackKind::Video), 1);
        for pair in came.windows(2) {
            assert_eq!(pair[1].0, pair[0].0.wrapping_add(1), "{came:?}");
            let step = pair[1].1.wrapping_sub(pair[0].1);
            // While the other one was shown, time went on as here.
            assert!(
                [0, 3_000].contains(&step) || (8_800..9_100).contains(&step),
                "{step}"
            );
        }
    }
    assert_eq!(world.drops.list(), []);
}

#[test]
fn a_person_who_moves_to_another_section_or_connection_keeps_one_stream() {
    let mut world = World::with_two();
    world.core.bind(section(2, 9));
    let mut sent = 0;
    for (place, first) in [
        (section(1, 1), 100),
        (section(1, 2), 9_000),
        (section(2, 9), 50),
        (section(1, 1), 110),
    ] {
        for n in 0..10 {
            let payload = if n == 0 { KEY } else { PART };
            world.feed(
                place,
                first + n,
                77 * u32::from(first) + u32::from(n) * 3_000,
                &[ADA],
                payload,
            );
            world.pass(33);
            sent += 1;
        }
        assert_eq!(world.core.place(ADA), Some(place));
    }
    let came = world.came(1, TrackKind::Video);
    assert_eq!(came.len(), sent);
    for pair in came.windows(2) {
        assert_eq!(pair[1].0, pair[0].0 + 1, "{came:?}");
        let step = pair[1].1.wrapping_sub(pair[0].1);
        assert!((2_900..=3_000).contains(&step), "{step}");
    }
    // What comes late of a stay before is put where it belonged.
    world.feed(section(1, 2), 8_999, 693_000 - 3_000, &[ADA], PART);
    assert_eq!(
        world.came(1, TrackKind::Video).last(),
        Some(&(109, came[9].1.wrapping_sub(30)))
    );
}

#[test]
fn what_was_lost_at_the_beginning_and_comes_again_has_its_place() {
    let mut world = World::with_two();
    let place = section(1, 1);
    world.feed(place, 10, 0, &[ADA], KEY);
    world.feed(place, 11, 0, &[ADA], PART);
    world.pass(33);
    // Bob begins with packet 12, which is lost at first; Ada's 9 is late.
    world.feed(place, 13, 3_000, &[BOB], PART);
    assert_eq!(world.times_told(2, TrackKind::Video), 0, "no key frame yet");
    world.feed(place, 9, 0, &[ADA], PART);
    world.feed(place, 12, 3_000, &[BOB], KEY);
    assert_eq!(world.times_told(2, TrackKind::Video), 1);
    assert_eq!(world.came(2, TrackKind::Video), [(13, 3_000), (12, 3_000)]);
    assert_eq!(world.came(1, TrackKind::Video), [(10, 0), (11, 0), (9, 0)]);
    // Ada again, her first packet lost: room is left for it.
    world.feed(place, 20, 6_000, &[BOB], PART);
    world.feed(place, 22, 9_000, &[ADA], PART);
    world.feed(place, 21, 9_000, &[ADA], KEY);
    let came = world.came(1, TrackKind::Video);
    let [.., second, first] = came.as_slice() else {
        panic!("{came:?}");
    };
    assert_eq!(second.0, first.0 + 1);
    assert!(first.0 > 12, "{came:?}");
    assert_eq!(world.drops.list(), []);
}

#[test]
fn a_packet_without_payload_fills_its_place_among_pictures_and_begins_nothing() {
    let mut world = World::with_two();
    let place = section(1, 1);
    world.feed(place, 9, 0, &[ADA], &[]);
    assert_eq!(world.times_told(1, TrackKind::Video), 0);
    world.feed(place, 10, 3_000, &[ADA], KEY);
    world.feed(place, 12, 9_000, &[ADA], PART);
    world.feed(place, 11, 6_000, &[ADA], &[]);
    // Padding and keep-alives, and somebody whose picture does not come here.
    world.feed(place, 13, 9_000, &[], &[]);
    world.feed(place, 13, 9_000, &[BOB], &[]);
    world.feed(place, 13, 12_000, &[ADA], PART);
    let came = world.came(1, TrackKind::Video);
    assert_eq!(came, [(10, 3_000), (12, 9_000), (11, 6_000), (13, 12_000)]);
    // Of sound nothing is left out.
    world.feed(section(1, 2), 20, 0, &[ADA + 100], PART);
    world.feed(section(1, 2), 21, 960, &[ADA + 100], &[]);
    assert_eq!(world.came(1, TrackKind::Audio).len(), 1);
    assert_eq!(world.drops.list(), []);
}

#[test]
fn sound_is_told_with_its_first_packet_and_goes_on_after_silence() {
    let mut world = World::with_two();
    for n in 0..50u16 {
        world.feed(section(1, 3), n, u32::from(n) * 960, &[ADA + 100], b"opus");
        world.pass(20);
    }
    // Two seconds of nothing to hear, then in another section.
    world.pass(2_000);
    for n in 0..50u16 {
        world.feed(
            section(1, 4),
            500 + n,
            7 + u32::from(n) * 960,
            &[ADA + 100],
            b"opus",
        );
        world.pass(20);
    }
    let came = world.came(1, TrackKind::Audio);
    assert_eq!(came.len(), 100);
    assert_eq!(world.times_told(1, TrackKind::Audio), 1);
    assert_eq!(came[50].0, 50, "silence is no loss");
    let step = came[50].1 - came[49].1;
    assert!((96_000..=97_000).contains(&step), "{step}");
    assert_eq!(came[99].1 - came[50].1, 49 * 960);
}

#[test]
fn packets_wait_for_somebody_to_name_their_publication_but_not_for_long_and_not_many() {
    let mut world = World::new();
    let list = [publication(ADA, 1, Source::Camera)];
    world.feed(section(1, 1), 5, 0, &[ADA], KEY);
    world.feed(section(1, 1), 6, 0, &[ADA], PART);
    world.pass(500);
    world.publish(&list);
    assert_eq!(world.came(1, TrackKind::Video), [(5, 0), (6, 0)]);

    let mut world = World::new();
    world.feed(section(1, 1), 5, 0, &[ADA], KEY);
    world.pass(2_500);
    world.core.look(world.now, &world.drops);
    world.publish(&list);
    assert_eq!(world.came(1, TrackKind::Video), []);
    for n in 0..2_000u16 {
        world.feed(section(1, 2), n, 0, &[999], PART);
    }
    assert_eq!(world.core.held.len(), HELD_MAX);
    assert_eq!(world.drops.unexpected.get(), 1 + 2_000 - HELD_MAX as u64);
}

#[test]
fn who_unpublishes_ends_and_comes_back_as_another_track() {
    let mut world = World::with_two();
    world.feed(section(1, 1), 5, 0, &[ADA], KEY);
    world.feed(section(1, 3), 5, 0, &[ADA + 100], b"opus");
    world.publish(&[publication(ADA + 100, 1, Source::Microphone)]);
    assert_eq!(
        world.ended,
        [(1, TrackKind::Video)],
        "nothing of Bob was ever told"
    );
    world.feed(section(1, 1), 6, 0, &[ADA], PART);
    assert_eq!(world.came(1, TrackKind::Video).len(), 1);
    // The same number may be somebody else's: after a restart of the server.
    world.publish(&[publication(ADA, 2, Source::Camera)]);
    assert_eq!(world.ended.last(), Some(&(1, TrackKind::Audio)));
    world.feed(section(1, 1), 7, 0, &[ADA], KEY);
    assert_eq!(world.times_told(2, TrackKind::Video), 1);
}

#[test]
fn a_track_whose_taker_is_gone_is_told_again_once_a_second() {
    let mut world = World::with_two();
    let told = |world: &mut World, sequence| {
        world.feed(section(1, 1), sequence, 0, &[ADA], KEY);
        world.times_told(1, TrackKind::Video)
    };
    assert_eq!(told(&mut world, 1), 1);
    world.heard.get_mut(&(1, TrackKind::Video)).unwrap().packets = None;
    assert_eq!(told(&mut world, 2), 1);
    assert_eq!(told(&mut world, 3), 1);
    world.pass(1_100);
    assert_eq!(told(&mut world, 4), 2);
    assert_eq!(told(&mut world, 5), 2);
}

#[test]
fn a_picture_that_does_not_begin_is_asked_for() {
    let mut world = World::with_two();
    world.feed(section(1, 1), 5, 0, &[ADA], PART);
    world.pass(100);
    world.feed(section(1, 1), 6, 0, &[ADA], PART);
    assert_eq!(
        world.core.take_wishes(),
        [] as [u32; 0],
        "it may still come again"
    );
    world.pass(150);
    world.feed(section(1, 1), 7, 0, &[ADA], PART);
    assert_eq!(world.core.take_wishes(), [ADA]);
    assert_eq!(world.core.take_wishes(), [] as [u32; 0]);
    assert_eq!(world.core.place(ADA), Some(section(1, 1)));
}

#[test]
fn a_camera_that_stops_is_told_once_and_so_is_its_return_but_no_microphone_and_no_camera_that_is_off() {
    let mut world = World::with_two();
    world.feed(section(1, 1), 1, 0, &[ADA], KEY);
    world.feed(section(1, 2), 1, 0, &[BOB], KEY);
    world.feed(section(1, 3), 1, 0, &[ADA + 100], b"opus");
    for ms in (0..4_000).step_by(250) {
        if ms < 2_000 {
            world.feed(section(1, 2), 2 + ms / 250, 0, &[BOB], PART);
        }
        if ms == 2_500 {
            world.feed(section(1, 1), 2, 0, &[ADA], PART);
            let mut off = publication(BOB, 2, Source::Camera);
            off.on = false;
            world.publish(&[publication(ADA, 1, Source::Camera), off]);
        }
        world.core.look(world.now, &world.drops);
        world.take_in();
        world.pass(250);
    }
    assert_eq!(world.flows, [(1, false), (1, true), (1, false)]);
}

#[test]
fn a_server_that_sends_anything_it_likes_changes_nothing_and_fills_nothing() {
    let mut world = World::with_two();
    world.feed(section(1, 1), 1, 0, &[ADA], KEY);
    for (csrc, payload) in [
        (&[] as &[u32], PART),
        (&[ADA, BOB], PART),
        (&[0], PART),
        (&[u32::MAX], PART),
        (&[ADA], b""),
    ] {
        world.feed(section(1, 1), 2, 0, csrc, payload);
    }
    world.feed(section(1, 77), 3, 0, &[ADA], PART);
    world.feed(section(3, 1), 3, 0, &[ADA], PART);
    // Somebody else's name on what lies long before.
    world.feed(section(1, 1), 40_000, 0, &[BOB], PART);
    assert_eq!(world.came(1, TrackKind::Video).len(), 1);
    assert_eq!(world.times_told(2, TrackKind::Video), 0);
    // Numbers that begin anew are followed in the end.
    for n in 0..500u16 {
        world.feed(section(1, 1), 40_001 + n, 0, &[ADA], PART);
    }
    assert!(world.came(1, TrackKind::Video).len() > 300);

    let many: Vec<_> = (1..=1_000)
        .map(|number| publication(number, (number % 250) as u8, Source::Microphone))
        .collect();
    world.publish(&many);
    assert_eq!(world.core.known.len(), KNOWN_MAX);
    for number in 1..=600u32 {
        world.pass(1);
        world.feed(section(1, 2), number as u16, 0, &[number], b"opus");
    }
    assert_eq!(world.core.tracks.len(), TRACKS_MAX);
    assert!(
        world
            .core
            .sections
            .values()
            .all(|section| section.tenures.len() <= TENURES_MAX)
    );
    for ssrc in 0..10_000 {
        world.core.bind(section(1, ssrc));
    }
    assert_eq!(world.core.sections.len(), SECTIONS_MAX);
    world.core.forget(1);
    assert!(world.core.sections.is_empty());
}

#[test]
fn clocks_of_a_persons_camera_and_microphone_go_together_over_a_change_of_section() {
    use parley_media::video::lip_sync::LipSync;
    let mut world = World::with_two();
    let ntp = |ms: u64| (1 << 40) + (ms << 32) / 1_000;
    let began = world.now;
    let behind = |world: &mut World, sound: Place, picture: Place, offset: u32| {
        for n in 0..50u16 {
            let ms = (world.now - began).as_millis() as u32;
            world.feed(
                sound,
                1_000 + n,
                offset.wrapping_add(ms * 48),
                &[ADA + 100],
                b"opus",
            );
            let payload = if n == 0 { KEY } else { PART };
            world.feed(
                picture,
                1_000 + n,
                offset.wrapping_mul(2).wrapping_add(ms * 90),
                &[ADA],
                payload,
            );
            world
                .core
                .report(sound, ntp(ms.into()), offset.wrapping_add(ms * 48));
            world.core.report(
                picture,
                ntp(ms.into()),
                offset.wrapping_mul(2).wrapping_add(ms * 90),
            );
            world.pass(20);
        }
        let times = world.core.tracks[&ADA].times.clone();
        let mut sync = LipSync::new(times);
        sync.set_sound_wait(Some(Duration::from_millis(20)));
        let (_, time) = *world.came(1, TrackKind::Video).last().unwrap();
        let at = world.now - Duration::from_millis(20);
        let due = sync.place(at, ArrivalTime(at), RtpTime(time));
        sync.shown(due, RtpTime(time));
        sync.figures().sound_behind_ms.map(f32::round)
    };
    let first = behind(&mut world, section(1, 3), section(1, 1), 5);
    assert_eq!(first, Some(20.0), "both came as they were recorded");
    let second = behind(&mut world, section(1, 4), section(1, 2), 4_000_000_000);
    assert_eq!(second, Some(20.0));
}

#[test]
fn what_was_lost_comes_as_a_copy_under_its_own_number_and_once() {
    let mut world = World::with_two();
    let place = section(1, 3);
    let ada = [ADA + 100];
    world.feed(place, 65_533, 1_000, &ada, &[253]);
    // Two are lost, of which the second is only late.
    world.feed_with(place, (0, 1_000 + 3 * 960), &ada, &[0], &[1, 2, 3]);
    world.feed(place, 65_535, 1_000 + 2 * 960, &ada, &[255]);
    let heard = &world.heard[&(1, TrackKind::Audio)].came;
    let came: Vec<_> = heard
        .iter()
        .map(|packet| {
            (
                packet.sequence,
                packet.rtp_time.0,
                packet.payload[0],
                packet.redundant,
            )
        })
        .collect();
    assert_eq!(
        came,
        [
            (65_533, 1_000, 253, false),
            (0, 1_000 + 3 * 960, 0, false),
            (65_535, 1_000 + 2 * 960, 255, true),
            (65_534, 1_000 + 960, 254, true),
        ]
    );
    assert_eq!(world.drops.duplicates.get(), 1);
}

#[test]
fn a_copy_is_of_whoever_has_the_section_and_of_sound() {
    let mut world = World::with_two();
    let place = section(1, 3);
    for sequence in 0..200u16 {
        world.feed(place, sequence, u32::from(sequence) * 960, &[ADA + 100], &[1]);
    }
    // Bob begins after a gap; only what is his is given out, and nothing as a picture.
    world.feed_with(place, (400, 400 * 960), &[BOB + 100], &[2], &[1, 300]);
    assert_eq!(world.came(1, TrackKind::Audio).len(), 200);
    assert_eq!(world.came(2, TrackKind::Audio).len(), 2);
    let pictures = section(1, 1);
    world.feed(pictures, 10, 0, &[ADA], KEY);
    world.feed_with(pictures, (12, 3_000), &[ADA], PART, &[1]);
    assert_eq!(world.came(1, TrackKind::Video).len(), 2);
    // Who is not named yet waits, without copies.
    world.feed_with(section(1, 4), (7, 7_000), &[99], &[3], &[1, 2]);
    let mut list = vec![publication(99, 3, Source::Microphone)];
    list.push(publication(ADA + 100, 1, Source::Microphone));
    world.publish(&list);
    assert_eq!(world.came(3, TrackKind::Audio).len(), 1);
}
