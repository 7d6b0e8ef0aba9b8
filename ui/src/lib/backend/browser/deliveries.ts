/**
 * What one's own messages count as, each said to several: delivered once all whom it was for have it, or were waited for long enough, and
 * at least one has it; not delivered when none has. Pure. As `parley-call/src/chat/deliveries.rs`.
 */
import type { Delivery } from '../../bindings';

/** Messages that are remembered. The oldest are given up: they were said to more people than one can wait for. */
const SAID_MAX = 512;

interface Said {
  /** Who did not answer yet, and is still waited for. */
  readonly open: Set<string>;
  /** Who was waited for long enough, and may answer yet. */
  readonly late: Set<string>;
  had: boolean;
}

export class Deliveries {
  readonly #of = new Map<string, Said>();
  readonly #tell: (id: string, delivery: Delivery) => void;

  constructor(tell: (id: string, delivery: Delivery) => void) {
    this.#tell = tell;
  }

  said(id: string, to: Iterable<string>): void {
    const [oldest] = this.#of;
    if (this.#of.size >= SAID_MAX && oldest) {
      oldest[1].open.clear();
      this.#settle(...oldest);
      this.#of.delete(oldest[0]);
    }
    const said = { open: new Set(to), late: new Set<string>(), had: false };
    this.#of.set(id, said);
    this.#settle(id, said);
  }

  delivered(id: string, by: string): void {
    const said = this.#of.get(id);
    if (!said) return;
    said.had = true;
    said.open.delete(by);
    said.late.delete(by);
    this.#settle(id, said);
  }

  /** One of them did not answer in time. */
  unanswered(id: string, by: string): void {
    const said = this.#of.get(id);
    if (!said?.open.delete(by)) return;
    said.late.add(by);
    this.#settle(id, said);
  }

  /** One left, and answers nothing any more. */
  left(who: string): void {
    for (const [id, said] of this.#of) {
      const waited = said.open.delete(who);
      if (said.late.delete(who) || waited) this.#settle(id, said);
    }
  }

  /** One is known by another name. */
  renamed(before: string, now: string): void {
    for (const { open, late } of this.#of.values()) for (const set of [open, late]) if (set.delete(before)) set.add(now);
  }

  #settle(id: string, { open, late, had }: Said): void {
    if (open.size === 0) this.#tell(id, had ? 'delivered' : 'not_delivered');
    if (open.size === 0 && late.size === 0) this.#of.delete(id);
  }
}
