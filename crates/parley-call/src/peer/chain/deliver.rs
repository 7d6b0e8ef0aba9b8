//! The last link inwards: hands received media to the media threads, once the gate is open.
//!
//! It stands in for the library's remote-track queue, which holds 256 packets and drops the rest, and it knows when a
//! packet really came. Each packet is handed on once; the order is left to the jitter and frame buffers. Pictures that come a
//! moment before the gate opens (the other side checked our proof sooner than we checked theirs) wait for it: the first of
//! them is the key frame, and another one would cost a round trip and the time to send it. Sound that comes too early is old.

use super::seen::Seen;
use super::{Lanes, Link, is_audio};
use crate::peer::library::{LibraryEvent, LibraryEvents};
use crate::peer::meter::{Drops, Meter};
use crate::port::TrackKind;
use parley_media::audio::red;
use parley_media::packet::ReceivedPacket;
use parley_media::time::{ArrivalTime, RtpTime};
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use rtc::rtp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Packets that may wait for the audio thread: over two seconds.
pub(in crate::peer) const AUDIO_PACKETS_MAX: usize = 128;
/// Packets that may wait for the frame buffer: two large key frames.
pub(in crate::peer) const VIDEO_PACKETS_MAX: usize = 1024;
/// Packets that may wait for the gate.
const HELD_MAX: usize = 512;
/// A packet that waited longer is of no use: a proof this late has other reasons than the way.
const HELD_AGE_MAX: Duration = Duration::from_millis(500);
/// A track whose taker is gone is told again, but no more often than this.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often to look at the gate while packets wait for it.
const GATE_LOOK: Duration = Duration::from_millis(5);

/// See the module.
pub(in crate::peer) struct Deliver {
    meter: Arc<Meter>,
    events: LibraryEvents,
    streams: HashMap<u32, Stream>,
    /// Pictures' packets that wait for the gate, oldest first.
    held: VecDeque<(Instant, rtp::Packet)>,
    looked_at: Option<Instant>,
}

impl Deliver {
    pub(in crate::peer) fn new(meter: Arc<Meter>, events: LibraryEvents) -> Self {
        Self {
            meter,
            events,
            streams: HashMap::new(),
            held: VecDeque::new(),
            looked_at: None,
        }
    }

    fn on_media(&mut self, now: Instant, packet: rtp::Packet) {
        self.look_at_gate(now);
        if self.meter.gate.is_open() {
            self.hand_on(now, packet);
        } else if self.held.len() < HELD_MAX && self.is_picture(&packet) {
            self.held.push_back((now, packet));
        } else {
            self.meter.drops.gate_closed.one();
        }
    }

    fn is_picture(&self, packet: &rtp::Packet) -> bool {
        let stream = self.streams.get(&packet.header.ssrc);
        stream.is_some_and(|stream| stream.kind == TrackKind::Video)
    }

    /// Hands on what waited for the gate, and forgets what waited too long.
    fn look_at_gate(&mut self, now: Instant) {
        self.looked_at = Some(now);
        let is_old = |came: Instant| now.saturating_duration_since(came) > HELD_AGE_MAX;
        while self.held.front().is_some_and(|(came, _)| is_old(*came)) {
            self.held.pop_front();
            self.meter.drops.gate_closed.one();
        }
        if self.meter.gate.is_open() {
            for (came, packet) in std::mem::take(&mut self.held) {
                self.hand_on(came, packet);
            }
        }
    }

