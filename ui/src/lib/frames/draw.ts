/** Three ways to bring an I420 picture onto a canvas, behind one shape. Which one is quick differs by machine: see choose.ts. */
import { toRgba } from './rgba';
import type { Picture } from './source';
import { WebGlPainter } from './webgl';

export type DrawingWay = 'video-frame' | 'rgba' | 'webgl2';

export interface Painter {
  /** Draws the picture, at its own size. */
  paint(picture: Picture): void;
}

/** A painter for this canvas, or null where the way does not exist. */
export function painterFor(way: DrawingWay, canvas: HTMLCanvasElement): Painter | null {
  switch (way) {
    case 'video-frame':
      return VideoFramePainter.on(canvas);
    case 'rgba':
      return RgbaPainter.on(canvas);
    case 'webgl2':
      return WebGlPainter.on(canvas);
  }
}

/** Resizes only on change: setting a canvas' size clears it. */
export function fitCanvas(canvas: HTMLCanvasElement, picture: Picture): void {
  if (canvas.width !== picture.width) canvas.width = picture.width;
  if (canvas.height !== picture.height) canvas.height = picture.height;
}

/** Cameras give BT.601 in limited range; without being told, browsers take BT.709. */
const COLOURS: VideoColorSpaceInit = { matrix: 'smpte170m', primaries: 'bt709', transfer: 'bt709', fullRange: false };

class VideoFramePainter implements Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;

  static on(canvas: HTMLCanvasElement): VideoFramePainter | null {
    if (typeof VideoFrame === 'undefined') return null;
    const context = canvas.getContext('2d', { alpha: false });
    return context ? new VideoFramePainter(canvas, context) : null;
  }

  private constructor(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D) {
    this.#canvas = canvas;
    this.#context = context;
  }

  paint(picture: Picture): void {
    fitCanvas(this.#canvas, picture);
    const frame = new VideoFrame(picture.planes as Uint8Array<ArrayBuffer>, {
      format: 'I420',
      codedWidth: picture.width,
      codedHeight: picture.height,
      timestamp: picture.capturedUs,
      colorSpace: COLOURS,
    });
    try {
      this.#context.drawImage(frame, 0, 0, picture.width, picture.height);
    } finally {
      frame.close();
    }
  }
}

class RgbaPainter implements Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  #image: ImageData | null = null;

  static on(canvas: HTMLCanvasElement): RgbaPainter | null {
    const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    return context ? new RgbaPainter(canvas, context) : null;
  }

  private constructor(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D) {
    this.#canvas = canvas;
    this.#context = context;
  }

  paint(picture: Picture): void {
    fitCanvas(this.#canvas, picture);
    if (this.#image?.width !== picture.width || this.#image.height !== picture.height) {
      this.#image = new ImageData(picture.width, picture.height);
    }
    toRgba(picture, this.#image.data);
    this.#context.putImageData(this.#image, 0, 0);
  }
}
