/**
 * How newcomers are told what everybody knows: each by itself and at once, as long as few come; of many who come together those who wait are
 * told by one word to everybody. Pure. As `parley-call/src/session/group/newcomers.rs`.
 */
import { Pace } from './pace';

/** So many and more who wait are told by one word. */
const MANY = 3;

export class Newcomers {
  /** A handful is told at once, and then somebody, or everybody who waits, twice a second. */
  readonly #pace = new Pace(8, 500);

  /** Whether so many are told by one word. */
  static areMany = (waiting: number): boolean => waiting >= MANY;

  /** Whether one word more may be said to them now; it counts as said. */
  take(nowMs: number): boolean {
    const free = this.#pace.isFree(nowMs);
    if (free) this.#pace.take(nowMs);
    return free;
  }
}
