/** The name others see: as it is typed, as the engine has it, and whether one was missed. */

export class OwnName {
  missing = $state(false);
  /** How often it was missed: each time its field is gone to. */
  missed = $state(0);
  /** What needs a name waits for the last letter of it to be kept. */
  saved: Promise<unknown> = Promise.resolve();
  /** As typed, until the engine has it. */
  #typed: string | null = null;
  readonly #keep: (name: string) => Promise<unknown>;

  constructor(keep: (name: string) => Promise<unknown>) {
    this.#keep = keep;
  }

  /** Keeps it with every letter. */
  set(typed: string): void {
    const name = (this.#typed = typed.trim());
    if (name) this.missing = false;
    this.saved = this.saved.then(() => this.#keep(name));
  }

  /** Whether there is one; if not, it is missed from now on. */
  given(known: string): boolean {
    this.missing = (this.#typed ?? known.trim()) === '';
    if (this.missing) this.missed += 1;
    return !this.missing;
  }
}
