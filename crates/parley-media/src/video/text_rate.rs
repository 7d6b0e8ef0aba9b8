//! How sharp each picture of a shared text is encoded. Sans-IO.
//!
//! The library's own rate control carries the debt of one page into the next, so that every page turned stays worse than the
//! one before, and its control for screens never sharpens what stands. So text is encoded with a quantiser of our choosing: a
//! change at once, as sharp as half a second of bits allows in the worst case, then the same picture again in a few large steps
//! until it is sharp. What goes out is a leaky bucket: while too much of it is on its way, the picture waits, and a newer one
//! takes its place. So when bits are short there are fewer pictures, not worse ones.
//!
//! Something small on the page may change all the time, a clock, a pointer, letters that are typed: the rest stands meanwhile and gets
//! sharp all the same. And a page that only scrolled costs little to sharpen, for what was moved is as sharp as before: what the last
//! steps really took says how long the next one has to be waited for.

use parley_proto::Bitrate;
use std::time::{Duration, Instant};

/// A quantiser of H.264, from 0 to 51: 6 more is half as fine.
pub(super) type Qp = u8;

/// Text is as sharp as it was at the first, ...
const QP_MIN: Qp = 20;
/// ... and can be made out at the second.
const QP_MAX: Qp = 42;
/// A change is never finer than this at first: what is coded for the first time stays below 35 dB however many bits it gets, and
/// one step of sharpening later it is above 38.
const QP_FRESH: Qp = QP_MIN + STEP;
/// One step of sharpening. The library leaves alone what stands still unless it gets at least 6 finer.
const STEP: Qp = 8;
const STEP_MIN: Qp = 6;
/// Less than this many steps finer than what stands, a change leaves the rest of the picture alone.
const UNTOUCHED: Qp = STEP_MIN - 1;
/// Bits of a pixel of dense text that is wholly new, at some quantisers (1280 by 720, `world::share`'s pages).
const BITS_PER_PIXEL: [(Qp, f64); 5] = [(18, 2.65), (24, 2.17), (28, 1.83), (36, 1.15), (44, 0.62)];
/// A change is seen within this, ...
const FRESH_WITHIN: Duration = Duration::from_millis(500);
/// ... and waits while what is on its way takes longer than this.
const FRESH_WAITS: Duration = Duration::from_millis(250);
/// Sharpening waits for nearly everything to have left, and for somebody who goes on scrolling.
const SHARPEN_WAITS: Duration = Duration::from_millis(50);
/// A step that takes no longer than this is always worth it; a dearer one once the picture has stood as long as it takes, so that
/// turning pages is not held up by sharpening one that nobody read.
const STEP_WITHIN: Duration = Duration::from_millis(100);
/// What is new in no more than this share of a picture leaves the rest standing.
const SMALL: f32 = 0.05;
/// The least of what dense text takes that a step is counted on to take.
const DEARNESS_MIN: f64 = 0.05;
/// A step of fewer bits tells nothing of others: what every picture takes is a good part of it.
const TELLS_FROM: f64 = 50_000.0;

/// See the module.
#[derive(Debug)]
pub(super) struct TextRate {
    /// Bits a second.
    rate: f64,
    /// Bits that went out and are not paid for by time yet.
    debt: f64,
    paid: Option<Instant>,
    /// The coarsest quantiser there may still be somewhere in what stands.
    coarsest: Option<Qp>,
    /// The share of it that may be as coarse as that, from 0 to 1, ...
    blurred: f32,
    /// ... and what that was before the last new picture, with the bits of that one, until it is weighed.
    fresh: Option<(f32, f64)>,
    /// Since when most of it stands.
    stands_since: Option<Instant>,
    /// Something small was new when it was time to sharpen the rest, which had to wait for it.
    passed_over: bool,
    /// What steps of sharpening took lately, as a share of what dense text takes, ...
    dearness: f64,
    /// ... and how many bits that would have been for the one that was granted last.
    dense: f64,
}

