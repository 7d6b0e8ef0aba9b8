//! The link next to the wire: counts what passes, and reads the feedback that the library keeps from the application.
//!
//! Without it no key-frame request (PLI of RFC 4585, FIR of RFC 5104) would ever reach the encoder: webrtc 0.21.1 ends
//! incoming RTCP inside its chain.

use super::{Lanes, Link, is_audio};
use crate::peer::meter::{Counter, Gauge, Meter};
use parley_media::video::KeyFrameFlag;
use rtc::interceptor::{Attribute, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp;
use rtc::shared::marshal::MarshalSize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Key frames are large: more often than this only makes congestion worse. Browsers ask three times a second while they
/// have no picture.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(300);

/// A stream of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Audio,
    Video,
    Screen,
    ScreenSound,
}

/// A wish for key frames of one of our encoders, and the requests that become it.
struct Asked {
    key_frames: KeyFrameFlag,
    requests: Spaced,
}

impl Asked {
    fn new(key_frames: KeyFrameFlag) -> Self {
        Self {
            key_frames,
            requests: Spaced::default(),
        }
    }
}

/// See the module.
pub(in crate::peer) struct Tap {
    meter: Arc<Meter>,
    camera: Asked,
    screen: Asked,
    /// Those of the camera's smaller encodings, by stream.
    layers: HashMap<u32, Asked>,
    screen_ssrc: u32,
    screen_sound_ssrc: u32,
    local: HashMap<u32, Kind>,
    remote: HashMap<u32, Arrivals>,
}

impl Tap {
    /// `screen` is our stream of the screen, and the flag of its encoder; `screen_sound` that of what the computer plays.
    pub(in crate::peer) fn new(
        meter: Arc<Meter>,
        key_frames: KeyFrameFlag,
        screen: (u32, KeyFrameFlag),
        screen_sound: u32,
    ) -> Self {
        Self {
            meter,
            camera: Asked::new(key_frames),
            screen: Asked::new(screen.1),
            layers: HashMap::new(),
            screen_ssrc: screen.0,
            screen_sound_ssrc: screen_sound,
            local: HashMap::new(),
            remote: HashMap::new(),
        }
    }

    /// With these smaller encodings of the camera, each a stream with an encoder of its own.
    pub(in crate::peer) fn with_layers(mut self, layers: Vec<(u32, KeyFrameFlag)>) -> Self {
        let asked = |(ssrc, key_frames)| (ssrc, Asked::new(key_frames));
        self.layers = layers.into_iter().map(asked).collect();
        self
    }

    fn asked(&mut self) -> impl Iterator<Item = &mut Asked> {
        [&mut self.camera, &mut self.screen]
            .into_iter()
            .chain(self.layers.values_mut())
    }

    fn on_feedback(&mut self, now: Instant, packet: &dyn rtcp::Packet) {
        let packet = packet.as_any();
        if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
            self.on_key_frame_request(now, pli.media_ssrc);
        } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
            for entry in &fir.fir {
                self.on_key_frame_request(now, entry.ssrc);
            }
        } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            self.meter.nacks_received.add(asked_for(nack));
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            self.on_reports(&report.reports);
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            self.on_reports(&report.reports);
        }
    }

    fn on_key_frame_request(&mut self, now: Instant, ssrc: u32) {
        if !self.meter.gate.is_open() {
            return;
        }
        let asked = match self.local.get(&ssrc) {
            Some(Kind::Video) => self.layers.get_mut(&ssrc).unwrap_or(&mut self.camera),
            Some(Kind::Screen) => &mut self.screen,
            Some(Kind::Audio | Kind::ScreenSound) | None => return,
        };
        self.meter.key_frame_requests_received.one();
        if asked.requests.ask(now) {
            asked.key_frames.request();
        }
    }

    fn on_reports(&self, reports: &[ReceptionReport]) {
        for report in reports {
            let loss = f32::from(report.fraction_lost) / 256.0;
            match self.local.get(&report.ssrc) {
                Some(Kind::Audio) => self.meter.audio_loss_out.set(loss),
                Some(Kind::Video) => self.meter.video_loss_out.set(loss),
                // It stands still most of the time: what its few packets tell would hide what the others do.
                Some(Kind::Screen | Kind::ScreenSound) | None => {}
            }
        }
    }

    fn on_arrival(&mut self, now: Instant, packet: &rtp::Packet) {
        self.meter.bytes_received.add(packet.marshal_size() as u64);
        let Some(arrivals) = self.remote.get_mut(&packet.header.ssrc) else {
            return;
        };
        self.meter.packets_received.one();
        self.meter
            .packets_expected
            .add(arrivals.expected_by(packet.header.sequence_number));
        let jitter_ms = arrivals.jitter_ms(now, packet.header.timestamp);
        let (gauge, received): (&Gauge, &Counter) = match arrivals.kind {
            Kind::Audio => (&self.meter.audio_jitter_ms, &self.meter.audio_received),
            Kind::Video => (&self.meter.video_jitter_ms, &self.meter.video_received),
            Kind::Screen | Kind::ScreenSound => return,
        };
        gauge.set(jitter_ms);
        received.one();
    }
}

