/** Which peer connection of ours talks to which of theirs, by the numbers on every message (docs/protocol.md). Pure. */

/** fits; theirs is new, theirs is old, or ours is new and they do not know it yet. */
export type Fit = 'fits' | 'theirs-new' | 'theirs-old' | 'ours-new';

export class Pairing {
  own: number;
  theirs: number | undefined;
  paired = false;
  #newestSeen = 0;

  constructor(own: number) {
    this.own = own;
  }

  /** Ours was replaced by a fresh one. */
  renew(): void {
    this.own += 1;
    this.theirs = undefined;
    this.paired = false;
  }

  judge(from: number | undefined, to: number | undefined): Fit {
    if (from !== undefined && from < this.#newestSeen) return 'theirs-old';
    if (to !== undefined && to !== this.own) return 'ours-new';
    if (this.paired && from !== undefined && from !== this.theirs) return 'theirs-new';
    return 'fits';
  }

  saw(from: number | undefined): void {
    this.#newestSeen = Math.max(this.#newestSeen, from ?? 0);
  }

  /** A description of theirs was accepted. */
  pair(from: number | undefined): void {
    this.saw(from);
    this.theirs = from;
    this.paired = true;
  }
}
