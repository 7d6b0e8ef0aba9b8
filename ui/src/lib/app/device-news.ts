/** What happened to devices by itself, in words, each once. Pure; the app shows them. */
import type { AppState, DeviceNews } from '../bindings';
import { t } from '../text';
import type { ToastKind } from './toasts.svelte';

/** What is to be told after the step from `before` to `now`. */
export function deviceNews(before: AppState, now: AppState): { text: string; kind: ToastKind }[] {
  const told = before.devices.news.at(-1)?.number ?? 0;
  const fresh = now.devices.news.filter((one) => one.number > told);
  return fresh.map((one) => ({ text: sentence(one), kind: one.event === 'unplugged' ? 'warn' : 'good' }));
}

function sentence({ kind, event, name, before }: DeviceNews): string {
  switch (event) {
    case 'unplugged':
      return t.device.news.unplugged[kind]({ before: before ?? '', name });
    case 'switched':
      return t.device.news.switched[kind]({ name });
    case 'added':
      return t.device.news.added[kind]({ name });
  }
}
