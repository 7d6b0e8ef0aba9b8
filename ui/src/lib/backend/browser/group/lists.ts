/**
 * What the server is told in whole lists: what this side sends, and whom it wants to see. Ten a second at most, the newest of each;
 * what changed meanwhile goes with the next. Pure. As `parley-call/src/session/group/lists.rs`.
 */
import type { GroupWord, Publish, Wish } from '../wire';
import { Pace } from './pace';
import { keyOf } from './wishes';

export class Lists {
  /** A server takes ten a second of both together. */
  readonly #pace = new Pace(1, 100);
  #publish = '[]';
  /** The wishes, and the most that pictures may take, as told last. */
  #wishes: string | null = null;
  #kbpsMax: number | undefined;
  /** The wishes may have changed. */
  #due = false;
  /** Left out once, so that the server begins them anew; no more than are watched. */
  readonly #leftOut = new Set<string>();

  /** This was told with an offer. */
  offered(publish: readonly Publish[]): void {
    this.#publish = JSON.stringify(publish);
  }

  /** The server knows of no wishes. */
  forgetWishes(): void {
    this.#wishes = null;
    this.#due = true;
  }

  wishesChanged(): void {
    this.#due = true;
  }

  /** A section is to be begun anew, as `keyOf` names it: its wish is left out of one list. */
  beginAnew(key: string): void {
    this.#leftOut.add(key);
    this.#due = true;
  }

  /** Tells what changed, as far as it may now. `kbpsMax` is the most that pictures to this side may take, where that is limited. */
  tell(nowMs: number, publish: readonly Publish[], wishes: () => Wish[], say: (word: GroupWord) => void, kbpsMax?: number): void {
    this.#due ||= this.#wishes !== null && kbpsMax !== this.#kbpsMax;
    if (JSON.stringify(publish) !== this.#publish) {
      if (!this.#pace.isFree(nowMs)) return;
      this.#pace.take(nowMs);
      this.#publish = JSON.stringify(publish);
      say({ type: 'publish', publish });
    }
    if (!this.#due || !this.#pace.isFree(nowMs)) return;
    const downs = wishes().filter((wish) => !this.#leftOut.has(keyOf(wish.participant, wish.source)));
    // What was left out goes with the next.
    this.#due = this.#leftOut.size > 0;
    this.#leftOut.clear();
    const text = JSON.stringify(downs);
    if (text === this.#wishes && kbpsMax === this.#kbpsMax) return;
    this.#wishes = text;
    this.#kbpsMax = kbpsMax;
    this.#pace.take(nowMs);
    say({ type: 'subscribe', downs, ...(kbpsMax === undefined ? {} : { kbps_max: kbpsMax }) });
  }
}
