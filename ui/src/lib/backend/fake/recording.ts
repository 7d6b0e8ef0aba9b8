/** The simulation's recordings: the other person agrees, unless told otherwise. */
import type { AppState, CommandError, RecordingEnded, RecordingStop, RecordingView } from '../../bindings';

export const NO_RECORDING: RecordingView = { stage: 'off', since_ms: null, ended: null };
const RECORDING_FILE = '/home/ada/Videos/Parley 2026-11-27 10.30.05.mp4';

/** Under way since then. */
export const recordingSince = (nowMs: number): RecordingView => ({ stage: 'on', since_ms: nowMs, ended: null });

/** Over; without a file when it never began. */
function recordingOver(before: RecordingView, why: RecordingStop, nowMs: number): RecordingView {
  const began = before.since_ms;
  const ended: RecordingEnded = {
    number: (before.ended?.number ?? 0) + 1,
    why,
    path: began === null ? null : RECORDING_FILE,
    seconds: began === null ? 0 : Math.round((nowMs - began) / 1000),
  };
  return { stage: 'off', since_ms: null, ended };
}

export class FakeRecording {
  readonly #now: () => AppState;
  readonly #set: (recording: RecordingView) => void;
  readonly #later: (run: () => void) => void;

  constructor(now: () => AppState, set: (recording: RecordingView) => void, later: (run: () => void) => void) {
    this.#now = now;
    this.#set = set;
    this.#later = later;
  }

  begin(): CommandError | null {
    const { call, recording } = this.#now();
    if (call?.state !== 'connected') return { code: 'not_now', message: 'There is nobody to record yet.' };
    this.#set({ ...recording, stage: 'asking' });
    this.#later(() => {
      const asking = this.#now().recording;
      if (asking.stage === 'asking') this.#set({ ...asking, stage: 'on', since_ms: Date.now() });
    });
    return null;
  }

  end(why: RecordingStop): null {
    const { recording } = this.#now();
    this.#set(recording.stage === 'off' ? { ...recording, ended: null } : recordingOver(recording, why, Date.now()));
    return null;
  }
}
