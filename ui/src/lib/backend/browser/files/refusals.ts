/**
 * Why files are not taken, in the words of the protocol; and offers of one person that cannot be, and when each is answered: a few at once, then
 * slowly, for each answer costs a word that a server takes few of. Pure. What else is answered is `transfers.ts`'.
 */
import type { TransferProblem } from '../../../bindings';
import { isHarmless } from '../presentable';
import { RateLimit } from '../rate';

/** What a page can be trusted to keep. */
const FILE_BYTES_MAX = 4 * 1024 ** 3;
/** So many at once, then one in so much time. */
const ANSWERS = [4, 2000] as const;
/** As many as one person may offer at once; those beyond are not answered. */
const OWED_MAX = 32;

/** Why a file of this name and size is not taken; null where it is. */
export function reasonAgainst(name: string, size: number, tooMany: boolean): string | null {
  if (!isHarmless(name)) return 'bad_name';
  if (size > FILE_BYTES_MAX) return 'too_large';
  return tooMany ? 'too_many' : null;
}

const FAULTS: ReadonlyMap<string, TransferProblem> = new Map([['too_many', 'too_many'], ['disk_full', 'other_disk_full'], ['disk_failed', 'other_disk_failed'], ['damaged', 'damaged']]);

/** What the window is told where the other side gives such a reason: it may be anything. */
export const faultOf = (reason: string): TransferProblem => FAULTS.get(reason) ?? 'refused';

export class Refusals {
  readonly #limit = new RateLimit(...ANSWERS);
  readonly #owed = new Map<string, string>();

  /** This one is to be answered so, once it is its turn. */
  owe(id: string, reason: string): void {
    if (this.#owed.has(id) || this.#owed.size < OWED_MAX) this.#owed.set(id, reason);
  }

  /** There is nothing to be answered about it any more. */
  forget(id: string): void {
    this.#owed.delete(id);
  }

  clear(): void {
    this.#owed.clear();
  }

  /** Those whose turn it is; they count as answered. */
  due(nowMs: number): readonly { id: string; reason: string }[] {
    const due: { id: string; reason: string }[] = [];
    for (const [id, reason] of this.#owed) {
      if (!this.#limit.allow(nowMs)) break;
      this.#owed.delete(id);
      due.push({ id, reason });
    }
    return due;
  }
}
