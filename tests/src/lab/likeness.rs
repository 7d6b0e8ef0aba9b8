//! How like a picture is to the one that was sent, by their luma: PSNR, and SSIM of Wang, Bovik, Sheikh and Simoncelli, "Image Quality
//! Assessment: From Error Visibility to Structural Similarity", IEEE TIP 13(4), 2004, in windows of eight by eight pixels, four
//! apart, each pixel counting the same (as in ffmpeg's filter of that name). Pure.

/// Pixels of a window's side, and from one to the next.
const WINDOW: usize = 8;
const STEP: usize = 4;
/// (0.01 L)² and (0.03 L)² of the paper, with L = 255.
const C1: f64 = 6.5025;
const C2: f64 = 58.5225;
/// Equal pictures are this like each other, in decibels: more means nothing.
const PSNR_MAX_DB: f64 = 60.0;

/// Peak signal-to-noise ratio in decibels. Nothing for pictures of different sizes.
#[must_use]
pub fn psnr_db(sent: &[u8], seen: &[u8]) -> Option<f64> {
    if sent.len() != seen.len() || sent.is_empty() {
        return None;
    }
    let squares: u64 = sent
        .iter()
        .zip(seen)
        .map(|(sent, seen)| u64::from(sent.abs_diff(*seen)).pow(2))
        .sum();
    let mean = squares as f64 / sent.len() as f64;
    let ratio = 255.0 * 255.0 / mean.max(f64::MIN_POSITIVE);
    Some((10.0 * ratio.log10()).min(PSNR_MAX_DB))
}

/// Structural similarity, up to 1 for the same. Nothing for pictures of different sizes, or smaller than a window.
#[must_use]
pub fn ssim(width: usize, sent: &[u8], seen: &[u8]) -> Option<f64> {
    let height = sent.len().checked_div(width)?;
    if sent.len() != seen.len() || width < WINDOW || height < WINDOW {
        return None;
    }
    let (mut sum, mut count) = (0.0, 0u32);
    for top in (0..=height - WINDOW).step_by(STEP) {
        for left in (0..=width - WINDOW).step_by(STEP) {
            let at = top * width + left;
            sum += window(width, &sent[at..], &seen[at..]);
            count += 1;
        }
    }
    Some(sum / f64::from(count))
}

/// The window whose upper left corner both begin with.
fn window(width: usize, sent: &[u8], seen: &[u8]) -> f64 {
    let (mut sum_a, mut sum_b, mut squares, mut product) = (0u32, 0u32, 0u32, 0u32);
    for row in 0..WINDOW {
        let line = row * width..row * width + WINDOW;
        for (a, b) in sent[line.clone()].iter().zip(&seen[line]) {
            let (a, b) = (u32::from(*a), u32::from(*b));
            sum_a += a;
            sum_b += b;
            squares += a * a + b * b;
            product += a * b;
        }
    }
    let count = (WINDOW * WINDOW) as f64;
    let (mean_a, mean_b) = (f64::from(sum_a) / count, f64::from(sum_b) / count);
    let variances = f64::from(squares) / count - mean_a * mean_a - mean_b * mean_b;
    let covariance = f64::from(product) / count - mean_a * mean_b;
    let luminance = (2.0 * mean_a * mean_b + C1) / (mean_a * mean_a + mean_b * mean_b + C1);
    luminance * (2.0 * covariance + C2) / (variances + C2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 64;

    /// Something with edges and slopes.
    fn picture() -> Vec<u8> {
        (0..WIDTH * 48)
            .map(|at| {
                let (x, y) = (at % WIDTH, at / WIDTH);
                (x * 2 + y + if (x / 6 + y / 5) % 2 == 0 { 60 } else { 0 }) as u8
            })
            .collect()
    }

    #[test]
    fn the_same_picture_is_as_like_as_can_be() {
        let picture = picture();
        assert_eq!(psnr_db(&picture, &picture), Some(PSNR_MAX_DB));
        let alike = ssim(WIDTH, &picture, &picture).unwrap();
        assert!((alike - 1.0).abs() < 1e-9, "{alike}");
    }

    #[test]
    fn an_error_of_known_size_has_a_known_ratio() {
        let sent = vec![100; 1000];
        let seen = vec![110; 1000];
        // 20 log10(255 / 10)
        let db = psnr_db(&sent, &seen).unwrap();
        assert!((db - 28.131).abs() < 0.001, "{db}");
    }

    /// For flat pictures the formula is its first part alone: (2 a b + C1) / (a² + b² + C1).
    #[test]
    fn flat_pictures_differ_by_their_brightness_alone() {
        let alike = ssim(16, &[100; 256], &[110; 256]).unwrap();
        let expect = (2.0 * 100.0 * 110.0 + C1) / (100.0 * 100.0 + 110.0 * 110.0 + C1);
        assert!((alike - expect).abs() < 1e-9, "{alike}");
    }

    #[test]
    fn blurring_costs_more_likeness_than_brightening() {
        let sent = picture();
        let brighter: Vec<u8> = sent.iter().map(|pixel| pixel.saturating_add(8)).collect();
        let blurred: Vec<u8> = (0..sent.len())
            .map(|at| {
                let around = &sent[at.saturating_sub(4)..(at + 5).min(sent.len())];
                (around.iter().map(|pixel| u32::from(*pixel)).sum::<u32>() / around.len() as u32) as u8
            })
            .collect();
        let of = |seen: &[u8]| ssim(WIDTH, &sent, seen).unwrap();
        assert!(of(&brighter) > 0.95, "{}", of(&brighter));
        assert!(of(&blurred) < 0.8, "{}", of(&blurred));
        let reversed: Vec<u8> = sent.iter().map(|pixel| 255 - pixel).collect();
        assert!(of(&reversed) < 0.0, "{}", of(&reversed));
    }

    #[test]
    fn pictures_of_different_sizes_are_not_compared() {
        assert_eq!(psnr_db(&[1, 2], &[1]), None);
        assert_eq!(psnr_db(&[], &[]), None);
        assert_eq!(ssim(16, &[0; 256], &[0; 255]), None);
        assert_eq!(ssim(0, &[0; 256], &[0; 256]), None);
        assert_eq!(ssim(4, &[0; 256], &[0; 256]), None);
    }
}
