//! What each own encoding gets of the estimate of the way to the SFU: sound first, then a screen, then the camera's layers from the
//! smallest up, so that the largest is the first to go when there is not enough. Sans-IO, in virtual time; owned by the driver.
//!
//! The split itself is [`parley_proto::allocation`]'s, here with a demand for each layer that somebody watches: unlike one who
//! receives, who gets one of them, whoever sends sends them all. What size a picture has at its rate is the
//! [`ladder`](crate::peer::ladder)'s, within the layer's own.

use crate::config::VideoLimits;
use crate::peer::ladder::{Ladder, PAYLOAD_SHARE, SCREEN_MAX};
use parley_media::video::{EncoderTargets, TemporalLayers};
use parley_proto::allocation::{Allocation, Allocator, Amounts, Demand, Kind, Rid};
use parley_proto::{Bitrate, PublishedLayer, Resolution};
use std::time::Instant;

/// With less than this even the most important picture is paused: a third of the pictures at the smallest size would be mush.
const PICTURE_LEAST: Bitrate = Bitrate::from_kbps(40);
/// What a picture gets before a larger layer does: enough to know a face by, and to read a screen.
const CAMERA_GOOD: Bitrate = Bitrate::from_kbps(150);
const SCREEN_GOOD: Bitrate = Bitrate::from_kbps(300);
/// What the smaller layers take at most: more is not to be seen at their size, and the smallest no more than is told of it, for a server
/// that knows nothing of a way yet lets as many through as it was told would fit.
const QUARTER_MAX: Bitrate = Bitrate::from_kbps(150);
const HALF_MAX: Bitrate = Bitrate::from_kbps(700);
/// With less, the next smaller layer looks as good.
const HALF_LEAST: Bitrate = Bitrate::from_kbps(220);
const FULL_LEAST: Bitrate = Bitrate::from_kbps(600);
/// What a layer is told to take, where there is no reason to say otherwise.
const TOLD: [(Rid, u32); 3] = [(Rid::Quarter, 150), (Rid::Half, 500), (Rid::Full, 1_500)];
/// Who limits the picture to less than this limits all layers together.
const LIMITED: Bitrate = Bitrate::from_kbps(1_200);

/// What is to be sent, in bits on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wants<'a> {
    /// The microphone.
    pub(super) voice: Bitrate,
    /// What the computer plays, if that is shared.
    pub(super) screen_sound: Option<Bitrate>,
    /// Somebody watches the screen.
    pub(super) screen: bool,
    /// Which of the camera's encodings somebody watches, smallest first.
    pub(super) camera: &'a [bool],
}

/// What the encoders of pictures must produce; paused where there is no room, or nobody watches.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// The camera's, smallest first.
    pub(super) camera: Vec<EncoderTargets>,
    pub(super) screen: EncoderTargets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Track {
    Voice,
    ScreenSound,
    Screen,
    /// By its place.
    Camera(usize),
}

/// One of the camera's encodings.
#[derive(Debug)]
struct Layer {
    /// None of a camera with one encoding.
    rid: Option<Rid>,
    limits: VideoLimits,
    ladder: Ladder,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Layers {
    limits: VideoLimits,
    layers: Vec<Layer>,
    allocator: Allocator<Track>,
    /// Time is counted from here.
    epoch: Option<Instant>,
}

impl Layers {
    /// For a camera in the encodings of these names, smallest first; one without a name is the only one.
    pub(super) fn new(rids: &[&str], limits: VideoLimits) -> Self {
        let layer = |rid: &&str| {
            let rid = Rid::read(rid);
            let limits = of_layer(rid, limits);
            Layer {
                rid,
                limits,
                ladder: Ladder::new(limits),
            }
        };
        Self {
            limits,
            layers: rids.iter().map(layer).collect(),
            allocator: Allocator::default(),
            epoch: None,
        }
    }

    /// Other limits from now on.
    pub(super) fn limit(&mut self, limits: VideoLimits) {
        self.limits = limits;
        for layer in &mut self.layers {
            layer.limits = of_layer(layer.rid, limits);
            layer.ladder.limit(layer.limits);
        }
    }

    /// A fresh connection: what was known of another way counts no more.
    pub(super) fn begin(&mut self) {
        self.allocator = Allocator::default();
        for layer in &mut self.layers {
            layer.ladder = Ladder::new(layer.limits);
        }
    }

