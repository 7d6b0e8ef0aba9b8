/**
 * How much of files may be on its way at once, so that sound and pictures pass: delay-based, after LEDBAT (RFC 6817). Pure. As
 * `parley-call/src/files/pace.rs`, which explains it.
 */
import { CHUNK_BYTES_MAX } from './frames';

const TARGET_MS = 30;
const WINDOW_MIN = 16 * 1024;
const WINDOW_MAX = 8 * 1024 * 1024;
const WINDOW_START = 16 * 1024;
const GROWTH = 1 / 8;
const SHRINKAGE = 1 / 2;
/** Longer than in the app: whatever else a page does disturbs its clock. */
const RECENT_MS = 250;
const BASE_SPAN_MS = 60_000;
const CHUNKS_PER_WINDOW = 8;
const CHUNK_BYTES_MIN = 2 * 1024;

export class Pace {
  /** Bytes that may be on their way at once. */
  window = WINDOW_START;
  #starting = true;
  #zero: number | null = null;
  #recent: { atMs: number; delay: number }[] = [];
  #base: { sinceMs: number; now: number; before: number } | null = null;

  get chunkBytes(): number {
    return Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, Math.floor(this.window / CHUNKS_PER_WINDOW)));
  }

  onReceipt(nowMs: number, bytes: number, delayMs: number): void {
    this.#zero ??= delayMs;
    // Wrapping, and signed: a shorter delay than the first one is less than nothing.
    this.#note(nowMs, (delayMs - this.#zero) | 0);
    const base = this.#base ? Math.min(this.#base.now, this.#base.before) : 0;
    const queue = Math.max(0, Math.min(...this.#recent.map(({ delay }) => delay)) - base);
    this.#starting &&= queue < TARGET_MS / 2;
    const off = Math.min(1, Math.max(-1, (TARGET_MS - queue) / TARGET_MS));
    const step = this.#starting ? bytes : off * (off > 0 ? GROWTH : SHRINKAGE) * Math.min(bytes, this.window);
    this.window = Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, this.window + step));
  }

  #note(nowMs: number, delay: number): void {
    this.#recent = [...this.#recent.filter(({ atMs }) => nowMs - atMs <= RECENT_MS), { atMs: nowMs, delay }];
    const base = (this.#base ??= { sinceMs: nowMs, now: delay, before: Infinity });
    if (nowMs - base.sinceMs > BASE_SPAN_MS) Object.assign(base, { before: base.now, now: delay, sinceMs: nowMs });
    base.now = Math.min(base.now, delay);
  }
}
