//! Asks for lost packets again (RFC 4585, 6.2.1), in place of the library's generator.
//!
//! The library's asks on a fixed beat: late by half of it, and on a path with a long round trip several times before the
//! first answer can be there, so that each loss is sent several times. This one asks as soon as reordering is unlikely, and
//! again only after an answer should have come, each time after a longer while: what does not come may wait behind much else. What
//! lies before a key frame is asked for no more, since no picture needs it.
//!
//! Where packets are lost all the time ([`Share`]), requests and answers are lost as well, and a picture that waits for a third
//! answer stands still. There each request is followed by another one before its answer could be there, and the next ones come
//! without growing pauses. A sender whose way is full sends a packet once all the same (`peer/pacer`).

use super::{Lanes, Link};
use crate::peer::meter::Meter;
use parley_media::video::h264::{PictureStart, picture_start};
use rtc::interceptor::{AttributedPacket, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc::shared::TransportContext;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Packets that overtake each other do so by no more than this, mostly.
const REORDERING: Duration = Duration::from_millis(5);
/// The least time between two requests for one packet, ...
const AGAIN_MIN: Duration = Duration::from_millis(25);
/// ... and how much longer than the round trip an answer may take.
const AGAIN_FACTOR: f32 = 1.25;
/// The round trip before it was measured.
const ROUND_TRIP_START_MS: f32 = 80.0;
/// How often one packet is asked for, and for how long, before it is given up: then a key frame is cheaper. Where the round trip is
/// long, until a second answer can be there ...
const REQUESTS_MAX: u8 = 8;
const AGE_MAX: Duration = Duration::from_secs(1);
const AGE_ROUND_TRIPS: f32 = 2.0;
/// ... but no longer than the frame buffer keeps what came behind it.
const AGE_FAR_MAX: Duration = Duration::from_secs(2);
/// From these shares of lost packets on, a packet is asked for twice, and three times, within one round trip ...
const TWICE_FROM: f32 = 0.05;
const THRICE_FROM: f32 = 0.2;
/// ... so far apart: a part of the round trip, within these bounds, so that a run of lost packets does not take both.
const TWIN_PART: u32 = 4;
const TWIN_MIN: Duration = Duration::from_millis(5);
const TWIN_MAX: Duration = Duration::from_millis(15);
/// Then so many round trips pass before the pauses grow.
const EVEN_ROUNDS: u8 = 4;
/// Packets over which the share is taken, ...
const SHARE_PACKETS: f32 = 100.0;
/// ... for which no more of one gap count: a longer one is an interruption, and says little of what comes after.
const SHARE_GAP_MAX: u16 = 8;
/// A gap larger than this is an interruption; asking for all of it would only add to the trouble.
const GAP_MAX: u16 = 400;

/// See the module.
pub(in crate::peer) struct Nacks {
    meter: Arc<Meter>,
    sender_ssrc: u32,
    streams: HashMap<u32, Missing>,
    rtx: HashSet<u32>,
}

impl Nacks {
    /// `sender_ssrc` is what the requests go under. The round trip is read from the meter.
    pub(in crate::peer) fn new(meter: Arc<Meter>, sender_ssrc: u32) -> Self {
        Self {
            meter,
            sender_ssrc,
            streams: HashMap::new(),
            rtx: HashSet::new(),
        }
    }

    fn again_after(&self) -> Duration {
        let measured = self.meter.round_trip_ms.get();
        let round_trip_ms = if measured > 0.0 {
            measured
        } else {
            ROUND_TRIP_START_MS
        };
        Duration::from_secs_f32(round_trip_ms * AGAIN_FACTOR / 1000.0).max(AGAIN_MIN)
    }
}

impl Link for Nacks {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        if let Packet::Rtp(rtp) = &packet.message.packet
            && let Some(missing) = self.streams.get_mut(&rtp.header.ssrc)
        {
            missing.arrived(packet.now, rtp.header.sequence_number);
            if picture_start(&rtp.payload) == Some(PictureStart::Certain) {
                missing.begin_at(rtp.header.sequence_number);
            }
        }
        lanes.inward.push_back(packet);
    }

    fn on_time(&mut self, now: Instant, lanes: &mut Lanes) {
        let again_after = self.again_after();
        for (media_ssrc, missing) in &mut self.streams {
            let due = missing.due(now, again_after);
            if due.is_empty() {
                continue;
            }
            let nack = TransportLayerNack {
                sender_ssrc: self.sender_ssrc,
                media_ssrc: *media_ssrc,
                nacks: nack_pairs_from_sequence_numbers(&due),
            };
            lanes.outward.push_back(TaggedPacket {
                now,
                transport: TransportContext::default(),
                message: AttributedPacket::new(Packet::Rtcp(vec![Box::new(nack)])),
            });
        }
    }

    fn next_time(&self) -> Option<Instant> {
        self.streams.values().filter_map(Missing::next_time).min()
    }

    fn bind_remote(&mut self, stream: &StreamInfo) {
        self.rtx.extend(stream.ssrc_rtx);
        let agreed = stream
            .rtcp_feedback
            .iter()
            .any(|feedback| feedback.typ == "nack" && feedback.parameter.is_empty());
        // The stream of retransmissions is announced like any other; what is lost of it is asked for under its primary.
        if agreed && !self.rtx.contains(&stream.ssrc) {
            self.streams.entry(stream.ssrc).or_default();
        }
    }

    fn unbind_remote(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
        if let Some(rtx) = stream.ssrc_rtx {
            self.rtx.remove(&rtx);
        }
    }
}

