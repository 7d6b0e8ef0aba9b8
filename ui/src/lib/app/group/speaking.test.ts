/** Frames that do not flicker, and a large picture that does not jump. */
import { describe, expect, test } from 'vitest';
import { FRAME_STAYS_MS, framed, heard, LARGE_LEAST_MS, SELF, SILENCE, STEADY_MS, wakeMs, without, type Speaking } from './speaking';

/** What is heard at which moment, and every wake in between. */
function play(steps: readonly (readonly [number, readonly string[]])[], untilMs: number): readonly (readonly [number, Speaking])[] {
  const seen: (readonly [number, Speaking])[] = [];
  let state = SILENCE;
  const say = (ms: number, ids: readonly string[]) => seen.push([ms, (state = heard(state, ids, ms))]);
  const wakes = (beforeMs: number) => {
    for (let wake = wakeMs(state); wake !== null && wake < beforeMs; wake = wakeMs(state)) say(wake, state.now);
  };
  for (const [ms, ids] of steps) {
    wakes(ms);
    say(ms, ids);
  }
  wakes(untilMs);
  return seen;
}

const at = (seen: readonly (readonly [number, Speaking])[], ms: number) => seen.findLast(([when]) => when <= ms)?.[1] ?? SILENCE;

describe('a frame', () => {
  test('comes with the first word, and stays for a second after the last', () => {
    const seen = play([[0, ['ada']], [300, []]], 5000);
    expect([0, 299, 300, 300 + FRAME_STAYS_MS - 1].map((ms) => framed(at(seen, ms)).has('ada'))).toEqual([true, true, true, true]);
    expect(framed(at(seen, 300 + FRAME_STAYS_MS)).has('ada')).toBe(false);
  });

  test('never flickers: whoever pauses for less than a second keeps it', () => {
    const words = Array.from({ length: 40 }, (_, i): [number, string[]] => [i * 250, i % 4 === 0 ? ['ada'] : []]);
    const seen = play(words, 10_000);
    const on = seen.filter(([ms]) => ms < 9750).map(([, state]) => framed(state).has('ada'));
    expect(on.every(Boolean)).toBe(true);
  });

  test('is on several at once when several speak', () => {
    expect([...framed(heard(heard(SILENCE, ['ada'], 0), ['grace', SELF], 100))].sort()).toEqual(['ada', 'grace', 'self']);
  });
});

describe('who is large', () => {
  test('is the first who speaks, at once, and never oneself', () => {
    expect(heard(SILENCE, [SELF, 'ada'], 0).large).toBe('ada');
    expect(heard(SILENCE, [SELF], 0).large).toBe(null);
  });

  test('stays after a cough of somebody else', () => {
    const seen = play([[0, ['ada']], [5000, ['bob', 'ada']], [5000 + STEADY_MS - 100, ['ada']]], 20_000);
    expect(seen.map(([, state]) => state.large)).toEqual(seen.map(() => 'ada'));
  });

  test('becomes somebody who goes on speaking', () => {
    const seen = play([[0, ['ada']], [5000, ['bob']]], 20_000);
    expect(at(seen, 5000 + STEADY_MS - 1).large).toBe('ada');
    expect(at(seen, 5000 + STEADY_MS).large).toBe('bob');
  });

  test('changes no more often than every two seconds, however they talk', () => {
    const talk = Array.from({ length: 200 }, (_, i): [number, string[]] => [i * 300, [['ada', 'bob', 'cleo'][Math.floor(i / 4) % 3] ?? 'ada']]);
    const changes = play(talk, 61_000).filter(([, { large }], i, all) => i > 0 && large !== all[i - 1]?.[1].large).map(([ms]) => ms);
    expect(changes.length).toBeGreaterThan(5);
    expect(changes.every((ms, i) => i === 0 || ms - (changes[i - 1] ?? 0) >= LARGE_LEAST_MS)).toBe(true);
  });

  test('stays in silence, and goes with whoever leaves', () => {
    const quiet = heard(heard(SILENCE, ['ada'], 0), [], 10_000);
    expect(quiet.large).toBe('ada');
    const gone = without(quiet, new Set(['bob']));
    expect([gone.large, framed(gone).size, wakeMs(gone)]).toEqual([null, 0, null]);
    expect(without(quiet, new Set(['ada']))).toBe(quiet);
  });
});
