//! The machine-readable strip at the foot of the pattern: frame number and clock in 32 by 4 black and white cells.
//!
//! A cell is an eightieth of the picture's width: one macroblock at 720p, still four pixels at a quarter of the size. The
//! strip is placed by fractions of the picture, so scaling it moves nothing. Sync cells give the threshold and say whether
//! there is a strip at all, a checksum whether it was read rightly.

use super::super::VideoFrame;
use super::super::pool::Planes;
use super::{Canvas, Colour};
use parley_proto::Resolution;

/// What the strip says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The picture's number, counted by its source.
    pub number: u32,
    /// When it was drawn: microseconds since the UNIX epoch.
    pub clock_us: u64,
}

const COLUMNS: usize = 32;
const ROWS: usize = 4;
const CELLS: usize = COLUMNS * ROWS;
/// Cells to the left of the strip, of 80 in a picture's width, and below it.
const MARGIN_LEFT: usize = 24;
const MARGIN_BELOW: usize = 1;
const CELLS_ACROSS: usize = 80;
/// The sixteen cells that are always the same: eight dark, eight bright.
const SYNC: u16 = 0b1010_0101_1100_0011;
/// Bright and dark cells must be at least this far apart in luma.
const CONTRAST_MIN: i32 = 40;
const BRIGHT: Colour = Colour {
    y: 218,
    u: 128,
    v: 128,
};
const DARK: Colour = Colour {
    y: 34,
    u: 128,
    v: 128,
};

impl Stamp {
    /// Sync, number, clock, checksum: the most significant bit of each first.
    fn bits(self) -> u128 {
        let body = u128::from(self.number) << 64 | u128::from(self.clock_us);
        u128::from(SYNC) << 112 | body << 16 | u128::from(checksum(body))
    }

    fn from_bits(bits: u128) -> Option<Self> {
        let body = bits >> 16 & ((1 << 96) - 1);
        let whole = (bits >> 112) as u16 == SYNC && bits as u16 == checksum(body);
        whole.then_some(Self {
            number: (body >> 64) as u32,
            clock_us: body as u64,
        })
    }
}

/// CRC-16 with the CCITT polynomial 0x1021 over twelve bytes.
fn checksum(body: u128) -> u16 {
    body.to_be_bytes()[4..].iter().fold(0xffff, |sum, &byte| {
        (0..8).fold(sum ^ u16::from(byte) << 8, |sum, _| {
            sum << 1 ^ if sum & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    })
}

/// Draws the strip. In a picture too small or too flat for it nothing is drawn.
pub(super) fn write(stamp: Stamp, resolution: Resolution, planes: &mut Planes<'_>) {
    let (width, height) = (resolution.width as usize, resolution.height as usize);
    // Edges by fractions, for widths that are no multiple of eighty.
    let edge = |cells: usize| cells * width / CELLS_ACROSS;
    if edge(1) < 2 || edge(ROWS + MARGIN_BELOW) > height {
        return;
    }
    let mut canvas = Canvas {
        planes,
        width,
        height,
    };
    let bits = stamp.bits();
    for index in 0..CELLS {
        let colour = if bit(bits, index) { BRIGHT } else { DARK };
        let (column, row) = (
            MARGIN_LEFT + index % COLUMNS,
            ROWS + MARGIN_BELOW - index / COLUMNS,
        );
        let (left, top) = (edge(column), height - edge(row));
        // A pixel too many where it ends is drawn over by the next cell.
        let (width, height) = (edge(column + 1) - left + 1, edge(row) - edge(row - 1) + 1);
        canvas.fill(left, top, width, height, colour);
    }
}

const fn bit(bits: u128, index: usize) -> bool {
    bits >> (CELLS - 1 - index) & 1 == 1
}

/// Reads the strip, also out of a picture that was encoded or scaled. None if there is none or it was damaged.
#[must_use]
pub fn read(frame: &VideoFrame) -> Option<Stamp> {
    let levels = cell_levels(frame)?;
    let sync = |bright: bool| {
        let sum: i32 = (0..16)
            .filter(|&index| (SYNC >> (15 - index) & 1 == 1) == bright)
            .map(|index| levels[index])
            .sum();
        sum / 8
    };
    let (bright, dark) = (sync(true), sync(false));
    if bright - dark < CONTRAST_MIN {
        return None;
    }
    let threshold = (bright + dark) / 2;
    let bits = levels
        .iter()
        .fold(0u128, |bits, &level| bits << 1 | u128::from(level > threshold));
    Stamp::from_bits(bits)
}

/// The luma in the middle of each cell.
fn cell_levels(frame: &VideoFrame) -> Option<[i32; CELLS]> {
    let resolution = frame.resolution();
    let (width, height) = (resolution.width as f32, resolution.height as f32);
    let cell = width / CELLS_ACROSS as f32;
    let top = height - (ROWS + MARGIN_BELOW) as f32 * cell;
    if cell < 1.0 || top < 0.0 {
        return None;
    }
    let mut levels = [0; CELLS];
    for (index, level) in levels.iter_mut().enumerate() {
        let x = (MARGIN_LEFT + index % COLUMNS) as f32 * cell;
        let y = top + (index / COLUMNS) as f32 * cell;
        *level = mean(frame, x + cell * 0.25, y + cell * 0.25, cell * 0.5);
    }
    Some(levels)
}

fn mean(frame: &VideoFrame, x: f32, y: f32, side: f32) -> i32 {
    let Resolution { width, height } = frame.resolution();
    let span = |from: f32, limit: u32| {
        let first = (from as usize).min(limit as usize - 1);
        let last = ((from + side).ceil() as usize).clamp(first + 1, limit as usize);
        first..last
    };
    let (columns, rows) = (span(x, width), span(y, height));
    let count = (columns.len() * rows.len()) as i32;
    let sum: i32 = rows
        .flat_map(|row| &frame.y()[row * width as usize..][columns.clone()])
        .map(|&luma| i32::from(luma))
        .sum();
    sum / count
}
