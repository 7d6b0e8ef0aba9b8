//! Who gets how much of the estimate in this call: the demands of one call for [`parley_proto::allocation`], and what follows for files.
//!
//! Pure but for what must not flap, in virtual time. Owned by the driver. What size a picture has at its rate is the
//! [`ladder`](super::ladder)'s; how fast files go within what they are allotted is `crate::files`'.

use super::ladder::{PAYLOAD_SHARE, SCREEN_MAX, VIDEO_MIN};
use parley_proto::Bitrate;
use parley_proto::allocation::{Allocation, Allocator, Amounts, Demand, Kind};
use std::time::Instant;

/// With less than this even the most important picture is paused: a third of the pictures at the smallest size would be mush.
const PICTURE_LEAST: Bitrate = Bitrate::from_kbps(40);
/// What a shared screen gets before the camera gets more than its own: enough to read. All there is of it for somebody who wants no
/// pictures of the camera.
const SCREEN_GOOD: Bitrate = Bitrate::from_kbps(300);
/// What the camera keeps while a screen is shared, unless there is hardly room for the screen itself.
const CAMERA_GOOD: Bitrate = Bitrate::from_kbps(150);
/// The part of the estimate that files keep when there is not enough for the pictures, and the least of it: a transfer must not stall.
const TRICKLE_PART: f64 = 0.1;
const TRICKLE_MIN: Bitrate = Bitrate::from_kbps(8);
/// Files are held to a trickle while the pictures have less than this share of what they want, until they have that one again.
/// Between the two lies one step down of the estimate, for files fill the way and then make it go down by themselves.
const SHORT: f64 = 0.6;
const ENOUGH: f64 = 0.75;

/// What is to be sent, in bits on the wire where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wants {
    /// The microphone, with its copies.
    pub(super) voice: Bitrate,
    /// What the computer plays, if that is shared.
    pub(super) screen_sound: Option<Bitrate>,
    /// A screen is shared.
    pub(super) screen: bool,
    /// The camera is on.
    pub(super) camera: bool,
    /// The most its encoder may make.
    pub(super) camera_max: Bitrate,
    /// The most of pictures that the other side wants, in kbit/s: of its encoders.
    pub(super) takes_kbps: Option<u32>,
    /// A file is on its way.
    pub(super) files: bool,
}

impl Wants {
    /// What all that comes before the camera takes, where the screen was granted this much.
    pub(super) fn before_camera(&self, screen: Option<Bitrate>) -> Bitrate {
        [Some(self.voice), self.screen_sound, screen]
            .into_iter()
            .flatten()
            .fold(Bitrate::ZERO, |sum, one| Bitrate::from_bps(sum.bps() + one.bps()))
    }
}

