/**
 * What this browser says of its way that keeps pictures small, and whether the person lifted that. Owned by the guest's backend; the settings show
 * it and switch it. Kept for as long as the page is open: the next time the way may be another one.
 */
import type { HeededWay } from '../backend';
import { reasonOf, watchWay, wayHint, type WayHint, type WayReason } from './saving';

export class BrowserWay implements HeededWay {
  reason = $state<WayReason | null>(null);
  lifted = $state(false);
  readonly #changed: () => void;
  readonly #hint: () => WayHint | undefined;

  constructor(changed: () => void, hint = wayHint, watch = watchWay) {
    this.#changed = changed;
    this.#hint = hint;
    this.reason = reasonOf(hint());
    watch(() => {
      this.reason = reasonOf(hint());
      changed();
    });
  }

  /** What counts of it. */
  get heeded(): WayHint | undefined {
    return this.lifted ? undefined : this.#hint();
  }

  lift(lifted: boolean): void {
    this.lifted = lifted;
    this.#changed();
  }
}
