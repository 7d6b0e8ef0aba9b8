/** The figures of the simulation's call, and what is found in them; only while somebody watches. */
import type { AppState, InspectorView, Levels, PersonView } from '../../bindings';
import type { FigureEvents } from '../watch';
import { figuresOf, LAYERS } from './group';
import { FOUND, lately, secondOf } from './inspector';

const SECOND_MS = 1000;

/** How loud everybody is at a tick: voices that come and go. */
export function levelsAt(tick: number, people: readonly PersonView[]): Levels {
  const voice = (phase: number) => Math.max(0, Math.sin(tick / 3 + phase) * Math.sin(tick / 17 + phase)) * 0.9;
  return {
    microphone: 0.08 + voice(0),
    speaker: voice(2),
    // One after the other, as people talk.
    people: people.flatMap((p, i) => (p.microphone_on ? [{ id: p.id, level: voice(2 + 2 * i) }] : [])),
  };
}

const ofSeveral = (people: readonly PersonView[]) => ({ people: figuresOf(people), sent_layers: people.length > 1 ? LAYERS : LAYERS.slice(-1) });

export class FakeFigures {
  readonly #now: () => { state: AppState; ms: number };
  #events: FigureEvents | null = null;

  constructor(now: () => { state: AppState; ms: number }) {
    this.#now = now;
  }

  get watched(): boolean {
    return this.#events !== null;
  }

  watch = (events: FigureEvents): Promise<() => void> => {
    this.#events = events;
    const { state, ms } = this.#now();
    const person = state.call?.people[0];
    // Those of each person only for the last second.
    if (person) events.past({ seconds: lately(person, ms).map((second, i, all) => (i === all.length - 1 ? { ...second, ...ofSeveral(state.call?.people ?? []) } : second)), view: this.#found() });
    const timer = setInterval(() => this.#second(), SECOND_MS);
    return Promise.resolve(() => {
      clearInterval(timer);
      this.#events = null;
    });
  };

  saved(): null {
    this.#events?.inspector({ ...FOUND, report: '/home/ada/Downloads/parley-report-2026-11-22-141503' });
    return null;
  }

  #second(): void {
    const { state, ms } = this.#now();
    const person = state.call?.people[0];
    this.#events?.inspector(this.#found());
    if (state.call?.state !== 'connected' || !person) return;
    this.#events?.stats({ ...secondOf(person, ms), ...ofSeveral(state.call.people) });
  }

  #found(): InspectorView {
    const { phase, call } = this.#now().state;
    const quality = phase === 'in_call' ? call?.people[0]?.quality : 'unknown';
    return quality === 'fair' || quality === 'poor' ? FOUND : { ...FOUND, findings: [], past: [], events: FOUND.events.slice(0, 3) };
  }
}
