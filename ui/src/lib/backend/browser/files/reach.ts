/**
 * How somebody of a call is reached about files, whether or not there is one with them: whether they are there, connections, and words. Pure.
 * What is done with it is `person.ts`'.
 */
import type { Mouth } from './mouth';

export class Reach {
  /** Nobody's is empty. */
  readonly who: string;
  /** They are in the call, or may come back to it. */
  there = false;
  /** Puts a word on its way to them through the server. */
  words: ((frame: Uint8Array) => boolean) | null = null;
  /** Connections that are up, the newest last. */
  #mouths: readonly Mouth[] = [];

  constructor(who: string) {
    this.who = who;
  }

  /** The connection that is used: the newest. */
  get mouth(): Mouth | null {
    return this.#mouths.at(-1) ?? null;
  }

  /** Neither there nor to be reached. */
  get isOver(): boolean {
    return !this.there && this.words === null && this.#mouths.length === 0;
  }

  open(mouth: Mouth): void {
    this.#mouths = [...this.#mouths.filter((one) => one !== mouth), mouth];
  }

  shut(mouth: Mouth): void {
    this.#mouths = this.#mouths.filter((one) => one !== mouth);
  }

  /** The call is over. */
  close(): void {
    this.there = false;
    this.words = null;
    this.#mouths = [];
  }
}
