//! What came of each of the others in one second, and what was sent of each layer: from two counts to the rate between them.
//! Sans-IO; time is an argument.

use super::group;
use super::stats::Figures;
use super::translate::size;
use crate::view::{LayerFigures, PersonFigures};
use parley_call::PersonSnapshot;
use parley_call::port::TrackKind;
use parley_media::video::{EncoderStats, ReceiverStats};
use parley_proto::ParticipantId;
use std::collections::BTreeMap;
use std::time::Instant;

/// The layer of the encoder that a call of two has too.
const LARGEST: &str = "f";

/// The counts of the last second.
#[derive(Debug, Default)]
pub(super) struct Rates {
    at: Option<Instant>,
    /// Pictures decoded.
    pictures: BTreeMap<ParticipantId, u64>,
    screens: BTreeMap<ParticipantId, u64>,
    /// Pictures encoded, and their bytes.
    layers: BTreeMap<&'static str, (u64, u64)>,
}

impl Rates {
    /// Another second.
    pub(super) fn second(
        &mut self,
        now: Instant,
        figures: &Figures,
    ) -> (Vec<PersonFigures>, Vec<LayerFigures>) {
        let seconds = self
            .at
            .map(|at| now.saturating_duration_since(at).as_secs_f32().max(0.1));
        let people = figures.room.people.iter();
        let people = people
            .filter(|person| !person.listens)
            .map(|person| self.person(person, figures, seconds))
            .collect();
        let largest = figures.encoder.map(|stats| (LARGEST, stats));
        let layers = || figures.layers.iter().copied().chain(largest);
        let sent = layers()
            .filter_map(|(rid, stats)| self.layer(rid, &stats, seconds?))
            .collect();
        let counts = |of: &[(ParticipantId, ReceiverStats)]| {
            of.iter().map(|(who, stats)| (*who, stats.decoded)).collect()
        };
        *self = Self {
            at: Some(now),
            pictures: counts(&figures.receivers),
            screens: counts(&figures.screens),
            layers: layers()
                .map(|(rid, stats)| (rid, (stats.frames, stats.bytes)))
                .collect(),
        };
        (people, sent)
    }

    fn person(&self, person: &PersonSnapshot, figures: &Figures, seconds: Option<f32>) -> PersonFigures {
        let who = person.id;
        let of = |all: &[(ParticipantId, ReceiverStats)]| {
            let mut all = all.iter();
            all.find(|(id, _)| *id == who).map(|(_, stats)| *stats)
        };
        let (picture, screen) = (of(&figures.receivers), of(&figures.screens));
        let fps = |stats: Option<ReceiverStats>, before: &BTreeMap<ParticipantId, u64>| match (stats, seconds)
        {
            (Some(stats), Some(seconds)) => rate(stats.decoded, before.get(&who), seconds),
            _ => 0.0,
        };
        let resolution = |stats: Option<ReceiverStats>| stats.and_then(|stats| stats.resolution);
        let comes = |kind, stats| group::picture(&figures.room, person, kind, resolution(stats).is_some());
        let mut voices = figures.sound.iter().flat_map(|sound| &sound.participants);
        let voice = voices.find(|voice| voice.id == who);
        let down = group::down(&figures.room, who, TrackKind::Video);
        PersonFigures {
            id: who.to_string(),
            picture: comes(TrackKind::Video, picture),
            layer: down.and_then(|down| down.rid.clone()),
            size: resolution(picture).map(size),
            fps: fps(picture, &self.pictures),
            frozen: picture.is_some_and(|stats| stats.frozen),
            decode_ms: picture.map(|stats| stats.decode_ms),
            screen: comes(TrackKind::Screen, screen),
            screen_size: resolution(screen).map(size),
            screen_fps: fps(screen, &self.screens),
            jitter_buffer_ms: voice.map(|voice| voice.delay_ms),
            concealed_pct: voice.map_or(0.0, |voice| voice.concealed_pct),
            jitter_ms: voice.map_or(0.0, |voice| voice.jitter_ms),
        }
    }

