/**
 * One tile: subscribes at the size it is shown, keeps the newest picture, draws it in the next animation frame, and lets
 * go while it is hidden. Owns the canvas' content; what lies around it is the component's.
 */
import { drawingWay } from './choose';
import { painterFor, type Painter } from './draw';
import type { FrameSource, FrameTap, Picture, TileSize } from './source';

/** Window resizing makes many sizes; the bridge hears the last of this long. */
const RESIZE_SETTLES_MS = 120;
/** Browsers take the oldest WebGL context away from a page with sixteen: a group's other tiles are drawn in another way. */
const WEBGL_MAX = 8;
let webgl = 0;
/** The blurred surroundings follow the picture this many pictures apart. */
const BACKDROP_EVERY = 10;
const BLUR_WIDTH = 8;
const BLUR_HEIGHT = 6;

export interface TileOptions {
  readonly tile: string;
  /** A tiny canvas that gets the picture now and then, to be stretched behind it. */
  readonly backdrop?: HTMLCanvasElement | null;
  /** There is no graphics card to draw. */
  readonly byProcessor?: boolean;
  /** After the first picture, and after each change of its size. */
  readonly onSize?: (width: number, height: number) => void;
}

/** Shows a tile until the returned function is called. */
export function showTile(canvas: HTMLCanvasElement, source: FrameSource, options: TileOptions): () => void {
  const view = new TileView(canvas, source, options);
  return () => view.close();
}

class TileView {
  readonly #canvas: HTMLCanvasElement;
  readonly #source: FrameSource;
  readonly #options: TileOptions;
  readonly #painter: Painter | null;
  readonly #observer: ResizeObserver;
  #tap: FrameTap | null = null;
  #size: TileSize = { width: 0, height: 0 };
  #pending: Picture | null = null;
  #shown = { width: 0, height: 0, frames: 0 };
  #animation = 0;
  #handful: HTMLCanvasElement | null = null;
  #settle: ReturnType<typeof setTimeout> | undefined;
  #counted: boolean;

  constructor(canvas: HTMLCanvasElement, source: FrameSource, options: TileOptions) {
    this.#canvas = canvas;
    this.#source = source;
    this.#options = options;
    const chosen = drawingWay(options.byProcessor ?? false);
    const way = chosen === 'webgl2' && webgl >= WEBGL_MAX ? 'rgba' : chosen;
    this.#counted = way === 'webgl2';
    if (this.#counted) webgl += 1;
    this.#painter = painterFor(way, canvas);
    canvas.dataset['way'] = way;
    canvas.dataset['frames'] = '0';
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(canvas);
    document.addEventListener('visibilitychange', this.#visibility);
    this.#subscribe();
  }

  close(): void {
    this.#observer.disconnect();
    document.removeEventListener('visibilitychange', this.#visibility);
    clearTimeout(this.#settle);
    this.#unsubscribe();
    if (this.#counted) webgl -= 1;
    this.#counted = false;
  }

  readonly #visibility = () => (document.hidden ? this.#unsubscribe() : this.#subscribe());

  #subscribe(): void {
    this.#size = devicePixels(this.#canvas);
    if (this.#tap || document.hidden || this.#size.width === 0) return;
    this.#tap = this.#source.open(this.#options.tile, this.#size, (picture) => this.#take(picture));
  }

  #unsubscribe(): void {
    cancelAnimationFrame(this.#animation);
    this.#animation = 0;
    this.#pending = null;
    this.#tap?.close();
    this.#tap = null;
  }

  #resized(): void {
    clearTimeout(this.#settle);
    if (!this.#tap) {
      this.#subscribe();
      return;
    }
    this.#settle = setTimeout(() => {
      const size = devicePixels(this.#canvas);
      if (size.width === 0) this.#unsubscribe();
      else if (size.width !== this.#size.width || size.height !== this.#size.height) {
        this.#size = size;
        this.#tap?.resize(size);
      }
    }, RESIZE_SETTLES_MS);
  }

  #take(picture: Picture): void {
    if (this.#pending) this.#tap?.ack();
    this.#pending = picture;
    this.#animation ||= requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#animation = 0;
    const picture = this.#pending;
    if (!picture) return;
    this.#pending = null;
    try {
      this.#painter?.paint(picture);
      this.#count(picture);
    } finally {
      this.#tap?.ack();
    }
  }

  #count(picture: Picture): void {
    const shown = this.#shown;
    shown.frames += 1;
    const data = this.#canvas.dataset;
    data['frames'] = String(shown.frames);
    data['number'] = String(picture.number);
    if (shown.width !== picture.width || shown.height !== picture.height) {
      shown.width = picture.width;
      shown.height = picture.height;
      data['width'] = String(picture.width);
      data['height'] = String(picture.height);
      this.#options.onSize?.(picture.width, picture.height);
    }
    if (shown.frames % BACKDROP_EVERY === 1) this.#paintBackdrop(picture);
  }

  #paintBackdrop(picture: Picture): void {
    const { backdrop } = this.#options;
    if (!backdrop) return;
    // Behind a picture that fills its tile nobody sees it, but it would be drawn, blended and all, with each picture.
    backdrop.hidden = fills(picture, this.#size);
    if (backdrop.hidden) return;
    const context = backdrop.getContext('2d', { alpha: false });
    if (!context) return;
    // Down to a handful of pixels and up again: twice smoothed is a blur, at no cost to speak of.
    const handful = (this.#handful ??= smallCanvas());
    handful.getContext('2d', { alpha: false })?.drawImage(this.#canvas, 0, 0, BLUR_WIDTH, BLUR_HEIGHT);
    context.imageSmoothingQuality = 'high';
    context.drawImage(handful, 0, 0, backdrop.width, backdrop.height);
  }
}

/** Whether a picture shown whole leaves no more than a pixel of its tile free on any side. */
export function fills(picture: TileSize, tile: TileSize): boolean {
  const scale = Math.min(tile.width / picture.width, tile.height / picture.height);
  return tile.width - picture.width * scale <= 2 && tile.height - picture.height * scale <= 2;
}

function smallCanvas(): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = BLUR_WIDTH;
  canvas.height = BLUR_HEIGHT;
  return canvas;
}

/** The canvas' box in device pixels, even in both directions as chroma likes it. */
function devicePixels(canvas: HTMLCanvasElement): TileSize {
  const scale = window.devicePixelRatio || 1;
  const even = (length: number) => Math.ceil((length * scale) / 2) * 2;
  return { width: even(canvas.clientWidth), height: even(canvas.clientHeight) };
}
