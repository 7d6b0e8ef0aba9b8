import { expect, test } from 'vitest';
import type { StatsSample } from '../bindings';
import { FOUND, MORE_FIGURES } from '../backend/fake/inspector';
import { graphs, happened, points, remembered, secondAt, SECONDS_MAX, sentence } from './inspector';

const second = (at: number): StatsSample => ({ at_ms: at * 1000, sent_kbps: at, ...MORE_FIGURES }) as StatsSample;

test('the last minutes are remembered, and a new call begins with nothing', () => {
  let samples: readonly StatsSample[] = [];
  for (let at = 0; at < SECONDS_MAX + 50; at += 1) samples = remembered(samples, second(at));
  expect(samples).toHaveLength(SECONDS_MAX);
  expect(samples[0]?.sent_kbps).toBe(50);
  expect(remembered(samples, second(0))).toHaveLength(1);
});

test('a finding is a sentence with its figure and what was done about it', () => {
  const [loss, late] = FOUND.findings;
  expect(loss && sentence(loss)).toBe('Your uplink loses 8 % of what you send. Your picture was made smaller to keep the sound.');
  expect(late && sentence(late)).toBe('What is said takes long: 412 ms there and back.');
  expect(FOUND.events.map(happened)).toContain('Grace Hopper came');
});

test('graphs share one axis, the newest at the right edge', () => {
  expect(graphs([second(1), second(2)]).map((graph) => graph.id)).toEqual(['rate', 'estimate', 'loss', 'delay', 'buffer', 'fps', 'codec', 'cpu']);
  expect(points([0, 10], 10, 299, 100)).toBe('298.0,100.0 299.0,0.0');
  expect(secondAt(1, 2)).toBe(1);
  expect(secondAt(0, 2)).toBeNull();
  expect(secondAt(0, SECONDS_MAX)).toBe(0);
});
