//! What a person sees in the pattern: hills under an evening sky, drifting by, and things that move in front of them.
//!
//! The panorama is twice as wide as the picture and closes on itself; a picture is a window of it, copied line by line.

use super::super::pool::Planes;
use super::digits;
use super::{Canvas, Colour};
use parley_proto::Resolution;
use std::f32::consts::TAU;

const SKY_TOP: Colour = Colour {
    y: 52,
    u: 152,
    v: 118,
};
const SKY_LOW: Colour = Colour {
    y: 176,
    u: 100,
    v: 152,
};
const FAR_HILLS: Colour = Colour {
    y: 96,
    u: 142,
    v: 124,
};
const NEAR_HILLS: Colour = Colour {
    y: 58,
    u: 122,
    v: 116,
};
const PANEL: Colour = Colour {
    y: 30,
    u: 134,
    v: 124,
};
const TEXT: Colour = Colour {
    y: 222,
    u: 124,
    v: 130,
};
const SUN: Colour = Colour {
    y: 226,
    u: 84,
    v: 148,
};
const BALL: Colour = Colour {
    y: 150,
    u: 104,
    v: 196,
};

/// Noise goes from nothing to this much of luma.
const NOISE_MAX: u32 = 6;
/// How many places in the row of noise a line can begin at.
const NOISE_STARTS: usize = 1021;

/// Everything of the pattern that one size of picture needs.
#[derive(Debug)]
pub(super) struct Scene {
    width: usize,
    height: usize,
    panorama: Panorama,
    noise: Vec<u8>,
    sun: Disc,
    ball: Disc,
}

#[derive(Debug)]
struct Panorama {
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Scene {
    pub(super) fn new(resolution: Resolution) -> Self {
        let (width, height) = (resolution.width as usize, resolution.height as usize);
        Self {
            width,
            height,
            panorama: Panorama::paint(width * 2, height),
            noise: (0..width + NOISE_STARTS).map(noise).collect(),
            sun: Disc::new(height / 5, SUN, 0.0),
            ball: Disc::new(height / 7, BALL, 90.0),
        }
    }

    /// Draws all of picture `number` but the stamp.
    pub(super) fn draw(&self, number: u32, clock_us: u64, planes: &mut Planes<'_>) {
        let (width, height) = (self.width, self.height);
        let step = (width / 640).max(1) * 2;
        // A panorama closes after its width in steps of two pixels; the remainder keeps the offset even.
        let offset = (number as usize % width) * step % (width * 2);
        self.panorama.copy_window(width, height, offset, planes);
        self.add_noise(number, planes.y);
        let mut canvas = Canvas {
            planes,
            width,
            height,
        };
        let turn = number as f32 * TAU;
        let along = |middle: f32, reach: f32, angle: f32| middle + reach * angle.sin();
        let (w, h) = (width as f32, height as f32);
        self.sun.draw(
            &mut canvas,
            along(w * 0.62, w * 0.2, turn / 900.0),
            along(h * 0.3, h * 0.06, turn / 700.0),
        );
        let bounce = (turn / 90.0).sin().abs();
        self.ball.draw(
            &mut canvas,
            along(w * 0.5, w * 0.4, turn / 400.0),
            h * (0.74 - 0.4 * bounce),
        );
        draw_clock(&mut canvas, number, clock_us);
    }

    /// Brightens each pixel a little, differently in each picture, as the noise of a camera does: without it a codec would
    /// find each picture in the one before.
    fn add_noise(&self, number: u32, luma: &mut [u8]) {
        let mut seed = number.wrapping_mul(0x9e37_79b9) | 1;
        for line in luma.chunks_exact_mut(self.width) {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let start = (seed >> 16) as usize % NOISE_STARTS;
            for (pixel, noise) in line.iter_mut().zip(&self.noise[start..]) {
                *pixel = pixel.saturating_add(*noise);
            }
        }
    }
}

impl Panorama {
    fn paint(width: usize, height: usize) -> Self {
        let skyline: Vec<(f32, f32)> = (0..width).map(|x| hills(x as f32 / width as f32)).collect();
        let mut panorama = Self {
            y: Vec::with_capacity(width * height),
            u: Vec::with_capacity(width * height / 4),
            v: Vec::with_capacity(width * height / 4),
        };
        for row in 0..height {
            let depth = row as f32 / height as f32;
            for (x, &line) in skyline.iter().enumerate() {
                let colour = colour_at(depth, line);
                let grain = grain(x, row, if depth > line.0 { 12 } else { 3 });
                panorama.y.push(colour.y.saturating_add_signed(grain));
                if row % 2 == 0 && x % 2 == 0 {
                    panorama.u.push(colour.u);
                    panorama.v.push(colour.v);
                }
            }
        }
        panorama
    }

