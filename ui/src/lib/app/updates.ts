/** What is said of a newer Parley, and where. Pure. */
import type { UpdateView } from '../bindings';
import { t } from '../text';

/** Where every version can be had by hand. */
export const DOWNLOADS = 'https://github.com/parley-call/parley/releases';

/** How it stands, in a sentence. */
export function updateWords({ state, version }: UpdateView): string {
  return state === 'ready' ? t.update.ready({ version: version ?? '' }) : t.update.states[state];
}

/** Whether it is worth a word where calls begin: there is one to be had, or one that was wanted did not come. */
export function isToldAtHome({ state, version, put_off }: UpdateView): boolean {
  if (put_off || version === null) return false;
  return state !== 'newest' && state !== 'looking';
}

/** Whether it can be had now by a press. */
export function isToBeHad({ state, version }: UpdateView): boolean {
  return version !== null && (state === 'ready' || hasFailed(state));
}

/** Whether trying again by itself may not help. */
export const hasFailed = (state: UpdateView['state']): boolean => state === 'unreachable' || state === 'refused' || state === 'failed';
