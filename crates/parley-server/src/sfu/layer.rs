//! One encoding that comes up: whether it flows, how much it takes, and whether it lets itself be had at all.
//!
//! Owned by an up track. Deliberately absent: who watches it.

use super::key_frames::KeyFrames;
use parley_proto::{Bitrate, PublishedLayer};
use std::time::{Duration, Instant};
use str0m::rtp::Ssrc;

/// Measured over so long.
const WINDOW: Duration = Duration::from_millis(500);
/// Without a packet for so long, it does not flow.
const STILL: Duration = Duration::from_millis(1_500);
/// A layer that was asked for and did not come in so long is taken for one that its publisher cannot send ...
const PATIENCE: Duration = Duration::from_secs(3);
/// ... for so long.
const WITHOUT: Duration = Duration::from_secs(10);
/// So is one that stopped while so many packets of smaller ones came, and for so long: a publisher whose way became narrower sends its
/// largest no more, and says nothing.
const PASSED_BY: u32 = 8;
const GONE: Duration = Duration::from_millis(400);
/// It is back with so many new packets: one that was late, or is sent again, is no return.
const BACK: u32 = PASSED_BY;
/// Whoever saw that one sees what comes first, and so much later what else there may be.
const SHUNNED: Duration = Duration::from_secs(2);
/// More than this share of a layer is not taken for spare: a still picture's is anything, and may move at any time.
const SPARE_MAX: f64 = 0.6;
/// What a layer is taken to need that says nothing about itself.
const UNKNOWN: Bitrate = Bitrate::from_kbps(300);

/// A layer as the server sees it.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) told: PublishedLayer,
    /// Where it comes from; known from its first packet on.
    pub(super) ssrc: Option<Ssrc>,
    pub(super) key_frames: KeyFrames,
    newest_seq: Option<u64>,
    came: Option<Instant>,
    window: Option<Instant>,
    bytes: u64,
    /// Of them, of pictures that no other refers to.
    spare: u64,
    measured: Option<Bitrate>,
    /// The share of those pictures, where there are any.
    spare_share: Option<f64>,
    asked: Option<Instant>,
    without_until: Option<Instant>,
    /// Packets of smaller layers since the last one of this, and when the first of them came.
    passed_by: u32,
    passed_since: Option<Instant>,
    /// It was gone, and so many new packets came since.
    back: Option<u32>,
}

impl Layer {
    pub(super) fn new(told: PublishedLayer) -> Self {
        Self {
            told,
            ssrc: None,
            key_frames: KeyFrames::default(),
            newest_seq: None,
            came: None,
            window: None,
            bytes: 0,
            spare: 0,
            measured: None,
            spare_share: None,
            asked: None,
            without_until: None,
            passed_by: 0,
            passed_since: None,
            back: None,
        }
    }

    /// A packet came, `spare` for one of a picture that no other refers to. True: it is the next one after everything before.
    pub(super) fn came(&mut self, now: Instant, ssrc: Ssrc, seq: u64, bytes: usize, spare: bool) -> bool {
        if self.ssrc.replace(ssrc) != Some(ssrc) {
            self.newest_seq = None;
            self.back = None;
        }
        let newest = self.newest_seq.is_none_or(|newest| seq > newest);
        if newest {
            self.newest_seq = Some(seq);
        }
        if let Some(back) = &mut self.back {
            *back += u32::from(newest);
            if *back < BACK {
                return newest;
            }
            self.back = None;
        }
        if !self.flows(now) {
            self.window = None;
            self.measured = None;
        }
        self.came = Some(now);
        self.asked = None;
        self.without_until = None;
        self.rests();
        self.measure(now, bytes, spare);
        newest
    }

    /// A packet of a smaller layer came, while its publisher is to send this one too. True: it is gone.
    pub(super) fn passed_by(&mut self, now: Instant) -> bool {
        let since = *self.passed_since.get_or_insert(now);
        self.passed_by = self.passed_by.saturating_add(1);
        let gone = self.passed_by >= PASSED_BY && now >= since + GONE && self.flows(now);
        if gone {
            self.came = None;
            self.back = Some(0);
            self.without_until = Some(now + WITHOUT);
        }
        gone
    }