    /// Nothing for one that rested.
    fn layer(&self, rid: &'static str, stats: &EncoderStats, seconds: f32) -> Option<LayerFigures> {
        let before = self.layers.get(rid);
        let fps = rate(stats.frames, before.map(|(frames, _)| frames), seconds);
        let bytes = rate(stats.bytes, before.map(|(_, bytes)| bytes), seconds);
        (fps > 0.0).then(|| LayerFigures {
            layer: rid.to_owned(),
            size: stats.resolution.map(size),
            fps,
            kbps: (bytes * 8.0 / 1_000.0) as u32,
        })
    }
}

/// One that counts from zero again began anew, and tells nothing this time.
fn rate(count: u64, before: Option<&u64>, seconds: f32) -> f32 {
    count.saturating_sub(before.copied().unwrap_or(0)) as f32 / seconds
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::view::PictureState;
    use parley_call::{CallSnapshot, DownSnapshot, GroupSnapshot};
    use parley_proto::{DownState, MediaState, Resolution};
    use std::time::Duration;

    pub(in super::super) fn id(number: u8) -> ParticipantId {
        ParticipantId::from_bytes([number; 16])
    }

    /// With their cameras on.
    pub(in super::super) fn room(people: std::ops::RangeInclusive<u8>) -> CallSnapshot {
        let person = |number| PersonSnapshot {
            media: MediaState {
                camera_on: true,
                ..MediaState::default()
            },
            media_told: true,
            ..PersonSnapshot::new(id(number), format!("Person {number}"))
        };
        CallSnapshot {
            people: people.map(person).collect(),
            ..CallSnapshot::new()
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn each_person_and_each_layer_has_figures_of_its_own() {
        let start = Instant::now();
        let mut room = room(1..=2);
        let down = |number, state, rid: Option<&str>| DownSnapshot {
            participant: id(number),
            kind: TrackKind::Video,
            state,
            saved: false,
            rid: rid.map(Into::into),
        };
        room.group = Some(GroupSnapshot {
            up: true,
            speakers: Vec::new(),
            downs: vec![
                down(1, DownState::Flows, Some("h")),
                down(2, DownState::Paused, None),
            ],
        });
        let figures = |decoded: [u64; 2], frames: u64| Figures {
            room: room.clone(),
            receivers: [1, 2]
                .into_iter()
                .zip(decoded)
                .map(|(number, decoded)| {
                    let stats = ReceiverStats {
                        decoded,
                        resolution: Some(Resolution::new(640, 360)),
                        ..ReceiverStats::default()
                    };
                    (id(number), stats)
                })
                .collect(),
            layers: vec![(
                "q",
                EncoderStats {
                    frames,
                    bytes: frames * 1_000,
                    ..EncoderStats::default()
                },
            )],
            encoder: Some(EncoderStats {
                frames: 7,
                ..EncoderStats::default()
            }),
            ..Figures::default()
        };
        let mut rates = Rates::default();
        let (people, layers) = rates.second(start, &figures([10, 20], 30));
        assert!(
            people.iter().all(|person| person.fps == 0.0) && layers.is_empty(),
            "one count is no rate"
        );
        let (people, layers) = rates.second(start + Duration::from_secs(2), &figures([40, 20], 60));
        assert_eq!([people[0].fps, people[1].fps], [15.0, 0.0]);
        assert_eq!(
            (people[0].picture, people[0].layer.as_deref()),
            (PictureState::Flows, Some("h"))
        );
        assert_eq!(
            (people[1].picture, people[1].layer.as_deref()),
            (PictureState::Paused, None)
        );
        assert_eq!(people[0].size, Some((640, 360)));
        let sent: Vec<_> = layers
            .iter()
            .map(|one| (one.layer.as_str(), one.fps, one.kbps))
            .collect();
        assert_eq!(sent, [("q", 15.0, 120)], "the largest rested");
    }
}
