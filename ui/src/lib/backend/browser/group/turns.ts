/**
 * Frames that wait to be said to the people of a group: a short queue for each of them, served in turn, so that whoever makes this side
 * answer a lot waits for nobody but themselves, and nobody waits for them. Pure.
 */

export class Turns {
  readonly #of = new Map<string, Uint8Array[]>();
  #bytes = 0;
  readonly #eachMax: number;
  readonly #bytesMax: number;

  /** So many frames wait for each, and so many bytes for all of them. */
  constructor(eachMax: number, bytesMax: number) {
    this.#eachMax = eachMax;
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#of.size === 0;
  }

  /** Tells whether there was room; what finds none is whose it was. */
  add(to: string, frame: Uint8Array): boolean {
    const waiting = this.#of.get(to) ?? [];
    if (waiting.length >= this.#eachMax || this.#bytes + frame.length > this.#bytesMax) return false;
    waiting.push(frame);
    this.#bytes += frame.length;
    this.#of.set(to, waiting);
    return true;
  }

  /** The next frame of whoever's turn it is. */
  next(): { to: string; frame: Uint8Array } | null {
    const [turn] = this.#of;
    if (!turn) return null;
    const [to, waiting] = turn;
    const frame = waiting.shift();
    this.#of.delete(to);
    if (waiting.length) this.#of.set(to, waiting);
    if (!frame) return null;
    this.#bytes -= frame.length;
    return { to, frame };
  }

  forget(to: string): void {
    for (const { length } of this.#of.get(to) ?? []) this.#bytes -= length;
    this.#of.delete(to);
  }
}
