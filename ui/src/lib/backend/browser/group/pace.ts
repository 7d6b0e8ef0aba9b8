/**
 * How often something may be said: so much at once, so much in the long run. Unlike `rate.ts`, which drops what comes too often, this
 * is for what waits its turn. Pure. As `parley-call/src/session/pace.rs`.
 */

export class Pace {
  readonly #burst: number;
  readonly #everyMs: number;
  /** Until when what was said uses the allowance up. */
  #usedUntil = -Infinity;

  constructor(burst: number, everyMs: number) {
    this.#burst = burst;
    this.#everyMs = everyMs;
  }

  isFree(nowMs: number): boolean {
    return this.#usedUntil - this.#everyMs * (this.#burst - 1) <= nowMs;
  }

  /** One goes, which counts as so many. */
  take(nowMs: number, count = 1): void {
    this.#usedUntil = Math.max(this.#usedUntil, nowMs) + this.#everyMs * count;
  }
}