/// What each may have, in bits on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Split {
    /// Nothing when there is no room, or nobody wants it.
    pub(super) camera: Option<Bitrate>,
    /// The same.
    pub(super) screen: Option<Bitrate>,
    /// Nothing where the pictures have what they want: then the files' own control of delay finds what is left.
    pub(super) files: Option<Bitrate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Track {
    Voice,
    ScreenSound,
    Screen,
    Camera,
    Files,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shares {
    allocator: Allocator<Track>,
    /// Time is counted from here.
    epoch: Option<Instant>,
    /// The pictures have too little for files to take what they find.
    short: bool,
}

impl Shares {
    /// Splits `estimate`. To be asked once a second at least: what is paused waits for its return by that.
    pub(super) fn split(&mut self, now: Instant, estimate: Bitrate, wants: Wants) -> Split {
        let epoch = *self.epoch.get_or_insert(now);
        let now = now.saturating_duration_since(epoch);
        // What files are granted is taken from the pictures, and must not be what they are short of.
        let alone = Wants {
            files: false,
            ..wants
        };
        let without = self
            .allocator
            .clone()
            .allocate(now, estimate, &demands(estimate, alone));
        self.short = without.picture_share < if self.short { ENOUGH } else { SHORT };
        let wants = if self.short { wants } else { alone };
        let allocation = self.allocator.allocate(now, estimate, &demands(estimate, wants));
        Split {
            camera: granted(&allocation, Track::Camera),
            screen: granted(&allocation, Track::Screen),
            // Also before a file is there: its first chunks must know.
            files: self
                .short
                .then(|| granted(&allocation, Track::Files).unwrap_or_else(|| trickle(estimate))),
        }
    }
}

fn trickle(estimate: Bitrate) -> Bitrate {
    estimate.scale(TRICKLE_PART).max(TRICKLE_MIN)
}

fn demands(estimate: Bitrate, wants: Wants) -> [Demand<Track>; 5] {
    let [screen, camera] = pictures(wants);
    let trickle = trickle(estimate);
    let files = Amounts::Range {
        min: trickle,
        good: trickle,
        wanted: Bitrate::from_bps(u64::MAX),
    };
    [
        demand(Track::Voice, Kind::Voice, true, Amounts::fixed(wants.voice)),
        demand(
            Track::ScreenSound,
            Kind::SharedSound,
            wants.screen_sound.is_some(),
            Amounts::fixed(wants.screen_sound.unwrap_or_default()),
        ),
        demand(Track::Screen, Kind::Screen, wants.screen, screen),
        demand(
            Track::Camera,
            Kind::Camera,
            wants.camera && wants.takes_kbps != Some(0),
            camera,
        ),
        demand(Track::Files, Kind::Files, wants.files, files),
    ]
}

const fn demand(track: Track, kind: Kind, wanted: bool, amounts: Amounts) -> Demand<Track> {
    Demand {
        track,
        kind,
        priority: 0,
        paused: !wanted,
        amounts,
    }
}

/// What the screen and the camera ask for. What the other side wants at most is of both together, so the screen leaves the camera's own.
fn pictures(wants: Wants) -> [Amounts; 2] {
    let most = match wants.takes_kbps {
        None => Bitrate::from_bps(u64::MAX),
        Some(0) => SCREEN_GOOD,
        Some(kbps) => Bitrate::from_kbps(kbps.into()),
    };
    let beside = if wants.camera && wants.takes_kbps != Some(0) {
        CAMERA_GOOD
    } else {
        Bitrate::ZERO
    };
    let screen_max = SCREEN_MAX.min(most.saturating_sub(beside)).max(VIDEO_MIN);
    let screen = Amounts::Range {
        min: PICTURE_LEAST,
        good: on_the_wire(SCREEN_GOOD.min(screen_max)),
        wanted: on_the_wire(screen_max),
    };
    let (least, left) = if wants.screen {
        (on_the_wire(VIDEO_MIN), most.saturating_sub(screen_max))
    } else {
        (PICTURE_LEAST, most)
    };
    let camera_max = wants.camera_max.min(left);
    let camera = Amounts::Range {
        min: least,
        good: on_the_wire(CAMERA_GOOD.min(camera_max)),
        wanted: on_the_wire(camera_max),
    };
    [screen, camera]
}

/// With the headers of its packets.
fn on_the_wire(encoded: Bitrate) -> Bitrate {
    encoded.scale(1.0 / PAYLOAD_SHARE)
}

fn granted(allocation: &Allocation<Track>, track: Track) -> Option<Bitrate> {
    let grant = allocation.grants.iter().find(|grant| grant.track == track)?;
    (!grant.paused).then_some(grant.bitrate)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::ladder::{AUDIO_RESERVE, Ladder};
    use super::*;
    use crate::config::VideoLimits;
    use std::time::Duration;

    const fn kbps(kbps: u64) -> Bitrate {
        Bitrate::from_kbps(kbps)
    }

    fn wants() -> Wants {
        Wants {
            voice: AUDIO_RESERVE,
            screen_sound: None,
            screen: false,
            camera: true,
            camera_max: VideoLimits::default().bitrate_max,
            takes_kbps: None,
            files: false,
        }
    }

    /// What the encoders of camera and screen are told at this estimate, in kbit/s; nothing when paused.
    fn encoders(estimate: u64, wants: Wants) -> [Option<u64>; 2] {
        let split = Shares::default().split(Instant::now(), kbps(estimate), wants);
        let (camera, screen) = Ladder::new(VideoLimits::default()).pictures(split.camera, split.screen);
        [camera, screen].map(|targets| (!targets.paused).then(|| targets.bitrate.kbps()))
    }

    fn check(estimate: u64, wants: Wants, expected: [Option<u64>; 2]) {
        let is = encoders(estimate, wants);
        for (is, expected) in is.iter().zip(expected) {
            let off = is.unwrap_or(0).abs_diff(expected.unwrap_or(0));
            assert!(
                is.is_some() == expected.is_some() && off <= 1,
                "at {estimate}: {is:?}, not {expected:?}"
            );
        }
    }

    #[test]
    fn sound_is_reserved_first_and_the_limit_holds() {
        for (estimate, camera) in [(1_060, 960), (50_000, 2_500), (101, 60)] {
            check(estimate, wants(), [Some(camera), None]);
        }
        check(90, wants(), [None, None]);
        let sounding = Wants {
            screen_sound: Some(kbps(100)),
            ..wants()
        };
        check(1_060, sounding, [Some(864), None]);
    }

    #[test]
    fn the_camera_gives_way_to_the_screen_and_is_back_after_it() {
        let sharing = Wants {
            screen: true,
            ..wants()
        };
        for (estimate, camera, screen) in [
            (10_000, 2_500, 4_000),
            (5_000, 742, 4_000),
            (1_310, 150, 1_050),
            (360, 60, 228),
        ] {
            check(estimate, sharing, [Some(camera), Some(screen)]);
        }
        check(130, sharing, [None, Some(67)]);
        check(1_310, wants(), [Some(1_200), None]);
        let camera_off = Wants {
            camera: false,
            ..sharing
        };
        check(1_310, camera_off, [None, Some(1_200)]);
    }

    #[test]
    fn what_the_other_side_does_not_want_is_not_sent() {
        let taking = |takes| Wants {
            takes_kbps: Some(takes),
            ..wants()
        };
        check(200, taking(300), [Some(134), None]);
        for (takes, camera) in [(300, 300), (1_000, 1_000), (20, 60), (u32::MAX, 2_500)] {
            check(5_000, taking(takes), [Some(camera), None]);
        }
        let sharing = |takes| Wants {
            screen: true,
            ..taking(takes)
        };
        check(5_000, sharing(0), [None, Some(300)]);
        check(5_000, sharing(1_000), [Some(150), Some(850)]);
    }

    #[test]
    fn files_have_a_trickle_while_pictures_are_short_and_what_they_find_once_they_are_not() {
        let start = Instant::now();
        let mut shares = Shares::default();
        let mut files = |estimate, files| {
            let wants = Wants { files, ..wants() };
            let split = shares.split(start, kbps(estimate), wants);
            (split.files.map(Bitrate::kbps), split.camera.map(Bitrate::kbps))
        };
        assert_eq!(files(2_685, false).0, None);
        assert_eq!(files(2_300, true).0, None, "one step down is no need yet");
        assert_eq!(files(1_000, true), (Some(100), Some(840)), "room is made for it");
        assert_eq!(
            files(1_000, false),
            (Some(100), Some(940)),
            "not for what is not there"
        );
        assert_eq!(files(1_900, true).0, Some(190), "until there is clearly enough");
        assert_eq!(files(2_900, true).0, None);
        assert_eq!(files(100, true), (Some(40), None), "what a paused camera leaves");
    }

    #[test]
    fn files_beside_a_call_without_pictures_find_their_own_way() {
        let wants = Wants {
            camera: false,
            files: true,
            ..wants()
        };
        let split = Shares::default().split(Instant::now(), kbps(100), wants);
        assert_eq!(split.files, None);
    }

    #[test]
    fn a_camera_that_was_paused_is_back_after_two_good_seconds() {
        let start = Instant::now();
        let mut shares = Shares::default();
        let mut camera = |ms, estimate| {
            let now = start + Duration::from_millis(ms);
            shares.split(now, kbps(estimate), wants()).camera.is_some()
        };
        let seen = [(0, 300), (100, 95), (1_000, 300), (2_900, 300), (3_000, 300)]
            .map(|(ms, estimate)| camera(ms, estimate));
        assert_eq!(seen, [true, false, false, false, true]);
    }
}
