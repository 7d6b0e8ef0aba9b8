//! Whether this computer keeps up with its own pictures, and what to leave out of them when it does not. Sans-IO: times that
//! encoding took in, a limit of size and frame rate out. Owned by the encode thread, beside what the call wants for the network's
//! sake (`EncoderTargets`): the smaller of the two wins.
//!
//! Sound has a thread of its own and needs little, but on a computer that is too busy it is late as well, and that is worse than a
//! small picture. So the picture gives way first: when encoding takes as long as there is between two pictures, when raw ones are
//! replaced before the encoder came to them, when what is decoded takes a core, or when the sound was late. Down after a few such
//! seconds, by as much as it takes; up again a step at a time, after a longer while, and after a longer one still when a step up
//! did not last.

use super::EncoderTargets;
use parley_proto::{FrameRate, Resolution};
use std::time::{Duration, Instant};

/// One verdict is about so long.
const WINDOW: Duration = Duration::from_secs(1);
/// So many of the last windows must be bad before the limit falls.
const BAD_WINDOWS: u32 = 3;
/// Encoding that takes this share of the time from one picture to the next at its 95th percentile is too slow, ...
const SLOW: f32 = 0.9;
/// ... unless it is short stalls of an encoder that is quick else: this share at the median.
const SLOW_MEDIAN: f32 = 0.5;
/// So many raw pictures left out are too many.
const LEFT_OUT: f32 = 0.15;
/// So much of a core for decoding is too much.
const DECODING: f32 = 0.8;
/// What a lower limit aims at, ...
const AIM_DOWN: f32 = 0.7;
/// ... and what a higher one must promise.
const AIM_UP: f32 = 0.55;
/// How long all must be well before a step up, ...
const HOLD_MIN: Duration = Duration::from_secs(10);
/// ... and how long at most, once steps up did not last.
const HOLD_MAX: Duration = Duration::from_secs(160);
/// A step up that lasts no longer than this did not last.
const LASTING: Duration = Duration::from_secs(20);
/// Fewer pictures than this say nothing, ...
const PICTURES_MIN: usize = 4;
/// ... unless one takes so many times the time there is.
const ENDLESS: f32 = 3.0;
/// Times kept of one window.
const PICTURES_MAX: usize = 128;

/// Limits, each less work than the one before. A picture is left out before the size falls, for what is smaller needs a key frame.
const LIMITS: [CpuLimit; 9] = [
    CpuLimit::new(1080, 20),
    CpuLimit::new(720, 30),
    CpuLimit::new(720, 20),
    CpuLimit::new(540, 20),
    CpuLimit::new(360, 20),
    CpuLimit::new(360, 15),
    CpuLimit::new(270, 15),
    CpuLimit::new(270, 10),
    CpuLimit::new(180, 8),
];

/// The most that this computer is asked to encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuLimit {
    /// Lines of a picture as wide as 16 to 9.
    pub height: u32,
    /// Pictures a second.
    pub frame_rate: FrameRate,
}

impl CpuLimit {
    const fn new(height: u32, fps: u32) -> Self {
        Self {
            height,
            frame_rate: FrameRate::new(fps),
        }
    }

    fn apply(self, targets: EncoderTargets) -> EncoderTargets {
        let size = targets.resolution;
        EncoderTargets {
            frame_rate: targets.frame_rate.min(self.frame_rate),
            resolution: Resolution::new(size.width.min(self.height * 16 / 9), size.height.min(self.height)),
            ..targets
        }
    }
}

/// What the computer does for the call beside encoding.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BesideEncoding {
    /// The share of one core that decoding takes.
    pub decoding: f32,
    /// Times since the beginning at which the sound was late because its thread did not get to run.
    pub sound_late: u64,
}

/// What the guard knows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CpuGuardFigures {
    /// What encoding takes of the time between two pictures, in percent, at the 95th percentile of the last second.
    pub load_pct: f32,
    /// The limit, while there is one.
    pub limit: Option<CpuLimit>,
    /// Times it fell.
    pub lowered: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct CpuGuard {
    /// Into [`LIMITS`]; one more than the last limit that is not set.
    level: usize,
    window: Option<Window>,
    bad: u32,
    /// Since when all is well.
    well_since: Option<Instant>,
    raised: Option<Instant>,
    hold: Option<Duration>,
    beside: BesideEncoding,
    figures: CpuGuardFigures,
}

/// One second of work.
#[derive(Debug)]
struct Window {
    began: Instant,
    /// Shares of the time between two pictures.
    shares: Vec<f32>,
    left_out: u64,
    sound_late: u64,
    targets: EncoderTargets,
}

impl CpuGuard {
    /// What to encode of what the call wants.
    pub(super) fn limit(&self, targets: EncoderTargets) -> EncoderTargets {
        self.figures.limit.map_or(targets, |limit| limit.apply(targets))
    }

    pub(super) const fn figures(&self) -> CpuGuardFigures {
        self.figures
    }