/// One packet that did not come yet.
#[derive(Debug)]
struct Lost {
    sequence: u16,
    since: Instant,
    next: Instant,
    requests: u8,
}

/// The share of packets that did not come at first, of about the last [`SHARE_PACKETS`]. It begins with none.
#[derive(Debug, Default)]
struct Share(f32);

impl Share {
    /// One packet, which came in its place or left a gap.
    fn add(&mut self, lost: bool) {
        self.0 += (f32::from(u8::from(lost)) - self.0) / SHARE_PACKETS;
    }

    /// A packet that left a gap was only overtaken.
    fn came(&mut self) {
        self.0 = (self.0 - 1.0 / SHARE_PACKETS).max(0.0);
    }

    /// How often to ask for a packet within one round trip.
    fn asks(&self) -> u8 {
        if self.0 >= THRICE_FROM {
            3
        } else if self.0 >= TWICE_FROM {
            2
        } else {
            1
        }
    }
}

/// What is missing of one stream.
#[derive(Debug, Default)]
struct Missing {
    highest: Option<u16>,
    lost: VecDeque<Lost>,
    share: Share,
}

impl Missing {
    fn arrived(&mut self, now: Instant, sequence: u16) {
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            return;
        };
        let ahead = sequence.wrapping_sub(highest);
        if ahead == 0 || ahead >= 0x8000 {
            let overtaken = |lost: &Lost| lost.sequence == sequence && lost.requests == 0;
            if self.lost.iter().any(overtaken) {
                self.share.came();
            }
            self.lost.retain(|lost| lost.sequence != sequence);
            return;
        }
        self.highest = Some(sequence);
        if ahead > GAP_MAX {
            self.lost.clear();
            return;
        }
        self.share.add(false);
        for n in 1..ahead {
            if n <= SHARE_GAP_MAX {
                self.share.add(true);
            }
            self.lost.push_back(Lost {
                sequence: highest.wrapping_add(n),
                since: now,
                next: now + REORDERING,
                requests: 0,
            });
        }
        while self.lost.len() > usize::from(GAP_MAX) {
            self.lost.pop_front();
        }
    }

    /// A key frame begins here: what was sent before it is of no use any more.
    fn begin_at(&mut self, sequence: u16) {
        self.lost
            .retain(|lost| lost.sequence.wrapping_sub(sequence) < 0x8000);
    }

    /// What must be asked for now. Forgets what is not worth it any more.
    fn due(&mut self, now: Instant, again_after: Duration) -> Vec<u16> {
        let age_max = again_after.mul_f32(AGE_ROUND_TRIPS).clamp(AGE_MAX, AGE_FAR_MAX);
        let asks = self.share.asks();
        self.lost.retain(|lost| {
            let age = now.saturating_duration_since(lost.since);
            let in_time = lost.requests == 0 || age + again_after <= AGE_FAR_MAX;
            lost.requests < REQUESTS_MAX * asks && age < age_max && in_time
        });
        let due = self.lost.iter_mut().filter(|lost| lost.next <= now);
        due.map(|lost| {
            lost.next = now + pause(lost.requests, asks, again_after);
            lost.requests += 1;
            lost.sequence
        })
        .collect()
    }

    fn next_time(&self) -> Option<Instant> {
        self.lost.iter().map(|lost| lost.next).min()
    }
}

