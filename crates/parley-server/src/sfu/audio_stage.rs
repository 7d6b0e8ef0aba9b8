//! Whose voices are passed on where there are more microphones than a client takes: an order of all of them, which each client
//! gets the first few of.
//!
//! Owned by a room. The order keeps as it is unless it must change: somebody moves up past a neighbour who is silent, or who is
//! clearly less loud, and whoever is dominant past everybody. So voices neither take turns in one place nor lose it between two
//! sentences. Deliberately absent: who speaks (`speakers`), and which section carries whom.

/// By so many dB somebody who speaks must be louder than who speaks before them.
const CLEARLY_DB: f32 = 6.0;

/// How a microphone stands now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Voice {
    /// The number of its publication.
    pub(super) number: u32,
    pub(super) speaks: bool,
    pub(super) dominant: bool,
    /// Lately, in dB above silence.
    pub(super) loudness: f32,
}

/// The order.
#[derive(Debug, Default)]
pub(super) struct AudioStage {
    order: Vec<u32>,
}

impl AudioStage {
    /// Takes in how everybody stands. True: the order changed.
    pub(super) fn arrange(&mut self, voices: &[Voice]) -> bool {
        let before = self.order.clone();
        let find = |number: u32| voices.iter().find(|voice| voice.number == number);
        self.order.retain(|number| find(*number).is_some());
        for voice in voices {
            if !self.order.contains(&voice.number) {
                self.order.push(voice.number);
            }
        }
        let mut arranged: Vec<Voice> = self
            .order
            .iter()
            .filter_map(|number| find(*number).copied())
            .collect();
        for at in (1..arranged.len()).rev() {
            if arranged[at].outranks(&arranged[at - 1]) {
                arranged.swap(at, at - 1);
            }
        }
        self.order = arranged.iter().map(|voice| voice.number).collect();
        self.order != before
    }

    /// The first `count` for somebody who does not hear themselves.
    pub(super) fn first(&self, count: usize, own: Option<u32>) -> impl Iterator<Item = u32> {
        self.order
            .iter()
            .copied()
            .filter(move |number| Some(*number) != own)
            .take(count)
    }
}

impl Voice {
    fn outranks(&self, ahead: &Self) -> bool {
        if ahead.dominant || !self.speaks {
            return false;
        }
        self.dominant || !ahead.speaks || self.loudness > ahead.loudness + CLEARLY_DB
    }
}

/// Gives sections their voices: who has one keeps it, the others take what is free. `sections` holds what each carries now.
pub(super) fn seat(sections: &mut [Option<u32>], wanted: &[u32]) {
    for section in sections.iter_mut() {
        *section = section.filter(|number| wanted.contains(number));
    }
    for number in wanted {
        if !sections.contains(&Some(*number))
            && let Some(free) = sections.iter_mut().find(|section| section.is_none())
        {
            *free = Some(*number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(number: u32, loudness: f32) -> Voice {
        Voice {
            number,
            speaks: loudness > 0.0,
            dominant: false,
            loudness,
        }
    }

    fn first(stage: &AudioStage, count: usize) -> Vec<u32> {
        stage.first(count, None).collect()
    }

    #[test]
    fn few_microphones_are_all_passed_on_in_any_order() {
        let mut stage = AudioStage::default();
        assert!(stage.arrange(&[voice(1, 0.0), voice(2, 0.0)]));
        assert!(!stage.arrange(&[voice(2, 0.0), voice(1, 0.0)]));
        assert_eq!(first(&stage, 5), [1, 2]);
        assert_eq!(stage.first(5, Some(1)).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn who_speaks_moves_up_and_stays_until_others_speak() {
        let mut stage = AudioStage::default();
        let silent: Vec<Voice> = (1..=6).map(|number| voice(number, 0.0)).collect();
        stage.arrange(&silent);
        let mut talk = silent.clone();
        talk[5] = voice(6, 90.0);
        stage.arrange(&talk);
        assert_eq!(first(&stage, 2), [6, 1], "past all who are silent at once");
        assert!(!stage.arrange(&silent), "between two sentences nothing moves");
        talk[3] = voice(4, 88.0);
        stage.arrange(&talk);
        assert_eq!(first(&stage, 2), [6, 4]);
        talk[3].loudness = 95.0;
        assert!(!stage.arrange(&talk), "five dB are a mood");
        talk[3].loudness = 97.0;
        assert!(stage.arrange(&talk));
        assert_eq!(first(&stage, 2), [4, 6]);
        talk[0] = Voice {
            dominant: true,
            ..voice(1, 80.0)
        };
        stage.arrange(&talk);
        assert_eq!(
            first(&stage, 3),
            [1, 4, 6],
            "the dominant one is never left out for being quiet"
        );
    }

    #[test]
    fn who_is_gone_leaves_no_hole() {
        let mut stage = AudioStage::default();
        stage.arrange(&[voice(1, 0.0), voice(2, 0.0), voice(3, 0.0)]);
        assert!(stage.arrange(&[voice(1, 0.0), voice(3, 0.0)]));
        assert_eq!(first(&stage, 9), [1, 3]);
    }

    #[test]
    fn a_voice_keeps_its_section() {
        let mut sections = [Some(1), Some(2), None];
        seat(&mut sections, &[3, 2, 4]);
        assert_eq!(sections, [Some(3), Some(2), Some(4)]);
        seat(&mut sections, &[2]);
        assert_eq!(sections, [None, Some(2), None]);
        seat(&mut sections, &[5, 6, 7, 8]);
        assert_eq!(sections, [Some(5), Some(6), Some(7)]);
    }
}