    /// Another layer is gone: what does not come now either is not the one to wait for.
    pub(super) fn shun(&mut self, now: Instant) {
        let until = now + SHUNNED;
        if !self.flows(now) && self.without_until.is_none_or(|before| before < until) {
            self.without_until = Some(until);
        }
    }

    /// Nobody wants it: that smaller ones go by means nothing.
    pub(super) const fn rests(&mut self) {
        self.passed_by = 0;
        self.passed_since = None;
    }

    fn measure(&mut self, now: Instant, bytes: usize, spare: bool) {
        let began = *self.window.get_or_insert(now);
        self.bytes += bytes as u64;
        self.spare += if spare { bytes as u64 } else { 0 };
        let passed = now.saturating_duration_since(began);
        if passed < WINDOW {
            return;
        }
        let rate = Bitrate::from_bps((self.bytes as f64 * 8.0 / passed.as_secs_f64()) as u64);
        // Half old, half new: pictures come in lumps.
        self.measured = Some(
            self.measured
                .map_or(rate, |before| Bitrate::from_bps((before.bps() + rate.bps()) / 2)),
        );
        let share = self.spare as f64 / self.bytes.max(1) as f64;
        self.spare_share =
            (share > 0.0).then(|| self.spare_share.map_or(share, |before| (before + share) / 2.0));
        self.window = Some(now);
        (self.bytes, self.spare) = (0, 0);
    }

    /// Whether it comes now.
    pub(super) fn flows(&self, now: Instant) -> bool {
        self.came.is_some_and(|came| now < came + STILL)
    }

    /// Whether somebody can be promised it.
    pub(super) fn is_there(&self, now: Instant) -> bool {
        self.flows(now) || self.without_until.is_none_or(|until| now >= until)
    }

    /// Somebody waits for it, though the publisher was told to send it.
    pub(super) fn missed(&mut self, now: Instant) {
        if self.flows(now) || self.without_until.is_some_and(|until| now < until) {
            return;
        }
        let since = *self.asked.get_or_insert(now);
        if now >= since + PATIENCE {
            self.asked = None;
            self.without_until = Some(now + WITHOUT);
        }
    }

    /// What it takes, measured where it flows. A picture that stands still takes little, and may move at any time.
    pub(super) fn takes(&self, now: Instant) -> Bitrate {
        let told = Bitrate::from_kbps(u64::from(self.told.kbps));
        match self.measured.filter(|_| self.flows(now)) {
            Some(measured) => measured.max(told.scale(0.3)),
            None if told == Bitrate::ZERO => UNKNOWN,
            None => told,
        }
    }

    /// The same without the pictures that no other refers to, where there are such.
    pub(super) fn takes_halved(&self, now: Instant) -> Option<Bitrate> {
        self.spare_share
            .map(|share| self.takes(now).scale(1.0 - share.min(SPARE_MAX)))
    }
}