/// How long after the first of two that go within one round trip the second one goes.
pub(super) fn twin_after(round_trip: Duration) -> Duration {
    (round_trip / TWIN_PART).clamp(TWIN_MIN, TWIN_MAX)
}

/// How long to wait after a request that `before` others came before, where each packet is asked for `asks` times a round trip.
fn pause(before: u8, asks: u8, again_after: Duration) -> Duration {
    if asks == 1 {
        // The second answer is waited for half as long again, the third twice as long, ...
        return again_after + again_after * u32::from(before) / 2;
    }
    let twin = twin_after(again_after);
    if before % asks + 1 < asks {
        return twin;
    }
    let grown = u32::from((before / asks + 1).saturating_sub(EVEN_ROUNDS));
    again_after - twin * u32::from(asks - 1) + again_after * grown / 2
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::testing::{rtp_packet, video_stream};
    use super::*;

    /// Feeds packets 0..200 at one each 4 ms without those in `lost`; each request is answered after the round trip.
    /// Gives the sequence numbers in the order they were asked for.
    fn asked_for(lost: &[u16], round_trip: Duration, answered: bool) -> Vec<u16> {
        let meter = Arc::new(Meter::default());
        meter.round_trip_ms.set(round_trip.as_secs_f32() * 1000.0);
        let mut link = Nacks::new(meter, 9);
        link.bind_remote(&video_stream(1, Some(2), &[]));
        link.bind_remote(&video_stream(2, None, &[]));
        let start = Instant::now();
        let mut asked = Vec::new();
        let mut answers: Vec<(Instant, u16)> = Vec::new();
        for ms in 0..2000u32 {
            let now = start + Duration::from_millis(ms.into());
            let first = 65_500u16; // wraps on the way
            let mut lanes = Lanes::default();
            if ms % 4 == 0 && ms < 800 {
                let n = (ms / 4) as u16;
                if !lost.contains(&n) {
                    link.on_received(rtp_packet(now, 1, first.wrapping_add(n), b"x"), &mut lanes);
                }
                link.on_received(rtp_packet(now, 2, n * 7, b"x"), &mut lanes);
            }
            for (_, sequence) in answers.extract_if(.., |(at, _)| *at <= now) {
                link.on_received(rtp_packet(now, 1, sequence, b"x"), &mut lanes);
            }
            link.on_time(now, &mut lanes);
            assert!(link.next_time().is_none_or(|next| next > now), "time must go on");
            for packet in lanes.outward {
                let Packet::Rtcp(parts) = packet.message.packet else {
                    panic!("no RTCP")
                };
                let nack = parts[0].as_any().downcast_ref::<TransportLayerNack>().unwrap();
                assert_eq!(nack.media_ssrc, 1);
                for sequence in nack.nacks.iter().flat_map(|pair| pair.packet_list()) {
                    asked.push(sequence.wrapping_sub(first));
                    if answered {
                        answers.push((now + round_trip, sequence));
                    }
                }
            }
        }
        assert_eq!(link.next_time(), None, "nothing is left to ask for");
        asked
    }

    #[test]
    fn each_lost_packet_is_asked_for_once_however_long_the_round_trip() {
        for round_trip_ms in [1, 40, 250] {
            let round_trip = Duration::from_millis(round_trip_ms);
            assert_eq!(asked_for(&[20, 21, 60, 150], round_trip, true), [20, 21, 60, 150]);
        }
    }

    #[test]
    fn a_packet_that_never_comes_is_given_up() {
        let asked = asked_for(&[20], Duration::from_millis(30), false);
        assert_eq!(asked.len(), usize::from(REQUESTS_MAX));
    }

    #[test]
    fn each_request_for_the_same_packet_waits_longer_than_the_one_before() {
        let start = Instant::now();
        let mut missing = Missing::default();
        missing.arrived(start, 1);
        missing.arrived(start, 3);
        let asked: Vec<u64> = (0..3_000)
            .filter(|ms| {
                let now = start + Duration::from_millis(*ms);
                !missing.due(now, Duration::from_millis(40)).is_empty()
            })
            .collect();
        assert_eq!(asked, [5, 45, 105, 185, 285, 405, 545, 705]);
    }

    #[test]
    fn where_much_is_lost_each_packet_is_asked_for_more_than_once_a_round_trip_and_evenly() {
        let start = Instant::now();
        for (every, expect) in [
            (12, vec![5, 15, 45, 55, 85, 95, 125, 135, 165, 175, 225, 235]),
            (4, vec![5, 15, 25, 45, 55, 65, 85, 95, 105, 125, 135, 145]),
        ] {
            let mut missing = Missing::default();
            for sequence in (0..600).filter(|n| n % every != 0) {
                missing.arrived(start, sequence);
            }
            missing.lost.clear();
            missing.arrived(start, 601);
            let asked: Vec<u64> = (0..1_000)
                .filter(|ms| {
                    let now = start + Duration::from_millis(*ms);
                    !missing.due(now, Duration::from_millis(40)).is_empty()
                })
                .collect();
            assert_eq!(asked[..12], expect, "every {every}th is lost");
            assert!(asked.len() <= 24, "{asked:?}");
        }
    }

    #[test]
    fn packets_that_are_only_overtaken_are_no_loss() {
        let (mut missing, start) = (Missing::default(), Instant::now());
        for n in (1..600u16).step_by(3) {
            for sequence in [n, n + 2, n + 1] {
                missing.arrived(start, sequence);
            }
        }
        assert_eq!(missing.share.asks(), 1, "{:?}", missing.share);
    }

    #[test]
    fn where_the_way_is_long_a_second_answer_can_still_come() {
        for (round_trip_ms, requests) in [(250, 3), (600, 2), (1_500, 1)] {
            let asked = asked_for(&[20], Duration::from_millis(round_trip_ms), false);
            assert_eq!(asked.len(), requests, "{round_trip_ms} ms");
        }
    }

    #[test]
    fn what_lies_before_a_key_frame_is_asked_for_no_more_and_what_is_missing_of_it_is() {
        let meter = Arc::new(Meter::default());
        let mut link = Nacks::new(meter, 9);
        link.bind_remote(&video_stream(1, None, &[]));
        let (start, mut lanes) = (Instant::now(), Lanes::default());
        let parameters: &[u8] = &[0x67, 66, 224, 31];
        for (sequence, payload) in [
            (65_530, b"x".as_slice()),
            (65_533, b"x"),
            (65_535, parameters),
            (2, b"x"),
        ] {
            link.on_received(rtp_packet(start, 1, sequence, payload), &mut lanes);
        }
        let missing: Vec<u16> = link.streams[&1].lost.iter().map(|lost| lost.sequence).collect();
        assert_eq!(missing, [0, 1]);
    }

    #[test]
    fn a_packet_that_was_only_overtaken_is_not_asked_for() {
        let mut missing = Missing::default();
        let start = Instant::now();
        for sequence in [1, 3, 2] {
            missing.arrived(start, sequence);
        }
        assert!(missing.due(start + REORDERING, AGAIN_MIN).is_empty());
    }

    #[test]
    fn an_interruption_is_not_asked_for_at_all_and_many_gaps_stay_bounded() {
        let mut missing = Missing::default();
        let now = Instant::now();
        missing.arrived(now, 1);
        missing.arrived(now, 5_000);
        assert!(missing.lost.is_empty());
        for n in 1..1000u16 {
            missing.arrived(now, 5_000 + n * 2);
        }
        assert_eq!(missing.lost.len(), usize::from(GAP_MAX));
    }

    #[test]
    fn streams_without_agreement_are_left_alone() {
        let mut link = Nacks::new(Arc::new(Meter::default()), 9);
        link.bind_remote(&super::super::testing::audio_stream(3));
        let mut lanes = Lanes::default();
        for sequence in [1, 9] {
            link.on_received(rtp_packet(Instant::now(), 3, sequence, b"x"), &mut lanes);
        }
        assert_eq!(link.next_time(), None);
    }
}
