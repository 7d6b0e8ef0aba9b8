//! One second of a call in figures: from what call, encoder, decoders and sound count to the sample that a window draws.
//! Sans-IO; time is an argument.

use super::quality::PathSample;
use super::rates::Rates;
use super::translate::size;
use crate::view::{PairView, StatsSample};
use parley_call::chat::ChatCounters;
use parley_call::files::FileCounters;
use parley_call::port::PeerStats;
use parley_call::{CallSnapshot, CallStats};
use parley_media::audio::{AudioStatus, SharedSoundStatus};
use parley_media::video::{EncoderStats, ReceiverStats};
use parley_proto::ParticipantId;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

/// Everything that is counted anywhere, at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub(super) call: CallStats,
    pub(super) room: CallSnapshot,
    pub(super) encoder: Option<EncoderStats>,
    /// Of the smaller layers.
    pub(super) layers: Vec<(&'static str, EncoderStats)>,
    pub(super) receivers: Vec<(ParticipantId, ReceiverStats)>,
    pub(super) screens: Vec<(ParticipantId, ReceiverStats)>,
    pub(super) sound: Option<AudioStatus>,
    pub(super) shared_sound: Option<SharedSoundStatus>,
    pub(super) files: FileCounters,
    pub(super) chat: ChatCounters,
    /// What the store of past calls could not take.
    pub(super) history_dropped: u64,
}

/// Turns counters into rates.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    began: Option<Instant>,
    rates: Rates,
}

impl Gauge {
    /// A new call.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn sample(&mut self, now: Instant, figures: &Figures) -> StatsSample {
        let began = *self.began.get_or_insert(now);
        let (people, sent_layers) = self.rates.second(now, figures);
        let decoders = || figures.receivers.iter().map(|(_, receiver)| receiver);
        let voices = || figures.sound.iter().flat_map(|sound| &sound.participants);
        let peer = &figures.call.peer;
        let encoder = figures.encoder.filter(|encoder| encoder.frames > 0);
        let sizes = decoders().filter_map(|receiver| receiver.resolution);
        let received = sizes.max_by_key(|size| size.pixels());
        StatsSample {
            at_ms: u64::try_from(now.saturating_duration_since(began).as_millis()).unwrap_or(u64::MAX),
            rtt_ms: peer.rtt_ms,
            estimate_kbps: peer.estimate_bps.map(kbps),
            sent_kbps: kbps(peer.sent_bps),
            received_kbps: kbps(peer.received_bps),
            loss_in_pct: peer.loss_in_pct,
            loss_out_pct: peer.loss_out_pct,
            fps_sent: peer.frames_sent_per_s,
            fps_received: people.iter().map(|person| person.fps).sum(),
            sent_size: figures.encoder.and_then(|encoder| encoder.resolution).map(size),
            received_size: received.map(size),
            jitter_buffer_ms: voices().map(|voice| voice.delay_ms).reduce(f32::max),
            concealed_pct: voices().map(|voice| voice.concealed_pct).fold(0.0, f32::max),
            jitter_ms: voices()
                .map(|voice| voice.jitter_ms)
                .fold(peer.audio_jitter_ms, f32::max),
            target_kbps: encoder.map(|encoder| kbps(encoder.bitrate.bps())),
            encode_ms: encoder.map(|encoder| encoder.encode_ms),
            lines_max: encoder.and_then(|encoder| Some(encoder.cpu.limit?.height)),
            decode_ms: decoders().map(|receiver| receiver.decode_ms).reduce(f32::max),
            frozen: decoders().any(|receiver| receiver.frozen),
            people,
            sent_layers,
            pair: peer.pair.map(|(own, other)| pair(own, other, peer)),
            codecs: codecs(figures),
            // These are measured elsewhere, see `super::inspect`.
            cpu_pct: None,
            microphone_dbov: None,
            heard_dbov: None,
            path: peer
                .pair
                .map(|(own, other)| format!("{}, {own} to {other}", way(peer))),
            drops: drops(figures),
        }
    }
}

