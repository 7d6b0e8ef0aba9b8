/**
 * Frames that wait to be said to the people of a group: a short queue for each of them, served in turn, so that whoever makes this side
 * answer a lot waits for nobody but themselves, and nobody waits for them. What is written to most of them goes once, to everybody: who
 * has it already hears it again, and shows it once, as after a loss. Pure.
 */

/** With so many people and more, what most of them are told goes once. As `parley-call/src/call/word_lanes.rs`. */
const PEOPLE_MIN = 3;

const same = (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && one.every((byte, at) => byte === other[at]);

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

  /** The next frame of whoever's turn it is; to nobody, and so to everybody, where most of so many people wait for the same. */
  next(people = Infinity): { to: string | null; frame: Uint8Array } | null {
    const [turn] = this.#of;
    if (!turn) return null;
    const [to, waiting] = turn;
    const all = this.#whoWaitsFor(waiting[0], people);
    if (waiting[0] && all) {
      const [frame] = waiting;
      for (const one of all) this.#drop(one);
      return { to: null, frame };
    }
    const frame = waiting.shift();
    this.#of.delete(to);
    if (waiting.length) this.#of.set(to, waiting);
    if (!frame) return null;
    this.#bytes -= frame.length;
    return { to, frame };
  }

  /** Those whose next frame is this one, where they are most of so many people. */
  #whoWaitsFor(frame: Uint8Array | undefined, people: number): string[] | null {
    if (!frame || people < PEOPLE_MIN || 2 * this.#of.size < people) return null;
    const all = [...this.#of].filter(([, [first]]) => first !== undefined && same(first, frame)).map(([to]) => to);
    return 2 * all.length >= people ? all : null;
  }

  #drop(to: string): void {
    const waiting = this.#of.get(to) ?? [];
    this.#bytes -= waiting.shift()?.length ?? 0;
    if (!waiting.length) this.#of.delete(to);
  }

  forget(to: string): void {
    for (const { length } of this.#of.get(to) ?? []) this.#bytes -= length;
    this.#of.delete(to);
  }
}
