//! The rules by which something is found wrong. Each looks at the last seconds and gives the figure that it found it by.
//!
//! | finding | figure over its window | from | ruins the call from |
//! |---|---|---|---|
//! | loss, either way | median percent of 5 s | 3 | 8 |
//! | low bandwidth | median estimate of 5 s, camera on, after 15 s | under 500 kbit/s | under 150 |
//! | stalled picture | seconds without a break | 3 | 8 |
//! | slow encoder, decoder | median ms a picture over 5 s | 25 | 33 (30 pictures a second) |
//! | picture limited | lines at most by the CPU guard, for 3 s | always | under 300 |
//! | busy computer | median percent of all cores over 10 s | 75 | 95 |
//! | round trip | median ms over 5 s | 300 (half of it is one way: ITU-T G.114 wants 150) | 600 |
//! | jitter | median ms over 5 s | 60 | 120 |
//! | own silent microphone | digital silence for 10 s | always | never |
//! | other's silent microphone | on for 15 s, never louder than -70 dBov | always | never |
//! | relayed | the pair in use | always | never |

use super::Circumstances;
use crate::view::{CallState, Finding, FindingCode, StatsSample};
use std::collections::VecDeque;

/// No microphone that works is quieter than this for ten seconds, in dBov: even its own noise is louder. (What leaves the
/// noise suppression can be, so this is measured on a closed or dead microphone only when it is nearly nothing.)
const DEAD_DBOV: f32 = -110.0;
/// Nobody who speaks is quieter than this, in dBov.
const SPEECH_DBOV: f32 = -70.0;
/// The estimate begins low and grows; before that it says nothing.
const SETTLING_MS: u64 = 15_000;

/// One rule.
pub(super) struct Rule {
    pub(super) code: FindingCode,
    /// So many seconds are looked at.
    pub(super) window_s: u32,
    /// From here on it is found.
    from: f32,
    /// From here on it ruins the call.
    bad_from: f32,
    /// The figure, if this rule makes sense in these seconds.
    figure: fn(&Seconds<'_>) -> Option<f32>,
    /// In words, about the finding's figure.
    words: fn(f32) -> String,
    /// Less is worse.
    less: bool,
}

/// The last seconds, newest last.
pub(super) struct Seconds<'a> {
    samples: &'a [&'a StatsSample],
    circumstances: &'a [&'a Circumstances],
}

