//! What two connections say of one thing, put together: what an encoder is asked for by the one to the other side and the one to the
//! server's SFU, and what both measured. Each driver owns a [`Half`]; whoever listens hears one word.

use crate::port::PeerStats;
use parley_media::audio::AudioTargets;
use parley_media::video::{EncoderTargets, TemporalLayers};
use parley_proto::{FrameRate, Resolution};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// How two words become one.
pub(super) trait Join: Clone + PartialEq {
    /// What is so for both.
    fn join(self, other: Self) -> Self;

    /// What is so while neither counts, after this was said last.
    fn rest(self) -> Self;
}

/// One of the two that speak.
#[derive(Debug)]
pub(super) struct Half<T> {
    is_second: bool,
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    told: watch::Sender<T>,
    said: Mutex<[Option<T>; 2]>,
}

impl<T: Join> Half<T> {
    /// The two who say what `told` tells from now on. Neither counts yet.
    pub(super) fn two(told: watch::Sender<T>) -> [Self; 2] {
        let shared = Arc::new(Shared {
            told,
            said: Mutex::new([None, None]),
        });
        [false, true].map(|is_second| Self {
            is_second,
            shared: Arc::clone(&shared),
        })
    }

    /// Says this. Where it does not count (nothing goes over this connection), it is only told while the other does not count either.
    pub(super) fn say(&self, word: T, counts: bool) {
        self.put(counts.then(|| word.clone()), Some(word));
    }

    /// This connection is over.
    pub(super) fn end(&self) {
        self.put(None, None);
    }

    fn put(&self, counts: Option<T>, last: Option<T>) {
        let mut said = self.shared.said.lock().unwrap_or_else(PoisonError::into_inner);
        let [one, other] = &mut *said;
        *(if self.is_second { &mut *other } else { &mut *one }) = counts;
        let joined = match (one.clone(), other.clone()) {
            (Some(one), Some(other)) => Some(one.join(other)),
            (one, other) => one.or(other),
        };
        self.shared.told.send_if_modified(|told| {
            let word = joined.unwrap_or_else(|| last.unwrap_or_else(|| told.clone()).rest());
            let is_new = word != *told;
            *told = word;
            is_new
        });
    }
}

impl Join for EncoderTargets {
    /// The smaller of both: the same pictures go both ways.
    fn join(self, other: Self) -> Self {
        Self {
            bitrate: self.bitrate.min(other.bitrate),
            frame_rate: FrameRate::new(self.frame_rate.get().min(other.frame_rate.get())),
            resolution: Resolution::new(
                self.resolution.width.min(other.resolution.width),
                self.resolution.height.min(other.resolution.height),
            ),
            paused: self.paused || other.paused,
            // Two cost bits, which only one of them has a use for.
            layers: if self.layers == other.layers {
                self.layers
            } else {
                TemporalLayers::One
            },
        }
    }

    /// Pictures that nobody is there to see are not encoded.
    fn rest(self) -> Self {
        Self { paused: true, ..self }
    }
}

impl Join for AudioTargets {
    fn join(self, other: Self) -> Self {
        Self {
            bitrate: self.bitrate.min(other.bitrate),
            expected_loss_pct: self.expected_loss_pct.max(other.expected_loss_pct),
            // What only one of both can speak is of no use to the other.
            deep_ms: self.deep_ms.min(other.deep_ms),
        }
    }

    fn rest(self) -> Self {
        self
    }
}

