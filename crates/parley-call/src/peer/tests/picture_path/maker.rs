//! Pictures as an encoder makes them, without one: so many bytes each, as its rate control would have it.

use super::wire::Dice;
use bytes::Bytes;
use parley_media::video::EncoderTargets;
use parley_proto::Resolution;
use std::time::{Duration, Instant};

/// Another size comes this long after the last one at the soonest, as in `parley_media::video`.
const SIZE_GAP: Duration = Duration::from_secs(2);
/// And a key frame.
const KEY_FRAME_GAP: Duration = Duration::from_millis(300);
/// A key frame is as many usual pictures, and has at least so many bits for each pixel (measured of OpenH264: see `codec/tests.rs`).
const KEY_FRAME_TIMES: f64 = 4.0;
const KEY_FRAME_BITS_MIN: f64 = 0.1;

/// See the module.
pub(super) struct Maker {
    dice: Dice,
    size: Option<Resolution>,
    sized: Option<Instant>,
    made_key: Option<Instant>,
    /// Bits beyond what the rate allows, to be saved again.
    owed: f64,
    /// Pictures that are due, in thirtieths of one.
    due: f64,
    number: usize,
    pub(super) key_frames: u32,
}

impl Maker {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            size: None,
            sized: None,
            made_key: None,
            owed: 0.0,
            due: 1.0,
            number: 0,
            key_frames: 0,
        }
    }

    /// Of the pictures that are made now.
    pub(super) fn height(&self) -> Option<u32> {
        self.size.map(|size| size.height)
    }

    /// Whether this thirtieth of a second gives a picture.
    pub(super) fn is_due(&mut self, targets: EncoderTargets) -> bool {
        self.due += f64::from(targets.frame_rate.get()) / 30.0;
        let is = self.due >= 1.0;
        if is {
            self.due -= 1.0;
        }
        is
    }

    pub(super) fn make(&mut self, now: Instant, targets: EncoderTargets, wanted: &mut bool) -> Bytes {
        let wished = targets.resolution;
        let may_change = self.sized.is_none_or(|sized| now >= sized + SIZE_GAP);
        let mut key = self.size.is_none();
        if self.size.is_some_and(|size| size != wished) && may_change {
            self.sized = Some(now);
            key = true;
        }
        if key {
            self.size = Some(wished);
        }
        let may_key = self.made_key.is_none_or(|made| now >= made + KEY_FRAME_GAP);
        key |= may_key && std::mem::take(wanted);
        let size = self.size.unwrap_or(wished);
        let usual = targets.bitrate.bps() as f64 / f64::from(targets.frame_rate.get());
        let pixels = f64::from(size.width * size.height);
        let noise = 0.75 + 0.5 * self.dice.share();
        let bits = if key {
            self.key_frames += 1;
            self.made_key = Some(now);
            (usual * KEY_FRAME_TIMES).max(pixels * KEY_FRAME_BITS_MIN) * noise
        } else {
            (usual - self.owed / 8.0).max(usual * 0.3) * noise
        };
        self.owed = (self.owed + bits - usual).clamp(-usual, usual * 8.0);
        self.number += 1;
        access_unit(self.number, key, (bits / 8.0) as usize)
    }
}

fn access_unit(number: usize, key_frame: bool, size: usize) -> Bytes {
    let mut unit = Vec::new();
    if key_frame {
        unit.extend_from_slice(&[0, 0, 0, 1, 0x67, 66, 224, 31, 0, 0, 0, 1, 0x68, 206]);
    }
    unit.extend_from_slice(&[0, 0, 0, 1, if key_frame { 0x65 } else { 0x41 }]);
    unit.extend((0..=size).map(|at| (number + at) as u8 | 1));
    unit.into()
}