    /// What the layers had counts no more: much was given up, and all begin anew.
    pub(super) fn forget(&mut self) {
        for layer in &mut self.layers {
            layer.ladder.forget();
        }
    }

    /// The most that all of the camera takes, of encoded picture.
    pub(super) fn most(&self) -> Bitrate {
        self.layers
            .iter()
            .map(|layer| layer.limits.bitrate_max)
            .fold(Bitrate::ZERO, sum)
    }

    /// The camera's encodings as they are published.
    pub(super) fn published(&self) -> Vec<PublishedLayer> {
        let published = |layer: &Layer| {
            let size = layer.limits.resolution_max;
            let told = TOLD.iter().find(|(rid, _)| Some(*rid) == layer.rid);
            let kbps = told.map_or(TOLD[2].1, |(_, kbps)| *kbps);
            PublishedLayer {
                rid: layer.rid.map_or("", Rid::as_str).to_owned(),
                width: u16::try_from(size.width).unwrap_or(u16::MAX),
                height: u16::try_from(size.height).unwrap_or(u16::MAX),
                kbps: kbps.min(u32::try_from(layer.limits.bitrate_max.kbps()).unwrap_or(u32::MAX)),
            }
        };
        self.layers.iter().map(published).collect()
    }

    /// Splits `estimate`. To be asked once a second at least: what is paused waits for its return by that.
    pub(super) fn split(&mut self, now: Instant, estimate: Bitrate, wants: Wants<'_>) -> Split {
        let epoch = *self.epoch.get_or_insert(now);
        let passed = now.saturating_duration_since(epoch);
        let budget = self.budget(estimate, wants);
        let demands = self.demands(budget, wants);
        let allocation = self.allocator.allocate(passed, budget, &demands);
        let screen_has = granted(&allocation, Track::Screen);
        let mut screen = None;
        let camera = self
            .layers
            .iter_mut()
            .enumerate()
            .map(|(at, layer)| {
                let has = granted(&allocation, Track::Camera(at));
                layer.ladder.note(now, has);
                let (camera, beside) = layer.ladder.pictures(has, screen_has);
                screen = Some(beside);
                let layers = if layer.rid == Some(Rid::Quarter) {
                    // Whose way is too thin for all of the smallest is sent half of its pictures by the server.
                    TemporalLayers::Two
                } else {
                    camera.layers
                };
                EncoderTargets { layers, ..camera }
            })
            .collect();
        let screen = screen.unwrap_or_else(|| Ladder::new(self.limits).pictures(None, screen_has).1);
        Split { camera, screen }
    }

    /// Whoever wants little sent wants it of all layers together.
    fn budget(&self, estimate: Bitrate, wants: Wants<'_>) -> Bitrate {
        if self.limits.bitrate_max >= LIMITED {
            return estimate;
        }
        let screen = if wants.screen { SCREEN_MAX } else { Bitrate::ZERO };
        [
            wants.voice,
            wants.screen_sound.unwrap_or_default(),
            on_the_wire(screen),
            on_the_wire(self.limits.bitrate_max),
        ]
        .into_iter()
        .fold(Bitrate::ZERO, sum)
        .min(estimate)
    }

