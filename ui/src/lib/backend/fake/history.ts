/** Calls that were, for the simulation. Pure values and functions. */
import type { EndCode, HistoryView, MessageView, PastCallView } from '../../bindings';

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
    messages: 0,
    ...change,
  });
  return {
    fault: null,
    opened: null,
    calls: [
      call(1, DAY_MS / 24, { messages: CONVERSATION.length }),
      call(2, DAY_MS * 1.1, { people: ['Katherine Johnson'], seconds: 3912, quality: 'fair', interruptions: 2, host: false, stars: 3 }),
      call(3, DAY_MS * 6, { people: [], seconds: 41, quality: 'poor', end: 'other_lost' }),
      call(4, DAY_MS * 40, { people: ['Margaret Hamilton', 'Joan Clarke'], seconds: 1260, quality: 'unknown', end: 'hung_up', stars: 5 }),
    ],
  };
}

const CONVERSATION: readonly (readonly [own: boolean, text: string])[] = [
  [false, 'The notes are at https://example.org/notes'],
  [true, 'Thank you. See you on Tuesday?'],
];

/** With what was written in a call to be read, or in none. */
export function opened(history: HistoryView, id: string | null): HistoryView {
  const began = history.calls.find((call) => call.id === id)?.began_ms;
  if (id === null || began === undefined) return { ...history, opened: null };
  const messages = CONVERSATION.map(([own, text], n): MessageView => ({
    id: `k${n}`,
    author: own ? null : '',
    name: own ? '' : 'Grace Hopper',
    text,
    at_ms: began + n * 70_000,
    delivery: own ? 'not_delivered' : 'delivered',
  }));
  return { ...history, opened: { id, messages } };
}

export function rated(history: HistoryView, id: string, stars: number): HistoryView {
  return { ...history, calls: history.calls.map((call) => (call.id === id ? { ...call, stars } : call)) };
}

/** Without one call, or without any. */
export function forgotten(history: HistoryView, id: string | null): HistoryView {
  return { ...history, opened: null, calls: id === null ? [] : history.calls.filter((call) => call.id !== id) };
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
    messages: 0,
  };
  return { ...history, calls: [call, ...history.calls] };
}
