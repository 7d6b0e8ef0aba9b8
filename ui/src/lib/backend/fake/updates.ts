/** The simulation's newer version: found when looked for, and gone into an endless wait when it is to be put in place. */
import type { DesktopView, UpdateAsk, UpdateView } from '../../bindings';

export const NO_UPDATE: UpdateView = { state: 'unknown', version: null, put_off: false };
const FOUND: UpdateView = { state: 'ready', version: '1.4.0', put_off: false };

/** What is known once somebody asked this, at once and a while later. */
export function askedUpdate(before: UpdateView, ask: UpdateAsk): { now: UpdateView; then: UpdateView } {
  const same = (now: UpdateView) => ({ now, then: now });
  switch (ask) {
    case 'look':
      return { now: { ...before, state: 'looking' }, then: FOUND };
    case 'install':
      return before.version === null ? same(before) : { now: { ...before, state: 'fetching' }, then: { ...before, state: 'installing' } };
    case 'later':
      return same({ ...before, put_off: true });
  }
}

export const withUpdate = (desktop: DesktopView, update: Partial<UpdateView>): DesktopView => ({ ...desktop, update: { ...desktop.update, ...update } });
