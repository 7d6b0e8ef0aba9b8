//! The pump of sound: from the audio engine's channel to the network. One task for the whole call for the microphone, and one
//! for the computer's sound once there is some to share ([`super::shared_sound`]). Always takes what comes. As with pictures, it may
//! go two ways at once: the same packets and times, under each way's own numbers.

use super::route::{Outgoing, Route};
use super::send_video::Routes;
use parley_media::audio::red::Red;
use parley_media::audio::without_padding;
use parley_media::packet::EncodedAudio;
use parley_media::time::AUDIO_CLOCK_HZ;
use std::time::Instant;
use tokio::sync::mpsc;

/// A packet's 20 ms: what comes anew is at least so much later.
const PACKET_TICKS: u64 = AUDIO_CLOCK_HZ as u64 / 50;
/// After a silence the position and the clock differ by less, unless what is captured began anew.
const STEP_TICKS: u64 = AUDIO_CLOCK_HZ as u64;

/// Runs until the audio engine's end is dropped.
pub(super) async fn run(mut packets: mpsc::Receiver<EncodedAudio>, mut ways: [Routes; 2], unsent: impl Fn()) {
    let mut grid = Grid::new();
    let mut streams: [Option<Stream>; 2] = [None, None];
    while let Some(packet) = packets.recv().await {
        let routes = ways.each_mut().map(|routes| routes.borrow_and_update().clone());
        if routes.iter().all(Option::is_none) {
            unsent();
        }
        let timestamp = grid.timestamp(&packet);
        for (route, stream) in routes.into_iter().zip(&mut streams) {
            let Some(route) = route else {
                if let Some(stream) = stream {
                    stream.first = true;
                }
                continue;
            };
            // A connection's stream goes on under the same numbers, whatever was not sent meanwhile.
            let current = match stream
                .take()
                .filter(|stream| stream.generation == route.generation)
            {
                Some(current) => stream.insert(current),
                None => stream.insert(Stream::new(&route)),
            };
            current.send(&route, &packet, timestamp).await;
        }
    }
}

/// The timestamps, the same on all ways: what comes both ways can so be laid over each other.
#[derive(Debug)]
struct Grid {
    /// The timestamp of position zero.
    base: u32,
    last: Option<Last>,
}

/// The last packet.
#[derive(Debug)]
struct Last {
    position: u64,
    timestamp: u32,
    captured: Instant,
}

impl Grid {
    fn new() -> Self {
        Self {
            base: rand::random(),
            last: None,
        }
    }

    /// Always later than that of the packet before. Each share counts its position from zero, in the same stream; the clock then
    /// tells how much later.
    fn timestamp(&mut self, packet: &EncodedAudio) -> u32 {
        let (position, captured) = (packet.position_samples, packet.captured.0);
        if let Some(last) = &self.last {
            let passed = captured.saturating_duration_since(last.captured);
            let passed = (passed.as_secs_f64() * f64::from(AUDIO_CLOCK_HZ)) as u64;
            let goes_on = position > last.position
                && (!packet.talk_spurt_start || (position - last.position).abs_diff(passed) < STEP_TICKS);
            if !goes_on {
                let timestamp = last.timestamp.wrapping_add(passed.max(PACKET_TICKS) as u32);
                self.base = timestamp.wrapping_sub(position as u32);
            }
        }
        let timestamp = self.base.wrapping_add(position as u32);
        self.last = Some(Last {
            position,
            timestamp,
            captured,
        });
        timestamp
    }
}

/// The numbering of one RTP stream.
#[derive(Debug)]
struct Stream {
    generation: u32,
    sequence: u16,
    first: bool,
    red: Red,
}

impl Stream {
    fn new(route: &Route) -> Self {
        Self {
            generation: route.generation,
            // In the lower half, so that a receiver that missed the first packets cannot guess the rollover wrong.
            sequence: rand::random::<u16>() & 0x7fff,
            first: true,
            red: Red::default(),
        }
    }

    async fn send(&mut self, route: &Route, packet: &EncodedAudio, timestamp: u32) {
        route.clock.observe(packet.captured.0, timestamp);
        let (copies, stride) = route.meter.redundancy.wanted();
        let packed = route.red_type.and_then(|_| {
            self.red
                .pack(route.payload_type, timestamp, &packet.data, copies, stride)
        });
        let outgoing = Outgoing {
            sequence: self.sequence,
            timestamp,
            marker: packet.talk_spurt_start || std::mem::take(&mut self.first),
            redundant: packed.is_some(),
            level: Some(packet.level.minus_dbov() | if packet.voice { 0x80 } else { 0 }),
            payload: packed.unwrap_or_else(|| packet.data.clone()),
        };
        if route.send(outgoing).await {
            self.sequence = self.sequence.wrapping_add(1);
            self.red.sent(timestamp, without_padding(packet.data.clone()));
            route.count_sound();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use parley_media::packet::AudioLevel;
    use parley_media::time::CaptureTime;
    use std::time::Duration;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can be had in no other way; tests only add to it"
    )]
    fn the_timestamp_goes_on_with_the_clock_when_a_share_begins_anew() {
        let mut stream = Grid {
            // It wraps on the way.
            base: u32::MAX - 3_000,
            last: None,
        };
        let start = Instant::now();
        let mut ticks_after = |millis: u64, position: u64, talk_spurt_start: bool| {
            let packet = EncodedAudio {
                data: Bytes::new(),
                position_samples: position,
                captured: CaptureTime(start + Duration::from_millis(millis)),
                level: AudioLevel::from_minus_dbov(30),
                voice: false,
                talk_spurt_start,
            };
            stream.timestamp(&packet).wrapping_add(3_001)
        };
        assert_eq!(ticks_after(0, 0, true), 0);
        assert_eq!(ticks_after(20, 960, false), 960);
        // A silence that was not sent, in a source whose clock is not quite ours.
        assert_eq!(ticks_after(10_000, 480_960, true), 480_960);
        // A late thread: the position counts.
        assert_eq!(ticks_after(13_000, 481_920, false), 481_920);
        // A second share half a minute later, and a third one at once.
        assert_eq!(ticks_after(43_000, 0, true), 1_921_920);
        assert_eq!(ticks_after(43_020, 960, false), 1_922_880);
        assert_eq!(ticks_after(43_020, 0, true), 1_923_840);
        // A fourth one that was silent for longer than the third one was heard.
        assert_eq!(ticks_after(103_020, 48_000, true), 4_803_840);
        assert_eq!(ticks_after(103_040, 48_960, false), 4_804_800);
    }
}
