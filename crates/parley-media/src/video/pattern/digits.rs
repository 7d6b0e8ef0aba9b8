//! Numbers for people: a few characters of five by seven dots, drawn as squares.

use super::{Canvas, Colour};

/// Dots of a character, one byte a row, the lowest five bits from left to right.
const fn dots(character: u8) -> [u8; 7] {
    match character {
        b'0' => [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
        b'1' => [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        b'2' => [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
        b'3' => [0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110],
        b'4' => [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
        b'5' => [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
        b'6' => [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
        b'7' => [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
        b'8' => [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
        b'9' => [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
        b':' => [0b00000, 0b00100, 0b00100, 0b00000, 0b00100, 0b00100, 0b00000],
        b'.' => [0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00110, 0b00110],
        _ => [0; 7],
    }
}

/// Writes `text` with dots of `dot` pixels, its upper left corner at (`left`, `top`).
pub(super) fn write(
    canvas: &mut Canvas<'_, '_>,
    text: &str,
    left: usize,
    top: usize,
    dot: usize,
    colour: Colour,
) {
    for (index, character) in text.bytes().enumerate() {
        let left = left + index * 6 * dot;
        for (row, bits) in dots(character).into_iter().enumerate() {
            for column in 0..5 {
                if bits & (0b10000 >> column) != 0 {
                    canvas.fill(left + column * dot, top + row * dot, dot, dot, colour);
                }
            }
        }
    }
}
