//! Pictures made smaller (or larger) in I420: exact halves by averaging four pixels, everything else by triangle weights
//! (bilinear when enlarging). Shapes are not kept here: the caller asks for the size it wants.

use super::VideoFrame;
use super::pool::FramePool;
use parley_proto::Resolution;

/// A picture of another size. The same size shares the pixels. An impossible size (odd, zero) gives the picture as it is.
#[must_use]
pub fn scale(frame: &VideoFrame, resolution: Resolution) -> VideoFrame {
    scale_into(&mut FramePool::new(), frame, resolution)
}

/// As [`scale`], with buffers of a pool.
#[must_use]
pub fn scale_into(pool: &mut FramePool, frame: &VideoFrame, resolution: Resolution) -> VideoFrame {
    let from = frame.resolution();
    if from == resolution {
        return frame.clone();
    }
    let size = |resolution: Resolution| (resolution.width as usize, resolution.height as usize);
    let (source, target) = (size(from), size(resolution));
    let half = |(width, height): (usize, usize)| (width / 2, height / 2);
    pool.make(resolution, frame.captured, |planes| {
        let luma = PlaneScaler::new(source, target);
        luma.run(frame.y(), planes.y);
        let chroma = PlaneScaler::new(half(source), half(target));
        chroma.run(frame.u(), planes.u);
        chroma.run(frame.v(), planes.v);
    })
    .unwrap_or_else(|_| frame.clone())
}

/// How planes of one size become planes of another: halved as often as that does not go too far, then weighed.
struct PlaneScaler {
    source: (usize, usize),
    halvings: u32,
    /// None if halving alone does it.
    weights: Option<(Axis, Axis)>,
}

impl PlaneScaler {
    fn new(source: (usize, usize), target: (usize, usize)) -> Self {
        let (mut width, mut height) = source;
        let mut halvings = 0;
        while width % 2 == 0 && height % 2 == 0 && width >= target.0 * 2 && height >= target.1 * 2 {
            (width, height) = (width / 2, height / 2);
            halvings += 1;
        }
        let exact = (width, height) == target;
        Self {
            source,
            halvings,
            weights: (!exact).then(|| (Axis::new(width, target.0), Axis::new(height, target.1))),
        }
    }

    fn run(&self, from: &[u8], to: &mut [u8]) {
        let mut width = self.source.0;
        let mut halved: Vec<u8> = Vec::new();
        for halving in 1..=self.halvings {
            let from = if halving == 1 { from } else { &halved };
            if halving == self.halvings && self.weights.is_none() {
                return halve(from, width, to);
            }
            let mut smaller = vec![0; from.len() / 4];
            halve(from, width, &mut smaller);
            halved = smaller;
            width /= 2;
        }
        if let Some((columns, rows)) = &self.weights {
            let from = if self.halvings == 0 { from } else { &halved };
            weigh(from, width, columns, rows, to);
        }
    }
}

fn halve(from: &[u8], width: usize, to: &mut [u8]) {
    for (rows, to) in from.chunks_exact(width * 2).zip(to.chunks_exact_mut(width / 2)) {
        let (upper, lower) = rows.split_at(width);
        let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        for ((upper, lower), to) in pairs.zip(to) {
            let sum = u16::from(upper[0]) + u16::from(upper[1]) + u16::from(lower[0]) + u16::from(lower[1]);
            *to = ((sum + 2) / 4) as u8;
        }
    }
}

/// One direction: which source pixels make a target pixel, and how much of each. Weights of a target pixel sum to 128: a
/// sum of pixels times weights then fits sixteen bits with a sign, which processors multiply fastest.
struct Axis {
    /// First source pixel of each target pixel.
    starts: Vec<u32>,
    /// `taps` weights for each target pixel.
    weights: Vec<i16>,
    taps: usize,
}

/// The whole of one target pixel's weights.
const ONE: f32 = 128.0;
/// As many weights as any pixel has when a side shrinks to no less than half: what the fast way is made for.
const TAPS: usize = 4;

impl Axis {
    /// A triangle as wide as a target pixel is in source pixels (bilinear when enlarging): no aliasing, little blur.
    fn new(source: usize, target: usize) -> Self {
        let ratio = source as f32 / target as f32;
        let reach = ratio.max(1.0);
        let taps = ((reach * 2.0).ceil() as usize).max(TAPS).min(source);
        let mut starts = Vec::with_capacity(target);
        let mut weights = Vec::with_capacity(target * taps);
        for pixel in 0..target {
            let centre = (pixel as f32 + 0.5) * ratio - 0.5;
            let start = (((centre - reach).floor() + 1.0).max(0.0) as usize).min(source - taps);
            starts.push(start as u32);
            push_triangle(&mut weights, start, taps, centre, reach);
        }
        Self {
            starts,
            weights,
            taps,
        }
    }
}

fn push_triangle(weights: &mut Vec<i16>, start: usize, taps: usize, centre: f32, reach: f32) {
    let height = |tap: usize| (1.0 - ((start + tap) as f32 - centre).abs() / reach).max(0.0);
    let sum: f32 = (0..taps).map(height).sum();
    let first = weights.len();
    weights.extend((0..taps).map(|tap| (height(tap) / sum * ONE).round() as i16));
    // What rounding took or gave goes to the heaviest, so that a plain area keeps its level.
    let rounded: i32 = weights[first..].iter().map(|&weight| i32::from(weight)).sum();
    if let Some(heaviest) = weights[first..].iter_mut().max() {
        *heaviest = (i32::from(*heaviest) + ONE as i32 - rounded) as i16;
    }
}