impl TextRate {
    /// A whole page is covered where it would be coarser than this at first, and all of it can be uncovered within a time, ...
    const COVERED_FROM: Qp = 36;
    const UNCOVERED_WITHIN: Duration = Duration::from_secs(6);
    /// ... and what is uncovered of it comes like this.
    pub(super) const UNCOVERED: Qp = QP_FRESH;
    /// A covered one has little detail, so all of it: the library leaves it alone then, whatever the rest is coded with.
    const COVERED: Qp = QP_MIN + STEP_MIN - 1;

    /// Nothing was encoded yet.
    pub(super) fn new(bitrate: Bitrate) -> Self {
        Self {
            rate: rate_of(bitrate),
            debt: 0.0,
            paid: None,
            coarsest: None,
            blurred: 0.0,
            fresh: None,
            stands_since: None,
            passed_over: false,
            dearness: 1.0,
            dense: 0.0,
        }
    }

    /// Follows what the call has for it.
    pub(super) fn aim(&mut self, bitrate: Bitrate) {
        self.rate = rate_of(bitrate);
    }

    /// The quantiser for a picture of which the share `changed` (0 to 1) of its `pixels` is new. None: it has to wait.
    pub(super) fn fresh(&mut self, now: Instant, pixels: u64, changed: f32) -> Option<Qp> {
        if !self.has_room(now) {
            return None;
        }
        if changed <= SMALL
            && let Some(finer) = self.sharpen(now, pixels)
            && std::mem::replace(&mut self.passed_over, true)
        {
            // It goes on like this: the rest is sharpened along with it.
            return Some(finer);
        }
        let finest = match self.coarsest {
            // Whatever is finer than this codes the rest anew as well.
            Some(coarsest) if changed < 1.0 => coarsest.saturating_sub(UNTOUCHED).max(QP_MIN),
            _ => QP_MIN,
        };
        Some(self.affordable(pixels, changed).max(finest))
    }

    /// The quantiser for a key frame: somebody sees nothing, so it does not wait, and is the coarser the less room there is.
    pub(super) fn key_frame(&mut self, now: Instant, pixels: u64) -> Qp {
        self.pay(now);
        self.affordable(pixels, 1.0)
    }

    /// Whether a change need not wait.
    pub(super) fn has_room(&mut self, now: Instant) -> bool {
        self.pay(now);
        self.debt <= self.bits_in(FRESH_WAITS)
    }

    /// The finest quantiser at which what is new is there in time, if it is dense text.
    fn affordable(&self, pixels: u64, changed: f32) -> Qp {
        let room = self.bits_in(FRESH_WITHIN) - self.debt;
        qp_for(room / (pixels as f64 * f64::from(changed.clamp(1e-4, 1.0)))).max(QP_FRESH)
    }

    /// The quantiser for what stands, `pixels` of it, encoded once more. None: it is sharp, or has to wait.
    pub(super) fn sharpen(&mut self, now: Instant, pixels: u64) -> Option<Qp> {
        self.pay(now);
        let coarsest = self.coarsest?;
        if is_sharp(coarsest) || self.debt > self.bits_in(SHARPEN_WAITS) {
            return None;
        }
        let finer = coarsest.saturating_sub(STEP).max(QP_MIN);
        self.dense =
            (bits_per_pixel(finer) - bits_per_pixel(coarsest)) * pixels as f64 * f64::from(self.blurred);
        let bits = self.dense * self.dearness;
        let stands = self
            .stands_since
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        (bits <= self.bits_in(stands.max(STEP_WITHIN)) && stands >= STEP_WITHIN).then_some(finer)
    }

    /// A picture went out, of which the share `changed` was new.
    pub(super) fn on_fresh(&mut self, now: Instant, qp: Qp, bytes: usize, changed: f32) {
        if self
            .coarsest
            .is_some_and(|coarsest| changed <= SMALL && qp + STEP_MIN <= coarsest)
        {
            self.on_sharpened(now, qp, bytes);
            return;
        }
        self.owe(now, bytes);
        if changed > SMALL || self.stands_since.is_none() {
            self.stands_since = Some(now);
            self.passed_over = false;
        }
        let before = if self.coarsest.is_some_and(is_sharp) {
            0.0
        } else {
            self.blurred
        };
        self.blurred = (before + changed).min(1.0);
        self.fresh = Some((before, bytes as f64 * 8.0));
        self.coarsest = Some(match self.coarsest {
            Some(coarsest) if changed < 1.0 => coarsest.max(qp),
            _ => qp,
        });
    }

