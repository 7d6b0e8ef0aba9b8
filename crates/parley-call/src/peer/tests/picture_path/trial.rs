//! One call's pictures from the encoder to the screen, over the links that a connection really has: estimate, ladder, pacer, library's
//! answers to NACKs, the way, turned back retransmissions, our NACKs, frame buffer, the moment to show, and the voice beside it. A
//! millisecond at a time.

use super::heard::{Heard, OPUS_20_MS, voice};
use super::maker::Maker;
use super::wire::{Way, Wire};
use crate::config::VideoLimits;
use crate::peer::chain::nack::Nacks;
use crate::peer::chain::testing::{audio_stream, drain_in, drain_out, rtp_packet, video_stream};
use crate::peer::chain::transport_cc::TransportCc;
use crate::peer::chain::unrtx::UnRtx;
use crate::peer::chain::{Linked, UNRTX_SLOT};
use crate::peer::driver::bounds;
use crate::peer::estimate::Congestion;
use crate::peer::first_look::FirstLook;
use crate::peer::ladder::{self, Ladder};
use crate::peer::meter::Meter;
use crate::peer::pacer::link::Pacer;
use crate::peer::pacer::room::Room;
use parley_media::audio::protection::{Protection, Reads};
use parley_media::packet::ReceivedPacket;
use parley_media::time::{ArrivalTime, RtpTime};
use parley_media::video::SenderTimes;
use parley_media::video::frame_buffer::FrameBuffer;
use parley_media::video::h264::packetize;
use parley_media::video::lip_sync::LipSync;
use parley_proto::Bitrate;
use rtc::interceptor::{
    Interceptor, NackResponderBuilder, Packet, Registry, Slot, TaggedPacket, TwccReceiverBuilder,
};
use rtc::sansio::Protocol as _;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::marshal::MarshalSize;
use std::sync::Arc;
use std::time::{Duration, Instant};

const VIDEO: u32 = 1;
const AUDIO: u32 = 2;
const RTX: u32 = 3;
const PAYLOAD_BYTES_MAX: usize = 1160;
/// IP, UDP and SRTP around a packet.
const AROUND_BYTES: usize = 20 + 8 + 16;
const REPORT_BYTES: usize = 120;
const MS: Duration = Duration::from_millis(1);

/// What goes back.
enum Back {
    Control(Box<TaggedPacket>),
    KeyFrame,
}

/// What came of it. Times are milliseconds from the beginning.
pub(super) struct Outcome {
    /// Captured, shown.
    pub(super) shown: Vec<(f64, f64)>,
    pub(super) seconds: u64,
    pub(super) key_frames: u32,
    /// Bits a second that came out of the way after four tenths of the time.
    pub(super) steady_bps: f64,
    pub(super) overflown: u32,
    /// Each tenth of a second from the second one on: how late sound is then.
    pub(super) heard_late: Vec<f64>,
    /// How long the queue in the way is, each tenth of a second.
    pub(super) queue_ms: Vec<f64>,
    /// The height of the pictures sent, with the moment from which it is so.
    pub(super) heights: Vec<(f64, u32)>,
}

impl Outcome {
    /// The part of the time until `to_s` that stood still (W3C, `freezeCount`), in percent.
    pub(super) fn frozen_pct(&self, to_s: u64) -> f64 {
        let end = (to_s * 1000) as f64;
        let moments: Vec<f64> = self
            .shown
            .iter()
            .map(|(_, shown)| *shown)
            .filter(|at| *at < end)
            .collect();
        let Some(first) = moments.first().copied() else {
            return 100.0;
        };
        let (mut steps, mut frozen): (Vec<f64>, f64) = (Vec::new(), 0.0);
        for (begin, next) in moments.iter().zip(moments.iter().skip(1).copied().chain([end])) {
            let step = next - begin;
            let recent = &steps[steps.len().saturating_sub(30)..];
            let mean = if recent.is_empty() {
                1000.0 / 30.0
            } else {
                recent.iter().sum::<f64>() / recent.len() as f64
            };
            if step > (3.0 * mean).max(mean + 150.0) {
                frozen += step;
            }
            steps.push(step);
        }
        100.0 * frozen / (end - first)
    }

