//! The pacer as a link of the interceptor chain, at the library's place for it: above the transport-wide numbering and the
//! send history, so that both see a packet when it leaves and not when it began to wait.

use super::again::Again;
use super::beyond_repair::BeyondRepair;
use super::padding::Padding;
use super::queue::{Class, Queue};
use super::room::Room;
use crate::peer::chain::{Lanes, Link, extension_id, is_audio};
use crate::peer::estimate::{Congestion, InProbe};
use crate::peer::meter::Meter;
use parley_proto::Bitrate;
use rtc::interceptor::{Attribute, Packet, StreamInfo, TaggedPacket};
use rtc::rtp;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::marshal::MarshalSize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The round trip before it was measured.
const ROUND_TRIP_START: Duration = Duration::from_millis(100);

/// See the module.
pub(in crate::peer) struct Pacer {
    queue: Queue<TaggedPacket>,
    target: watch::Receiver<Bitrate>,
    congestion: Congestion,
    padding: Padding,
    again: Again,
    beyond_repair: BeyondRepair,
    /// Our streams, and whether each is sound.
    streams: HashMap<u32, bool>,
    /// Those whose packets are numbered across all streams when they leave.
    numbered: HashSet<u32>,
    room: Arc<Room>,
    meter: Arc<Meter>,
}

impl Pacer {
    /// Follows `target` from its present value on, and sends the probes of `congestion`.
    pub(in crate::peer) fn new(
        mut target: watch::Receiver<Bitrate>,
        congestion: Congestion,
        room: Arc<Room>,
        meter: Arc<Meter>,
    ) -> Self {
        let start = *target.borrow_and_update();
        Self {
            queue: Queue::new(start),
            target,
            congestion,
            padding: Padding::default(),
            again: Again::default(),
            beyond_repair: BeyondRepair::default(),
            streams: HashMap::new(),
            numbered: HashSet::new(),
            room,
            meter,
        }
    }

    /// What tells one retransmission from another: its stream, and the number of the packet that was lost. In a stream of
    /// its own that number stands before the payload (RFC 4588).
    fn identity(&self, rtp: &rtp::Packet) -> u64 {
        let original = match rtp.payload.first_chunk::<2>() {
            Some(number) if !self.streams.contains_key(&rtp.header.ssrc) => u16::from_be_bytes(*number),
            _ => rtp.header.sequence_number,
        };
        u64::from(rtp.header.ssrc) << 16 | u64::from(original)
    }

    /// Whether this was sent again so lately that it cannot have come yet, over a way that has a queue.
    fn is_too_soon(&self, now: Instant, packet: u64) -> bool {
        let measured = self.meter.round_trip_ms.get();
        let round_trip = if measured > 0.0 {
            Duration::from_secs_f32(measured.min(10_000.0) / 1000.0)
        } else {
            ROUND_TRIP_START
        };
        let queue = self.congestion.queue();
        queue.is_some_and(|queue| self.again.is_recent(now, packet, round_trip + queue))
    }

    fn release(&mut self, now: Instant, lanes: &mut Lanes) {
        if self.target.has_changed().unwrap_or(false) {
            self.queue.set_target(*self.target.borrow_and_update());
        }
        self.queue.set_full(now, self.congestion.queue().is_some());
        self.queue.set_narrow(now, self.congestion.is_at_capacity());
        if self.queue.is_hopeless() {
            tracing::debug!("more was lost than can be sent again in time");
            self.queue.give_up();
            self.beyond_repair.begin();
            self.congestion.give_up();
        }
        // Without anything to pad with, what waits anyway makes a probe, when it is enough: the packets of a large picture.
        let at_hand = (!self.padding.is_there(now)).then(|| self.queue.video_bytes());
        if self.queue.probe().is_none()
            && at_hand != Some(0)
            && let Some(cluster) = self.congestion.next_probe(now, at_hand)
        {
            self.queue
                .begin_probe(now, cluster.id, cluster.bps, cluster.bytes);
        }
        loop {
            let probe = self.queue.probe();
            let mut packet = if let Some(mut packet) = self.queue.pop(now) {
                self.padding.pass(now, &mut packet);
                packet
            } else if !self.queue.wants_padding() {
                break;
            } else if let Some((packet, bytes)) = self.padding.next(now) {
                self.queue.padded(bytes);
                packet
            } else {
                self.queue.end_probe();
                break;
            };
            packet.now = now;
            if let Some(id) = probe {
                packet.message.add(Attribute::Custom(Arc::new(InProbe(id))));
            }
            lanes.outward.push_back(packet);
        }
        self.room.set(!self.queue.is_long());
        let drops = self.queue.take_drops();
        self.meter.drops.pacer_full.add(drops.full);
        self.meter.drops.retransmissions_late.add(drops.late);
        self.meter.drops.retransmissions_repeated.add(drops.repeated);
    }
}

