//! From the estimate to what the encoders must produce: sound first, then pictures in the size that looks best at the rate.
//!
//! Sizes are steps with hysteresis, so that an estimate that sways around a threshold does not make the picture jump. Another size costs a
//! key frame, and while a queue is let go there is no room for one: what an estimate is for less than [`LASTS`] makes the picture
//! coarser, not smaller.

use crate::config::VideoLimits;
use parley_media::audio::AudioTargets;
use parley_media::audio::protection::{Shield, expected_loss_pct};
use parley_media::video::{EncoderTargets, TemporalLayers};
use parley_proto::{Bitrate, FrameRate, Resolution};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What sound takes on the wire: Opus at 32 kbit/s and the headers of 50 packets a second.
pub(super) const AUDIO_RESERVE: Bitrate = Bitrate::from_kbps(60);
/// Headers of 50 packets a second.
const HEADERS: Bitrate = Bitrate::from_kbps(28);
/// The share of the video rate that is left for the picture after RTP headers.
pub(super) const PAYLOAD_SHARE: f64 = 0.96;
/// Less than this is no picture.
pub(super) const VIDEO_MIN: Bitrate = Bitrate::from_kbps(60);
/// Below these there are fewer pictures, so that each is worth looking at: two of three, half, a third.
///
/// By VMAF of each pace in its best size (`cargo xtask bench ladder`, mean of its two films) half of the pictures are the better choice below
/// 228 kbit/s already, and a third below 131. But VMAF sees little of jerking, so these are upper ends, and the rates were chosen below them: a
/// third lower, where a line that loses three packets in ten still has 20 pictures a second (`tests/picture_path`; not with 205 and 117).
const SLOWER: [(Bitrate, f64); 3] = [
    (Bitrate::from_kbps(150), 2.0 / 3.0),
    (Bitrate::from_kbps(110), 1.0 / 2.0),
    (Bitrate::from_kbps(80), 1.0 / 3.0),
];
/// An estimate must have been so low for this long to make pictures smaller.
const LASTS: Duration = Duration::from_secs(1);
/// How much more than its threshold a larger size needs before it is taken up again.
const HYSTERESIS: f64 = 1.25;

/// The most a shared screen gets: text is sharp long before.
pub(super) const SCREEN_MAX: Bitrate = Bitrate::from_kbps(4_000);
/// The largest screen that is sent in its own size, which is also the largest the encoder takes. A screen keeps its size and gives up
/// pictures: a page of text has VMAF 66 and 92 at 100 and 1,000 kbit/s in its own size, 25 and 55 in three quarters of it (`bench ladder`).
const SCREEN_SIZE_MAX: Resolution = Resolution::new(3840, 2160);

/// Sizes, largest first, and the rate each needs: where it begins to look better than the next smaller one. By VMAF of our encoder's pictures,
/// made as large as 1280 by 720 again, mean of somebody who talks and of a film (`cargo xtask bench ladder`, docs/benchmarks.md):
///
/// | size | better from, kbit/s | VMAF around it, next to the next smaller size |
/// |---|---|---|
/// | 1280 by 720 | 724 | at 650 of the talker 70 beside 73; at 835 of the film 73 beside 66 |
/// | 960 by 540 | 611 | at 650 of the talker 73 beside 75; at 540 of the film 56 beside 54 |
/// | 640 by 360 | 151 | at 160 of the talker 46 beside 49; at 126 of the film 19 beside 17 |
///
/// Each stands a ninth below that, so that [`HYSTERESIS`] lies around it. The talker was enlarged and has little detail, so that for it alone
/// small sizes would do for longer; the film has all of it. 320 by 180 would be better below 116, by 2 of 100 at the least there is, for which
/// nobody is given another key frame. 1920 by 1080 was not measured.
const STEPS: [(Bitrate, Resolution); 5] = [
    (Bitrate::from_kbps(2_200), Resolution::new(1920, 1080)),
    (Bitrate::from_kbps(650), Resolution::new(1280, 720)),
    (Bitrate::from_kbps(545), Resolution::new(960, 540)),
    (Bitrate::from_kbps(135), Resolution::new(640, 360)),
    (Bitrate::ZERO, Resolution::new(480, 270)),
];

