/** How a call went, told from what was seen once a second. Pure: the time of each step is an argument. */
import type { CallState, Quality } from '../bindings';

export interface CallSummary {
  /** Seconds seen at each quality while connected. */
  readonly seconds: Readonly<Record<Quality, number>>;
  readonly interruptions: number;
  readonly interruptedMs: number;
  readonly brokenSinceMs: number | null;
}

export const NO_CALL: CallSummary = {
  seconds: { unknown: 0, good: 0, fair: 0, poor: 0 },
  interruptions: 0,
  interruptedMs: 0,
  brokenSinceMs: null,
};

/** One second passed with this quality. */
export function withSecond(sum: CallSummary, quality: Quality): CallSummary {
  return { ...sum, seconds: { ...sum.seconds, [quality]: sum.seconds[quality] + 1 } };
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

/** Seconds that were weaker than good. */
export const weakSeconds = (sum: CallSummary): number => sum.seconds.fair + sum.seconds.poor;

export type Verdict = 'unknown' | 'good' | 'mostly' | 'fair' | 'poor';

/** The call in one word: what most of it was, with "mostly" when up to a quarter was weaker. */
export function verdict(sum: CallSummary): Verdict {
  const { good, fair, poor } = sum.seconds;
  const measured = good + fair + poor;
  if (measured === 0) return 'unknown';
  if (poor / measured > 0.25) return 'poor';
  const weak = weakSeconds(sum) / measured;
  if (weak > 0.25) return 'fair';
  return weak > 0.02 || sum.interruptions > 0 ? 'mostly' : 'good';
}
