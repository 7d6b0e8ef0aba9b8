/** Moving pictures of nobody: a person drawn with a few shapes, as raw I420. */
import { planeSizes, type Picture } from '../../frames/source';
import { colourIndex } from '../../text/format';
import { GRACE } from './state';

interface Look {
  readonly wall: readonly [string, string];
  readonly lamp: string;
  readonly skin: string;
  readonly shade: string;
  readonly hair: string;
  readonly shirt: string;
}

const LOOKS: readonly [Look, Look, ...Look[]] = [
  { wall: ['#6f86a8', '#2c3a55'], lamp: '#ffd9a0', skin: '#c98d67', shade: '#a86f4d', hair: '#2b1d17', shirt: '#28527a' },
  { wall: ['#c7a98a', '#5b4436'], lamp: '#fff1cf', skin: '#e2b08c', shade: '#c48f6b', hair: '#6b4a2c', shirt: '#3f6b57' },
  { wall: ['#b9c2c9', '#5c6b78'], lamp: '#ffffff', skin: '#8d5a3c', shade: '#6e4229', hair: '#17110f', shirt: '#a6417f' },
  { wall: ['#54705f', '#1f3029'], lamp: '#ffe3ae', skin: '#f0c6a5', shade: '#d3a17d', hair: '#c7a15a', shirt: '#22303f' },
  { wall: ['#8a7fa8', '#3a3157'], lamp: '#ffd1e8', skin: '#d9a27a', shade: '#b98058', hair: '#3b2a20', shirt: '#b04a3a' },
  { wall: ['#e4ddd2', '#a89a86'], lamp: '#ffffff', skin: '#70452d', shade: '#56321f', hair: '#0f0c0b', shirt: '#3a63c8' },
];

/** Draws and converts; keeps one canvas. */
export class FakeCamera {
  readonly #canvas = document.createElement('canvas');
  readonly #context = this.#canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  readonly #look: Look;

  /** Of Grace, of oneself, or of somebody else. */
  constructor(tile: string) {
    const known = { [GRACE.id]: 0, self: 1 }[tile];
    this.#look = LOOKS[known ?? 2 + colourIndex(tile, LOOKS.length - 2)] ?? LOOKS[0];
  }

  picture(width: number, height: number, number: number, seconds: number): Picture {
    const context = this.#context;
    if (!context) throw new Error('this browser has no 2D canvas');
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    paintRoom(context, this.#look, width, height);
    paintPerson(context, this.#look, width, height, seconds);
    const planes = toI420(context.getImageData(0, 0, width, height).data, width, height);
    return { width, height, number, capturedUs: Math.round(seconds * 1e6), planes };
  }
}

function paintRoom(c: CanvasRenderingContext2D, look: Look, w: number, h: number): void {
  const wall = c.createLinearGradient(0, 0, w, h);
  wall.addColorStop(0, look.wall[0]);
  wall.addColorStop(1, look.wall[1]);
  c.fillStyle = wall;
  c.fillRect(0, 0, w, h);
  const glow = c.createRadialGradient(w * 0.14, h * 0.2, 0, w * 0.14, h * 0.2, h * 0.7);
  glow.addColorStop(0, look.lamp);
  glow.addColorStop(1, 'transparent');
  c.globalAlpha = 0.55;
  c.fillStyle = glow;
  c.fillRect(0, 0, w, h);
  c.globalAlpha = 0.28;
  c.fillStyle = look.wall[1];
  c.fillRect(w * 0.74, h * 0.12, w * 0.2, h * 0.03);
  c.fillRect(w * 0.74, h * 0.36, w * 0.2, h * 0.03);
  [0.76, 0.79, 0.815, 0.86, 0.885].forEach((x, i) => c.fillRect(w * x, h * (0.36 - 0.13 - (i % 3) * 0.02), w * 0.018, h * (0.13 + (i % 3) * 0.02)));
  c.globalAlpha = 1;
}

function paintPerson(c: CanvasRenderingContext2D, look: Look, w: number, h: number, seconds: number): void {
  const sway = Math.sin(seconds * 0.9) * h * 0.012;
  const nod = Math.sin(seconds * 1.7) * h * 0.006;
  const talk = Math.max(0, Math.sin(seconds * 9) * Math.sin(seconds * 1.3));
  const x = w / 2 + sway;
  const y = h * 0.44 + nod;
  const r = h * 0.19;
  const ellipse = (cx: number, cy: number, rx: number, ry: number, colour: string) => {
    c.fillStyle = colour;
    c.beginPath();
    c.ellipse(cx, cy, rx, ry, 0, 0, Math.PI * 2);
    c.fill();
  };
  ellipse(x, y - r * 0.12, r * 1.08, r * 1.22, look.hair);
  ellipse(w / 2 + sway * 0.4, h * 1.12, r * 2.35, h * 0.4, look.shirt);
  c.fillStyle = look.shade;
  c.fillRect(x - r * 0.34, y + r * 0.7, r * 0.68, r * 0.75);
  ellipse(x, y + r * 1.42, r * 0.5, r * 0.22, look.shade);
  ellipse(x, y, r * 0.84, r * 1.06, look.skin);
  c.save();
  c.beginPath();
  c.ellipse(x, y, r * 0.86, r * 1.08, 0, 0, Math.PI * 2);
  c.clip();
  ellipse(x - r * 0.1, y - r * 1.02, r * 1.1, r * 0.62, look.hair);
  c.restore();
  const open = Math.sin(seconds * 1.1) > 0.985 ? 0.1 : 1;
  for (const side of [-1, 1]) {
    ellipse(x + side * r * 0.32, y - r * 0.06, r * 0.085, r * 0.085 * open, look.hair);
    c.fillStyle = look.hair;
    c.fillRect(x + side * r * 0.32 - r * 0.14, y - r * 0.28, r * 0.28, r * 0.045);
  }
  ellipse(x, y + r * 0.22, r * 0.07, r * 0.1, look.shade);
  ellipse(x, y + r * 0.54, r * 0.24, r * (0.05 + talk * 0.09), '#8c4a44');
}

/** RGBA to I420, BT.601 limited range, chroma from the top left of each four. */
export function toI420(rgba: Uint8ClampedArray, width: number, height: number): Uint8Array {
  const { luma, chroma, chromaWidth } = planeSizes(width, height);
  const out = new Uint8Array(luma + 2 * chroma);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = (row * width + column) * 4;
      const r = rgba[at] ?? 0;
      const g = rgba[at + 1] ?? 0;
      const b = rgba[at + 2] ?? 0;
      out[row * width + column] = ((66 * r + 129 * g + 25 * b + 128) >> 8) + 16;
      if ((row | column) & 1) continue;
      const place = luma + (row >> 1) * chromaWidth + (column >> 1);
      out[place] = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128;
      out[place + chroma] = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
    }
  }
  return out;
}
