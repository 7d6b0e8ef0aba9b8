//! The pointer's picture where the display server has none ready: Windows keeps colours and masks, macOS tells nobody what its
//! pointer looks like, so an arrow stands for it. For RGBA pictures. Pure.

use super::pixels::Pointer;

const CLEAR: u32 = 0;
const BLACK: u32 = 0xff00_0000;
const WHITE: u32 = 0xffff_ffff;

/// One bitmap of an icon: `0xAARRGGBB`, the top row first.
#[cfg(any(test, windows))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bitmap {
    pub(super) width: usize,
    pub(super) pixels: Vec<u32>,
}

/// From what Windows keeps. Without colours the mask's upper half says what stays of the screen, and its lower half what is
/// inverted in it; a picture of colours without alpha has such a mask too, of one half.
#[cfg(any(test, windows))]
pub(super) fn of_windows(colours: Option<&Bitmap>, mask: &Bitmap, hot: (i32, i32)) -> Pointer {
    let width = mask.width.max(1);
    let mut inverted = Vec::new();
    let mut pixels: Vec<u32> = match colours {
        Some(colours) if colours.pixels.iter().any(|pixel| pixel >> 24 != 0) => {
            colours.pixels.iter().map(|&pixel| premultiplied(pixel)).collect()
        }
        Some(colours) => {
            let kept = mask.pixels.iter().map(|pixel| pixel & 0xff_ffff != 0);
            masked(kept.zip(colours.pixels.iter().copied()), &mut inverted)
        }
        None => {
            let (kept, flipped) = mask.pixels.split_at(mask.pixels.len() / 2);
            let kept = kept.iter().map(|pixel| pixel & 0xff_ffff != 0);
            masked(kept.zip(flipped.iter().copied()), &mut inverted)
        }
    };
    let width = colours.map_or(width, |colours| colours.width.max(1));
    for at in inverted {
        outline(&mut pixels, width, at);
    }
    Pointer {
        height: pixels.len() / width,
        width,
        hot,
        pixels,
    }
}

/// Pixels that hide the screen, or let it be seen, or turn it around. The last cannot be drawn without looking at what is
/// below: they become black, and their places are noted.
#[cfg(any(test, windows))]
fn masked(pixels: impl Iterator<Item = (bool, u32)>, inverted: &mut Vec<usize>) -> Vec<u32> {
    pixels
        .enumerate()
        .map(|(at, (kept, colour))| match (kept, colour & 0xff_ffff) {
            (true, 0) => CLEAR,
            (true, _) => {
                inverted.push(at);
                BLACK
            }
            (false, colour) => premultiplied(BLACK | colour),
        })
        .collect()
}

/// A white edge, so that what turns the screen around is seen on black too: the usual text pointer does.
#[cfg(any(test, windows))]
fn outline(pixels: &mut [u32], width: usize, at: usize) {
    let column = at % width;
    let beside = [
        (column > 0).then(|| at - 1),
        (column + 1 < width).then(|| at + 1),
        at.checked_sub(width),
        Some(at + width),
    ];
    for beside in beside.into_iter().flatten() {
        if let Some(pixel) = pixels.get_mut(beside).filter(|pixel| **pixel == CLEAR) {
            *pixel = WHITE;
        }
    }
}

/// `0xAARRGGBB` to `0xAABBGGRR`, the colours multiplied by alpha.
#[cfg(any(test, windows))]
fn premultiplied(pixel: u32) -> u32 {
    let [blue, green, red, alpha] = pixel.to_le_bytes();
    let times = |colour: u8| ((u32::from(colour) * u32::from(alpha) + 127) / 255) as u8;
    u32::from_le_bytes([times(red), times(green), times(blue), alpha])
}