    /// That picture had so many pixels. As much of them is coarse now as dense text would have taken those bits: of a page that scrolled
    /// that is a line, and sharpening it is cheap, which otherwise only a few steps teach that had to be waited for.
    pub(super) fn weigh(&mut self, qp: Qp, pixels: u64) {
        if let Some((before, bits)) = self.fresh.take() {
            let dense = bits / (bits_per_pixel(qp) * pixels.max(1) as f64);
            self.blurred = self.blurred.min(before + dense as f32);
        }
    }

    /// What stands went out once more.
    pub(super) fn on_sharpened(&mut self, now: Instant, qp: Qp, bytes: usize) {
        self.owe(now, bytes);
        self.coarsest = Some(qp);
        self.passed_over = false;
        if self.dense < TELLS_FROM {
            return;
        }
        let dearness = (bytes as f64 * 8.0 / self.dense).min(1.0);
        // Dear at once, cheap step by step: one that is too dear is what holds the next picture up.
        self.dearness = dearness.max((self.dearness + dearness) / 2.0).max(DEARNESS_MIN);
    }

    /// How many rows of a covered page may be shown now. None: what is shown is not sharp yet, or too much is on its way.
    pub(super) fn uncover(&mut self, now: Instant, width: u32) -> Option<u32> {
        self.pay(now);
        if !self.coarsest.is_some_and(is_sharp) || self.debt > self.bits_in(SHARPEN_WAITS) {
            return None;
        }
        Some(self.rows_within_step(width, Self::UNCOVERED))
    }

    /// How many rows of a covered page may be shown along with what moves on it: it will not wait until what is shown is sharp. None:
    /// what moves has to wait itself.
    pub(super) fn uncover_along(&mut self, now: Instant, width: u32) -> Option<u32> {
        self.has_room(now)
            .then(|| self.rows_within_step(width, Self::COVERED_FROM))
    }

    /// Rows of dense text that take no longer than a step may, whole blocks and at least one.
    fn rows_within_step(&self, width: u32, qp: Qp) -> u32 {
        let of_row = bits_per_pixel(qp) * f64::from(width.max(1));
        let blocks = (self.bits_in(STEP_WITHIN) / of_row) as u32 / 16;
        blocks.max(1) * 16
    }

    /// The quantiser for a page of so many pixels that is wholly new and would have this one, if it is better covered at first.
    pub(super) fn covered(&self, qp: Qp, pixels: u64) -> Option<Qp> {
        let all = pixels as f64 * bits_per_pixel(Self::UNCOVERED);
        let is_soon = all <= self.bits_in(Self::UNCOVERED_WITHIN);
        (qp > Self::COVERED_FROM && is_soon).then_some(Self::COVERED)
    }

    /// As fine as what is covered, or finer.
    pub(super) const fn no_coarser_than_covered(qp: Qp) -> Qp {
        if qp > Self::COVERED { Self::COVERED } else { qp }
    }

    /// Whether a change leaves most of a picture as it was.
    pub(super) fn is_small(changed: f32) -> bool {
        changed <= SMALL
    }

    fn owe(&mut self, now: Instant, bytes: usize) {
        self.pay(now);
        self.debt += bytes as f64 * 8.0;
    }

    fn pay(&mut self, now: Instant) {
        let since = self
            .paid
            .map_or(Duration::ZERO, |then| now.saturating_duration_since(then));
        self.paid = Some(self.paid.map_or(now, |then| then.max(now)));
        self.debt = (self.debt - since.as_secs_f64() * self.rate).max(0.0);
    }

    fn bits_in(&self, time: Duration) -> f64 {
        self.rate * time.as_secs_f64()
    }
}

/// Whether the library would leave alone what is coded like this.
const fn is_sharp(qp: Qp) -> bool {
    qp < QP_MIN + STEP_MIN
}

