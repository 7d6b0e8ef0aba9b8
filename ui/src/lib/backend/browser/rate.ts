/** So many at once, then one in so much time. Pure. As `parley-call/src/session/rate.rs`. */

export class RateLimit {
  #used = 0;
  #atMs = 0;
  readonly #burst: number;
  readonly #everyMs: number;

  constructor(burst: number, everyMs: number) {
    this.#burst = burst;
    this.#everyMs = everyMs;
  }

  allow(nowMs: number): boolean {
    this.#used = Math.max(0, this.#used - (nowMs - this.#atMs) / this.#everyMs);
    this.#atMs = nowMs;
    if (this.#used + 1 > this.#burst) return false;
    this.#used += 1;
    return true;
  }
}