/// Rows first (whole lines at a time, which the compiler makes vectors of), then columns.
fn weigh(from: &[u8], width: usize, columns: &Axis, rows: &Axis, to: &mut [u8]) {
    let mut line = vec![0i16; width];
    let lines = to.chunks_exact_mut(columns.starts.len());
    let row_weights = rows.weights.chunks_exact(rows.taps);
    for ((to, &start), row_weights) in lines.zip(&rows.starts).zip(row_weights) {
        line.fill(0);
        let source = from[start as usize * width..].chunks_exact(width);
        for (source, &weight) in source.zip(row_weights).filter(|(_, weight)| **weight > 0) {
            for (sum, &pixel) in line.iter_mut().zip(source) {
                *sum += i16::from(pixel) * weight;
            }
        }
        if columns.taps == TAPS {
            weigh_line(&line, columns, to);
        } else {
            weigh_line_slowly(&line, columns, to);
        }
    }
}

/// With a number of weights known to the compiler.
fn weigh_line(line: &[i16], columns: &Axis, to: &mut [u8]) {
    let (weights, _) = columns.weights.as_chunks::<TAPS>();
    for ((to, &start), weights) in to.iter_mut().zip(&columns.starts).zip(weights) {
        if let Some(pixels) = line[start as usize..].first_chunk::<TAPS>() {
            let part = |tap: usize| i32::from(pixels[tap]) * i32::from(weights[tap]);
            *to = ((part(0) + part(1) + part(2) + part(3) + (1 << 13)) >> 14) as u8;
        }
    }
}

fn weigh_line_slowly(line: &[i16], columns: &Axis, to: &mut [u8]) {
    let weights = columns.weights.chunks_exact(columns.taps);
    for ((to, &start), weights) in to.iter_mut().zip(&columns.starts).zip(weights) {
        let pixels = &line[start as usize..];
        let sum: i32 = pixels
            .iter()
            .zip(weights)
            .map(|(&pixel, &weight)| i32::from(pixel) * i32::from(weight))
            .sum();
        *to = ((sum + (1 << 13)) >> 14) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::CaptureTime;
    use std::time::Instant;

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn picture(width: u32, height: u32, luma: impl Fn(usize, usize) -> u8) -> VideoFrame {
        let resolution = Resolution::new(width, height);
        let side = width as usize;
        FramePool::new()
            .make(resolution, CaptureTime(Instant::now()), |planes| {
                for (at, pixel) in planes.y.iter_mut().enumerate() {
                    *pixel = luma(at % side, at / side);
                }
                planes.u.fill(90);
                planes.v.fill(200);
            })
            .unwrap()
    }

    #[test]
    fn a_plain_picture_stays_plain_at_any_size() {
        let plain = picture(64, 36, |_, _| 255);
        for (width, height) in [(32, 18), (64, 34), (2, 2), (100, 90), (62, 36), (16, 8), (640, 2)] {
            let scaled = scale(&plain, Resolution::new(width, height));
            assert_eq!(scaled.resolution(), Resolution::new(width, height));
            assert!(scaled.y().iter().all(|&luma| luma == 255), "{width}x{height}");
            assert!(scaled.u().iter().all(|&chroma| chroma == 90), "{width}x{height}");
            assert!(scaled.v().iter().all(|&chroma| chroma == 200), "{width}x{height}");
        }
    }

    #[test]
    fn half_the_size_is_the_average_of_four() {
        let fine = picture(8, 4, |x, y| if (x + y) % 2 == 0 { 100 } else { 50 });
        let half = scale(&fine, Resolution::new(4, 2));
        assert!(half.y().iter().all(|&luma| luma == 75));
    }

    #[test]
    fn a_quarter_and_less_come_from_all_pixels() {
        // Stripes finer than a target pixel: leaving pixels out would show some of them.
        let stripes = picture(128, 64, |x, _| if x % 2 == 0 { 200 } else { 100 });
        for (width, height) in [(32, 16), (30, 14), (20, 64)] {
            let scaled = scale(&stripes, Resolution::new(width, height));
            let inside = scaled.y().iter().all(|&luma| luma.abs_diff(150) < 8);
            assert!(inside, "{width}x{height}: {:?}", &scaled.y()[..8]);
        }
    }

    #[test]
    fn a_ramp_keeps_its_place_and_slope() {
        let ramp = picture(256, 16, |x, _| x as u8);
        for width in [96u32, 192, 400] {
            let scaled = scale(&ramp, Resolution::new(width, 10));
            for x in 4..width as usize - 4 {
                let expect = (x as f32 + 0.5) * 256.0 / width as f32 - 0.5;
                let is = f32::from(scaled.y()[3 * width as usize + x]);
                assert!((is - expect).abs() < 1.1, "{x} of {width}: {is} for {expect}");
            }
        }
    }

    #[test]
    fn the_same_size_shares_its_pixels_and_an_impossible_one_is_refused() {
        let frame = picture(8, 4, |x, _| x as u8);
        for resolution in [
            Resolution::new(8, 4),
            Resolution::new(3, 2),
            Resolution::new(0, 0),
        ] {
            let same = scale(&frame, resolution);
            assert_eq!(same.i420().as_ptr(), frame.i420().as_ptr(), "{resolution}");
        }
    }
}
