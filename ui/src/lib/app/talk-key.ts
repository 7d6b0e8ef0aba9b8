/** The key to talk, as it goes down and up in this window; what that means the engine decides. */

export class TalkKey {
  readonly #ask: (down: boolean) => Promise<unknown>;
  #held = false;
  /** What became of the last move. */
  #asked: Promise<unknown> = Promise.resolve();

  constructor(ask: (down: boolean) => Promise<unknown>) {
    this.#ask = ask;
  }

  move(down: boolean): void {
    if (down === this.#held) return;
    this.#held = down;
    // One after the other: a release that overtook its press would leave the microphone open.
    this.#asked = this.#asked.then(() => this.#ask(down));
  }
}
