/** The fake's FrameSource: draws pictures at the tile's size, two unacknowledged at most, only while the tile has one to show. */
import type { FrameSource, FrameTap, Picture, TileSize } from '../../frames/source';
import { FakeCamera } from './picture';

const CREDITS = 2;
/** Converting in script is slow: larger tiles get this and are stretched. */
const WIDTH_MAX = 960;

export class FakeFrames implements FrameSource {
  readonly #periodMs: number;
  readonly #shape: (tile: string) => readonly [number, number] | null;
  readonly #timers = new Set<ReturnType<typeof setInterval>>();

  /** `shape` tells the size of the picture behind a tile; null while there is none. */
  constructor(periodMs: number, shape: (tile: string) => readonly [number, number] | null) {
    this.#periodMs = periodMs;
    this.#shape = shape;
  }

  open(tile: string, size: TileSize, onPicture: (picture: Picture) => void): FrameTap {
    const camera = new FakeCamera(tile);
    let wanted = size;
    let credits = CREDITS;
    let number = 0;
    const draw = () => {
      const shape = this.#shape(tile);
      number += 1;
      if (!shape || credits === 0) return;
      credits -= 1;
      const [width, height] = within(shape, wanted);
      onPicture(camera.picture(width, height, number, (number * this.#periodMs) / 1000));
    };
    const timer = setInterval(draw, this.#periodMs);
    this.#timers.add(timer);
    return {
      resize: (next) => (wanted = next),
      ack: () => (credits = Math.min(CREDITS, credits + 1)),
      close: () => {
        clearInterval(timer);
        this.#timers.delete(timer);
      },
    };
  }

  stop(): void {
    this.#timers.forEach((timer) => clearInterval(timer));
  }
}

/** The picture scaled to lie within the tile, never enlarged, even sides. */
function within(shape: readonly [number, number], tile: TileSize): [number, number] {
  const scale = Math.min(1, tile.width / shape[0], tile.height / shape[1], WIDTH_MAX / shape[0]);
  const even = (length: number) => Math.max(2, Math.round((length * scale) / 2) * 2);
  return [even(shape[0]), even(shape[1])];
}
