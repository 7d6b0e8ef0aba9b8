/** Every key of the window with what it does, wherever one is now: for the settings page that lists them. Pure. */
import type { AppState, CallView, Phase } from '../bindings';
import { t } from '../text';
import { actionsFor, type Deeds } from './actions';
import type { Shortcut } from './keys';

export type Place = 'anywhere' | 'home' | 'call';

export interface KeyRow {
  readonly id: string;
  readonly label: string;
  readonly shortcut: Shortcut;
}

const PHASES: readonly Phase[] = ['home', 'green_room', 'in_call'];
/** With one other, and with more: some keys are for the one, some for the other. */
const OTHERS = [1, 2];

/** The keys by place, each once. */
export function everyKey(state: AppState, deeds: Deeds): Readonly<Record<Place, readonly KeyRow[]>> {
  const there = new Map<string, { row: KeyRow; phases: Set<Phase> }>();
  for (const phase of PHASES) {
    for (const { id, label, shortcut } of OTHERS.flatMap((others) => actionsFor(inThere(state, phase, others), deeds))) {
      if (!shortcut) continue;
      const known = there.get(id) ?? { row: { id, label, shortcut }, phases: new Set() };
      known.phases.add(phase);
      there.set(id, known);
    }
  }
  const at = (place: Place) => [...there.values()].filter(({ phases }) => placeOf(phases) === place).map(({ row }) => row);
  return { anywhere: at('anywhere'), home: at('home'), call: at('call') };
}

function placeOf(phases: ReadonlySet<Phase>): Place {
  if (phases.size === PHASES.length) return 'anywhere';
  return phases.has('home') ? 'home' : 'call';
}

/** The state as it would be there, as far as actions ask: with a link, and with so many others in the call. */
function inThere(state: AppState, phase: Phase, others: number): AppState {
  const people = Array.from({ length: others }, () => ({}));
  const call = { state: 'connected', ...state.call, link: '#', part: 'speaks', door: { ...state.call?.door, comes_to_listen: null }, people, listeners: [] } as unknown as CallView;
  return { ...state, phase, call: phase === 'home' ? null : call };
}

/** What the settings' search looks through. */
export const keyWords = (): string => `${t.shortcuts.title} ${t.shortcuts.hold}`;
