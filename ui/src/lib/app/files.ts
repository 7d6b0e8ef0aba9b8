/** What a window says about a file. Pure. */
import type { AppCommand, AppState, TransferView } from '../bindings';
import { t } from '../text';
import { bytes, duration } from '../text/format';
import { takersOf } from './takers';

const OVER: readonly TransferView['state'][] = ['done', 'declined', 'cancelled_here', 'cancelled_there', 'failed'];

export const isOver = (file: TransferView): boolean => OVER.includes(file.state);
export const canPause = (file: TransferView): boolean => file.state === 'moving' || file.state === 'waiting' || file.state === 'paused';

/** Files that others offered and that were not there before. */
export function offered(before: readonly TransferView[], now: readonly TransferView[]): TransferView[] {
  const known = new Set(before.map((file) => file.id));
  return now.filter((file) => file.state === 'asking' && !known.has(file.id));
}

/** From so many on, what was sent to several is one row. */
export const BATCH_FROM = 4;

/** Transfers as they are listed: those of one file that was sent to several stand together, and one of another folder is another file. The order stays. */
export function batches(files: readonly TransferView[]): readonly (readonly TransferView[])[] {
  const runs: TransferView[][] = [];
  for (const file of files) {
    const run = runs.at(-1);
    const [first] = run ?? [];
    const same = first?.sending && file.sending && first.path === file.path && first.name === file.name && first.size === file.size && !run?.some((one) => one.with === file.with);
    if (run && same) run.push(file);
    else runs.push([file]);
  }
  return runs.flatMap((run) => (run.length >= BATCH_FROM ? [run] : run.map((file) => [file])));
}

/** What is asked of the engine for these files, or why nothing is. */
export function offerOf(state: AppState, chosen: ReadonlySet<string> | null, paths: readonly string[]): AppCommand | string {
  const { to, says } = takersOf(state, chosen);
  return to === null ? says : { type: 'offer_files', paths: [...paths], to: [...to] };
}

/** How far it is, in words. */
export function fileSays(file: TransferView): string {
  const size = bytes(file.size);
  const moved = bytes(file.moved);
  switch (file.state) {
    case 'moving': {
      if (!file.bytes_per_s) return t.files.moved({ moved, size });
      const left = duration((file.size - file.moved) / file.bytes_per_s);
      return t.files.moving({ moved, size, speed: bytes(file.bytes_per_s), left });
    }
    case 'paused':
      return file.paused_here ? t.files.pausedHere({ moved, size }) : t.files.pausedThere({ moved, size });
    case 'failed':
      return file.fault ? t.files.faults[file.fault] : t.files.states.failed;
    case 'waiting':
      return t.files.waiting({ moved, size });
    case 'asking':
    case 'offered':
    case 'done':
      return `${t.files.states[file.state]} · ${size}`;
    default:
      return t.files.states[file.state];
  }
}