impl Link for Tap {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        self.meter.packets_in.one();
        match &packet.message.packet {
            Packet::Rtp(rtp) => self.on_arrival(packet.now, rtp),
            Packet::Rtcp(compound) => {
                for part in compound {
                    self.on_feedback(packet.now, part.as_ref());
                }
            }
            _ => {}
        }
        lanes.inward.push_back(packet);
    }

    fn on_sent(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        match &packet.message.packet {
            Packet::Rtp(rtp) => {
                self.meter.bytes_sent.add(rtp.marshal_size() as u64);
                if packet.message.has(&Attribute::Retransmission) {
                    self.meter.retransmissions_sent.one();
                }
            }
            Packet::Rtcp(compound) => {
                for part in compound {
                    if let Some(nack) = part.as_any().downcast_ref::<TransportLayerNack>() {
                        self.meter.nacks_sent.add(asked_for(nack));
                    }
                }
            }
            _ => {}
        }
        lanes.outward.push_back(packet);
    }

    fn on_time(&mut self, now: Instant, _: &mut Lanes) {
        for asked in self.asked() {
            if asked.requests.due(now) {
                asked.key_frames.request();
            }
        }
    }

    fn next_time(&self) -> Option<Instant> {
        [&self.camera, &self.screen]
            .into_iter()
            .chain(self.layers.values())
            .filter_map(|asked| asked.requests.next)
            .min()
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        let kind = if stream.ssrc == self.screen_sound_ssrc {
            Kind::ScreenSound
        } else if is_audio(stream) {
            Kind::Audio
        } else if stream.ssrc == self.screen_ssrc {
            Kind::Screen
        } else {
            Kind::Video
        };
        self.local.insert(stream.ssrc, kind);
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.local.remove(&stream.ssrc);
    }

    fn bind_remote(&mut self, stream: &StreamInfo) {
        // The stream of retransmissions is announced right after its primary one; its sequence tells nothing about loss.
        if self
            .remote
            .values()
            .any(|arrivals| arrivals.rtx == Some(stream.ssrc))
        {
            return;
        }
        let kind = if self.meter.screen_streams.has_sound(stream.ssrc) {
            Kind::ScreenSound
        } else if is_audio(stream) {
            Kind::Audio
        } else if self.meter.screen_streams.has(stream.ssrc) {
            Kind::Screen
        } else {
            Kind::Video
        };
        self.remote
            .entry(stream.ssrc)
            .or_insert_with(|| Arrivals::new(kind, stream));
    }

    fn unbind_remote(&mut self, stream: &StreamInfo) {
        self.remote.remove(&stream.ssrc);
    }
}

/// How many packets a NACK asks for.
fn asked_for(nack: &TransportLayerNack) -> u64 {
    nack.nacks
        .iter()
        .map(|pair| 1 + u64::from(pair.lost_packets.count_ones()))
        .sum()
}

/// Lets requests through at most every [`KEY_FRAME_INTERVAL`]; one that came too early is kept until it may.
#[derive(Debug, Default)]
struct Spaced {
    last: Option<Instant>,
    next: Option<Instant>,
}