impl Figures {
    /// What of it says how good the path is: the one to each of the others, which in a group have this side's way to the server
    /// in common, ...
    pub(super) fn paths(&self) -> Vec<(ParticipantId, PathSample)> {
        let peer = &self.call.peer;
        let path = |who| {
            let mut voices = self.sound.iter().flat_map(|sound| &sound.participants);
            let voice = voices.find(|voice| voice.id == who);
            let mut receivers = self.receivers.iter();
            PathSample {
                loss_pct: peer.loss_in_pct.max(peer.loss_out_pct),
                round_trip_ms: peer.rtt_ms,
                jitter_ms: voice.map_or(0.0, |voice| voice.jitter_ms),
                frozen: receivers.any(|(id, receiver)| *id == who && receiver.frozen),
            }
        };
        let speakers = self.room.people.iter().filter(|person| !person.listens);
        let people = speakers.map(|person| person.id);
        people.map(|who| (who, path(who))).collect()
    }

    /// ... and that of the call: as it is to most of them, for one of many whose own network is bad makes no bad call.
    pub(super) fn path(&self) -> PathSample {
        let peer = &self.call.peer;
        let paths = self.paths();
        let mut jitter_ms: Vec<f32> = paths.iter().map(|(_, path)| path.jitter_ms).collect();
        jitter_ms.sort_by(f32::total_cmp);
        let frozen = paths.iter().filter(|(_, path)| path.frozen).count();
        PathSample {
            loss_pct: peer.loss_in_pct.max(peer.loss_out_pct),
            round_trip_ms: peer.rtt_ms,
            jitter_ms: jitter_ms.get(jitter_ms.len() / 2).copied().unwrap_or(0.0),
            frozen: frozen * 2 > paths.len(),
        }
    }
}

fn pair(own: SocketAddr, other: SocketAddr, peer: &PeerStats) -> PairView {
    let (own_type, other_type) = peer.pair_types.unwrap_or(("unknown", "unknown"));
    PairView {
        own: own.to_string(),
        other: other.to_string(),
        own_type: own_type.to_owned(),
        other_type: other_type.to_owned(),
        relay: peer.relay.map(|relay| relay.word().to_owned()),
        over_tcp: peer.over_tcp,
    }
}

/// Which way is used, in words.
fn way(peer: &PeerStats) -> String {
    match (peer.relay, peer.pair_types) {
        (Some(relay), _) => format!("relay, {}", relay.word().to_ascii_uppercase()),
        (None, Some((_, "relay"))) => "relay of the other side, UDP".to_owned(),
        _ if peer.over_tcp => "direct, TCP".to_owned(),
        _ => "direct, UDP".to_owned(),
    }
}

/// What flows, either way. These two are all that Parley speaks.
fn codecs(figures: &Figures) -> Vec<String> {
    let sound = figures.sound.as_ref();
    let heard =
        sound.is_some_and(|sound| sound.counters.packets_encoded > 0 || !sound.participants.is_empty());
    let seen = figures.encoder.is_some_and(|encoder| encoder.frames > 0)
        || figures.receivers.iter().any(|(_, receiver)| receiver.decoded > 0);
    let names = [(heard, "Opus, 48 kHz"), (seen, "H.264")];
    names
        .iter()
        .filter(|(flows, _)| *flows)
        .map(|(_, name)| (*name).to_owned())
        .collect()
}

fn kbps(bps: u64) -> u32 {
    u32::try_from(bps / 1000).unwrap_or(u32::MAX)
}