/// See the module.
#[derive(Debug)]
pub(super) struct Ladder {
    limits: VideoLimits,
    step: usize,
    /// What there is for pictures, ...
    present: Option<Bitrate>,
    /// ... and was until when within [`LASTS`], each more than all later ones.
    lately: VecDeque<(Instant, Bitrate)>,
    /// Into [`SLOWER`]; one more than the last that is not slowed down to.
    slower: usize,
}

impl Ladder {
    /// At the largest size the limits allow; the first estimate brings it down if needed.
    pub(super) fn new(limits: VideoLimits) -> Self {
        Self {
            limits,
            step: 0,
            present: None,
            lately: VecDeque::new(),
            slower: 0,
        }
    }

    /// Other limits from now on.
    pub(super) const fn limit(&mut self, limits: VideoLimits) {
        self.limits = limits;
    }

    /// From `now` on the camera is granted this much on the wire; `None` while it has none.
    pub(super) fn note(&mut self, now: Instant, camera: Option<Bitrate>) {
        if let Some(before) = self.present.replace(with_reserve(camera)) {
            while self.lately.back().is_some_and(|(_, less)| *less <= before) {
                self.lately.pop_back();
            }
            self.lately.push_back((now, before));
        }
        while self
            .lately
            .front()
            .is_some_and(|(ended, _)| now.saturating_duration_since(*ended) >= LASTS)
        {
            self.lately.pop_front();
        }
    }

    /// What the camera had counts no more: it shares with something else from now on, or it was only guessed.
    pub(super) fn forget(&mut self) {
        self.present = None;
        self.lately.clear();
    }

    /// What the encoders of the camera and of the screen must produce with what they were granted on the wire; paused without.
    pub(super) fn pictures(
        &mut self,
        camera: Option<Bitrate>,
        screen: Option<Bitrate>,
    ) -> (EncoderTargets, EncoderTargets) {
        let granted = screen.unwrap_or(Bitrate::ZERO);
        let screen = EncoderTargets {
            bitrate: granted.scale(PAYLOAD_SHARE).min(SCREEN_MAX).max(VIDEO_MIN),
            frame_rate: FrameRate::new(30),
            resolution: SCREEN_SIZE_MAX,
            layers: TemporalLayers::One,
            paused: screen.is_none(),
        };
        if !screen.paused {
            self.forget();
        }
        let video = self.video(with_reserve(camera));
        let paused = camera.is_none();
        (EncoderTargets { paused, ..video }, screen)
    }

    fn of_camera(&self, estimate: Bitrate) -> Bitrate {
        estimate
            .saturating_sub(AUDIO_RESERVE)
            .scale(PAYLOAD_SHARE)
            .min(self.limits.bitrate_max)
            .max(VIDEO_MIN)
    }

    /// What the video encoder must produce at this estimate.
    pub(super) fn video(&mut self, estimate: Bitrate) -> EncoderTargets {
        let bitrate = self.of_camera(estimate);
        let most = self
            .lately
            .front()
            .map_or(estimate, |(_, most)| estimate.max(*most));
        self.step = step_at(self.of_camera(most), self.step);
        let size = STEPS
            .get(self.step)
            .map_or(self.limits.resolution_max, |(_, size)| *size);
        let max = self.limits.resolution_max;
        self.slower = slower_at(bitrate, self.slower);
        let part = self
            .slower
            .checked_sub(1)
            .and_then(|at| SLOWER.get(at))
            .map_or(1.0, |(_, part)| *part);
        let fps = f64::from(self.limits.frame_rate_max.get()) * part;
        EncoderTargets {
            bitrate,
            frame_rate: FrameRate::new(fps.round() as u32),
            resolution: Resolution::new(size.width.min(max.width), size.height.min(max.height)),
            // Between two, what is late is left out before it is encoded, which costs no bits.
            layers: TemporalLayers::One,
            paused: false,
        }
    }
}

/// An estimate of which the camera gets this much.
fn with_reserve(camera: Option<Bitrate>) -> Bitrate {
    Bitrate::from_bps(AUDIO_RESERVE.bps() + camera.map_or(0, Bitrate::bps))
}

/// Down as soon as the rate is too low, up only when it is clearly enough.
fn step_at(bitrate: Bitrate, current: usize) -> usize {
    STEPS
        .iter()
        .enumerate()
        .find(|(step, (needed, _))| {
            let factor = if *step < current { HYSTERESIS } else { 1.0 };
            bitrate >= needed.scale(factor)
        })
        .map_or(STEPS.len() - 1, |(step, _)| step)
}

