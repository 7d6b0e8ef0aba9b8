//! When a made-up publisher sends which packets: sound every 20 ms, pictures 30 times a second in each layer that is wanted.

use super::client::LoadClient;
use super::stamp::Stamp;
use parley_proto::PublishedLayer;
use std::time::{Duration, Instant};

const SOUND_EVERY: Duration = Duration::from_millis(20);
const PICTURE_EVERY: Duration = Duration::from_micros(33_333);
/// What Opus takes at 32 kbit/s.
const SOUND_BYTES: usize = 80;
/// A packet of a picture.
const PACKET_BYTES: usize = 1_150;
/// A key frame takes so many times what other pictures do.
const KEY_FRAME_TIMES: usize = 4;
/// The stamp of sound names no layer.
const NO_LAYER: u8 = 255;

/// One publisher's clock.
#[derive(Debug)]
pub(super) struct Publisher {
    layers: Vec<PublishedLayer>,
    wanted: Vec<bool>,
    speaks: bool,
    next_sound: Instant,
    next_picture: Instant,
    sound_time: u32,
    picture_time: u32,
}

impl Publisher {
    /// From `begin` on.
    pub(super) fn new(begin: Instant, layers: Vec<PublishedLayer>, speaks: bool) -> Self {
        Self {
            wanted: vec![false; layers.len()],
            layers,
            speaks,
            next_sound: begin,
            next_picture: begin,
            sound_time: 0,
            picture_time: 0,
        }
    }

    /// What the server said of its layers.
    pub(super) fn want(&mut self, client: &mut LoadClient, rids: &[String]) {
        for (at, (layer, wanted)) in self.layers.iter().zip(&mut self.wanted).enumerate() {
            let now = rids.contains(&layer.rid);
            if now && !*wanted {
                client.want_key_frame(at);
            }
            *wanted = now;
        }
    }

    /// When it sends next.
    pub(super) fn next(&self) -> Option<Instant> {
        let sound = self.speaks.then_some(self.next_sound);
        let picture = (!self.layers.is_empty()).then_some(self.next_picture);
        sound.into_iter().chain(picture).min()
    }

    /// Sends what is due. `since` is when the run began, which stamps count from.
    pub(super) fn send(&mut self, now: Instant, since: Instant, client: &mut LoadClient) {
        let sent_us = u64::try_from(now.saturating_duration_since(since).as_micros()).unwrap_or(u64::MAX);
        if self.speaks && self.next_sound <= now {
            // Whoever comes late leaves out what is over.
            let missed = steps(self.next_sound, now, SOUND_EVERY);
            self.next_sound += SOUND_EVERY * missed;
            self.sound_time = self.sound_time.wrapping_add(960 * missed);
            let payload = Stamp {
                sent_us,
                layer: NO_LAYER,
            }
            .payload(false, SOUND_BYTES);
            client.speak(now, self.sound_time, 30, payload);
        }
        if !self.layers.is_empty() && self.next_picture <= now {
            let missed = steps(self.next_picture, now, PICTURE_EVERY);
            self.next_picture += PICTURE_EVERY * missed;
            self.picture_time = self.picture_time.wrapping_add(3_000 * missed);
            for at in 0..self.layers.len() {
                if self.wanted.get(at) == Some(&true) {
                    self.show(now, sent_us, at, client);
                }
            }
        }
    }

    fn show(&self, now: Instant, sent_us: u64, at: usize, client: &mut LoadClient) {
        let Some(layer) = self.layers.get(at) else {
            return;
        };
        let key = client.take_key_frame(at);
        let usual = layer.kbps as usize * 1_000 / 8 / 30;
        let bytes = if key { usual * KEY_FRAME_TIMES } else { usual };
        let packets = bytes.div_ceil(PACKET_BYTES).max(1);
        let stamp = Stamp {
            sent_us,
            layer: u8::try_from(at).unwrap_or(NO_LAYER),
        };
        for packet in 0..packets {
            let payload = stamp.payload(key && packet == 0, bytes / packets);
            client.show(now, at, self.picture_time, packet + 1 == packets, payload);
        }
    }
}

/// How many steps of so long it takes to get past now.
fn steps(from: Instant, now: Instant, step: Duration) -> u32 {
    let late = now.saturating_duration_since(from).as_micros() / step.as_micros().max(1);
    u32::try_from(late).unwrap_or(u32::MAX - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_late_leaves_out_what_is_over() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        assert_eq!(steps(start, start, SOUND_EVERY), 1);
        assert_eq!(steps(start, ms(19), SOUND_EVERY), 1);
        assert_eq!(steps(start, ms(20), SOUND_EVERY), 2);
        assert_eq!(steps(start, ms(205), SOUND_EVERY), 11);
    }
}