    fn demands(&self, budget: Bitrate, wants: Wants<'_>) -> Vec<Demand<Track>> {
        let sound = wants.screen_sound;
        let left = budget.saturating_sub(sum(wants.voice, sound.unwrap_or_default()));
        // A screen is there to be read: larger faces wait for that.
        let screen_least = if left >= on_the_wire(SCREEN_GOOD) {
            SCREEN_GOOD
        } else {
            PICTURE_LEAST
        };
        let mut demands = vec![
            demand(Track::Voice, Kind::Voice, 0, true, Amounts::fixed(wants.voice)),
            demand(
                Track::ScreenSound,
                Kind::SharedSound,
                0,
                sound.is_some(),
                Amounts::fixed(sound.unwrap_or_default()),
            ),
            demand(
                Track::Screen,
                Kind::Screen,
                0,
                wants.screen,
                range(screen_least, SCREEN_GOOD, SCREEN_MAX),
            ),
        ];
        let mut is_lowest = true;
        for (at, layer) in self.layers.iter().enumerate() {
            let is_wanted = wants.camera.get(at).copied().unwrap_or(false);
            let most = layer.limits.bitrate_max;
            let (least, good) = match layer.rid {
                // The smallest that is watched is better than nothing at any rate.
                _ if is_lowest => (PICTURE_LEAST, CAMERA_GOOD),
                Some(Rid::Half) => (HALF_LEAST, HALF_LEAST),
                Some(Rid::Full) => (FULL_LEAST, FULL_LEAST),
                Some(Rid::Quarter) | None => (PICTURE_LEAST, CAMERA_GOOD),
            };
            is_lowest &= !is_wanted;
            let before = u8::try_from(self.layers.len() - at).unwrap_or(u8::MAX);
            demands.push(demand(
                Track::Camera(at),
                Kind::Camera,
                before,
                is_wanted,
                range(least.min(most), good.min(most), most),
            ));
        }
        demands
    }
}

/// The limits of a layer: its size, and what is of use at that.
fn of_layer(rid: Option<Rid>, limits: VideoLimits) -> VideoLimits {
    let (part, most) = match rid {
        Some(Rid::Quarter) => (4, QUARTER_MAX),
        Some(Rid::Half) => (2, HALF_MAX),
        Some(Rid::Full) | None => (1, limits.bitrate_max),
    };
    // Pictures in 4:2:0 have even sizes.
    let side = |whole: u32| if part == 1 { whole } else { (whole / part) & !1 };
    VideoLimits {
        bitrate_start: limits.bitrate_start.min(most),
        bitrate_max: limits.bitrate_max.min(most),
        resolution_max: Resolution::new(
            side(limits.resolution_max.width),
            side(limits.resolution_max.height),
        ),
        ..limits
    }
}

/// Of encoded pictures, with the headers of their packets.
fn range(least: Bitrate, good: Bitrate, most: Bitrate) -> Amounts {
    Amounts::Range {
        min: on_the_wire(least),
        good: on_the_wire(good),
        wanted: on_the_wire(most),
    }
}

fn on_the_wire(encoded: Bitrate) -> Bitrate {
    encoded.scale(1.0 / PAYLOAD_SHARE)
}

const fn demand(track: Track, kind: Kind, priority: u8, wanted: bool, amounts: Amounts) -> Demand<Track> {
    Demand {
        track,
        kind,
        priority,
        paused: !wanted,
        amounts,
    }
}

fn granted(allocation: &Allocation<Track>, track: Track) -> Option<Bitrate> {
    let grant = allocation.grants.iter().find(|grant| grant.track == track)?;
    (!grant.paused).then_some(grant.bitrate)
}

fn sum(one: Bitrate, other: Bitrate) -> Bitrate {
    Bitrate::from_bps(one.bps().saturating_add(other.bps()))
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use std::time::Duration;

    const RIDS: [&str; 3] = ["q", "h", "f"];

    fn wants(camera: &[bool]) -> Wants<'_> {
        Wants {
            voice: Bitrate::from_kbps(60),
            screen_sound: None,
            screen: false,
            camera,
        }
    }

    /// What each layer is to produce, in kbit/s and lines; none where it rests.
    fn made(split: &Split) -> Vec<Option<(u64, u32)>> {
        let made = |targets: &EncoderTargets| {
            // Headers are put on and taken off again, which costs a bit now and then.
            let kbps = (targets.bitrate.bps() + 500) / 1_000;
            (!targets.paused).then_some((kbps, targets.resolution.height))
        };
        split.camera.iter().map(made).collect()
    }

    fn at(kbps: u64, camera: &[bool]) -> Vec<Option<(u64, u32)>> {
        let mut layers = Layers::new(&RIDS, VideoLimits::default());
        made(&layers.split(Instant::now(), Bitrate::from_kbps(kbps), wants(camera)))
    }

    #[test]
    fn the_largest_layer_goes_first_and_the_smallest_last() {
        let all = [true; 3];
        assert_eq!(
            at(5_000, &all),
            [Some((150, 180)), Some((700, 360)), Some((2_500, 720))]
        );
        let [quarter, half, full] = at(1_200, &all).try_into().unwrap();
        assert!(full.is_some_and(|(kbps, _)| kbps >= 600), "{full:?}");
        assert!(quarter.is_some_and(|(kbps, _)| kbps >= 150), "{quarter:?}");
        assert!(half.is_some_and(|(kbps, _)| kbps >= 220), "{half:?}");
        let [quarter, half, full] = at(700, &all).try_into().unwrap();
        assert_eq!(full, None);
        assert!(quarter.is_some() && half.is_some());
        let [quarter, half, full] = at(300, &all).try_into().unwrap();
        assert_eq!((half, full), (None, None));
        assert!(quarter.is_some_and(|(kbps, _)| kbps == 150), "{quarter:?}");
        assert_eq!(at(90, &all), [None; 3], "sound alone");
    }

