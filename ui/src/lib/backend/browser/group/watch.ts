/**
 * Pictures that are wished for, should flow and do not: their section is asked for anew once; what that does not help stands still. Sound is not
 * watched: the server forwards no silence. Pure. As `parley-call/src/session/group/watch.rs`.
 */

interface Stalled {
  readonly sinceMs: number;
  askedAnew: boolean;
}

const ASK_ANEW_AFTER_MS = 3000;

export class Watch {
  readonly #of = new Map<string, Stalled>();

  /** Those that should flow, as `keyOf` names them, and whether they do. Gives those to ask for anew. */
  look(nowMs: number, pictures: ReadonlyMap<string, boolean>): readonly string[] {
    for (const key of this.#of.keys()) if (pictures.get(key) !== false) this.#of.delete(key);
    const due: string[] = [];
    for (const [key, flows] of pictures) {
      if (flows) continue;
      const known = this.#of.get(key) ?? { sinceMs: nowMs, askedAnew: false };
      this.#of.set(key, known);
      if (known.askedAnew || nowMs < known.sinceMs + ASK_ANEW_AFTER_MS) continue;
      known.askedAnew = true;
      due.push(key);
    }
    return due;
  }

  isStalled = (key: string): boolean => this.#of.has(key);

  clear(): void {
    this.#of.clear();
  }
}
