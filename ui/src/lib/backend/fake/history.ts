/** Calls that were, for the simulation. Pure values and functions. */
import type { EndCode, HistoryView, PastCallView } from '../../bindings';

const DAY_MS = 86_400_000;

/** Some calls before `nowMs`. */
export function pastCalls(nowMs: number): HistoryView {
  const call = (n: number, agoMs: number, change: Partial<PastCallView>): PastCallView => ({
    id: n.toString(16).padStart(16, '0'),
    began_ms: nowMs - agoMs,
    seconds: 754,
    people: ['Grace Hopper'],
    host: true,
    quality: 'good',
    interruptions: 0,
    end: 'other_left',
    stars: null,
    ...change,
  });
  return {
    fault: null,
    calls: [
      call(1, DAY_MS / 24, {}),
      call(2, DAY_MS * 1.1, { people: ['Katherine Johnson'], seconds: 3912, quality: 'fair', interruptions: 2, host: false, stars: 3 }),
      call(3, DAY_MS * 6, { people: [], seconds: 41, quality: 'poor', end: 'other_lost' }),
      call(4, DAY_MS * 40, { people: ['Margaret Hamilton', 'Joan Clarke'], seconds: 1260, quality: 'unknown', end: 'hung_up', stars: 5 }),
    ],
  };
}

export function rated(history: HistoryView, id: string, stars: number): HistoryView {
  return { ...history, calls: history.calls.map((call) => (call.id === id ? { ...call, stars } : call)) };
}

/** Without one call, or without any. */
export function forgotten(history: HistoryView, id: string | null): HistoryView {
  return { ...history, calls: id === null ? [] : history.calls.filter((call) => call.id !== id) };
}

/** With a call that just ended in front. */
export function withCall(history: HistoryView, id: string, beganMs: number, seconds: number, end: EndCode): HistoryView {
  const call: PastCallView = {
    id,
    began_ms: beganMs,
    seconds,
    people: ['Grace Hopper'],
    host: true,
    quality: 'good',
    interruptions: 0,
    end,
    stars: null,
  };
  return { ...history, calls: [call, ...history.calls] };
}