impl Join for PeerStats {
    /// All that goes and comes, and the worse of what cannot be added. The pair is that of the direct connection, whose way is to be
    /// seen while there is one.
    fn join(self, other: Self) -> Self {
        let mut drops = self.drops;
        for (name, count) in other.drops {
            match drops.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += count,
                None => drops.push((name, count)),
            }
        }
        Self {
            rtt_ms: self.rtt_ms.or(other.rtt_ms),
            estimate_bps: match (self.estimate_bps, other.estimate_bps) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            sent_bps: self.sent_bps + other.sent_bps,
            received_bps: self.received_bps + other.received_bps,
            frames_sent_per_s: self.frames_sent_per_s.max(other.frames_sent_per_s),
            screen_frames_sent_per_s: self.screen_frames_sent_per_s.max(other.screen_frames_sent_per_s),
            screen_sound_sent_per_s: self.screen_sound_sent_per_s.max(other.screen_sound_sent_per_s),
            loss_in_pct: self.loss_in_pct.max(other.loss_in_pct),
            loss_out_pct: self.loss_out_pct.max(other.loss_out_pct),
            audio_jitter_ms: self.audio_jitter_ms.max(other.audio_jitter_ms),
            video_jitter_ms: self.video_jitter_ms.max(other.video_jitter_ms),
            key_frame_requests_received: self.key_frame_requests_received + other.key_frame_requests_received,
            key_frame_requests_sent: self.key_frame_requests_sent + other.key_frame_requests_sent,
            nacks_received: self.nacks_received + other.nacks_received,
            nacks_sent: self.nacks_sent + other.nacks_sent,
            retransmissions_sent: self.retransmissions_sent + other.retransmissions_sent,
            retransmissions_received: self.retransmissions_received + other.retransmissions_received,
            encoder_holds: self.encoder_holds + other.encoder_holds,
            pair: self.pair.or(other.pair),
            pair_types: self.pair_types.or(other.pair_types),
            over_tcp: if self.pair.is_some() {
                self.over_tcp
            } else {
                other.over_tcp
            },
            relay: self.relay.or(other.relay),
            drops,
        }
    }

    /// The last sample stays.
    fn rest(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::Bitrate;

    fn wants(kbps: u64, height: u32, paused: bool) -> EncoderTargets {
        EncoderTargets {
            bitrate: Bitrate::from_kbps(kbps),
            frame_rate: FrameRate::new(30),
            resolution: Resolution::new(height * 16 / 9, height),
            paused,
            layers: TemporalLayers::One,
        }
    }

    #[test]
    fn an_encoder_for_two_makes_what_suits_both_and_for_one_what_that_one_wants() {
        let (told, heard) = watch::channel(EncoderTargets::default());
        let [direct, group] = Half::two(told);
        direct.say(wants(900, 720, false), false);
        assert!(heard.borrow().paused, "nothing goes yet");
        direct.say(wants(900, 720, false), true);
        assert_eq!(*heard.borrow(), wants(900, 720, false));
        group.say(wants(1_200, 360, false), true);
        assert_eq!(*heard.borrow(), wants(900, 360, false));
        group.say(wants(100, 360, true), true);
        assert!(heard.borrow().paused, "one of the ways has no room");
        group.say(wants(100, 360, true), false);
        assert_eq!(*heard.borrow(), wants(900, 720, false), "nobody watches there");
        group.say(wants(400, 540, false), true);
        direct.end();
        assert_eq!(*heard.borrow(), wants(400, 540, false));
        group.end();
        assert_eq!(*heard.borrow(), wants(400, 540, true));
    }

    #[test]
    fn a_voice_that_a_server_forwards_tells_nothing_that_only_some_can_speak() {
        let (told, heard) = watch::channel(AudioTargets::default());
        let [direct, group] = Half::two(told);
        let deep = AudioTargets {
            bitrate: Bitrate::from_kbps(24),
            expected_loss_pct: 40,
            deep_ms: 240,
        };
        direct.say(deep, true);
        assert_eq!(*heard.borrow(), deep);
        // What a connection to a server wants (`ladder::audio`).
        let forwarded = AudioTargets {
            bitrate: Bitrate::from_kbps(32),
            expected_loss_pct: 1,
            deep_ms: 0,
        };
        group.say(forwarded, true);
        assert_eq!(*heard.borrow(), AudioTargets { deep_ms: 0, ..deep });
        direct.end();
        assert_eq!(*heard.borrow(), forwarded);
    }

    #[test]
    fn the_way_that_is_told_is_one_of_both_in_all_that_is_said_of_it() {
        let (told, heard) = watch::channel(PeerStats::default());
        let [direct, group] = Half::two(told);
        let ends = Some(("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap()));
        let by = |pair, over_tcp| PeerStats {
            pair,
            over_tcp,
            ..PeerStats::default()
        };
        direct.say(by(None, false), true);
        group.say(by(ends, true), true);
        assert!(heard.borrow().over_tcp, "there is no direct way");
        direct.say(by(ends, false), true);
        assert!(!heard.borrow().over_tcp);
    }

    #[test]
    fn what_both_measured_is_added_up_and_the_last_sample_stays() {
        let (told, heard) = watch::channel(PeerStats::default());
        let [direct, group] = Half::two(told);
        let sample = |sent_bps, rtt_ms, drops: &[(&'static str, u64)]| PeerStats {
            sent_bps,
            rtt_ms: Some(rtt_ms),
            drops: drops.to_vec(),
            ..PeerStats::default()
        };
        direct.say(sample(100, 20.0, &[("a", 1), ("b", 2)]), true);
        group.say(sample(50, 10.0, &[("b", 3), ("c", 4)]), true);
        let both = heard.borrow().clone();
        assert_eq!((both.sent_bps, both.rtt_ms), (150, Some(20.0)));
        assert_eq!(both.drops, [("a", 1), ("b", 5), ("c", 4)]);
        direct.end();
        let alone = sample(50, 10.0, &[("b", 3), ("c", 4)]);
        assert_eq!(*heard.borrow(), alone);
        group.end();
        assert_eq!(*heard.borrow(), alone);
    }
}