    fn hand_on(&mut self, now: Instant, packet: rtp::Packet) {
        let drops = &self.meter.drops;
        let Some(stream) = self.streams.get_mut(&packet.header.ssrc) else {
            drops.unexpected.one();
            return;
        };
        if packet.payload.is_empty() {
            return; // padding, or a keep-alive
        }
        let is_sound = matches!(stream.kind, TrackKind::Audio | TrackKind::ScreenSound);
        let inside = self.meter.redundancy.inside(packet.header.payload_type);
        let (payload, copies) = match inside.filter(|_| is_sound) {
            None => (packet.payload, Vec::new()),
            Some(media_type) => match red::unpack(&packet.payload, media_type) {
                Ok(unpacked) => (unpacked.primary, unpacked.copies),
                Err(error) => {
                    tracing::debug!(%error, "a packet of sound is not read");
                    drops.red_invalid.one();
                    return;
                }
            },
        };
        if !stream.seen.first_time(packet.header.sequence_number) {
            drops.duplicates.one();
            return;
        }
        let received = ReceivedPacket {
            sequence: packet.header.sequence_number,
            rtp_time: RtpTime(packet.header.timestamp),
            marker: packet.header.marker,
            payload,
            arrived: ArrivalTime(now),
            redundant: false,
        };
        // The packet itself first, then what fills holes before it: most of the copies are of packets that came.
        let (sequence, time) = (received.sequence, received.rtp_time.0);
        stream.hand_on(&self.events, drops, received);
        for copy in copies {
            let sequence = sequence.wrapping_sub(copy.back);
            if stream.seen.first_time(sequence) {
                let received = ReceivedPacket {
                    sequence,
                    rtp_time: RtpTime(time.wrapping_sub(copy.earlier)),
                    marker: false,
                    payload: copy.payload,
                    arrived: ArrivalTime(now),
                    redundant: true,
                };
                stream.hand_on(&self.events, drops, received);
            }
        }
    }
}

impl Link for Deliver {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        let now = packet.now;
        match packet.message.packet {
            Packet::Rtp(rtp) => self.on_media(now, rtp),
            _ => lanes.inward.push_back(packet),
        }
    }

    fn on_time(&mut self, now: Instant, _: &mut Lanes) {
        self.look_at_gate(now);
    }

    fn next_time(&self) -> Option<Instant> {
        let looked_at = self.looked_at.filter(|_| !self.held.is_empty())?;
        Some(looked_at + GATE_LOOK)
    }

    fn bind_remote(&mut self, stream: &StreamInfo) {
        // Retransmissions never come this far, but their stream is announced as well.
        if self.streams.values().any(|known| known.rtx == Some(stream.ssrc)) {
            return;
        }
        let kind = if is_audio(stream) {
            if self.meter.screen_streams.has_sound(stream.ssrc) {
                TrackKind::ScreenSound
            } else {
                TrackKind::Audio
            }
        } else if self.meter.screen_streams.has(stream.ssrc) {
            TrackKind::Screen
        } else {
            TrackKind::Video
        };
        // One stream a kind: the newest is the one that was negotiated last.
        self.streams.retain(|_, known| known.kind != kind);
        self.streams
            .insert(stream.ssrc, Stream::new(kind, stream.ssrc_rtx));
    }

    fn unbind_remote(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
    }
}

/// One stream of the other side.
struct Stream {
    kind: TrackKind,
    rtx: Option<u32>,
    seen: Seen,
    sender: Option<SyncSender<ReceivedPacket>>,
    told: Option<Instant>,
}

impl Stream {
    fn new(kind: TrackKind, rtx: Option<u32>) -> Self {
        Self {
            kind,
            rtx,
            seen: Seen::default(),
            sender: None,
            told: None,
        }
    }

    fn hand_on(&mut self, events: &LibraryEvents, drops: &Drops, received: ReceivedPacket) {
        let Some(sender) = self.sender(events, &received) else {
            drops.events_full.one();
            return;
        };
        match sender.try_send(received) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => drops.media_full.one(),
            Err(TrySendError::Disconnected(_)) => {
                // Whoever took them is gone, or never heard of them: told again, or this track would be silent for good.
                drops.media_full.one();
                self.sender = None;
            }
        }
    }

    /// The way to the media threads; made, and told, with the first packet. `None` while that cannot be told.
    fn sender(
        &mut self,
        events: &LibraryEvents,
        first: &ReceivedPacket,
    ) -> Option<&SyncSender<ReceivedPacket>> {
        if self.sender.is_none() {
            let now = first.arrived.0;
            if self.told.is_some_and(|told| now < told + TELL_AGAIN_AFTER) {
                return None;
            }
            let (sender, packets) = sync_channel(match self.kind {
                TrackKind::Audio | TrackKind::ScreenSound => AUDIO_PACKETS_MAX,
                TrackKind::Video | TrackKind::Screen => VIDEO_PACKETS_MAX,
            });
            if !events.tell(LibraryEvent::Track {
                kind: self.kind,
                packets,
            }) {
                return None;
            }
            let pictures = matches!(self.kind, TrackKind::Video | TrackKind::Screen);
            if pictures && !starts_key_frame(&first.payload) {
                events.tell(LibraryEvent::KeyFrameMissing { kind: self.kind });
            }
            self.sender = Some(sender);
            self.told = Some(now);
        }
        self.sender.as_ref()
    }
}

