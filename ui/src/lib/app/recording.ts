/** What is told of a recording that ended. Pure. */
import type { AppState, RecordingEnded } from '../bindings';
import { t } from '../text';
import type { Toasts } from './toasts.svelte';

/** The one that ended, or did not begin, with this step. */
function justEnded(before: AppState, now: AppState): RecordingEnded | null {
  const ended = now.recording.ended;
  return ended && ended.number !== before.recording.ended?.number ? ended : null;
}

/** Why it ended; null where that needs no word, because the person wanted it. */
function reason(ended: RecordingEnded): string | null {
  return ended.why === 'stopped' || ended.why === 'call_ended' ? null : t.recording.ends[ended.why];
}

/** The name of its file. */
function fileName(path: string): string {
  return path.split(/[\\/]/u).at(-1) ?? path;
}

/** Tells that one ended: why, where that needs a word, and where its file is. */
export function tellRecording(before: AppState, now: AppState, toasts: Toasts, show: () => void): void {
  const ended = justEnded(before, now);
  if (!ended) return;
  const why = reason(ended);
  if (why) toasts.show(why, 'warn');
  if (ended.path !== null) toasts.show(t.recording.saved({ file: fileName(ended.path) }), 'good', null, { label: t.recording.show, run: show });
}
