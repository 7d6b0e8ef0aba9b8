//! What the encode thread remembers of a shared text: how sharp what stands is, and whether a change is still to be shown. Sans-IO, and
//! open to benches, which encode as the thread does without its clock.

use super::VideoFrame;
use super::changed::changed_share;
use super::motion::Motion;
use super::text_rate::{Qp, TextRate};
use super::veil::Veil;
use parley_proto::{Bitrate, Resolution};
use std::time::Instant;

/// A page is another one when more of it than this is new: the rest of one on which a film plays was read before.
const ANOTHER: f32 = 0.5;

/// See the module.
#[derive(Debug)]
pub struct Text {
    rate: TextRate,
    coded: Option<Coded>,
    /// A change was not encoded yet.
    owed: bool,
    motion: Motion,
    /// Over what is too much to be shown at once.
    veil: Option<Veil>,
    /// The veil is new, and the next picture the first that goes on with it.
    is_new: bool,
}

/// What was encoded last.
#[derive(Debug)]
struct Coded {
    /// The picture.
    page: VideoFrame,
    /// What of it was shown.
    shown: VideoFrame,
}

/// How one picture is to be encoded.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What of it is to be encoded: parts of it may come in detail later.
    pub shown: VideoFrame,
    /// The quantiser of H.264, 0 to 51: 6 more is half as fine.
    pub qp: u8,
    /// The share of it that is new.
    changed: f32,
}

impl Text {
    /// Nothing was encoded yet.
    #[must_use]
    pub fn new(bitrate: Bitrate) -> Self {
        Self {
            rate: TextRate::new(bitrate),
            coded: None,
            owed: false,
            motion: Motion::default(),
            veil: None,
            is_new: false,
        }
    }

    /// One that goes on with an encoder that has seen nothing: what stands is to be encoded anew.
    #[must_use]
    pub fn afresh(self) -> Self {
        Self {
            coded: None,
            owed: true,
            veil: None,
            ..self
        }
    }

    /// Follows what the call has for it.
    pub fn aim(&mut self, bitrate: Bitrate) {
        self.rate.aim(bitrate);
    }

    /// A new picture came and is not encoded now.
    pub const fn put_off(&mut self) {
        self.owed = true;
    }

