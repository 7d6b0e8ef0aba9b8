import { beforeEach, expect, test } from 'vitest';
import { Roster } from '../roster';
import type { Participant, Role } from '../wire';
import { spotlightOf, Spotlights, tileOf } from './spotlight';

const person = (id: string, role: Role): Participant => ({ id, name: id, role, order: 1, away: false, listens: false });
const ME = person('me', 'host');
const on = (participant: string) => ({ participant, screen: false });
const word = (participant?: string) => ({ type: 'spotlight' as const, ...(participant === undefined ? {} : { participant }) });

let roster: Roster;
let one: Spotlights;
beforeEach(() => {
  roster = new Roster();
  roster.reset([person('host', 'host'), person('guest', 'guest')]);
  one = new Spotlights();
});

test('what a host says last counts, and what a guest says does not', () => {
  expect(one.hear('guest', word('guest'), roster)).toBe(false);
  expect(one.shown(ME, roster)).toBe(null);
  expect(one.hear('host', word('guest'), roster)).toBe(true);
  expect(one.shown(ME, roster)).toEqual(on('guest'));
  one.put(on('me'));
  expect(one.shown(ME, roster), 'oneself, too').toEqual(on('me'));
  one.hear('host', word(), roster);
  expect(one.shown(ME, roster)).toBe(null);
});

test('it ends with whoever is in it, and with whoever is host no more', () => {
  one.hear('host', word('guest'), roster);
  roster.setRole('host', 'guest');
  expect(one.shown(ME, roster)).toBe(null);
  roster.setRole('host', 'host');
  roster.remove('guest');
  expect(one.shown(ME, roster)).toBe(null);
  one.put(on('host'));
  expect(one.shown(person('me', 'guest'), roster)).toBe(null);
  expect(one.shown(ME, roster)).toEqual(on('host'));
});

test('it lasts while a server that began anew does not name them yet', () => {
  one.hear('host', word('guest'), roster);
  for (const id of roster.reset([])) one.forget(id);
  expect(one.shown(ME, roster)).toBe(null);
  roster.reset([person('guest', 'guest')]);
  expect(one.shown(ME, roster), 'whoever said it is not there').toBe(null);
  roster.reset([person('host', 'host'), person('guest', 'guest')]);
  expect(one.shown(ME, roster)).toEqual(on('guest'));
  one.put(on('guest'));
  one.forget('guest');
  expect(one.nextWord(0), 'nothing is taken back').toEqual({ to: null, message: word('guest') });
  one.forget('guest');
  expect(one.nextWord(0)).toBe(null);
});

test('everybody is told of a change, and newcomers of what lasts', () => {
  one.welcome('new');
  expect(one.nextWord(0), 'of nothing nobody is told').toBe(null);
  one.put(on('guest'));
  expect(one.nextWord(0)).toEqual({ to: null, message: word('guest') });
  expect(one.nextWord(0)).toBe(null);
  one.welcome('new');
  expect(one.nextWord(0)).toEqual({ to: 'new', message: word('guest') });
  one.put(null);
  expect(one.nextWord(0)).toEqual({ to: null, message: word() });
  expect(one.nextWord(0)).toBe(null);
  // What another host said is taken back by this one.
  one.hear('host', word('guest'), roster);
  expect(one.nextWord(0)).toBe(null);
  one.put(null);
  expect(one.nextWord(0)).toEqual({ to: null, message: word() });
  expect(one.nextWord(0)).toBe(null);
});

test('a screen is another tile than who shows it', () => {
  for (const tile of ['guest', 'screen:guest']) expect(tileOf(spotlightOf(tile))).toBe(tile);
  one.put(spotlightOf('screen:guest'));
  expect(one.nextWord(0)?.message).toEqual({ ...word('guest'), screen: true });
  one.put(spotlightOf('guest'));
  expect(one.nextWord(0)?.message, 'from the screen to the picture').toEqual(word('guest'));
});
