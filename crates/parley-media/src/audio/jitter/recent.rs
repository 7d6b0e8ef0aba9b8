//! How much of the sound was invented lately. Owned by the buffer.

/// How much was invented lately: two halves of a window of four seconds, and the present run.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// Samples in a row, up to now.
    pub(super) run: usize,
    now: (usize, usize),
    before: (usize, usize),
}

impl Recent {
    pub(super) fn concealed(&mut self, samples: usize) {
        self.run = self.run.saturating_add(samples);
        self.now.0 += samples;
    }

    pub(super) fn played(&mut self, samples: usize) {
        self.now.1 += samples;
        if self.now.1 >= 96_000 {
            self.before = std::mem::take(&mut self.now);
        }
    }

    pub(super) fn concealed_pct(&self) -> f32 {
        let concealed = self.now.0 + self.before.0;
        let played = (self.now.1 + self.before.1).max(1);
        (100.0 * concealed as f32 / played as f32).min(100.0)
    }
}
