/** Forgetting a call: gone from the list at once, from the disk when the offer to take it back is over. */
import { t } from '../text';
import type { App } from './app.svelte';
import { WITH_UNDO_STAYS_MS } from './toasts.svelte';

/** One at a time: forgetting the next settles the one before. */
export function forgetting(app: App): { readonly id: string | null; forget(id: string): void } {
  let pending = $state<string | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settle = (): void => {
    clearTimeout(timer);
    if (pending !== null) void app.send({ type: 'forget_calls', id: pending });
  };
  return {
    get id() {
      return pending;
    },
    forget(id) {
      settle();
      pending = id;
      timer = setTimeout(() => {
        settle();
        pending = null;
      }, WITH_UNDO_STAYS_MS);
      app.toasts.show(t.history.forgotten, 'good', () => {
        clearTimeout(timer);
        pending = null;
      });
    },
  };
}
