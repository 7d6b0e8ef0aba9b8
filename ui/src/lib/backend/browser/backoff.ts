/** How long to wait before the next attempt: twice as long each time, with jitter. Pure. */

const FIRST_MS = 200;
const LONGEST_MS = 10_000;

export class Backoff {
  #attempt = 0;

  /** Between half of the delay and the whole; `random` is from 0 up to 1. */
  next(random: number): number {
    const whole = Math.min(FIRST_MS * 2 ** Math.min(this.#attempt, 16), LONGEST_MS);
    this.#attempt += 1;
    return whole / 2 + (whole / 2) * random;
  }

  reset(): void {
    this.#attempt = 0;
  }
}