impl Link for Pacer {
    fn on_sent(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        let Packet::Rtp(rtp) = &packet.message.packet else {
            // Feedback is worth something only while it is fresh.
            lanes.outward.push_back(packet);
            return;
        };
        if packet.message.has(&Attribute::Retransmission) && self.numbered.contains(&rtp.header.ssrc) {
            // To a peer without a stream for retransmissions the same packet would go again, with another number in its header and so
            // under the same SRTP nonce, which no cipher here may see twice (RFC 5116, 3.1; RFC 3711, 9.1).
            self.meter.drops.retransmissions_refused.one();
            return;
        }
        let class = if packet.message.has(&Attribute::Retransmission) {
            let lost = self.identity(rtp);
            if self.beyond_repair.covers(rtp.header.ssrc, lost as u16) {
                self.meter.drops.retransmissions_late.one();
                return;
            }
            if self.is_too_soon(packet.now, lost) {
                self.meter.drops.retransmissions_repeated.one();
                return;
            }
            self.again.sent(packet.now, lost);
            Class::Retransmission(lost)
        } else if self.streams.get(&rtp.header.ssrc) == Some(&true) {
            Class::Audio
        } else {
            self.beyond_repair
                .pass(rtp.header.ssrc, rtp.header.sequence_number);
            Class::Video
        };
        let (now, bytes) = (packet.now, rtp.marshal_size());
        self.queue.push(now, class, bytes, packet);
        self.release(now, lanes);
    }

    fn on_time(&mut self, now: Instant, lanes: &mut Lanes) {
        self.release(now, lanes);
    }