/// The same for how many pictures there are: how many of [`SLOWER`]'s rates are not reached.
fn slower_at(bitrate: Bitrate, current: usize) -> usize {
    SLOWER
        .iter()
        .enumerate()
        .take_while(|(step, (needed, _))| {
            let factor = if *step < current { HYSTERESIS } else { 1.0 };
            bitrate < needed.scale(factor)
        })
        .count()
}

/// What the audio encoder must produce: less only when there is hardly room for sound alone, redundancy as packets get lost.
pub(super) fn audio(estimate: Bitrate, loss: f32) -> AudioTargets {
    let kbps = match estimate.kbps() {
        0..80 => 16,
        80..160 => 24,
        _ => 32,
    };
    AudioTargets {
        bitrate: Bitrate::from_kbps(kbps),
        expected_loss_pct: expected_loss_pct(loss),
        deep_ms: 0,
    }
}

/// What the sound encoder must produce of a voice that is protected like this.
pub(super) const fn shielded(shield: Shield) -> AudioTargets {
    AudioTargets {
        bitrate: shield.bitrate,
        expected_loss_pct: shield.expected_loss_pct,
        deep_ms: shield.deep_ms,
    }
}

/// What the encoder of the computer's sound must produce: music, as long as there is room beside the pictures.
pub(super) fn screen_sound(estimate: Bitrate, loss: f32) -> AudioTargets {
    let kbps = match estimate.kbps() {
        0..300 => 24,
        300..700 => 48,
        _ => 96,
    };
    AudioTargets {
        bitrate: Bitrate::from_kbps(kbps),
        ..audio(estimate, loss)
    }
}

/// What sound takes with the headers of 50 packets a second.
pub(super) fn on_the_wire(targets: AudioTargets) -> Bitrate {
    Bitrate::from_bps(targets.bitrate.bps() + HEADERS.bps())
}

