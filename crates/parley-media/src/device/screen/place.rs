//! Where something is on the desktop, and where the pointer is in a picture of it. Pure.

use parley_proto::Resolution;

/// A part of the desktop in the desktop's own units (points on macOS, pixels on Windows).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) size: Resolution,
}

impl Place {
    /// A point of the desktop, counted in pixels of a picture of this place that measures `picture`.
    pub(super) fn within(self, at: (i32, i32), picture: Resolution) -> (i32, i32) {
        let scaled = |distance: i32, pixels: u32, units: u32| {
            let scaled = i64::from(distance) * i64::from(pixels) / i64::from(units.max(1));
            scaled.clamp(i32::MIN.into(), i32::MAX.into()) as i32
        };
        (
            scaled(at.0.saturating_sub(self.x), picture.width, self.size.width),
            scaled(at.1.saturating_sub(self.y), picture.height, self.size.height),
        )
    }

    /// How many pixels of such a picture one unit is.
    pub(super) fn sharpness(self, picture: Resolution) -> usize {
        let units = self.size.width.max(1);
        ((picture.width + units / 2) / units).clamp(1, 4) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_of_the_desktop_is_found_in_a_sharper_picture_of_a_part_of_it() {
        let place = Place {
            x: -1440,
            y: 100,
            size: Resolution::new(1440, 900),
        };
        let twice = Resolution::new(2880, 1800);
        assert_eq!(place.sharpness(twice), 2);
        assert_eq!(place.within((-1440, 100), twice), (0, 0));
        assert_eq!(place.within((-720, 550), twice), (1440, 900));
        assert_eq!(place.within((-1441, 99), twice), (-2, -2));
    }

    #[test]
    fn a_place_without_room_is_no_reason_to_fall() {
        let nothing = Place {
            x: i32::MIN,
            y: 0,
            size: Resolution::new(0, 0),
        };
        let picture = Resolution::new(u32::MAX / 2, 10);
        assert_eq!(nothing.within((i32::MAX, 3), picture), (i32::MAX, 30));
        assert_eq!(nothing.sharpness(picture), 4);
    }
}