/// The smallest layer that is large enough for a tile, or nearly so: an eighth less than its size nobody sees.
pub(super) fn enough(layers: &[Layer], width: u16, height: u16) -> usize {
    let fits = |told: &PublishedLayer| {
        let covers = |has: u16, needs: u16| u32::from(has) * 8 >= u32::from(needs) * 7;
        covers(told.width, width) || covers(told.height, height)
    };
    layers
        .iter()
        .position(|layer| fits(&layer.told))
        .unwrap_or_else(|| layers.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(rid: &str, width: u16, height: u16, kbps: u32) -> Layer {
        Layer::new(PublishedLayer {
            rid: rid.to_owned(),
            width,
            height,
            kbps,
        })
    }

    #[expect(clippy::disallowed_methods, reason = "a start to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_tile_gets_the_smallest_layer_that_fills_it() {
        let layers = [
            layer("q", 320, 180, 150),
            layer("h", 640, 360, 500),
            layer("f", 1280, 720, 1500),
        ];
        for ((width, height), at) in [
            ((160, 90), 0),
            ((330, 190), 0),
            ((400, 225), 1),
            ((700, 394), 1),
            ((800, 450), 2),
            ((1920, 1080), 2),
            ((0, 0), 0),
            // A tile higher than wide shows a picture as high as it is, or as wide.
            ((300, 600), 0),
        ] {
            assert_eq!(enough(&layers, width, height), at, "{width} by {height}");
        }
        assert_eq!(enough(&[], 10, 10), 0);
    }

    #[test]
    fn a_layer_takes_what_is_measured_while_it_flows() {
        let mut layer = layer("h", 640, 360, 500);
        let mut now = start();
        assert_eq!(layer.takes(now), Bitrate::from_kbps(500));
        for seq in 0..200 {
            now += Duration::from_millis(10);
            assert!(layer.came(now, 7.into(), seq, 1_000, false));
        }
        assert!(
            (795..=820).contains(&layer.takes(now).kbps()),
            "{}",
            layer.takes(now)
        );
        assert!(!layer.came(now, 7.into(), 150, 1_000, false), "a late one");
        assert!(
            layer.came(now, 8.into(), 0, 1_000, false),
            "another source begins anew"
        );
        assert_eq!(layer.takes(now + STILL), Bitrate::from_kbps(500));
    }

    #[test]
    fn a_layer_that_never_comes_is_done_without_for_a_while() {
        let mut layer = layer("f", 1280, 720, 1500);
        let now = start();
        layer.missed(now);
        assert!(layer.is_there(now));
        layer.missed(now + PATIENCE);
        assert!(!layer.is_there(now + PATIENCE));
        assert!(layer.is_there(now + PATIENCE + WITHOUT));
        layer.missed(now + PATIENCE);
        layer.came(now + PATIENCE, 1.into(), 1, 100, false);
        assert!(layer.is_there(now + PATIENCE), "it came after all");
    }

    #[test]
    fn half_of_a_layer_takes_what_is_left_without_the_pictures_that_no_other_refers_to() {
        let mut layer = layer("q", 320, 180, 150);
        let mut now = start();
        assert_eq!(layer.takes_halved(now), None);
        let mut come = |layer: &mut Layer, spares: bool| {
            for picture in 0..60 {
                now += Duration::from_millis(50);
                let spare = spares && picture % 2 == 1;
                let seq = layer.newest_seq.map_or(0, |newest| newest + 1);
                layer.came(now, 7.into(), seq, if spare { 600 } else { 900 }, spare);
            }
            now
        };
        let at = come(&mut layer, true);
        let (all, half) = (layer.takes(at).kbps(), layer.takes_halved(at).unwrap().kbps());
        assert!(
            (110..=130).contains(&all) && (65..=80).contains(&half),
            "{half} of {all}"
        );
        let at = come(&mut layer, false);
        assert_eq!(layer.takes_halved(at), None, "they come no more");
    }

    #[test]
    fn a_layer_of_which_all_is_spare_takes_something_at_half_its_rate_too() {
        let mut layer = layer("q", 320, 180, 150);
        let now = start();
        for seq in 0..100 {
            let at = now + Duration::from_millis(seq * 40);
            layer.came(at, 7.into(), seq, 750, true);
        }
        let at = now + Duration::from_secs(4);
        let (all, half) = (layer.takes(at).kbps(), layer.takes_halved(at).unwrap().kbps());
        assert!(
            (140..=160).contains(&all) && half * 5 >= all * 2 - 5,
            "{half} of {all}"
        );
    }

    #[test]
    fn a_layer_that_is_gone_is_not_back_by_packets_that_were_late() {
        let mut layer = layer("f", 1280, 720, 1500);
        let now = start();
        let come = |layer: &mut Layer, at, seq| {
            layer.came(at, 7.into(), seq, 1_000, false);
            layer.flows(at)
        };
        for seq in 0..20 {
            assert!(come(&mut layer, now, seq));
        }
        let gone = now + GONE;
        assert!((0..PASSED_BY).all(|_| !layer.passed_by(now)));
        assert!(layer.passed_by(gone) && !layer.is_there(gone));
        for late in 10..19 {
            assert!(!come(&mut layer, gone, late));
        }
        assert!(!come(&mut layer, gone, 21), "one that was on its way");
        assert!(!layer.is_there(gone));
        assert!((22..27).all(|seq| !come(&mut layer, gone, seq)));
        assert!((27..30).any(|seq| come(&mut layer, gone, seq)));
        assert!(layer.is_there(gone));
    }
}