impl Seconds<'_> {
    /// The one in the middle: a single bad second, however bad, is no finding.
    fn median(&self, figure: impl Fn(&StatsSample) -> Option<f32>) -> Option<f32> {
        let figures: Option<Vec<f32>> = self.samples.iter().map(|sample| figure(sample)).collect();
        let mut figures = figures?;
        figures.sort_by(f32::total_cmp);
        figures.get(figures.len().saturating_sub(1) / 2).copied()
    }

    fn all(&self, holds: impl Fn(&Circumstances) -> bool) -> bool {
        self.circumstances.iter().all(|second| holds(second))
    }

    fn length(&self) -> f32 {
        self.samples.len() as f32
    }
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: FindingCode::UplinkLoss,
        window_s: 5,
        from: 3.0,
        bad_from: 8.0,
        figure: |seconds| seconds.median(|sample| Some(sample.loss_out_pct)),
        words: |value| format!("Your uplink loses {value:.0} % of what you send."),
        less: false,
    },
    Rule {
        code: FindingCode::DownlinkLoss,
        window_s: 5,
        from: 3.0,
        bad_from: 8.0,
        figure: |seconds| seconds.median(|sample| Some(sample.loss_in_pct)),
        words: |value| format!("{value:.0} % of what the other side sends is lost on the way to you."),
        less: false,
    },
    Rule {
        code: FindingCode::LowBandwidth,
        window_s: 5,
        from: 500.0,
        bad_from: 150.0,
        figure: |seconds| {
            let settled = seconds.samples.iter().all(|sample| sample.at_ms >= SETTLING_MS);
            (settled && seconds.all(|second| second.camera_on))
                .then(|| seconds.median(|sample| sample.estimate_kbps.map(|kbps| kbps as f32)))?
        },
        words: |value| format!("Your connection carries only about {value:.0} kbit/s now."),
        less: true,
    },
    Rule {
        code: FindingCode::PictureStalled,
        window_s: 3,
        from: 3.0,
        bad_from: 8.0,
        figure: |seconds| {
            seconds
                .samples
                .iter()
                .all(|sample| sample.frozen)
                .then(|| seconds.length())
        },
        words: |_| "The other side's picture stands still because parts of it are missing.".to_owned(),
        less: false,
    },
    Rule {
        code: FindingCode::EncoderSlow,
        window_s: 5,
        from: 25.0,
        bad_from: 33.0,
        figure: |seconds| seconds.median(|sample| sample.encode_ms),
        words: |value| {
            format!("This computer needs {value:.0} ms to encode a picture, too long for a smooth one.")
        },
        less: false,
    },
    Rule {
        code: FindingCode::PictureLimited,
        window_s: 3,
        from: f32::INFINITY,
        bad_from: 300.0,
        figure: |seconds| {
            let shared = |second: &Circumstances| second.camera_on;
            seconds
                .all(shared)
                .then(|| seconds.median(|sample| sample.lines_max.map(|lines| lines as f32)))?
        },
        words: |value| {
            format!(
                "This computer does not keep up, so your picture has no more than {value:.0} lines, or fewer pictures a second."
            )
        },
        less: true,
    },
    Rule {
        code: FindingCode::DecoderSlow,
        window_s: 5,
        from: 25.0,
        bad_from: 33.0,
        figure: |seconds| seconds.median(|sample| sample.decode_ms),
        words: |value| {
            format!("This computer needs {value:.0} ms to decode a picture, too long for a smooth one.")
        },
        less: false,
    },
    Rule {
        code: FindingCode::ComputerBusy,
        window_s: 10,
        from: 75.0,
        bad_from: 95.0,
        figure: |seconds| {
            let cores = seconds.circumstances.last()?.cores.max(1) as f32;
            seconds.median(|sample| sample.cpu_pct.map(|percent| percent / cores))
        },
        words: |value| format!("Parley takes {value:.0} % of this computer's power."),
        less: false,
    },
    Rule {
        code: FindingCode::HighRoundTrip,
        window_s: 5,
        from: 300.0,
        bad_from: 600.0,
        figure: |seconds| seconds.median(|sample| sample.rtt_ms),
        words: |value| format!("What is said takes long: {value:.0} ms there and back."),
        less: false,
    },
    Rule {
        code: FindingCode::Jitter,
        window_s: 5,
        from: 60.0,
        bad_from: 120.0,
        figure: |seconds| seconds.median(|sample| Some(sample.jitter_ms)),
        words: |value| format!("Packets come unevenly, up to {value:.0} ms late."),
        less: false,
    },
    Rule {
        code: FindingCode::OwnMicrophoneSilent,
        window_s: 10,
        from: 10.0,
        bad_from: f32::INFINITY,
        figure: |seconds| {
            let dead = |sample: &&StatsSample| sample.microphone_dbov.is_some_and(|level| level <= DEAD_DBOV);
            (seconds.all(|second| second.microphone_on) && seconds.samples.iter().all(dead))
                .then(|| seconds.length())
        },
        words: |_| "Your microphone is on but gives nothing.".to_owned(),
        less: false,
    },
    Rule {
        code: FindingCode::OtherMicrophoneSilent,
        window_s: 15,
        from: 15.0,
        bad_from: f32::INFINITY,
        figure: |seconds| {
            let on = |second: &Circumstances| second.people.iter().any(|(_, microphone_on)| *microphone_on);
            let quiet = |sample: &&StatsSample| sample.heard_dbov.is_some_and(|level| level <= SPEECH_DBOV);
            (seconds.all(on) && seconds.samples.iter().all(quiet)).then(|| seconds.length())
        },
        words: |_| "The other side's microphone is on, but nothing was ever heard from it.".to_owned(),
        less: false,
    },
    Rule {
        code: FindingCode::Relayed,
        window_s: 3,
        from: 0.0,
        bad_from: f32::INFINITY,
        figure: |seconds| {
            let relayed = |sample: &&StatsSample| {
                sample
                    .pair
                    .as_ref()
                    .is_some_and(|pair| pair.own_type == "relay" || pair.other_type == "relay")
            };
            seconds.samples.iter().all(relayed).then_some(0.0)
        },
        words: |_| "You reach each other only over a server in between, which adds delay.".to_owned(),
        less: false,
    },
];

impl Rule {
    /// The figure it is found by, if it is.
    pub(super) fn applies(
        &self,
        samples: &VecDeque<StatsSample>,
        circumstances: &VecDeque<Circumstances>,
    ) -> Option<f32> {
        let window = if self.looks_back() {
            // While the microphone was on, without a break.
            let since_on = |second: &&Circumstances| second.people.iter().any(|(_, on)| *on);
            let length = circumstances.iter().rev().take_while(since_on).count();
            length.max(self.window_s as usize)
        } else {
            self.window_s as usize
        };
        let from = samples.len().checked_sub(window)?;
        let samples: Vec<&StatsSample> = samples.iter().skip(from).collect();
        let circumstances: Vec<&Circumstances> = circumstances.iter().skip(from).collect();
        let connected = circumstances
            .iter()
            .all(|second| second.state == CallState::Connected);
        let seconds = Seconds {
            samples: &samples,
            circumstances: &circumstances,
        };
        let value = (self.figure)(&seconds).filter(|_| connected)?;
        self.reaches(value, self.from).then_some(value)
    }

    /// Whether it is about all the time that the other side's microphone was on.
    fn looks_back(&self) -> bool {
        self.code == FindingCode::OtherMicrophoneSilent
    }

    fn reaches(&self, value: f32, limit: f32) -> bool {
        if self.less { value < limit } else { value >= limit }
    }

    pub(super) fn is_bad(&self, value: f32) -> bool {
        self.reaches(value, self.bad_from)
    }

    pub(super) fn worse(&self, one: f32, other: f32) -> f32 {
        if self.less { one.min(other) } else { one.max(other) }
    }

    pub(super) fn sentence(&self, finding: &Finding) -> String {
        let mut sentence = (self.words)(finding.value);
        if finding.lowered && matches!(self.code, FindingCode::UplinkLoss | FindingCode::LowBandwidth) {
            sentence.push_str(" Your picture was made smaller to keep the sound.");
        }
        sentence
    }
}