impl Spaced {
    /// Whether the request may go now.
    fn ask(&mut self, now: Instant) -> bool {
        match self.last {
            Some(last) if now < last + KEY_FRAME_INTERVAL => {
                self.next = Some(last + KEY_FRAME_INTERVAL);
                false
            }
            _ => {
                self.last = Some(now);
                self.next = None;
                true
            }
        }
    }

    /// Whether one that waited may go now.
    fn due(&mut self, now: Instant) -> bool {
        self.next.is_some_and(|next| now >= next) && self.ask(now)
    }
}

/// First transmissions of one stream of the other side.
#[derive(Debug)]
struct Arrivals {
    kind: Kind,
    clock_hz: f64,
    rtx: Option<u32>,
    highest: Option<u16>,
    last: Option<(Instant, u32)>,
    jitter: f64,
}

impl Arrivals {
    fn new(kind: Kind, stream: &StreamInfo) -> Self {
        Self {
            kind,
            clock_hz: f64::from(stream.clock_rate.max(1)),
            rtx: stream.ssrc_rtx,
            highest: None,
            last: None,
            jitter: 0.0,
        }
    }

    /// How many more packets are known to have been sent, now that this one is here.
    fn expected_by(&mut self, sequence: u16) -> u64 {
        let ahead = match self.highest {
            None => 1,
            Some(highest) => sequence.wrapping_sub(highest),
        };
        // Half the number space ahead is behind (RFC 3550, A.1). A jump this large is a restart, not loss.
        if ahead == 0 || ahead >= 0x8000 {
            return 0;
        }
        self.highest = Some(sequence);
        if ahead > 3000 { 1 } else { u64::from(ahead) }
    }

