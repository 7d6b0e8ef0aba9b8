/** In which order hands went up, as this side saw it. Whoever takes a hand down and raises it again is last. Pure. As `parley-app/src/engine/hands.rs`. */

/** Nobody's id is one's own. */
type Whose = string | null;

export class Hands {
  #up: Whose[] = [];

  /** These are up now; of several new ones, the one named first came first. */
  see(raised: readonly Whose[]): void {
    this.#up = [...this.#up.filter((one) => raised.includes(one)), ...raised.filter((one) => !this.#up.includes(one))];
  }

  /** 1 for the first; null while it is down. */
  place(whose: Whose): number | null {
    const at = this.#up.indexOf(whose);
    return at < 0 ? null : at + 1;
  }
}
