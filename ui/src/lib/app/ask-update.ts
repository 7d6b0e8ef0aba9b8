/** Asks something about a newer Parley; what comes of it shows by itself, and a toast says when nothing can. */
import type { UpdateAsk } from '../bindings';
import { t } from '../text';
import type { App } from './app.svelte';

export function askUpdate(app: App, ask: UpdateAsk): void {
  void app.backend.askUpdate(ask).catch(() => app.toasts.show(t.toast.failed, 'warn'));
}