    fn copy_window(&self, width: usize, height: usize, offset: usize, planes: &mut Planes<'_>) {
        copy_lines(&self.y, planes.y, width, height, offset);
        copy_lines(&self.u, planes.u, width / 2, height / 2, offset / 2);
        copy_lines(&self.v, planes.v, width / 2, height / 2, offset / 2);
    }
}

/// Copies lines of `width` pixels out of lines of twice that, beginning at `offset` and going round at the end.
fn copy_lines(from: &[u8], to: &mut [u8], width: usize, height: usize, offset: usize) {
    let straight = width.min(width * 2 - offset);
    for (from, to) in from
        .chunks_exact(width * 2)
        .zip(to.chunks_exact_mut(width))
        .take(height)
    {
        to[..straight].copy_from_slice(&from[offset..offset + straight]);
        to[straight..].copy_from_slice(&from[..width - straight]);
    }
}

/// How far down the far and the near hills begin, at a place from 0 to 1 along the panorama.
fn hills(place: f32) -> (f32, f32) {
    let wave = |cycles: f32, shift: f32| (TAU * (place * cycles + shift)).sin();
    let far = 0.55 + 0.07 * wave(3.0, 0.1) + 0.04 * wave(7.0, 0.4) + 0.012 * wave(23.0, 0.0);
    let near = 0.76 + 0.05 * wave(2.0, 0.7) + 0.03 * wave(5.0, 0.2) + 0.008 * wave(31.0, 0.3);
    (far, near - trees(place))
}

/// Firs along the near hills: how far each stands up.
fn trees(place: f32) -> f32 {
    let (tree, across) = ((place * 240.0).floor(), (place * 240.0).fract());
    let height = 0.008 + 0.03 * f32::from(hash(tree as u32) as u8) / 255.0;
    height * (1.0 - (across * 2.0 - 1.0).abs())
}

fn colour_at(depth: f32, (far, near): (f32, f32)) -> Colour {
    if depth > near {
        return shade(NEAR_HILLS, SKY_TOP, (depth - near) * 1.6);
    }
    if depth > far {
        // Haze: the foot of far hills is brighter.
        return shade(FAR_HILLS, SKY_LOW, (depth - far) * 1.8);
    }
    shade(SKY_TOP, SKY_LOW, depth / 0.62)
}

fn shade(from: Colour, to: Colour, share: f32) -> Colour {
    let share = share.clamp(0.0, 1.0);
    let mix = |from: u8, to: u8| (f32::from(from) + (f32::from(to) - f32::from(from)) * share) as u8;
    Colour {
        y: mix(from.y, to.y),
        u: mix(from.u, to.u),
        v: mix(from.v, to.v),
    }
}

/// A little texture, always the same at the same place, from -`strength` to `strength`: a real camera's picture is never flat.
fn grain(x: usize, y: usize, strength: i8) -> i8 {
    // Two pixels wide, so that it survives a codec now and then.
    let mixed = hash((x / 2) as u32 ^ ((y / 2) as u32).wrapping_mul(0x9e37_79b9));
    let noise = (mixed >> 24) as i32 - 128;
    (noise * i32::from(strength) / 128) as i8
}

fn noise(place: usize) -> u8 {
    (hash(place as u32 ^ 0x5bd1_e995) % (NOISE_MAX + 1)) as u8
}

/// Scrambles a number (after Ellis' and Wellons' integer hashes).
const fn hash(seed: u32) -> u32 {
    let mixed = (seed ^ seed >> 15).wrapping_mul(0x2c1b_3c6d);
    let mixed = (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39);
    mixed ^ mixed >> 15
}

/// A round thing with a soft edge, prepared once.
#[derive(Debug)]
struct Disc {
    side: usize,
    colour: Colour,
    /// Luma and how much of it, for each pixel of the square around it.
    luma: Vec<(u8, u16)>,
    /// How much of the chroma, for each second pixel of each second row.
    cover: Vec<u16>,
}

impl Disc {
    /// `side` pixels across; `relief` is how much darker its lower right is.
    fn new(side: usize, colour: Colour, relief: f32) -> Self {
        let side = (side & !1).max(2);
        let radius = side as f32 / 2.0;
        let pixel = |x: usize, y: usize| {
            let (across, down) = (x as f32 + 0.5 - radius, y as f32 + 0.5 - radius);
            let distance = (across * across + down * down).sqrt();
            let cover = ((radius - distance) / 2.0).clamp(0.0, 1.0);
            let shadow = (0.5 + (across + down) / (radius * 4.0)) * relief;
            (colour.y.saturating_sub(shadow as u8), (cover * 256.0) as u16)
        };
        let rows = |step: usize| {
            (0..side)
                .step_by(step)
                .flat_map(move |y| (0..side).step_by(step).map(move |x| (x, y)))
        };
        Self {
            side,
            colour,
            luma: rows(1).map(|(x, y)| pixel(x, y)).collect(),
            cover: rows(2).map(|(x, y)| pixel(x, y).1).collect(),
        }
    }

