/** What is told of a recording that ended. Pure. */
import type { AppState, RecordingEnded } from '../bindings';
import { t } from '../text';

/** The one that ended, or did not begin, with this step. */
export function justEnded(before: AppState, now: AppState): RecordingEnded | null {
  const ended = now.recording.ended;
  return ended && ended.number !== before.recording.ended?.number ? ended : null;
}

/** Why it ended; null where that needs no word, because the person wanted it. */
export function reason(ended: RecordingEnded): string | null {
  return ended.why === 'stopped' || ended.why === 'call_ended' ? null : t.recording.ends[ended.why];
}

/** The name of its file. */
export function fileName(path: string): string {
  return path.split(/[\\/]/u).at(-1) ?? path;
}
