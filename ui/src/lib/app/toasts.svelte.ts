/** Short messages that pass: what was done, or what did not work. At most three at a time; the oldest goes first. */

/** news: neither good nor bad, and said by the voice already. */
export type ToastKind = 'good' | 'warn' | 'news';

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: ToastKind;
  readonly undo: (() => void) | null;
  /** Something else that can be done about it. */
  readonly step: ToastStep | null;
}

export interface ToastStep {
  readonly label: string;
  readonly run: () => void;
}

const AT_ONCE = 3;
const STAYS_MS = 4000;
const WITH_UNDO_STAYS_MS = 8000;

export class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  #next = 1;

  show(text: string, kind: ToastKind = 'good', undo: (() => void) | null = null, step: ToastStep | null = null): void {
    const id = this.#next++;
    const others = this.list.filter((toast) => toast.text !== text);
    this.list = [...others, { id, text, kind, undo, step }].slice(-AT_ONCE);
    setTimeout(() => this.drop(id), undo || step ? WITH_UNDO_STAYS_MS : STAYS_MS);
  }

  /** What happened is over, and so is the news of it; what still offers something stays. */
  settle(): void {
    this.list = this.list.filter((toast) => toast.undo || toast.step);
  }

  drop(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}