/// Bits of a pixel of dense text that is wholly new.
fn bits_per_pixel(qp: Qp) -> f64 {
    let pairs = BITS_PER_PIXEL.iter().zip(BITS_PER_PIXEL.iter().skip(1));
    let mut last = f64::INFINITY;
    for (&(fine, many), &(coarse, few)) in pairs {
        if qp <= coarse {
            let way = f64::from(qp.saturating_sub(fine)) / f64::from(coarse - fine);
            return many * (few / many).powf(way);
        }
        last = few;
    }
    last
}

fn rate_of(bitrate: Bitrate) -> f64 {
    bitrate.bps().max(1) as f64
}

/// The finest quantiser at which dense text takes no more than so many bits a pixel.
fn qp_for(bits_per_pixel: f64) -> Qp {
    let pairs = BITS_PER_PIXEL.iter().zip(BITS_PER_PIXEL.iter().skip(1));
    for (&(fine, many), &(coarse, few)) in pairs {
        if bits_per_pixel >= many {
            return fine.clamp(QP_MIN, QP_MAX);
        }
        if bits_per_pixel >= few {
            let way = (many / bits_per_pixel).ln() / (many / few).ln();
            let qp = f64::from(fine) + way * f64::from(coarse - fine);
            return (qp.ceil() as Qp).clamp(QP_MIN, QP_MAX);
        }
    }
    QP_MAX
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    const HD: u64 = 1280 * 720;

    fn rate() -> TextRate {
        TextRate::new(Bitrate::from_kbps(2_000))
    }

    #[test]
    fn a_whole_page_takes_half_a_second_of_bits_and_a_letter_is_as_fine_as_a_first_look_gets() {
        let now = Instant::now();
        let page = rate().fresh(now, HD, 1.0).unwrap();
        assert!((36..40).contains(&page), "{page}");
        assert_eq!(rate().fresh(now, HD, 0.001), Some(QP_FRESH));
        let slow = TextRate::new(Bitrate::from_kbps(200)).fresh(now, HD, 1.0);
        assert_eq!(slow, Some(QP_MAX), "blurred before late");
    }

    #[test]
    fn what_stands_is_sharpened_in_large_steps_and_then_left_alone() {
        let start = Instant::now();
        let mut rate = rate();
        rate.on_fresh(start, 37, 100_000, 1.0);
        let mut steps = Vec::new();
        for ms in 0..5_000 {
            let now = start + Duration::from_millis(ms);
            if let Some(qp) = rate.sharpen(now, HD) {
                steps.push((ms, qp));
                rate.on_sharpened(now, qp, 20_000);
            }
        }
        // 100 kB leave in 400 ms, 20 kB in 80; the last 50 ms of either are not waited for.
        assert_eq!(steps, [(350, 29), (430, 21)]);
    }

    #[test]
    fn a_letter_typed_into_a_blurred_page_does_not_code_the_page_anew() {
        let start = Instant::now();
        let mut rate = rate();
        rate.on_fresh(start, 38, 10_000, 1.0);
        let later = start + Duration::from_secs(1);
        let letter = rate.fresh(later, HD, 0.001).unwrap();
        assert_eq!(letter, 38 - UNTOUCHED);
        rate.on_fresh(later, letter, 500, 0.001);
        assert_eq!(rate.sharpen(later + Duration::from_secs(1), HD), Some(38 - STEP));
    }

    #[test]
    fn while_too_much_is_on_its_way_a_change_waits_and_sharpening_longer() {
        let start = Instant::now();
        let mut rate = rate();
        // Half a second's worth.
        rate.on_fresh(start, 37, 125_000, 1.0);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(rate.fresh(at(200), HD, 1.0), None);
        assert!(rate.fresh(at(260), HD, 1.0).is_some());
        assert_eq!(rate.sharpen(at(440), HD), None);
        assert!(rate.sharpen(at(460), HD).is_some());
    }

    #[test]
    fn a_dear_step_waits_until_the_page_was_read_for_as_long_as_it_takes() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let full_hd = 1920 * 1080;
        let mut rate = TextRate::new(Bitrate::from_kbps(500));
        rate.on_fresh(start, 34, 0, 1.0);
        // From 34 to 26 are 1.45 Mbit of such a page.
        assert_eq!(rate.sharpen(at(2_000), full_hd), None);
        assert_eq!(rate.sharpen(at(3_000), full_hd), Some(26));
        // A line of it, though, is made sharp at once.
        let mut rate = TextRate::new(Bitrate::from_kbps(500));
        rate.on_fresh(start, 20, 0, 1.0);
        rate.on_fresh(start, 30, 0, 0.02);
        assert_eq!(rate.sharpen(at(90), full_hd), None);
        assert_eq!(rate.sharpen(at(100), full_hd), Some(22));
    }

    /// Fifteen pictures a second in which a clock changes, and every `page_ms` a page of which most is new; a step of sharpening takes
    /// `share` of what dense text takes. Gives what each picture of the last page was encoded with.
    fn beside_a_clock(page_ms: u64, share: f64) -> Vec<Qp> {
        let start = Instant::now();
        let mut rate = TextRate::new(Bitrate::from_kbps(850));
        let mut qps = Vec::new();
        for n in 0..300u64 {
            let ms = n * 1000 / 15;
            let now = start + Duration::from_millis(ms);
            let page = n == 0 || ms / page_ms != (n - 1) * 1000 / 15 / page_ms;
            if page {
                qps.clear();
            }
            let changed = if page { 0.9 } else { 0.01 };
            let before = rate.coarsest;
            let Some(qp) = rate.fresh(now, HD, changed) else {
                continue;
            };
            let steps = before.is_some_and(|before| !page && qp + STEP_MIN <= before);
            let bits = if steps { rate.dense * share } else { 8_000.0 };
            rate.on_fresh(now, qp, (bits / 8.0) as usize, changed);
            qps.push(qp);
        }
        qps
    }

    #[test]
    fn a_page_gets_sharp_although_a_clock_on_it_changes_all_the_time() {
        let finest = |page_ms, share| beside_a_clock(page_ms, share).into_iter().min().unwrap();
        let stood = finest(20_000, 1.0);
        assert!(is_sharp(stood), "{stood}");
        // What scrolls by a line a second is hardly dearer than what stands.
        let scrolled = finest(1_000, 0.05);
        assert!(is_sharp(scrolled), "{scrolled}");
    }

    #[test]
    fn a_page_that_only_scrolled_is_sharpened_at_once_and_one_that_was_turned_is_read_first() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for (bytes, after_ms) in [(3_600, 100), (96_000, 560)] {
            let mut rate = TextRate::new(Bitrate::from_kbps(850));
            rate.on_fresh(start, 20, 0, 1.0);
            rate.on_fresh(start, 42, bytes, 0.9);
            rate.weigh(42, HD);
            // Without what is still on its way.
            rate.debt = 0.0;
            let due = (0..2_000).find(|ms| rate.sharpen(at(*ms), HD).is_some());
            assert!(
                due.is_some_and(|ms| ms.abs_diff(after_ms) <= 40),
                "{bytes}: {due:?}"
            );
        }
    }

    #[test]
    fn over_time_no_more_goes_out_than_there_is_for_it() {
        let start = Instant::now();
        let mut rate = TextRate::new(Bitrate::from_kbps(500));
        let mut sent = 0.0;
        // A film in the middle of the page, 15 a second, each picture as dear as foretold.
        for n in 0..150u64 {
            let now = start + Duration::from_millis(n * 1000 / 15);
            if let Some(qp) = rate.fresh(now, HD, 0.3) {
                let (_, bits) = BITS_PER_PIXEL
                    .into_iter()
                    .rev()
                    .find(|(at, _)| *at <= qp)
                    .unwrap();
                let bytes = HD as f64 * 0.3 * bits / 8.0;
                sent += bytes;
                rate.on_fresh(now, qp, bytes as usize, 0.3);
            }
        }
        let kbps = sent * 8.0 / 10.0 / 1e3;
        assert!((350.0..650.0).contains(&kbps), "{kbps}");
    }
}
