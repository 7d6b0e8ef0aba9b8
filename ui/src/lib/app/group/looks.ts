/**
 * What is seen of the others, and how large: told to the engine, which asks the server for nothing else. Elements report here while
 * they are there; what is scrolled away, covered by another tab or minimised is not seen. Pure: {@link looksOf}; the rest watches.
 */
import type { TileLook, TileWeight } from '../../bindings';

/** A change waits this long for others: turning a page is many. */
export const SETTLES_MS = 120;
/** But no longer than this, while a window is drawn larger and larger. */
export const WAITS_MAX_MS = 400;
const PIXELS_MAX = 8192;

export interface Seen {
  readonly tile: string;
  readonly weight: TileWeight;
  /** In CSS pixels. */
  readonly width: number;
  readonly height: number;
}

const WEIGHTS: readonly TileWeight[] = ['thumbnail', 'grid', 'large', 'pinned'];

/** The list for the engine: each tile once, at its largest, what matters most first. */
export function looksOf(seen: readonly Seen[], ratio: number): TileLook[] {
  const byTile = new Map<string, TileLook>();
  const pixels = (length: number) => Math.min(PIXELS_MAX, Math.round(length * ratio));
  for (const one of seen) {
    const [width, height] = [pixels(one.width), pixels(one.height)];
    if (width === 0 || height === 0) continue;
    const before = byTile.get(one.tile);
    const weight = before && WEIGHTS.indexOf(before.weight) > WEIGHTS.indexOf(one.weight) ? before.weight : one.weight;
    byTile.set(one.tile, { tile: one.tile, width: Math.max(width, before?.width ?? 0), height: Math.max(height, before?.height ?? 0), weight });
  }
  return [...byTile.values()].sort((a, b) => WEIGHTS.indexOf(b.weight) - WEIGHTS.indexOf(a.weight) || b.width * b.height - a.width * a.height || (a.tile < b.tile ? -1 : 1));
}

interface Watched {
  /** Nothing: one's own, of which nobody need be told. */
  readonly tile: string | null;
  readonly weight: TileWeight;
  readonly onsight: (seen: boolean) => void;
  seen: boolean;
}

export class Looks {
  readonly #tell: (tiles: TileLook[]) => void;
  readonly #elements = new Map<Element, Watched>();
  #resize: ResizeObserver | null = null;
  #sight: IntersectionObserver | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitsSinceMs: number | null = null;
  #wanted = false;
  #told = '';

  constructor(tell: (tiles: TileLook[]) => void) {
    this.#tell = tell;
  }

  /** Whether anybody wants to know: a call between two that goes directly has nothing to choose. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#told = '';
    this.changed();
  }

  /** This element shows the tile until the function returned is called; it is told whenever it comes in sight and out of it. */
  watch(element: Element, tile: string | null, weight: TileWeight, onsight: (seen: boolean) => void = () => undefined): () => void {
    this.#observe();
    const before = this.#elements.get(element);
    const watched = { tile, weight, onsight, seen: before?.seen ?? false };
    this.#elements.set(element, watched);
    if (!before) {
      this.#resize?.observe(element);
      this.#sight?.observe(element);
    } else {
      onsight(before.seen);
      if (before.tile !== tile || before.weight !== weight) this.changed();
    }
    // A component that draws anew lets go and takes hold again at once: that is no change.
    return () => queueMicrotask(() => this.#elements.get(element) === watched && this.#forget(element));
  }

  #forget(element: Element): void {
    this.#elements.delete(element);
    this.#resize?.unobserve(element);
    this.#sight?.unobserve(element);
    this.changed();
  }

  #observe(): void {
    if (this.#resize) return;
    this.#resize = new ResizeObserver(() => this.changed());
    this.#sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const watched = this.#elements.get(target);
        if (!watched || watched.seen === isIntersecting) continue;
        watched.seen = isIntersecting;
        watched.onsight(isIntersecting);
      }
      this.changed();
    });
    document.addEventListener('visibilitychange', () => this.changed());
  }

  /** Something about what is seen may have changed. */
  changed(): void {
    if (!this.#wanted) return;
    const nowMs = performance.now();
    this.#waitsSinceMs ??= nowMs;
    const left = this.#waitsSinceMs + WAITS_MAX_MS - nowMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settled(), Math.max(0, Math.min(SETTLES_MS, left)));
  }

  #settled(): void {
    this.#waitsSinceMs = null;
    if (!this.#wanted) return;
    const tiles = looksOf(document.hidden ? [] : this.#seen(), window.devicePixelRatio || 1);
    const said = JSON.stringify(tiles);
    if (said === this.#told) return;
    this.#told = said;
    this.#tell(tiles);
  }

  #seen(): Seen[] {
    return [...this.#elements].flatMap(([element, { tile, weight, seen }]) => (seen && tile !== null ? [{ tile, weight, width: element.clientWidth, height: element.clientHeight }] : []));
  }
}
