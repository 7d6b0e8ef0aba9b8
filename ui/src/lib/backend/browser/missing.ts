/**
 * People whom the server knew and does not name any more, although it never said that they left: a server that began anew knows everybody
 * again only once they came back, one after the other and under the same ids. Does not tell who is in the room: that is `Roster`'s. Pure. As
 * `parley-call/src/session/missing.rs`.
 */
import { PEOPLE_MAX } from './limits';

/** For so long the server keeps a place too (docs/protocol.md, "Limits"). */
const GRACE_MS = 60_000;

export class Missing {
  /** Until when each may come back. */
  readonly #until = new Map<string, number>();

  /** The server does not name them. Who does not fit is given up at once: no room was larger. */
  note(nowMs: number, id: string): void {
    if (this.#until.size < PEOPLE_MAX && !this.#until.has(id)) this.#until.set(id, nowMs + GRACE_MS);
  }

  /** They are there, or left for good. */
  forget(id: string): void {
    this.#until.delete(id);
  }

  has = (id: string): boolean => this.#until.has(id);

  get ids(): readonly string[] {
    return [...this.#until.keys()];
  }

  /** Time passed: who did not come back is gone. */
  onTick(nowMs: number): void {
    for (const [id, until] of this.#until) if (nowMs >= until) this.#until.delete(id);
  }
}