/// What to expect after a report of loss: more at once, less only bit by bit, since one report covers few packets.
pub(super) fn expected_loss(before: f32, reported: f32) -> f32 {
    reported.max(before * 0.8 + reported * 0.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder() -> Ladder {
        Ladder::new(VideoLimits::default())
    }

    #[test]
    fn sound_is_reserved_first_and_the_limit_holds() {
        let rate = |kbps| ladder().video(Bitrate::from_kbps(kbps)).bitrate.kbps();
        assert_eq!(rate(1_060), 960);
        assert_eq!(rate(50_000), 2_500);
        assert_eq!(rate(10), 60);
    }

    #[test]
    fn the_computers_sound_takes_what_there_is_room_for() {
        let takes = |kbps| on_the_wire(screen_sound(Bitrate::from_kbps(kbps), 0.0)).kbps();
        assert_eq!([150, 400, 2_000].map(takes), [52, 76, 124]);
    }

    #[test]
    fn what_is_granted_is_told_and_a_screen_is_never_scaled_for_want_of_bits() {
        let rate = |kbps| Some(Bitrate::from_kbps(kbps));
        let (camera, screen) = ladder().pictures(rate(1_000), rate(500));
        assert_eq!((camera.bitrate.kbps(), screen.bitrate.kbps()), (960, 480));
        assert_eq!(screen.resolution, SCREEN_SIZE_MAX);
        let (camera, screen) = ladder().pictures(rate(1), rate(1));
        assert_eq!((camera.bitrate, screen.bitrate), (VIDEO_MIN, VIDEO_MIN));
        assert!(!camera.paused && !screen.paused);
        let (camera, screen) = ladder().pictures(None, None);
        assert!(camera.paused && screen.paused);
    }

    #[test]
    fn the_size_follows_the_rate() {
        for (kbps, height) in [
            (3_000, 720),
            (1_000, 720),
            (750, 720),
            (700, 540),
            (640, 540),
            (600, 360),
            (400, 360),
            (210, 360),
            (200, 270),
            (10, 270),
        ] {
            let targets = ladder().video(Bitrate::from_kbps(kbps));
            assert_eq!(targets.resolution.height, height, "at {kbps} kbit/s");
        }
    }

    #[test]
    fn an_estimate_that_sways_around_a_threshold_does_not_change_the_size_back_and_forth() {
        let mut ladder = ladder();
        let mut changes = 0;
        let mut last = None;
        for n in 0..100 {
            let estimate = Bitrate::from_kbps(if n % 2 == 0 { 770 } else { 690 });
            let size = ladder.video(estimate).resolution;
            changes += usize::from(last.is_some_and(|last| last != size));
            last = Some(size);
        }
        assert_eq!(changes, 1, "down once, then it stays");
        assert_eq!(ladder.video(Bitrate::from_kbps(1_500)).resolution.height, 720);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn an_estimate_that_is_low_for_a_moment_makes_the_picture_coarser_and_one_that_stays_low_smaller() {
        let start = Instant::now();
        let mut ladder = ladder();
        let mut at = |ms: u64, kbps: u64, sharing| {
            let granted = Bitrate::from_kbps(kbps).saturating_sub(AUDIO_RESERVE);
            // A screen leaves the camera little.
            let camera = Some(if sharing { Bitrate::from_kbps(130) } else { granted });
            ladder.note(start + Duration::from_millis(ms), camera);
            let (camera, _) = ladder.pictures(camera, sharing.then_some(granted));
            (camera.bitrate.kbps(), camera.resolution.height)
        };
        assert_eq!(at(0, 1_500, false).1, 720);
        assert_eq!(at(5_000, 200, false), (134, 720));
        assert_eq!(at(5_900, 300, false).1, 720);
        assert_eq!(at(5_950, 950, false).1, 720);
        assert_eq!(at(8_000, 190, false).1, 720);
        assert_eq!(at(8_900, 200, false).1, 720);
        assert_eq!(at(9_100, 200, false).1, 270);
        assert_eq!(at(20_000, 3_000, false).1, 720);
        assert_eq!(at(20_100, 3_000, true).1, 270, "what it had alone counts no more");
    }

    #[test]
    fn with_few_bits_there_are_fewer_pictures_and_their_number_does_not_sway_with_the_estimate() {
        let fps = |ladder: &mut Ladder, kbps: u64| ladder.video(Bitrate::from_kbps(kbps)).frame_rate.get();
        let mut down = ladder();
        assert_eq!(
            [400, 215, 180, 170, 140, 100].map(|kbps| fps(&mut down, kbps)),
            [30, 20, 20, 15, 10, 10]
        );
        let mut sways = ladder();
        let rates: Vec<u32> = (0..20)
            .map(|n| fps(&mut sways, if n % 2 == 0 { 210 } else { 225 }))
            .collect();
        assert_eq!(rates, [20; 20]);
        assert_eq!(fps(&mut sways, 260), 30);
    }

    #[test]
    fn other_limits_count_at_once() {
        let mut ladder = ladder();
        assert_eq!(ladder.video(Bitrate::from_kbps(5_000)).bitrate.kbps(), 2_500);
        ladder.limit(VideoLimits {
            frame_rate_max: FrameRate::new(15),
            ..VideoLimits::default().with_bitrate_max(Bitrate::from_kbps(300))
        });
        let targets = ladder.video(Bitrate::from_kbps(5_000));
        assert_eq!((targets.bitrate.kbps(), targets.frame_rate.get()), (300, 15));
        assert_eq!(targets.resolution.height, 360);
    }

    #[test]
    fn a_smaller_limit_is_never_exceeded() {
        let limits = VideoLimits {
            resolution_max: Resolution::new(640, 360),
            ..VideoLimits::default()
        };
        let targets = Ladder::new(limits).video(Bitrate::from_kbps(5_000));
        assert_eq!(targets.resolution, limits.resolution_max);
    }

    #[test]
    fn reported_loss_becomes_redundancy_of_the_sound() {
        let expected = |loss| audio(Bitrate::from_kbps(1_000), loss).expected_loss_pct;
        assert_eq!([expected(0.0), expected(0.051), expected(1.0)], [1, 6, 40]);
        assert_eq!(audio(Bitrate::from_kbps(50), 0.0).bitrate.kbps(), 16);
    }

    #[test]
    fn loss_is_expected_for_a_while_after_it_was_reported() {
        let after = |reports: &[f32]| {
            reports
                .iter()
                .fold(0.0, |before, report| expected_loss(before, *report))
        };
        assert_eq!(after(&[0.0, 0.3]), 0.3);
        assert!(after(&[0.3, 0.0, 0.0]) > 0.15);
        assert!(after(&[0.3; 20]) <= 0.3);
        assert!(after(&[&[0.3][..], &[0.0; 20]].concat()) < 0.01);
    }
}