    /// When the first picture was shown, in milliseconds.
    pub(super) fn first_ms(&self) -> f64 {
        self.shown.first().map_or(f64::INFINITY, |(_, shown)| *shown)
    }

    /// The median of how late sound is over all that time.
    pub(super) fn heard_late_ms(&self) -> f64 {
        let mut late = self.heard_late.clone();
        late.sort_by(f64::total_cmp);
        late[late.len() / 2]
    }

    /// The 95th percentile over the seconds of how far sound and its pictures are apart.
    pub(super) fn lips_off_ms(&self) -> f64 {
        let mean = |late: Vec<f64>| late.iter().sum::<f64>() / late.len().max(1) as f64;
        let mut off: Vec<f64> = (1..self.seconds)
            .map(|second| {
                let within = |ms: f64| (ms / 1e3) as u64 == second;
                let seen = self.shown.iter().filter(|(captured, _)| within(*captured));
                let seen = mean(seen.map(|(captured, shown)| shown - captured).collect());
                let heard = self.heard_late.iter().skip((second as usize - 1) * 10).take(10);
                (mean(heard.copied().collect()) - seen).abs()
            })
            .collect();
        off.sort_by(f64::total_cmp);
        off[(off.len() - 1) * 95 / 100]
    }

    pub(super) fn fps(&self) -> f64 {
        self.shown.len() as f64 / self.seconds as f64
    }

    /// A quantile of capture to shown, in milliseconds.
    pub(super) fn late_ms(&self, share: f64) -> f64 {
        let mut late: Vec<f64> = self
            .shown
            .iter()
            .map(|(captured, shown)| shown - captured)
            .collect();
        late.sort_by(f64::total_cmp);
        late[((late.len() - 1) as f64 * share) as usize]
    }
}

/// The side that sends.
struct Sends<C> {
    chain: C,
    estimate: tokio::sync::watch::Receiver<Bitrate>,
    room: Arc<Room>,
    ladder: Ladder,
    congestion: Congestion,
    first_look: FirstLook,
    maker: Maker,
    protection: Protection,
    loss: f32,
    key_frame_wanted: bool,
    sequence: u16,
    captured: u64,
    sounds: u64,
}