    /// Draws it around (`x`, `y`); not at all if it does not fit in whole.
    fn draw(&self, canvas: &mut Canvas<'_, '_>, x: f32, y: f32) {
        let corner = |middle: f32| (middle - self.side as f32 / 2.0).max(0.0) as usize & !1;
        let (left, top) = (corner(x), corner(y));
        if left + self.side > canvas.width || top + self.side > canvas.height {
            return;
        }
        let lines = canvas.planes.y.chunks_exact_mut(canvas.width).skip(top);
        for (line, disc) in lines.zip(self.luma.chunks_exact(self.side)) {
            for (pixel, &(luma, cover)) in line[left..].iter_mut().zip(disc) {
                *pixel = blend(*pixel, luma, cover);
            }
        }
        self.draw_chroma(
            canvas.planes.u,
            self.colour.u,
            canvas.width / 2,
            left / 2,
            top / 2,
        );
        self.draw_chroma(
            canvas.planes.v,
            self.colour.v,
            canvas.width / 2,
            left / 2,
            top / 2,
        );
    }

    fn draw_chroma(&self, plane: &mut [u8], colour: u8, width: usize, left: usize, top: usize) {
        let lines = plane.chunks_exact_mut(width).skip(top);
        for (line, disc) in lines.zip(self.cover.chunks_exact(self.side / 2)) {
            for (pixel, &cover) in line[left..].iter_mut().zip(disc) {
                *pixel = blend(*pixel, colour, cover);
            }
        }
    }
}

fn blend(under: u8, over: u8, cover: u16) -> u8 {
    ((u16::from(under) * (256 - cover) + u16::from(over) * cover) >> 8) as u8
}

/// The panel with frame number and time of day (UTC), and a hand that goes round once in thirty pictures.
fn draw_clock(canvas: &mut Canvas<'_, '_>, number: u32, clock_us: u64) {
    let dot = (canvas.width / 640).max(1) * 2;
    let (left, top) = (canvas.width / 40, canvas.width / 40);
    // Twelve characters of six dots, two lines of seven, and dots around.
    let (width, height) = ((12 * 6 + 3) * dot, (7 * 2 + 7) * dot);
    if left + width > canvas.width || top + height > canvas.height || canvas.width < 160 {
        return;
    }
    canvas.fill(left, top, width, height, PANEL);
    digits::write(
        canvas,
        &format!("{number:>12}"),
        left + 2 * dot,
        top + 2 * dot,
        dot,
        TEXT,
    );
    digits::write(
        canvas,
        &time_of_day(clock_us),
        left + 2 * dot,
        top + 11 * dot,
        dot,
        TEXT,
    );
    let angle = (number % 30) as f32 / 30.0 * TAU;
    let (x, y) = (
        left as f32 + width as f32 + 13.0 * dot as f32,
        top as f32 + height as f32 / 2.0,
    );
    let mut point = |angle: f32, reach: f32| {
        let at = |middle: f32, away: f32| (middle + away * reach * dot as f32).max(0.0) as usize;
        canvas.fill(at(x, angle.sin()), at(y, -angle.cos()), dot, dot, TEXT);
    };
    (0..9).for_each(|step| point(angle, step as f32));
    (0..30).for_each(|mark| point(mark as f32 / 30.0 * TAU, 10.0));
}

fn time_of_day(clock_us: u64) -> String {
    let ms = clock_us / 1000 % 86_400_000;
    let (seconds, minutes, hours) = (ms / 1000 % 60, ms / 60_000 % 60, ms / 3_600_000);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}
