//! A page of something like text: small sharp glyphs in lines, the hardest thing for a video codec. Pure, so that both the
//! window that shows it and the judge of what arrived can make it.

use parley_media::video::VideoFrame;

/// Pixels of one character's cell.
const CELL: (usize, usize) = (8, 16);
/// Pixels of the glyph in it.
const GLYPH: (usize, usize) = (6, 10);

/// The page in BGRX, `width * height * 4` bytes. Each step scrolls by one line.
#[must_use]
pub fn page(width: usize, height: usize, step: usize) -> Vec<u8> {
    let mut pixels = vec![255u8; width * height * 4];
    for y in 0..height {
        let line = y / CELL.1 + step;
        for x in 0..width {
            if is_ink(line, x / CELL.0, x % CELL.0, y % CELL.1) {
                let ink: [u8; 3] = if line.is_multiple_of(5) {
                    [150, 40, 20]
                } else {
                    [30, 30, 30]
                };
                pixels[(y * width + x) * 4..][..3].copy_from_slice(&ink);
            }
        }
    }
    pixels
}

fn is_ink(line: usize, column: usize, x: usize, y: usize) -> bool {
    if x >= GLYPH.0 || !(3..3 + GLYPH.1).contains(&y) {
        return false;
    }
    let letter = mix((line * 1009 + column) as u64);
    // A space now and then, and short lines.
    if letter.is_multiple_of(6) || column > 20 + (mix(line as u64) % 220) as usize {
        return false;
    }
    // Strokes two pixels wide, as at the usual sizes of type.
    mix(letter ^ ((x / 2) * 31 + y / 2) as u64) % 100 < 45
}

/// The finaliser of MurmurHash3 (Austin Appleby): any two inputs look unrelated.
const fn mix(mut n: u64) -> u64 {
    n ^= n >> 33;
    n = n.wrapping_mul(0xff51_afd7_ed55_8ccd);
    n ^= n >> 33;
    n = n.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    n ^ (n >> 33)
}

/// The luma of a BGRX pixel (BT.601, limited range).
fn luma(pixel: &[u8]) -> f64 {
    let part = |index: usize, weight: f64| pixel.get(index).map_or(0.0, |value| f64::from(*value) * weight);
    16.0 + (part(2, 65.481) + part(1, 128.553) + part(0, 24.966)) / 255.0
}

/// The luma of a page in BGRX.
#[must_use]
pub fn luma_plane(page: &[u8]) -> Vec<u8> {
    page.chunks_exact(4)
        .map(|pixel| luma(pixel).round() as u8)
        .collect()
}

/// Peak signal-to-noise ratio of the luma against a page in BGRX of the same size, in decibels. Minus infinity for another size.
#[must_use]
pub fn psnr_db(page: &[u8], frame: &VideoFrame) -> f64 {
    psnr_of_luma_db(page, frame.y())
}

/// The same, of luma from elsewhere.
#[must_use]
pub fn psnr_of_luma_db(page: &[u8], y: &[u8]) -> f64 {
    if page.len() != y.len() * 4 {
        return f64::NEG_INFINITY;
    }
    let error: f64 = page
        .chunks_exact(4)
        .zip(y)
        .map(|(pixel, luma_seen)| (luma(pixel) - f64::from(*luma_seen)).powi(2))
        .sum();
    10.0 * (255.0 * 255.0 * y.len() as f64 / error.max(1e-9)).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::time::CaptureTime;
    use parley_proto::Resolution;

    #[test]
    fn a_page_scrolls_and_the_judge_tells_steps_apart() {
        let (width, height) = (320, 160);
        let pages = [page(width, height, 0), page(width, height, 1)];
        assert_eq!(pages[0][width * 16 * 4..], pages[1][..width * (height - 16) * 4]);
        let mut pixels = luma_plane(&pages[0]);
        pixels.resize(width * height * 3 / 2, 128);
        let frame = VideoFrame::from_i420(
            Resolution::new(320, 160),
            pixels.into(),
            CaptureTime(std::time::Instant::now()),
        )
        .unwrap();
        assert!(psnr_db(&pages[0], &frame) > 50.0);
        assert!(psnr_db(&pages[1], &frame) < 20.0);
        assert_eq!(psnr_db(&pages[0][4..], &frame), f64::NEG_INFINITY);
    }
}