/// Runs it.
pub(super) fn run(way: Way, seed: u64, seconds: u64) -> Outcome {
    let start = start();
    let meter = Arc::new(Meter::default());
    meter.round_trip_ms.set(way.delay.as_secs_f32() * 2000.0);
    let room = Arc::new(Room::default());
    let (congestion, estimate, _ceiling) = Congestion::new(bounds(&VideoLimits::default()), start);
    let pacer = Pacer::new(
        estimate.clone(),
        congestion.clone(),
        Arc::clone(&room),
        Arc::clone(&meter),
    );
    let mut chain = Registry::new()
        .with(
            Slot::CongestionControl,
            Linked::new(TransportCc::new(congestion.clone())),
        )
        .with(Slot::Pacer, Linked::new(pacer))
        .with(Slot::NackResponder, NackResponderBuilder::new().build())
        .build();
    let extension = [(TRANSPORT_CC_URI, 5)];
    let video = video_stream(VIDEO, Some(RTX), &extension);
    let mut audio = audio_stream(AUDIO);
    audio.rtp_header_extensions = video.rtp_header_extensions.clone();
    chain.bind_local_stream(&video);
    chain.bind_local_stream(&audio);
    let mut receiver = Registry::new()
        .with(Slot::TwccReceiver, TwccReceiverBuilder::new().build())
        .with(
            Slot::from(UNRTX_SLOT),
            Linked::new(UnRtx::new(Arc::clone(&meter))),
        )
        .with(
            Slot::NackGenerator,
            Linked::new(Nacks::new(Arc::clone(&meter), 9)),
        )
        .build();
    receiver.bind_remote_stream(&video);
    receiver.bind_remote_stream(&video_stream(RTX, None, &extension));
    receiver.bind_remote_stream(&audio);
    let mut sends = Sends {
        chain,
        estimate,
        room,
        ladder: Ladder::new(VideoLimits::default()),
        congestion,
        first_look: FirstLook::default(),
        maker: Maker::new(seed + 7),
        protection: Protection::default(),
        loss: 0.0,
        key_frame_wanted: false,
        sequence: 65_000,
        captured: 0,
        sounds: 0,
    };
    let mut forth = Wire::new(way, seed, start);
    let mut back = Wire::new(way, seed + 1000, start);
    let mut buffer = FrameBuffer::new();
    buffer.set_round_trip(way.delay * 2);
    let times = SenderTimes::new();
    let mut lips = LipSync::new(times.clone());
    let mut heard = Heard::new(way, times);
    let (mut shown, mut queue_ms, mut heights) = (Vec::new(), Vec::new(), Vec::new());
    let (mut asked, mut steady_bytes) = (None::<Instant>, 0);
    for ms in 0..seconds * 1000 {
        let now = start + MS * ms as u32;
        if ms % 1000 == 0 {
            sends.expect(heard.report());
        }
        sends.step(start, now, ms);
        let height = sends.maker.height();
        if heights.last().map(|(_, height)| *height) != height {
            heights.extend(height.map(|height| (ms as f64, height)));
        }
        for packet in drain_out(&mut sends.chain) {
            let bytes = match &packet.message.packet {
                Packet::Rtp(rtp) => rtp.marshal_size() + AROUND_BYTES,
                _ => REPORT_BYTES,
            };
            forth.send(now, bytes, packet);
        }
        while let Some((at, mut packet)) = forth.arrived(now) {
            packet.now = at;
            receiver.handle_read(packet).unwrap();
        }
        receiver.handle_timeout(now).unwrap();
        for packet in drain_in(&mut receiver) {
            match received(packet) {
                Some((VIDEO, packet)) => buffer.insert(packet),
                Some((_, packet)) => heard.insert(&packet),
                None => {}
            }
        }
        heard.step(start, now, ms, &mut lips);
        while let Some(picture) = buffer.pop(now) {
            let (completed, rtp_time) = (picture.completed, picture.rtp_time);
            let due = if picture.repaired {
                lips.place_repaired(now, completed, rtp_time)
            } else {
                lips.place(now, completed, rtp_time)
            };
            let captured = f64::from(rtp_time.0) / 90.0;
            let at = due.max(now).saturating_duration_since(start).as_secs_f64() * 1e3;
            shown.push((captured, at));
        }
        let may_ask = asked.is_none_or(|asked| now >= asked + MS * 300);
        if buffer.take_key_frame_request(now) && may_ask {
            asked = Some(now);
            back.send(now, REPORT_BYTES, Back::KeyFrame);
        }
        for packet in drain_out(&mut receiver) {
            back.send(now, REPORT_BYTES, Back::Control(Box::new(packet)));
        }
        while let Some((at, control)) = back.arrived(now) {
            match control {
                Back::KeyFrame => sends.key_frame_wanted = true,
                Back::Control(mut packet) => {
                    packet.now = at;
                    sends.chain.handle_read(*packet).unwrap();
                    drain_in(&mut sends.chain);
                }
            }
        }
        if ms == seconds * 400 {
            steady_bytes = forth.bytes;
        }
        if ms % 100 == 0 {
            queue_ms.push(forth.queued(now).as_secs_f64() * 1e3);
        }
        if ms % 100 == 0 && std::env::var_os("TRACE").is_some() {
            eprintln!(
                "{:.1} estimate {} queue {:?} keys {} shown {} late {:.0} over {} heard late {:.0} height {:?} {:?} {:?}",
                ms as f64 / 1e3,
                sends.estimate.borrow().kbps(),
                forth.queued(now).as_millis(),
                sends.maker.key_frames,
                shown.len(),
                shown.last().map_or(0.0, |(captured, shown)| shown - captured),
                forth.overflown,
                heard.late.last().unwrap_or(&0.0),
                sends.maker.height(),
                lips.figures(),
                buffer.counters(),
            );
        }
    }
    Outcome {
        shown,
        seconds,
        key_frames: sends.maker.key_frames,
        steady_bps: (forth.bytes - steady_bytes) as f64 * 8.0 / (seconds as f64 * 0.6),
        overflown: forth.overflown,
        heard_late: heard.late,
        queue_ms,
        heights,
    }
}

