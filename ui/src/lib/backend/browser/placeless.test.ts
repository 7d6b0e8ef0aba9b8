import { expect, test } from 'vitest';
import { Placeless } from './placeless';

test('whose place is another’s goes on while media flows, and a moment longer where it may come back', () => {
  const call = new Placeless();
  expect(call.isOver(0, true, true, true)).toBe(false);
  expect([call.isOver(1000, true, false, true), call.isOver(5900, true, false, true)]).toEqual([false, false]);
  expect(call.isOver(5950, true, true, true), 'it came back').toBe(false);
  expect([call.isOver(6000, true, false, true), call.isOver(11_000, true, false, true)]).toEqual([false, true]);
  expect(new Placeless().isOver(0, true, false, false), 'of nobody there is nothing to wait for').toBe(true);
  expect(new Placeless().isOver(0, false, false, false), 'whoever has their place waits').toBe(false);
});