/// Whether an H.264 payload (RFC 6184) begins a picture that a decoder can start with.
pub(in crate::peer) fn starts_key_frame(payload: &[u8]) -> bool {
    let nal_type = |byte: u8| byte & 0x1f;
    let starts = |nal: u8| matches!(nal, 5 | 7 | 8);
    match payload {
        [header, ..] if starts(nal_type(*header)) => true,
        // STAP-A: two bytes of length, then the first NAL unit.
        [header, _, _, first, ..] if nal_type(*header) == 24 => starts(nal_type(*first)),
        // FU-A: the start bit, and the type of what is in pieces.
        [header, fragment, ..] if nal_type(*header) == 28 => {
            fragment & 0x80 != 0 && starts(nal_type(*fragment))
        }
        _ => false,
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::testing::{audio_stream, rtp_packet, video_stream};
    use super::*;
    use bytes::Bytes;
    use parley_media::audio::red::Red;
    use std::sync::mpsc::Receiver;

    fn deliver() -> (Deliver, Arc<Meter>, tokio::sync::mpsc::Receiver<LibraryEvent>) {
        let meter = Arc::new(Meter::default());
        let (events, told) = LibraryEvents::new();
        let mut deliver = Deliver::new(Arc::clone(&meter), events);
        deliver.bind_remote(&video_stream(1, Some(2), &[]));
        deliver.bind_remote(&video_stream(2, None, &[]));
        deliver.bind_remote(&audio_stream(3));
        (deliver, meter, told)
    }

    fn feed(deliver: &mut Deliver, ssrc: u32, sequence: u16, payload: &[u8]) {
        deliver.on_received(
            rtp_packet(Instant::now(), ssrc, sequence, payload),
            &mut Lanes::default(),
        );
    }

    fn track(event: LibraryEvent) -> (TrackKind, Receiver<ReceivedPacket>) {
        match event {
            LibraryEvent::Track { kind, packets } => (kind, packets),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_track_whose_taker_is_gone_is_told_again_but_not_with_each_packet() {
        let (mut deliver, meter, mut told) = deliver();
        meter.gate.open();
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        feed_at(&mut deliver, start, 3, 1);
        drop(told.try_recv().unwrap());
        for number in 2..50 {
            feed_at(&mut deliver, after(20 * u64::from(number)), 3, number);
        }
        assert!(told.try_recv().is_err(), "within a second");
        feed_at(&mut deliver, after(1_010), 3, 60);
        let (kind, packets) = track(told.try_recv().unwrap());
        assert_eq!(kind, TrackKind::Audio);
        assert_eq!(packets.try_iter().count(), 1);
    }

    fn feed_at(deliver: &mut Deliver, at: Instant, ssrc: u32, sequence: u16) {
        deliver.on_received(rtp_packet(at, ssrc, sequence, &[0x65]), &mut Lanes::default());
    }

    #[test]
    fn nothing_is_handed_on_before_the_gate_opens_and_pictures_just_before_are_then() {
        let (mut deliver, meter, mut told) = deliver();
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        feed_at(&mut deliver, start, 1, 1);
        feed_at(&mut deliver, after(300), 1, 2);
        feed_at(&mut deliver, after(300), 3, 1); // sound
        assert_eq!(meter.drops.gate_closed.get(), 1);
        deliver.on_time(after(510), &mut Lanes::default());
        assert!(told.try_recv().is_err());
        assert_eq!(meter.drops.gate_closed.get(), 2, "the first one is too old now");
        let look = deliver.next_time().unwrap();
        assert!(look > after(510) && look < after(530));
        meter.gate.open();
        deliver.on_time(look, &mut Lanes::default());
        feed_at(&mut deliver, look, 1, 3);
        let (kind, packets) = track(told.try_recv().unwrap());
        assert_eq!(kind, TrackKind::Video);
        let came: Vec<_> = packets
            .try_iter()
            .map(|packet| (packet.sequence, packet.arrived.0))
            .collect();
        assert_eq!(came, [(2, after(300)), (3, look)]);
        assert_eq!(deliver.next_time(), None, "nothing waits");
    }

    #[test]
    fn what_waits_for_the_gate_is_bounded() {
        let (mut deliver, meter, _told) = deliver();
        let start = Instant::now();
        for sequence in 0..1000 {
            feed_at(&mut deliver, start, 1, sequence);
        }
        assert_eq!(deliver.held.len(), HELD_MAX);
        assert_eq!(meter.drops.gate_closed.get(), 1000 - HELD_MAX as u64);
    }

    #[test]
    fn each_packet_is_handed_on_once_whatever_the_order() {
        let (mut deliver, meter, mut told) = deliver();
        meter.gate.open();
        for sequence in [65_535, 1, 0, 1, 65_535, 2] {
            feed(&mut deliver, 3, sequence, b"opus");
        }
        let (_, packets) = track(told.try_recv().unwrap());
        let sequences: Vec<_> = packets.try_iter().map(|packet| packet.sequence).collect();
        assert_eq!(sequences, [65_535, 1, 0, 2]);
        assert_eq!(meter.drops.duplicates.get(), 2);
    }

    #[test]
    fn copies_fill_the_holes_and_are_handed_on_once() {
        let (mut deliver, meter, mut told) = deliver();
        meter.gate.open();
        meter.redundancy.read(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:111 opus/48000/2\r\n\
             a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n",
        );
        let opus = |number: u8| Bytes::copy_from_slice(&[0x78, number]);
        let mut red = Red::default();
        let mut send = |number: u8, lost: bool, spoil: bool| {
            let time = u32::from(number) * 960;
            let packed = red.pack(111, time, &opus(number), 2, 1);
            red.sent(time, opus(number));
            let mut packet = rtp_packet(Instant::now(), 3, number.into(), &packed.unwrap_or(opus(number)));
            if let Packet::Rtp(rtp) = &mut packet.message.packet {
                rtp.header.timestamp = time;
                rtp.header.payload_type = if number == 0 { 111 } else { 63 };
                if spoil {
                    rtp.payload = rtp.payload.slice(..3);
                }
            }
            if !lost {
                deliver.on_received(packet, &mut Lanes::default());
            }
        };
        for (number, lost, spoil) in [
            (0, false, false),
            (1, true, false),
            (2, true, false),
            (3, false, false),
        ] {
            send(number, lost, spoil);
        }
        send(4, false, true);
        send(5, false, false);
        let (_, packets) = track(told.try_recv().unwrap());
        let came: Vec<_> = packets
            .try_iter()
            .map(|packet| {
                assert_eq!(packet.rtp_time.0, u32::from(packet.sequence) * 960);
                (packet.sequence, packet.payload[1], packet.redundant)
            })
            .collect();
        let expect = [
            (0, 0, false),
            (3, 3, false),
            (2, 2, true),
            (1, 1, true),
            (5, 5, false),
            (4, 4, true),
        ];
        assert_eq!(came, expect);
        assert_eq!(meter.drops.red_invalid.get(), 1);
        assert_eq!(meter.drops.duplicates.get(), 0, "copies are no faults of the way");
    }

    #[test]
    fn a_first_picture_that_cannot_be_decoded_is_reported() {
        for (payload, missing) in [
            (&[0x65, 0][..], false),
            (&[0x41, 0], true),
            (&[24, 0, 9, 0x67, 1], false),
            (&[28, 0x85, 1], false),
            (&[28, 0x05, 1], true),
            (&[28], true),
        ] {
            let (mut deliver, meter, mut told) = deliver();
            meter.gate.open();
            feed(&mut deliver, 1, 1, payload);
            track(told.try_recv().unwrap());
            assert_eq!(told.try_recv().is_ok(), missing, "{payload:?}");
        }
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (mut deliver, meter, mut told) = deliver();
        meter.gate.open();
        for sequence in 0..200 {
            feed(&mut deliver, 3, sequence, b"opus");
        }
        let (_, packets) = track(told.try_recv().unwrap());
        assert_eq!(packets.try_iter().count(), AUDIO_PACKETS_MAX);
        assert_eq!(meter.drops.media_full.get(), 200 - AUDIO_PACKETS_MAX as u64);
    }

    #[test]
    fn streams_nobody_negotiated_and_padding_go_nowhere() {
        let (mut deliver, meter, mut told) = deliver();
        meter.gate.open();
        feed(&mut deliver, 77, 1, b"x");
        feed(&mut deliver, 1, 1, b"");
        assert!(told.try_recv().is_err());
        assert_eq!(meter.drops.unexpected.get(), 1);
    }
}
