//! Which sequence numbers of a stream were handed on already: a packet comes twice when it was sent again though it was only late, and
//! as a probe. Sans-IO.

/// See the module. It remembers the last [`Seen::WINDOW`].
#[derive(Debug)]
pub(in crate::peer) struct Seen {
    highest: Option<u16>,
    bits: [u64; Seen::WINDOW as usize / 64],
    /// Packets in a row that were older than the window: many mean that the stream started anew.
    too_old: u16,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            highest: None,
            bits: [0; Self::WINDOW as usize / 64],
            too_old: 0,
        }
    }
}

impl Seen {
    const WINDOW: u16 = 2048;
    const RESTART: u16 = 64;

    /// Whether it was not handed on before; marks it.
    pub(in crate::peer) fn first_time(&mut self, sequence: u16) -> bool {
        let Some(highest) = self.highest else {
            return self.restart(sequence);
        };
        let ahead = sequence.wrapping_sub(highest);
        if ahead != 0 && ahead < 0x8000 {
            if ahead >= Self::WINDOW {
                return self.restart(sequence);
            }
            for n in 1..=ahead {
                self.mark(highest.wrapping_add(n), false);
            }
            self.highest = Some(sequence);
        } else if highest.wrapping_sub(sequence) >= Self::WINDOW {
            self.too_old += 1;
            return self.too_old >= Self::RESTART && self.restart(sequence);
        }
        self.too_old = 0;
        !self.mark(sequence, true)
    }

    fn restart(&mut self, sequence: u16) -> bool {
        *self = Self {
            highest: Some(sequence),
            ..Self::default()
        };
        self.mark(sequence, true);
        true
    }

    /// Sets the mark of one sequence number and gives the one before.
    fn mark(&mut self, sequence: u16, on: bool) -> bool {
        let place = sequence % Self::WINDOW;
        let (word, bit) = (usize::from(place / 64), 1u64 << (place % 64));
        let Some(word) = self.bits.get_mut(word) else {
            return false;
        };
        let before = *word & bit != 0;
        if on {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_starts_anew_is_taken_up_again() {
        let mut seen = Seen::default();
        assert!(seen.first_time(40_000));
        let taken = (100..300).filter(|sequence| seen.first_time(*sequence)).count();
        assert!(taken > 100, "{taken}");
    }
}
