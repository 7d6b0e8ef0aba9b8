//! Meters: from the audio engine's loudness to the height of a bar.

use crate::view::{Levels, PersonLevel};
use parley_media::audio::AudioStatus;
use parley_media::packet::AudioLevel;

/// The quietest that a meter shows, in decibels below full scale.
const FLOOR_DB: f32 = 60.0;

/// The meters of one moment; without sound, all are at rest.
pub(super) fn levels(sound: Option<&AudioStatus>) -> Levels {
    let Some(sound) = sound else {
        return Levels {
            microphone: 0.0,
            speaker: 0.0,
            people: Vec::new(),
        };
    };
    Levels {
        microphone: height(sound.microphone_level),
        speaker: height(sound.speaker_level),
        people: sound
            .participants
            .iter()
            .map(|person| PersonLevel {
                id: person.id.to_string(),
                level: height(person.level),
            })
            .collect(),
    }
}

fn height(level: AudioLevel) -> f32 {
    (1.0 - f32::from(level.minus_dbov()) / FLOOR_DB).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_is_linear_in_decibels() {
        for (minus_dbov, expect) in [(0, 1.0), (30, 0.5), (60, 0.0), (127, 0.0)] {
            assert!((height(AudioLevel::from_minus_dbov(minus_dbov)) - expect).abs() < 1e-6);
        }
    }
}