    /// Whether the picture that stands should be encoded now, although nothing new came.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let Some(size) = self.coded.as_ref().map(|coded| coded.page.resolution()) else {
            return self.owed && self.rate.has_room(now);
        };
        (self.owed && self.rate.has_room(now))
            || self.rate.sharpen(now, size.pixels()).is_some()
            || self.veil.is_some() && self.rate.uncover(now, size.width).is_some()
    }

    /// How to encode a picture; not at all for now if none, and then it is due later.
    pub fn plan(&mut self, now: Instant, frame: &VideoFrame, key_frame: bool) -> Option<Plan> {
        self.motion.see(now, frame);
        if self.motion.is_restless(now) {
            // It would cover what moves for ever.
            self.veil = None;
        }
        let is_seen = self
            .coded
            .as_ref()
            .is_some_and(|coded| coded.page.resolution() == frame.resolution());
        let plan = if is_seen && !key_frame {
            self.go_on(now, frame)
        } else {
            self.begin(now, frame, key_frame)
        };
        if self
            .veil
            .as_ref()
            .is_some_and(|veil| veil.is_gone(frame.resolution()))
        {
            self.veil = None;
        }
        plan
    }

    /// All of a picture, for somebody who has seen nothing or nothing of this size. A page that is not the one before is covered; what
    /// everybody could read already is not covered again for one who comes later.
    fn begin(&mut self, now: Instant, frame: &VideoFrame, key_frame: bool) -> Option<Plan> {
        let size = frame.resolution();
        let is_known = self
            .coded
            .as_ref()
            .is_some_and(|coded| changed_share(&coded.page, frame) <= ANOTHER);
        let clear = self.veil.as_ref().map_or(1.0, |veil| veil.clear_share(size));
        self.is_new = false;
        let qp = if is_known && clear > 0.0 {
            Some(self.rate.key_frame(now, (size.pixels() as f64 * clear) as u64))
        } else {
            self.cover(now, size, key_frame)
        };
        self.owed = qp.is_none();
        Some(Plan {
            qp: qp?,
            shown: self.shown(now, frame),
            changed: 1.0,
        })
    }

    /// Covers a page of which nothing is known yet, if that is better. Gives its quantiser.
    fn cover(&mut self, now: Instant, size: Resolution, key_frame: bool) -> Option<Qp> {
        let qp = if key_frame {
            self.rate.key_frame(now, size.pixels())
        } else {
            self.rate.fresh(now, size.pixels(), 1.0)?
        };
        let covered = self
            .rate
            .covered(qp, size.pixels())
            .filter(|_| !self.motion.is_restless(now));
        self.veil = covered.map(|_| Veil::new());
        self.is_new = covered.is_some();
        covered.or(Some(qp))
    }

    /// What is new in a picture, or finer than before.
    fn go_on(&mut self, now: Instant, frame: &VideoFrame) -> Option<Plan> {
        let size = frame.resolution();
        let moves = self.motion.is_on(now);
        let rows = self.uncover(now, frame, moves);
        let shown = self.shown(now, frame);
        let coded = self.coded.as_mut()?;
        let uncovered = rows as f32 / size.height.max(1) as f32;
        let changed = changed_share(&coded.shown, &shown).max(uncovered.min(1.0));
        let mut qp = if rows > 0 && !moves {
            Some(TextRate::UNCOVERED)
        } else if changed > 0.0 {
            self.rate.fresh(now, size.pixels(), changed)
        } else {
            self.rate.sharpen(now, size.pixels())
        };
        if qp.is_some() && std::mem::take(&mut self.is_new) && !moves {
            // What the first picture after a key frame leaves alone counts as coded as coarsely as that one, and a finer one later would
            // code all of the veil once more.
            qp = qp.map(TextRate::no_coarser_than_covered);
        }
        self.owed = changed > 0.0 && qp.is_none();
        if changed == 0.0 {
            // What is new of it is covered.
            coded.page = frame.clone();
        }
        Some(Plan {
            qp: qp?,
            shown,
            changed,
        })
    }

    /// Uncovers some rows more, where that is due; gives how many. While the page moves they come along with it; otherwise what is
    /// largely new comes first.
    fn uncover(&mut self, now: Instant, frame: &VideoFrame, moves: bool) -> u32 {
        let (Some(veil), Some(coded)) = (&mut self.veil, &self.coded) else {
            return 0;
        };
        let width = frame.resolution().width;
        let rows = if moves {
            self.rate.uncover_along(now, width)
        } else if TextRate::is_small(changed_share(&coded.page, frame)) {
            self.rate.uncover(now, width)
        } else {
            None
        };
        veil.lift(rows.unwrap_or(0));
        rows.unwrap_or(0)
    }

    fn shown(&mut self, now: Instant, frame: &VideoFrame) -> VideoFrame {
        let moves = self.motion.is_on(now);
        self.veil
            .as_mut()
            .map_or_else(|| frame.clone(), |veil| veil.over(frame, moves))
    }

    /// It was encoded to so many bytes.
    pub fn encoded(&mut self, now: Instant, frame: VideoFrame, plan: &Plan, bytes: usize) {
        let pixels = frame.resolution().pixels();
        self.coded = Some(Coded {
            page: frame,
            shown: plan.shown.clone(),
        });
        if plan.changed > 0.0 {
            self.rate.on_fresh(now, plan.qp, bytes, plan.changed);
            self.rate.weigh(plan.qp, pixels);
        } else {
            self.rate.on_sharpened(now, plan.qp, bytes);
        }
    }
}

#[cfg(test)]
mod tests;
