//! What saving data and energy means for a call. Pure: settings in, limits out.

use crate::view::{SavingMode, SavingSettings};
use parley_call::VideoLimits;
use parley_proto::{Bitrate, FrameRate, Resolution};

/// What pictures take with low data: a face is still to be known at it.
const LOW_DATA_KBPS: u32 = 250;
/// Their size and number then.
const LOW_DATA: (Resolution, FrameRate) = (Resolution::new(640, 360), FrameRate::new(15));
/// The same to save energy: half the pixels and two thirds of the pictures of 720 lines at 30 a second.
const LOW_ENERGY: (Resolution, FrameRate) = (Resolution::new(960, 540), FrameRate::new(20));

/// The most video that is sent.
#[must_use]
pub fn limits(most: VideoLimits, saving: SavingSettings) -> VideoLimits {
    let mut limits = most;
    if saving.energy {
        limits = within(limits, LOW_ENERGY);
    }
    if saving.mode != SavingMode::Off {
        limits = within(limits, LOW_DATA);
    }
    match kbps(saving) {
        Some(kbps) => limits.with_bitrate_max(Bitrate::from_kbps(kbps.into()).min(limits.bitrate_max)),
        None => limits,
    }
}

/// The most of pictures that the other side is asked for, in kbit/s: zero for nothing of the camera.
#[must_use]
pub fn takes_kbps(saving: SavingSettings) -> Option<u32> {
    if saving.mode == SavingMode::AudioOnly {
        return Some(0);
    }
    kbps(saving)
}

/// Whether a picture of the camera is sent.
#[must_use]
pub fn sends_picture(saving: SavingSettings) -> bool {
    saving.mode != SavingMode::AudioOnly
}

fn kbps(saving: SavingSettings) -> Option<u32> {
    let low = (saving.mode != SavingMode::Off).then_some(LOW_DATA_KBPS);
    saving.kbps_max.into_iter().chain(low).min()
}

fn within(limits: VideoLimits, (size, rate): (Resolution, FrameRate)) -> VideoLimits {
    let max = limits.resolution_max;
    VideoLimits {
        resolution_max: Resolution::new(max.width.min(size.width), max.height.min(size.height)),
        frame_rate_max: limits.frame_rate_max.min(rate),
        ..limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: SavingSettings = SavingSettings {
        mode: SavingMode::Off,
        kbps_max: None,
        energy: false,
    };

    /// Kilobits a second, lines and pictures a second at most, and what is asked of the other side.
    fn of(saving: SavingSettings) -> (u64, u32, u32, Option<u32>) {
        let limits = limits(VideoLimits::default(), saving);
        (
            limits.bitrate_max.kbps(),
            limits.resolution_max.height,
            limits.frame_rate_max.get(),
            takes_kbps(saving),
        )
    }

    #[test]
    fn each_way_of_saving_means_less_of_something_and_together_the_least_of_each() {
        let (low, only) = (SavingMode::LowData, SavingMode::AudioOnly);
        for (saving, expect) in [
            (PLAIN, (2_500, 720, 30, None)),
            (
                SavingSettings {
                    energy: true,
                    ..PLAIN
                },
                (2_500, 540, 20, None),
            ),
            (
                SavingSettings {
                    kbps_max: Some(600),
                    ..PLAIN
                },
                (600, 720, 30, Some(600)),
            ),
            (
                SavingSettings {
                    kbps_max: Some(9_000),
                    ..PLAIN
                },
                (2_500, 720, 30, Some(9_000)),
            ),
            (SavingSettings { mode: low, ..PLAIN }, (250, 360, 15, Some(250))),
            (SavingSettings { mode: only, ..PLAIN }, (250, 360, 15, Some(0))),
            (
                SavingSettings {
                    mode: low,
                    kbps_max: Some(120),
                    energy: true,
                },
                (120, 360, 15, Some(120)),
            ),
        ] {
            assert_eq!(of(saving), expect, "{saving:?}");
        }
        assert!(sends_picture(PLAIN) && !sends_picture(SavingSettings { mode: only, ..PLAIN }));
    }

    #[test]
    fn a_call_that_begins_with_less_starts_from_there() {
        let low = SavingSettings {
            mode: SavingMode::LowData,
            ..PLAIN
        };
        let limits = limits(VideoLimits::default(), low);
        assert!(limits.bitrate_start <= limits.bitrate_max);
    }
}
