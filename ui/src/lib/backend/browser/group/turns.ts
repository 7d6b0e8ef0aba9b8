/**
 * Frames that wait to be said to the people of a group: a short queue for each of them, served in turn, so that whoever makes this side
 * answer a lot waits for nobody but themselves, and nobody waits for them. What is written to all of them goes once, to everybody; what is
 * said again, for want of an answer, goes to each. Pure.
 */

/** With so many people and more, what all of them are told goes once. As `parley-call/src/call/word_lanes.rs`. */
const PEOPLE_MIN = 3;

const same = (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && one.every((byte, at) => byte === other[at]);

/** So many frames that were said last are known to have been: of those for several, more than wait for one person. */
const SAID_MAX = 64;

export class Turns {
  readonly #of = new Map<string, Uint8Array[]>();
  readonly #said: Uint8Array[] = [];
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

  /** The next frame of whoever's turn it is; to nobody, and so to everybody, where all of so many people wait for the same. */
  next(people = Infinity): { to: string | null; frame: Uint8Array } | null {
    const [turn] = this.#of;
    if (!turn) return null;
    const [to, waiting] = turn;
    const all = this.#whoWaitsFor(waiting[0], people);
    if (waiting[0] && all) {
      const [frame] = waiting;
      for (const one of all) this.#drop(one);
      this.#noteSaid(frame);
      return { to: null, frame };
    }
    const frame = waiting.shift();
    this.#of.delete(to);
    if (waiting.length) this.#of.set(to, waiting);
    if (!frame) return null;
    this.#bytes -= frame.length;
    if (people >= PEOPLE_MIN && people < Infinity) this.#noteSaid(frame);
    return { to, frame };
  }

  /**
   * Those whose next frame is this one, where all of so many people wait for it, behind something else perhaps, and nobody was told it: who
   * came since it was written hears nothing of it.
   */
  #whoWaitsFor(frame: Uint8Array | undefined, people: number): string[] | null {
    if (!frame || people < PEOPLE_MIN || this.#of.size < people || this.#isSaid(frame)) return null;
    const waiting = [...this.#of].filter(([, frames]) => frames.some((one) => same(one, frame)));
    if (waiting.length < people) return null;
    return waiting.filter(([, [first]]) => first !== undefined && same(first, frame)).map(([to]) => to);
  }

  #drop(to: string): void {
    const waiting = this.#of.get(to) ?? [];
    this.#bytes -= waiting.shift()?.length ?? 0;
    if (!waiting.length) this.#of.delete(to);
  }

  #isSaid = (frame: Uint8Array): boolean => this.#said.some((one) => same(one, frame));

  #noteSaid(frame: Uint8Array): void {
    if (this.#isSaid(frame)) return;
    this.#said.push(frame);
    if (this.#said.length > SAID_MAX) this.#said.shift();
  }

  forget(to: string): void {
    for (const { length } of this.#of.get(to) ?? []) this.#bytes -= length;
    this.#of.delete(to);
  }
}