    /// What else the computer does now.
    pub(super) const fn beside(&mut self, beside: BesideEncoding) {
        self.beside = beside;
    }

    /// A picture was encoded, which took so long from when it was taken up; `wanted` is what the call wants, and so many raw pictures
    /// were left out before it because this thread was not ready.
    pub(super) fn encoded(&mut self, now: Instant, took: Duration, wanted: EncoderTargets, left_out: u64) {
        let interval = self.limit(wanted).frame_rate.interval();
        let share = took.as_secs_f32() / interval.as_secs_f32();
        let sound_late = self.beside.sound_late;
        let window = self
            .window
            .get_or_insert_with(|| Window::new(now, sound_late, wanted));
        // What the call wants changed: the times before say little.
        if window.targets.resolution != wanted.resolution {
            *window = Window::new(now, sound_late, wanted);
            return;
        }
        if window.shares.len() < PICTURES_MAX {
            window.shares.push(share);
        }
        window.left_out += left_out;
        let tells = window.shares.len() >= PICTURES_MIN || share > ENDLESS;
        let is_over = now.saturating_duration_since(window.began) >= WINDOW && tells;
        if let Some(window) = self.window.take_if(|_| is_over) {
            self.judge(now, window);
        }
    }

    fn judge(&mut self, now: Instant, mut window: Window) {
        let pause = now.saturating_duration_since(window.began) > WINDOW * 2;
        window.shares.sort_by(f32::total_cmp);
        let at = |part: usize| {
            let last = window.shares.len() - 1;
            window.shares.get(last * part / 100).copied().unwrap_or(0.0)
        };
        let (load, median) = (at(95), at(50));
        self.figures.load_pct = load * 100.0;
        let came = window.shares.len() as f32 + window.left_out as f32;
        let too_slow = load > SLOW && median > SLOW_MEDIAN;
        let too_many = window.left_out as f32 > came * LEFT_OUT && !pause;
        let sound_late = self.beside.sound_late > window.sound_late + 1;
        let decoding = self.beside.decoding > DECODING;
        if too_slow || too_many || sound_late || decoding {
            self.well_since = None;
            self.bad += 1;
            if self.bad >= BAD_WINDOWS {
                self.lower(now, window.targets, load);
            }
            return;
        }
        self.bad = 0;
        let well_since = *self.well_since.get_or_insert(now);
        let hold = self.hold.unwrap_or(HOLD_MIN);
        if now.saturating_duration_since(well_since) >= hold {
            self.raise(now, window.targets, load);
        }
    }

    /// The first limit that promises enough, and at least one that is less work than now.
    fn lower(&mut self, now: Instant, wanted: EncoderTargets, load: f32) {
        self.bad = 0;
        let is = work(self.limit(wanted));
        let expected = |limit: &CpuLimit| {
            let part = work(limit.apply(wanted)) / is;
            (part < 0.95).then_some(load.max(SLOW) * part)
        };
        let mut lower = LIMITS.iter().enumerate().skip(self.level);
        let enough = lower
            .clone()
            .find(|(_, limit)| expected(limit).is_some_and(|load| load <= AIM_DOWN));
        let Some((at, limit)) = enough.or_else(|| lower.rfind(|(_, limit)| expected(limit).is_some())) else {
            return;
        };
        (self.level, self.figures.limit) = (at + 1, Some(*limit));
        self.figures.lowered += 1;
        let lasted = self
            .raised
            .take()
            .map(|raised| now.saturating_duration_since(raised));
        let hold = self.hold.unwrap_or(HOLD_MIN);
        self.hold = Some(match lasted {
            Some(lasted) if lasted < LASTING => (hold * 2).min(HOLD_MAX),
            Some(_) => HOLD_MIN,
            None => hold,
        });
    }

    /// A step up, past limits that would change nothing, if the computer is likely to keep up.
    fn raise(&mut self, now: Instant, wanted: EncoderTargets, load: f32) {
        let is = work(self.limit(wanted));
        while self.level > 0 {
            let level = self.level - 1;
            let limit = level.checked_sub(1).and_then(|at| LIMITS.get(at)).copied();
            let would_be = work(limit.map_or(wanted, |limit| limit.apply(wanted)));
            if load * would_be / is > AIM_UP {
                return;
            }
            (self.level, self.figures.limit) = (level, limit);
            self.well_since = None;
            if would_be > is * 1.01 {
                self.raised = Some(now);
                return;
            }
        }
    }
}

impl Window {
    fn new(began: Instant, sound_late: u64, targets: EncoderTargets) -> Self {
        Self {
            began,
            shares: Vec::with_capacity(PICTURES_MAX),
            left_out: 0,
            sound_late,
            targets,
        }
    }
}

/// Pixels a second: what encoding takes grows with it.
fn work(targets: EncoderTargets) -> f32 {
    (targets.resolution.pixels() * u64::from(targets.frame_rate.get())).max(1) as f32
}

#[cfg(test)]
mod tests;