/// The arrow: black, with a white edge.
#[cfg(any(test, target_os = "macos"))]
const ARROW: [&str; 17] = [
    "o           ",
    "oo          ",
    "oxo         ",
    "oxxo        ",
    "oxxxo       ",
    "oxxxxo      ",
    "oxxxxxo     ",
    "oxxxxxxo    ",
    "oxxxxxxxo   ",
    "oxxxxxxxxo  ",
    "oxxxxxooooo ",
    "oxxoxxo     ",
    "oxo oxxo    ",
    "oo  oxxo    ",
    "     oxxo   ",
    "     oxxo   ",
    "      oo    ",
];

/// An arrow whose every dot is `sharpness` pixels wide.
#[cfg(any(test, target_os = "macos"))]
pub(super) fn arrow(sharpness: usize) -> Pointer {
    let dots = |row: &&str| -> Vec<u32> {
        let colour = |dot| match dot {
            'x' => BLACK,
            'o' => WHITE,
            _ => CLEAR,
        };
        let row = row
            .chars()
            .flat_map(|dot| std::iter::repeat_n(colour(dot), sharpness));
        row.collect::<Vec<_>>().repeat(sharpness)
    };
    Pointer {
        width: ARROW[0].len() * sharpness,
        height: ARROW.len() * sharpness,
        hot: (0, 0),
        pixels: ARROW.iter().flat_map(dots).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap(width: usize, pixels: &[u32]) -> Bitmap {
        Bitmap {
            width,
            pixels: pixels.to_vec(),
        }
    }

    #[test]
    fn colours_with_alpha_need_no_mask() {
        let colours = bitmap(2, &[0x80ff_0000, 0x0012_3456, 0xff00_00ff, 0xffff_ffff]);
        let pointer = of_windows(Some(&colours), &bitmap(2, &[0; 4]), (1, 0));
        assert_eq!(pointer.pixels, [0x8000_0080, 0, 0xffff_0000, WHITE]);
        assert_eq!((pointer.width, pointer.height, pointer.hot), (2, 2, (1, 0)));
    }

    #[test]
    fn colours_without_alpha_are_seen_where_the_mask_hides_the_screen() {
        let colours = bitmap(3, &[0x00ff_0000, 0, 0x00ff_0000]);
        let mask = bitmap(3, &[0, 0x00ff_ffff, 0]);
        let pointer = of_windows(Some(&colours), &mask, (0, 0));
        assert_eq!(pointer.pixels, [0xff00_00ff, CLEAR, 0xff00_00ff]);
    }

    #[test]
    fn a_pointer_without_colours_is_black_and_white_and_its_inverted_part_has_an_edge() {
        let on = 0x00ff_ffff;
        // Rows of what is kept of the screen, then of what is turned around.
        let mask = bitmap(4, &[0, 0, on, on, on, on, on, on, 0, on, 0, 0, 0, 0, 0, on]);
        let pointer = of_windows(None, &mask, (0, 0));
        assert_eq!((pointer.width, pointer.height), (4, 2));
        assert_eq!(
            pointer.pixels,
            [BLACK, WHITE, CLEAR, WHITE, CLEAR, CLEAR, WHITE, BLACK]
        );
    }

    #[test]
    fn odd_bitmaps_are_no_reason_to_fall() {
        for (colours, mask) in [
            (None, bitmap(0, &[])),
            (Some(bitmap(0, &[])), bitmap(2, &[0; 4])),
            (Some(bitmap(3, &[1, 2])), bitmap(1, &[0x00ff_ffff])),
            (None, bitmap(3, &[0x00ff_ffff; 5])),
        ] {
            let pointer = of_windows(colours.as_ref(), &mask, (0, 0));
            assert!(pointer.width * pointer.height <= pointer.pixels.len() + pointer.width);
        }
    }

    #[test]
    fn the_arrow_points_with_its_tip_and_grows_with_the_screen() {
        let (small, large) = (arrow(1), arrow(2));
        assert_eq!(small.pixels.len(), small.width * small.height);
        assert_eq!(small.pixels[0], WHITE, "the tip");
        assert_eq!(large.pixels.len(), 4 * small.pixels.len());
        assert_eq!(&large.pixels[..2], &[WHITE, WHITE]);
        assert!(ARROW.iter().all(|row| row.len() == ARROW[0].len()));
    }
}
