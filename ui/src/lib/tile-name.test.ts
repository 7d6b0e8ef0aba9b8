import { expect, test } from 'vitest';
import { namedBy, tileOf } from './tile-name';

test('a tile is called by whose it is, and by what it shows of them', () => {
  expect(['guest', 'screen:guest'].map(namedBy)).toEqual([
    { participant: 'guest', screen: false },
    { participant: 'guest', screen: true },
  ]);
  for (const tile of ['guest', 'screen:guest']) expect(tileOf(namedBy(tile).participant, namedBy(tile).screen)).toBe(tile);
});
