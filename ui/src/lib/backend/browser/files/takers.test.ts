import { expect, test } from 'vitest';
import { offeredTo } from './takers';

const person = (id: string, takes_files = true) => ({ id, takes_files });

test('of two the other one gets files, also before they came; of a group whoever takes them and was chosen', () => {
  expect(offeredTo([], [])).toEqual([]);
  expect(offeredTo([person('a', false)], []), 'between two whoever answers takes them').toEqual(['a']);
  const room = [person('a'), person('b', false), person('c')];
  expect(offeredTo(room, [])).toEqual(['a', 'c']);
  expect(offeredTo(room, ['c', 'b'])).toEqual(['c']);
});

test('who was chosen and is gone is nobody else', () => {
  expect(offeredTo([person('a')], ['b'])).toBe(null);
  expect(offeredTo([], ['b'])).toBe(null);
  expect(offeredTo([person('a', false), person('b', false)], [])).toBe(null);
});