/// Everything that was dropped anywhere and is not zero, by name.
fn drops(figures: &Figures) -> BTreeMap<String, u64> {
    let mut drops = BTreeMap::new();
    let mut count = |name: &str, number: u64| {
        if number > 0 {
            *drops.entry(name.to_owned()).or_default() += number;
        }
    };
    for (name, number) in &figures.call.peer.drops {
        count(name, *number);
    }
    let session = &figures.call.session;
    count("server_messages_malformed", session.malformed_from_server);
    count("peer_messages_malformed", session.malformed_from_peer);
    count("messages_stale", session.stale);
    count("messages_out_of_order", session.out_of_order);
    count("candidates_dropped", session.candidates_dropped);
    count("proofs_ignored", session.proofs_ignored);
    count("messages_flooded", session.flooded);
    count("signals_dropped", session.signals_dropped);
    count("events_dropped", session.events_dropped);
    let layers = figures.layers.iter().map(|(_, encoder)| *encoder);
    for encoder in figures.encoder.into_iter().chain(layers) {
        count("raw_pictures_for_room", encoder.skipped_for_room);
        count("raw_pictures_replaced", encoder.replaced);
        count("encoder_faults", encoder.faults);
    }
    for (_, receiver) in &figures.receivers {
        count("pictures_undecoded", receiver.dropped);
        count("decode_errors", receiver.decode_errors);
        count("video_packets_duplicate", receiver.buffer.duplicates);
        count("video_packets_late", receiver.buffer.late);
        count("video_packets_unused", receiver.buffer.dropped);
        count("pictures_malformed", receiver.buffer.malformed);
        count("pictures_hurried", receiver.hurried);
    }
    if let Some(shared) = &figures.shared_sound {
        count("shared_sound_packets_unsent", shared.packets_dropped);
        count("shared_sound_samples_dropped", shared.samples_dropped);
    }
    if let Some(sound) = &figures.sound {
        count("sound_packets_unsent", sound.counters.packets_dropped);
        count("speaker_underruns", sound.counters.speaker_underruns);
        count("microphone_overruns", sound.counters.microphone_overruns);
        count("playout_skipped", sound.counters.playout_skipped);
        count("capture_skipped", sound.counters.capture_skipped);
        count("recorded_sound_dropped", sound.counters.call_record_dropped);
        count("sound_encode_errors", sound.counters.encode_errors);
        for person in &sound.participants {
            count("sound_packets_late", person.counters.late);
            count("sound_packets_overflow", person.counters.overflow);
            count("sound_packets_duplicate", person.counters.duplicate);
            count("sound_packets_skipped", person.counters.skipped);
            count("sound_packets_implausible", person.counters.implausible);
            count("sound_packets_undecodable", person.counters.undecodable);
        }
    }
    for (name, number) in figures.files.list().into_iter().chain(figures.chat.list()) {
        count(name, number);
    }
    count("history_writes_dropped", figures.history_dropped);
    drops
}

#[cfg(test)]
mod tests {
    use super::super::rates::tests::{id, room};
    use super::*;
    use std::time::Duration;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn rates_come_from_two_counts_and_the_time_between() {
        let start = Instant::now();
        let mut gauge = Gauge::default();
        let figures = |decoded| Figures {
            receivers: vec![(
                id(1),
                ReceiverStats {
                    decoded,
                    ..ReceiverStats::default()
                },
            )],
            room: room(1..=1),
            ..Figures::default()
        };
        assert_eq!(gauge.sample(start, &figures(100)).fps_received, 0.0);
        let sample = gauge.sample(start + Duration::from_secs(2), &figures(160));
        assert_eq!(sample.fps_received, 30.0);
        assert_eq!(sample.at_ms, 2000);
        // The other side left and came back: a fresh decoder counts from zero.
        let sample = gauge.sample(start + Duration::from_secs(3), &figures(7));
        assert_eq!(sample.fps_received, 0.0);
    }

    #[test]
    fn one_bad_picture_of_many_makes_no_bad_call() {
        let figures = |frozen: &[bool]| Figures {
            receivers: (1..)
                .zip(frozen)
                .map(|(number, frozen)| {
                    let stats = ReceiverStats {
                        frozen: *frozen,
                        ..ReceiverStats::default()
                    };
                    (id(number), stats)
                })
                .collect(),
            room: room(1..=u8::try_from(frozen.len()).unwrap()),
            ..Figures::default()
        };
        for (frozen, call) in [
            (&[true][..], true),
            (&[true, false, false], false),
            (&[true, true, false], true),
            (&[], false),
        ] {
            let figures = figures(frozen);
            assert_eq!(figures.path().frozen, call, "{frozen:?}");
            let each: Vec<bool> = figures.paths().iter().map(|(_, path)| path.frozen).collect();
            assert_eq!(each, frozen);
        }
    }

    #[test]
    fn only_what_was_dropped_is_listed() {
        let mut figures = Figures::default();
        figures.call.peer.drops = vec![("audio_queue", 3), ("video_queue", 0)];
        figures.call.session.signals_dropped = 5;
        figures.encoder = Some(EncoderStats {
            skipped_for_room: 2,
            ..EncoderStats::default()
        });
        let mut receiver = ReceiverStats::default();
        receiver.buffer.late = 4;
        figures.receivers = vec![(id(1), receiver), (id(2), receiver)];
        figures.chat.unanswered = 1;
        figures.history_dropped = 6;
        let names: Vec<_> = drops(&figures).into_iter().collect();
        assert_eq!(
            names,
            [
                ("audio_queue".into(), 3),
                ("chat_messages_unanswered".into(), 1),
                ("history_writes_dropped".into(), 6),
                ("raw_pictures_for_room".into(), 2),
                ("signals_dropped".into(), 5),
                ("video_packets_late".into(), 8)
            ]
        );
    }
}
