//! Reads what the other side reports of its clocks (RFC 3550, 6.4.1) and when its sound comes, so that lips and words can be put
//! together by whoever shows its pictures ([`parley_media::video::lip_sync`]).
//!
//! Counts reports and arrivals also before the gate opens: they come with the first packets, and only say when something is shown
//! that passes the gate later.

use super::{Lanes, Link, is_audio};
use crate::peer::meter::Meter;
use parley_media::time::{ArrivalTime, RtpTime};
use parley_media::video::{Lip, NtpTime, SenderTimes};
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::sender_report::SenderReport;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The clocks of the other side, for what belongs together.
#[derive(Debug, Clone, Default)]
pub(in crate::peer) struct RemoteTimes {
    /// Camera and microphone.
    pub(in crate::peer) camera: SenderTimes,
    /// The screen and what its computer plays.
    pub(in crate::peer) screen: SenderTimes,
}

/// A stream of the other side.
#[derive(Debug)]
struct Stream {
    of_screen: bool,
    which: Lip,
    rtx: Option<u32>,
}

/// See the module.
pub(in crate::peer) struct Lips {
    meter: Arc<Meter>,
    times: RemoteTimes,
    streams: HashMap<u32, Stream>,
}

impl Lips {
    pub(in crate::peer) fn new(meter: Arc<Meter>, times: RemoteTimes) -> Self {
        Self {
            meter,
            times,
            streams: HashMap::new(),
        }
    }

    fn times_of(&self, ssrc: u32) -> Option<(&SenderTimes, Lip)> {
        // Two connections would speak of two clocks; and what is beside the first has not proven yet who it is.
        if self.meter.is_beside.load(Ordering::Relaxed) {
            return None;
        }
        let stream = self.streams.get(&ssrc)?;
        let times = if stream.of_screen {
            &self.times.screen
        } else {
            &self.times.camera
        };
        Some((times, stream.which))
    }
}

impl Link for Lips {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        match &packet.message.packet {
            Packet::Rtp(rtp) => {
                if let Some((times, Lip::Sound)) = self.times_of(rtp.header.ssrc) {
                    times.sound_arrived(ArrivalTime(packet.now), RtpTime(rtp.header.timestamp));
                }
            }
            Packet::Rtcp(compound) => {
                for part in compound {
                    if let Some(report) = part.as_any().downcast_ref::<SenderReport>()
                        && let Some((times, which)) = self.times_of(report.ssrc)
                    {
                        times.report(which, NtpTime(report.ntp_time), RtpTime(report.rtp_time));
                    }
                }
            }
            _ => {}
        }
        lanes.inward.push_back(packet);
    }

    fn bind_remote(&mut self, stream: &StreamInfo) {
        // The stream of retransmissions is announced right after its primary one.
        let is_rtx = self.streams.values().any(|known| known.rtx == Some(stream.ssrc));
        if is_rtx || self.streams.contains_key(&stream.ssrc) {
            return;
        }
        let (which, of_screen) = if is_audio(stream) {
            (Lip::Sound, self.meter.screen_streams.has_sound(stream.ssrc))
        } else {
            (Lip::Picture, self.meter.screen_streams.has(stream.ssrc))
        };
        // One stream a kind: the newest is the one that was negotiated last.
        self.streams
            .retain(|_, known| (known.which, known.of_screen) != (which, of_screen));
        let known = Stream {
            of_screen,
            which,
            rtx: stream.ssrc_rtx,
        };
        self.streams.insert(stream.ssrc, known);
        if let Some((times, which)) = self.times_of(stream.ssrc) {
            times.begin(which);
        }
    }

    fn unbind_remote(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
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
    use parley_media::video::lip_sync::LipSync;
    use rtc::rtcp::receiver_report::ReceiverReport;
    use std::time::{Duration, Instant};

    const SOUND: u32 = 3;
    const PICTURE: u32 = 4;

    fn report(now: Instant, ssrc: u32, rtp_time: u32) -> TaggedPacket {
        let report = SenderReport {
            ssrc,
            ntp_time: 1 << 40,
            rtp_time,
            ..Default::default()
        };
        let empty = ReceiverReport::default();
        tagged(now, Packet::Rtcp(vec![Box::new(empty), Box::new(report)]))
    }

    /// By how much words are behind lips, once some pictures were shown as soon as they were whole.
    fn behind_ms(times: &SenderTimes, now: Instant) -> Option<f32> {
        let mut sync = LipSync::new(times.clone());
        sync.set_sound_wait(Some(Duration::from_millis(20)));
        let due = sync.place(now, ArrivalTime(now), RtpTime(500));
        sync.shown(due, RtpTime(500));
        sync.figures().sound_behind_ms
    }

    #[test]
    fn reports_of_both_and_arrivals_of_sound_tell_how_far_lips_and_words_are_apart() {
        let (now, times) = (Instant::now(), RemoteTimes::default());
        let mut link = Lips::new(Arc::new(Meter::default()), times.clone());
        link.bind_remote(&audio_stream(SOUND));
        link.bind_remote(&video_stream(PICTURE, Some(5), &[]));
        link.bind_remote(&video_stream(5, None, &[]));
        let mut lanes = Lanes::default();
        link.on_received(report(now, SOUND, 3_000), &mut lanes);
        link.on_received(report(now, PICTURE, 500), &mut lanes);
        link.on_received(report(now, 5, 77), &mut lanes);
        link.on_received(report(now, 99, 77), &mut lanes);
        assert_eq!(behind_ms(&times.camera, now), None, "no sound came");
        // Its RTP time is 3,000: of the moment that both reports name.
        link.on_received(rtp_packet(now, SOUND, 1, b"opus"), &mut lanes);
        assert_eq!(behind_ms(&times.camera, now), Some(20.0));
        assert_eq!(
            behind_ms(&times.screen, now),
            None,
            "nothing is known of a screen"
        );
        assert_eq!(lanes.inward.len(), 5, "all of it goes on");

        link.bind_remote(&audio_stream(33));
        assert_eq!(behind_ms(&times.camera, now), None, "another stream's clock");
    }
}
