/** How a call went, told from what its states were. Pure: the time of each step is an argument. */
import type { AppState, CallState, HistoryView, PersonView, Quality } from '../bindings';

export interface CallSummary {
  /** Seconds at each quality while connected. */
  readonly seconds: Readonly<Record<Quality, number>>;
  /** The quality now, and since when; null while the two are not connected. */
  readonly now: { readonly quality: Quality; readonly sinceMs: number } | null;
  readonly interruptions: number;
  readonly interruptedMs: number;
  readonly brokenSinceMs: number | null;
}

export const NO_CALL: CallSummary = {
  seconds: { unknown: 0, good: 0, fair: 0, poor: 0 },
  now: null,
  interruptions: 0,
  interruptedMs: 0,
  brokenSinceMs: null,
};

/** From `nowMs` on it has this quality; null: the two are not connected. */
export function withQuality(sum: CallSummary, quality: Quality | null, nowMs: number): CallSummary {
  const { now, seconds } = sum;
  if ((now?.quality ?? null) === quality) return sum;
  const lasted = now ? { [now.quality]: seconds[now.quality] + Math.max(0, nowMs - now.sinceMs) / 1000 } : {};
  return { ...sum, seconds: { ...seconds, ...lasted }, now: quality && { quality, sinceMs: nowMs } };
}

/** The call's state changed (or was seen again) at `nowMs`. */
export function withState(sum: CallSummary, state: CallState | undefined, nowMs: number): CallSummary {
  if (state === 'reconnecting' && sum.brokenSinceMs === null) {
    return { ...sum, interruptions: sum.interruptions + 1, brokenSinceMs: nowMs };
  }
  if (state !== 'reconnecting' && sum.brokenSinceMs !== null) {
    return { ...sum, interruptedMs: sum.interruptedMs + Math.max(0, nowMs - sum.brokenSinceMs), brokenSinceMs: null };
  }
  return sum;
}

const QUALITIES: readonly Quality[] = ['unknown', 'poor', 'fair', 'good'];

/** How good this side's own way is: nobody's is better than it, so the best of all; null while nobody is there. */
export const wayQuality = (people: readonly PersonView[]): Quality | null =>
  people.length ? people.reduce<Quality>((best, { quality }) => (QUALITIES.indexOf(quality) > QUALITIES.indexOf(best) ? quality : best), 'unknown') : null;

/** Seconds that were weaker than good. */
export const weakSeconds = (sum: CallSummary): number => Math.round(sum.seconds.fair + sum.seconds.poor);

/**
 * The call in one word, by the rule that the engine's history has (`verdict` in diary.rs): bad when more than a quarter of it was
 * bad or broken, weak when more than a quarter was weak, bad or broken.
 */
function verdict(sum: CallSummary): Quality {
  const { good, fair, poor } = sum.seconds;
  const bad = poor + Math.round(sum.interruptedMs / 1000);
  const all = good + fair + bad;
  if (all === 0) return 'unknown';
  if (bad * 4 > all) return 'poor';
  return (fair + bad) * 4 > all ? 'fair' : 'good';
}

/** How the call was: as the history has it, so that two pages never judge one call differently; without a history, as seen here. */
export const judged = (id: string | null, history: HistoryView, sum: CallSummary): Quality =>
  history.calls.find((call) => call.id === id)?.quality ?? verdict(sum);

/** Everybody else, those who only listen among them. */
export const named = (call: AppState['call']): readonly { readonly id: string; readonly name: string }[] => [...(call?.people ?? []), ...(call?.listeners ?? [])];
