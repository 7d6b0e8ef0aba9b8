import { expect, test } from 'vitest';
import { offeredTo } from './takers';

const person = (id: string, takes_files = true) => ({ id, takes_files });

test('of two the other one gets files, also before they came; of a group whoever takes them and was chosen', () => {
  expect(offeredTo([], [], false)).toEqual([]);
  expect(offeredTo([person('a', false)], [], false), 'between two whoever answers takes them').toEqual(['a']);
  const room = [person('a'), person('b', false), person('c')];
  expect(offeredTo(room, [], true)).toEqual(['a', 'c']);
  expect(offeredTo(room, ['c', 'b'], true)).toEqual(['c']);
});

test('who was chosen and is gone is nobody else', () => {
  expect(offeredTo([person('a')], ['b'], false)).toBe(null);
  expect(offeredTo([], ['b'], false)).toBe(null);
  expect(offeredTo([person('a', false), person('b', false)], [], true)).toBe(null);
});

test('where others only listen nobody gets files who does not say so, and no listener', () => {
  expect(offeredTo([person('a', false)], [], true), 'one speaks, and others listen').toBe(null);
  expect(offeredTo([], [], true), 'all others listen').toBe(null);
  expect(offeredTo([person('a')], [], true)).toEqual(['a']);
});
