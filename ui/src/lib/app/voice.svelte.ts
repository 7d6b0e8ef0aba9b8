/** What a screen reader is told. Each sentence is an element of its own that comes new, so one that follows at once takes nothing away and one that is said again is heard again. */

export interface Sentence {
  readonly id: number;
  readonly text: string;
  readonly atMs: number;
}

/** How long a sentence stays beside newer ones: readers look for what was added within a moment. */
const STAYS_MS = 1000;
const AT_ONCE = 8;

/** The list after saying these: what is a second old goes, and of a flood the oldest. */
export function withSaid(list: readonly Sentence[], texts: readonly string[], nowMs: number): readonly Sentence[] {
  if (!texts.length) return list;
  const next = (list.at(-1)?.id ?? 0) + 1;
  const fresh = texts.map((text, i) => ({ id: next + i, text, atMs: nowMs }));
  return [...list.filter((one) => nowMs - one.atMs < STAYS_MS), ...fresh].slice(-AT_ONCE);
}

/** What many say at once, as a room does that applauds, is told once in this time. */
const ANEW_MS = 4000;

export class Voice {
  readonly #toldMs = new Map<string, number>();
  list = $state.raw<readonly Sentence[]>([]);

  /** Nothing of what was said is so any more. */
  hush(): void {
    this.list = [];
  }

  /** Whether this was not told just now; then it is from now on. */
  readonly anew = (what: string, nowMs = performance.now()): boolean => {
    const toldMs = this.#toldMs.get(what);
    if (toldMs !== undefined && nowMs - toldMs < ANEW_MS) return false;
    this.#toldMs.set(what, nowMs);
    return true;
  };

  say(texts: readonly string[]): void {
    this.list = withSaid(this.list, texts, performance.now());
  }
}