impl<C: Interceptor> Sends<C> {
    /// What the other side reports of the sound once a second.
    fn expect(&mut self, lost: f32) {
        self.loss = ladder::expected_loss(self.loss, lost);
        self.protection.report(self.loss, None);
    }

    fn step(&mut self, start: Instant, now: Instant, ms: u64) {
        let estimate = *self.estimate.borrow();
        let voice = ladder::audio(estimate, self.loss).bitrate;
        let reads = Reads {
            copies: true,
            deep: false,
        };
        let shield = self.protection.shield(voice, estimate, reads);
        if ms.is_multiple_of(20) {
            let bits = shield.bitrate.bps() * (1 + u64::from(shield.copies)) / 50;
            let sound = vec![OPUS_20_MS; bits as usize / 8];
            self.sounds += 1;
            let mut packet = rtp_packet(now, AUDIO, self.sounds as u16, &sound);
            if let Packet::Rtp(rtp) = &mut packet.message.packet {
                rtp.header.timestamp = ms as u32 * 48;
            }
            self.chain.handle_write(packet).unwrap();
        }
        // Thirty pictures a second.
        if ms * 3 >= self.captured * 100 {
            self.captured += 1;
            let for_pictures = estimate
                .saturating_sub(ladder::AUDIO_RESERVE)
                .saturating_sub(shield.copies_take());
            if self.congestion.take_given_up() {
                self.ladder.forget();
                self.key_frame_wanted = true;
            }
            self.ladder.note(now, Some(for_pictures));
            let (mut targets, _) = self.ladder.pictures(Some(for_pictures), None);
            if self.first_look.lasts(now, self.congestion.is_known(), true) {
                targets = FirstLook::limit(targets);
                self.ladder.forget();
            }
            if self.maker.is_due(targets) && self.room.is_free() {
                let unit = self.maker.make(now, targets, &mut self.key_frame_wanted);
                self.send(start, now, &unit);
            }
        }
        self.chain.handle_timeout(now).unwrap();
    }

    fn send(&mut self, start: Instant, now: Instant, unit: &bytes::Bytes) {
        let payloads = packetize(unit, PAYLOAD_BYTES_MAX);
        let count = payloads.len();
        for (n, payload) in payloads.into_iter().enumerate() {
            let mut packet = rtp_packet(now, VIDEO, self.sequence, &payload);
            if let Packet::Rtp(rtp) = &mut packet.message.packet {
                rtp.header.timestamp = (now - start).as_millis() as u32 * 90;
                rtp.header.marker = n + 1 == count;
            }
            self.sequence = self.sequence.wrapping_add(1);
            self.chain.handle_write(packet).unwrap();
        }
    }
}

fn received(packet: TaggedPacket) -> Option<(u32, ReceivedPacket)> {
    let arrived = packet.now;
    match packet.message.packet {
        Packet::Rtp(rtp) if rtp.header.ssrc == VIDEO => {
            let packet = ReceivedPacket {
                sequence: rtp.header.sequence_number,
                rtp_time: RtpTime(rtp.header.timestamp),
                marker: rtp.header.marker,
                payload: rtp.payload,
                arrived: ArrivalTime(arrived),
                redundant: false,
            };
            Some((VIDEO, packet))
        }
        Packet::Rtp(rtp) if rtp.header.ssrc == AUDIO => {
            let header = rtp.header;
            let packet = voice(header.sequence_number, header.timestamp, rtp.payload, arrived);
            Some((AUDIO, packet))
        }
        _ => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
fn start() -> Instant {
    Instant::now()
}
