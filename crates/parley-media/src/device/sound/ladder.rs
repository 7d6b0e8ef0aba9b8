//! Which buffer to ask a device for: the smallest that it can keep up with, remembered for each device.
//!
//! Measured on Linux: the `pulseaudio` host plays cleanly at 480 and 960 frames; the ALSA host needs 960, because an underrun
//! at less starts an error storm. `BufferSize::Default` would prefill two seconds.

use std::collections::HashMap;

/// One way to open a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rung {
    /// Frames of a buffer, at 48 kHz.
    pub(super) frames: u32,
    /// Through ALSA directly, though a sound server is there.
    pub(super) alsa: bool,
}

const RUNGS: [Rung; 4] = [
    Rung {
        frames: 480,
        alsa: false,
    },
    Rung {
        frames: 960,
        alsa: false,
    },
    Rung {
        frames: 1_920,
        alsa: false,
    },
    Rung {
        frames: 960,
        alsa: true,
    },
];
/// Signs of strain within [`WINDOW_S`] seconds that send a device one rung up.
pub(super) const STRAINS: u64 = 12;
/// The window they are counted in.
pub(super) const WINDOW_S: u64 = 4;

/// How far up each device is.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    steps: HashMap<String, usize>,
}

impl Ladder {
    /// How to open this device. `alsa_only`: there is no other host, and its least is 960.
    pub(super) fn rung(&self, device: &str, alsa_only: bool) -> Rung {
        let step = self.steps.get(device).copied().unwrap_or(0);
        let rung = RUNGS[step.min(RUNGS.len() - 1)];
        if alsa_only {
            Rung {
                frames: rung.frames.max(960),
                alsa: true,
            }
        } else {
            rung
        }
    }

    /// The device did not keep up; false when there is nothing further to try.
    pub(super) fn step_up(&mut self, device: &str) -> bool {
        let step = self.steps.entry(device.to_owned()).or_insert(0);
        let more = *step + 1 < RUNGS.len();
        *step += usize::from(more);
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_cannot_keep_up_gets_more_each_time_and_is_remembered() {
        let mut ladder = Ladder::default();
        let mut seen = vec![ladder.rung("a", false)];
        while ladder.step_up("a") {
            seen.push(ladder.rung("a", false));
        }
        let frames: Vec<_> = seen.iter().map(|rung| (rung.frames, rung.alsa)).collect();
        assert_eq!(frames, [(480, false), (960, false), (1_920, false), (960, true)]);
        assert_eq!(ladder.rung("b", false).frames, 480);
    }

    #[test]
    fn alsa_alone_never_gets_less_than_it_needs() {
        let rung = Ladder::default().rung("a", true);
        assert_eq!((rung.frames, rung.alsa), (960, true));
    }
}