    #[test]
    fn what_nobody_watches_rests_and_the_only_one_that_is_watched_gets_smaller_instead() {
        assert_eq!(at(5_000, &[false; 3]), [None; 3]);
        assert_eq!(at(5_000, &[true, false, false]), [Some((150, 180)), None, None]);
        let [quarter, half, full] = at(400, &[false, false, true]).try_into().unwrap();
        assert_eq!((quarter, half), (None, None));
        assert!(
            full.is_some_and(|(kbps, lines)| kbps > 300 && lines < 720),
            "{full:?}"
        );
    }

    #[test]
    fn the_largest_comes_back_once_there_is_clearly_room_for_a_while() {
        let start = Instant::now();
        let mut layers = Layers::new(&RIDS, VideoLimits::default());
        let mut has_full = |ms: u64, kbps: u64| {
            let now = start + Duration::from_millis(ms);
            let split = layers.split(now, Bitrate::from_kbps(kbps), wants(&[true; 3]));
            !split.camera[2].paused
        };
        assert!(has_full(0, 1_500));
        assert!(!has_full(1_000, 700));
        assert!(!has_full(2_000, 1_500));
        assert!(!has_full(3_000, 1_500));
        assert!(has_full(4_100, 1_500));
    }

    #[test]
    fn only_of_the_smallest_layer_can_the_server_leave_pictures_out() {
        let mut layers = Layers::new(&RIDS, VideoLimits::default());
        let split = layers.split(Instant::now(), Bitrate::from_kbps(5_000), wants(&[true; 3]));
        let made: Vec<TemporalLayers> = split.camera.iter().map(|targets| targets.layers).collect();
        assert_eq!(
            made,
            [TemporalLayers::Two, TemporalLayers::One, TemporalLayers::One]
        );
        let mut one = Layers::new(&[""], VideoLimits::default());
        let split = one.split(Instant::now(), Bitrate::from_kbps(5_000), wants(&[true]));
        assert_eq!(split.camera[0].layers, TemporalLayers::One);
    }

    #[test]
    fn a_screen_comes_before_the_camera_and_leaves_it_what_there_is() {
        let mut layers = Layers::new(&RIDS, VideoLimits::default());
        let all = [true; 3];
        let sharing = Wants {
            screen: true,
            screen_sound: Some(Bitrate::from_kbps(76)),
            ..wants(&all)
        };
        let split = layers.split(Instant::now(), Bitrate::from_kbps(600), sharing);
        assert!(!split.screen.paused && split.screen.bitrate >= Bitrate::from_kbps(299));
        assert!(split.camera[2].paused);
        let split = layers.split(Instant::now(), Bitrate::from_kbps(600), wants(&all));
        assert!(split.screen.paused);
    }

    #[test]
    fn a_limit_is_of_all_layers_together_and_one_encoding_is_the_whole_camera() {
        let little = VideoLimits::default().with_bitrate_max(Bitrate::from_kbps(300));
        let mut layers = Layers::new(&RIDS, VideoLimits::default());
        layers.limit(little);
        let split = layers.split(Instant::now(), Bitrate::from_kbps(5_000), wants(&[true; 3]));
        let taken: u64 = made(&split).into_iter().flatten().map(|(kbps, _)| kbps).sum();
        assert!((200..=300).contains(&taken), "{:?}", made(&split));
        assert_eq!(layers.published()[2].kbps, 300);
        let mut one = Layers::new(&[""], VideoLimits::default());
        let split = one.split(Instant::now(), Bitrate::from_kbps(5_000), wants(&[true]));
        assert_eq!(made(&split), [Some((2_500, 720))]);
        assert_eq!(one.published()[0].rid, "");
        assert_eq!(
            (one.most(), layers.most()),
            (Bitrate::from_kbps(2_500), Bitrate::from_kbps(750))
        );
    }

    #[test]
    fn layers_are_told_with_their_sizes_smallest_first() {
        let told: Vec<_> = Layers::new(&RIDS, VideoLimits::default())
            .published()
            .into_iter()
            .map(|layer| (layer.rid, layer.width, layer.height, layer.kbps))
            .collect();
        assert_eq!(
            told,
            [
                ("q".to_owned(), 320, 180, 150),
                ("h".to_owned(), 640, 360, 500),
                ("f".to_owned(), 1280, 720, 1_500)
            ]
        );
    }
}
