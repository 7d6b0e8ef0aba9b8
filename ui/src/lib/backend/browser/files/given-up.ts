/**
 * Files that this side offered and gave up. The word of it may be lost with a connection, so it is said again over the next one: nothing else would
 * tell the receiver. The newest few that nothing was answered about. Pure.
 */

/** It is said so often by word: a server takes few words, and each is lost only with somebody's way to it. */
const WORDS = 2;
const KEPT_MAX = 64;

export class GivenUp {
  /** How often each was said by word. */
  readonly #of = new Map<string, number>();

  add(id: string, byWord: boolean): void {
    this.#of.set(id, byWord ? 1 : 0);
    const [oldest] = this.#of.keys();
    if (this.#of.size > KEPT_MAX && oldest !== undefined) this.#of.delete(oldest);
  }

  /** It is over there too, and need not be said again. */
  answered(id: string): void {
    this.#of.delete(id);
  }

  clear(): void {
    this.#of.clear();
  }

  /** All of them: for a connection. */
  get ids(): readonly string[] {
    return [...this.#of.keys()];
  }

  /** Those that are to be said by word now; they count as said. */
  forWords(): readonly string[] {
    const due = [...this.#of].filter(([, times]) => times < WORDS);
    for (const [id, times] of due) this.#of.set(id, times + 1);
    return due.map(([id]) => id);
  }
}