    fn next_time(&self) -> Option<Instant> {
        self.queue.next_time()
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        self.streams.insert(stream.ssrc, is_audio(stream));
        if extension_id(stream, TRANSPORT_CC_URI).is_some() {
            self.numbered.insert(stream.ssrc);
        }
        self.padding.bind(stream);
        self.beyond_repair.bind(stream);
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
        self.numbered.remove(&stream.ssrc);
        self.padding.unbind(stream);
        self.beyond_repair.unbind(stream);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use crate::peer::chain::testing::{audio_stream, drain_out, rtp_packet, video_stream};
    use crate::peer::chain::{Linked, rtp_of};
    use crate::peer::estimate::Bounds;
    use rtc::interceptor::{Interceptor, PacerBuilder, Registry, Slot};
    use rtc::sansio::Protocol;
    use std::time::Duration;

    const VIDEO: u32 = 1;
    const AUDIO: u32 = 2;
    const RTX: u32 = 3;
    const MAX: Bitrate = Bitrate::from_kbps(20_000);

    fn chain(own: bool, target: Bitrate) -> (impl Interceptor, Arc<Room>) {
        let room = Arc::new(Room::default());
        let registry = if own {
            let bounds = Bounds {
                start: target,
                min: target,
                max: MAX,
            };
            let (congestion, target, _) = Congestion::new(bounds, Instant::now());
            let pacer = Pacer::new(target, congestion, Arc::clone(&room), Arc::new(Meter::default()));
            Registry::new().with(Slot::Pacer, Linked::new(pacer))
        } else {
            // What the library's `configure_congestion_control` installs, whatever the estimator starts with.
            Registry::new().with(Slot::Pacer, PacerBuilder::new().build())
        };
        let mut chain = registry.build();
        chain.bind_local_stream(&video_stream(VIDEO, None, &[]));
        chain.bind_local_stream(&audio_stream(AUDIO));
        (chain, room)
    }

    /// Two seconds of pictures at 1.6 Mbit/s, and 100 packets of sound: the share of each that left within the two seconds.
    fn shares_sent(own: bool) -> (f64, f64) {
        let start = Instant::now();
        let (mut chain, _) = chain(own, Bitrate::from_kbps(1600));
        let (mut audio, mut video, mut video_in) = (0u32, 0u32, 0u32);
        for ms in 0..2000u64 {
            let now = start + Duration::from_millis(ms);
            if ms % 6 == 0 {
                video_in += 1;
                chain
                    .handle_write(rtp_packet(now, VIDEO, ms as u16, &[0; 1188]))
                    .unwrap();
            }
            if ms % 20 == 0 {
                chain
                    .handle_write(rtp_packet(now, AUDIO, ms as u16, &[0; 100]))
                    .unwrap();
            }
            chain.handle_timeout(now).unwrap();
            for packet in drain_out(&mut chain) {
                match rtp_of(&packet).unwrap().header.ssrc {
                    AUDIO => audio += 1,
                    _ => video += 1,
                }
            }
        }
        (f64::from(audio) / 100.0, f64::from(video) / f64::from(video_in))
    }

    #[test]
    fn at_the_rate_the_estimator_starts_with_nothing_is_held_back() {
        assert_eq!(shares_sent(true), (1.0, 1.0));
    }

    #[test]
    fn the_bare_library_still_starts_at_one_megabit_and_holds_sound_behind_pictures() {
        // When this fails, the library was mended: see whether our own pacer is still needed.
        let (audio, video) = shares_sent(false);
        assert!(audio < 0.8 && video < 0.8, "{audio} {video}");
    }

    #[test]
    fn the_encoder_is_held_while_too_much_waits_and_let_go_again() {
        let start = Instant::now();
        let (mut chain, room) = chain(true, Bitrate::from_kbps(300));
        for sequence in 0..60 {
            chain
                .handle_write(rtp_packet(start, VIDEO, sequence, &[0; 1188]))
                .unwrap();
        }
        assert!(!room.is_free());
        for ms in 0..1000 {
            chain.handle_timeout(start + Duration::from_millis(ms)).unwrap();
        }
        assert!(room.is_free());
        assert_eq!(drain_out(&mut chain).len(), 60);
    }

    #[test]
    fn a_probe_is_padded_with_what_was_just_sent_and_every_retransmission_has_a_number_of_its_own() {
        let start = Instant::now();
        let (mut chain, _) = chain(true, Bitrate::from_kbps(300));
        chain.bind_local_stream(&video_stream(VIDEO, Some(RTX), &[]));
        let (mut probed, mut padding, mut numbers, mut pictures) = (0, 0, Vec::new(), 0);
        for ms in 0..400u64 {
            let now = start + Duration::from_millis(ms);
            if ms % 33 == 0 {
                chain
                    .handle_write(rtp_packet(now, VIDEO, ms as u16, &[9; 1000]))
                    .unwrap();
            }
            if ms % 50 == 0 {
                // One that was asked for, with a number of the library's.
                let mut asked = rtp_packet(now, RTX, 0, &[0, ms as u8, 9]);
                asked.message.add(Attribute::Retransmission);
                chain.handle_write(asked).unwrap();
            }
            chain.handle_timeout(now).unwrap();
            for packet in drain_out(&mut chain) {
                let rtp = rtp_of(&packet).unwrap();
                probed += usize::from(packet.message.custom::<InProbe>().is_some());
                if rtp.header.ssrc == RTX {
                    padding += usize::from(rtp.header.payload_type == 97);
                    numbers.push(rtp.header.sequence_number);
                } else {
                    pictures += 1;
                }
            }
        }
        assert_eq!(pictures, 13);
        assert!(probed >= 4 && padding >= 3, "{probed} {padding}");
        assert_eq!(numbers.len(), 8 + padding);
        assert!(
            numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)),
            "{numbers:?}"
        );
    }

    #[test]
    fn sound_alone_is_never_padded() {
        let start = Instant::now();
        let (mut chain, _) = chain(true, Bitrate::from_kbps(300));
        let mut left = 0;
        for ms in (0..2000u64).step_by(20) {
            let now = start + Duration::from_millis(ms);
            chain
                .handle_write(rtp_packet(now, AUDIO, ms as u16, &[0; 100]))
                .unwrap();
            chain.handle_timeout(now).unwrap();
            left += drain_out(&mut chain).len();
        }
        assert_eq!(left, 100);
    }

    #[test]
    fn without_a_stream_for_them_a_numbered_packet_is_never_sent_again() {
        let start = Instant::now();
        // Whoever numbers no packets gets the very same one once more, which is no harm.
        for (numbered, times) in [(true, 1), (false, 2)] {
            let (mut chain, _) = chain(true, MAX);
            let extensions = [(TRANSPORT_CC_URI, 5)];
            let extensions = if numbered { &extensions[..] } else { &[] };
            chain.bind_local_stream(&video_stream(VIDEO, None, extensions));
            let packet = || rtp_packet(start, VIDEO, 7, &[9; 1000]);
            let mut again = packet();
            again.message.add(Attribute::Retransmission);
            chain.handle_write(packet()).unwrap();
            chain.handle_write(again).unwrap();
            assert_eq!(drain_out(&mut chain).len(), times);
        }
    }

    #[test]
    fn to_a_peer_without_retransmissions_a_large_picture_is_a_probe() {
        let start = Instant::now();
        let (mut chain, _) = chain(true, Bitrate::from_kbps(300));
        let mut probed = 0;
        for ms in 0..1_000u64 {
            let now = start + Duration::from_millis(ms);
            if ms == 0 {
                for sequence in 0..40 {
                    chain
                        .handle_write(rtp_packet(now, VIDEO, sequence, &[9; 1000]))
                        .unwrap();
                }
            }
            chain.handle_timeout(now).unwrap();
            let left = drain_out(&mut chain);
            probed += left
                .iter()
                .filter(|packet| packet.message.custom::<InProbe>().is_some())
                .count();
        }
        assert!((4..12).contains(&probed), "{probed}");
    }
}