    /// RFC 3550, 6.4.1, in milliseconds.
    fn jitter_ms(&mut self, now: Instant, timestamp: u32) -> f32 {
        if let Some((then, earlier)) = self.last {
            let passed = now.saturating_duration_since(then).as_secs_f64() * self.clock_hz;
            let difference = passed - f64::from(timestamp.wrapping_sub(earlier) as i32);
            self.jitter += (difference.abs() - self.jitter) / 16.0;
        }
        self.last = Some((now, timestamp));
        (self.jitter / self.clock_hz * 1000.0) as f32
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::testing::{audio_stream, rtp_packet, tagged, video_stream};
    use super::*;

    const VIDEO: u32 = 11;
    const AUDIO: u32 = 12;

    fn tap() -> (Tap, Arc<Meter>, KeyFrameFlag) {
        let meter = Arc::new(Meter::default());
        let flag = KeyFrameFlag::default();
        let mut tap = Tap::new(Arc::clone(&meter), flag.clone(), (99, KeyFrameFlag::new()), 98);
        tap.bind_local(&video_stream(VIDEO, None, &[]));
        tap.bind_local(&audio_stream(AUDIO));
        (tap, meter, flag)
    }

    fn feed(tap: &mut Tap, now: Instant, packet: impl rtcp::Packet + 'static) {
        tap.on_received(
            tagged(now, Packet::Rtcp(vec![Box::new(packet)])),
            &mut Lanes::default(),
        );
    }

    fn pli(media_ssrc: u32) -> PictureLossIndication {
        PictureLossIndication {
            sender_ssrc: 1,
            media_ssrc,
        }
    }

    #[test]
    fn key_frame_requests_reach_the_encoder_but_not_too_often_and_none_is_lost() {
        let (mut tap, meter, flag) = tap();
        meter.gate.open();
        let start = Instant::now();
        feed(&mut tap, start, pli(VIDEO));
        assert!(flag.take(), "the first at once");
        feed(&mut tap, start + Duration::from_millis(100), pli(VIDEO));
        assert!(!flag.take(), "the second too early");
        let due = tap.next_time().unwrap();
        tap.on_time(due, &mut Lanes::default());
        assert!(flag.take(), "but kept");
        assert_eq!(tap.next_time(), None);
        assert_eq!(meter.key_frame_requests_received.get(), 2);
    }

    #[test]
    fn a_request_for_a_smaller_encoding_reaches_its_own_encoder() {
        let (tap, meter, flag) = tap();
        let quarter = KeyFrameFlag::new();
        let mut tap = tap.with_layers(vec![(21, quarter.clone())]);
        tap.bind_local(&video_stream(21, None, &[]));
        meter.gate.open();
        let start = Instant::now();
        feed(&mut tap, start, pli(21));
        assert!(quarter.take() && !flag.take());
        feed(&mut tap, start, pli(VIDEO));
        assert!(flag.take() && !quarter.take());
        feed(&mut tap, start, pli(21));
        let due = tap.next_time().unwrap();
        tap.on_time(due, &mut Lanes::default());
        assert!(quarter.take());
    }

    #[test]
    fn full_intra_requests_count_as_well() {
        let (mut tap, meter, flag) = tap();
        meter.gate.open();
        let fir = FullIntraRequest {
            sender_ssrc: 1,
            media_ssrc: 0,
            fir: vec![rtcp::payload_feedbacks::full_intra_request::FirEntry {
                ssrc: VIDEO,
                sequence_number: 1,
            }],
        };
        feed(&mut tap, Instant::now(), fir);
        assert!(flag.take());
    }

    #[test]
    fn requests_before_the_gate_opens_or_for_other_streams_do_nothing() {
        let (mut tap, meter, flag) = tap();
        feed(&mut tap, Instant::now(), pli(VIDEO));
        meter.gate.open();
        feed(&mut tap, Instant::now(), pli(AUDIO));
        feed(&mut tap, Instant::now(), pli(999));
        assert!(!flag.take());
    }

    #[test]
    fn reported_loss_is_kept_apart_for_sound_and_pictures() {
        let (mut tap, meter, _) = tap();
        let block = |ssrc, fraction_lost| ReceptionReport {
            ssrc,
            fraction_lost,
            ..Default::default()
        };
        let report = ReceiverReport {
            ssrc: 1,
            reports: vec![block(AUDIO, 64)],
            ..Default::default()
        };
        feed(&mut tap, Instant::now(), report);
        let report = SenderReport {
            ssrc: 1,
            reports: vec![block(VIDEO, 128)],
            ..Default::default()
        };
        feed(&mut tap, Instant::now(), report);
        assert_eq!(
            (meter.audio_loss_out.get(), meter.video_loss_out.get()),
            (0.25, 0.5)
        );
    }

    #[test]
    fn lost_packets_show_as_a_gap_between_expected_and_received() {
        let (mut tap, meter, _) = tap();
        tap.bind_remote(&video_stream(5, Some(6), &[]));
        tap.bind_remote(&video_stream(6, None, &[])); // as the library does for the stream of retransmissions
        let now = Instant::now();
        for sequence in [65_534, 65_535, 2, 1, 2] {
            tap.on_received(rtp_packet(now, 5, sequence, b"x"), &mut Lanes::default());
        }
        tap.on_received(rtp_packet(now, 6, 900, b"x"), &mut Lanes::default());
        assert_eq!(
            (meter.packets_expected.get(), meter.packets_received.get()),
            (5, 5)
        );
        let came = [&meter.video_received, &meter.audio_received, &meter.packets_in].map(Counter::get);
        assert_eq!(came, [5, 0, 6]);
    }

    #[test]
    fn packets_that_come_evenly_have_no_jitter_and_uneven_ones_do() {
        let jitter = |uneven_ms: u64| {
            let (mut tap, meter, _) = tap();
            tap.bind_remote(&video_stream(5, None, &[]));
            let start = Instant::now();
            for n in 0..100u16 {
                // 3000 ticks of 90 kHz a packet
                let late = if n % 2 == 1 {
                    Duration::from_millis(uneven_ms)
                } else {
                    Duration::ZERO
                };
                let at = start + Duration::from_micros(u64::from(n) * 100_000 / 3) + late;
                tap.on_received(rtp_packet(at, 5, n, b"x"), &mut Lanes::default());
            }
            meter.video_jitter_ms.get()
        };
        assert!(jitter(0) < 0.1);
        assert!((jitter(10) - 10.0).abs() < 1.0);
    }
}
