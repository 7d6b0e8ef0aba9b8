import { expect, test } from 'vitest';
import type { AppState } from '../../bindings';
import { audience, withRoom } from '../../backend/fake/group';
import { SCENARIOS } from '../../backend/fake/scenarios';
import { hostNews, litOf, offenceLines, tileOf } from './host';
import { SELF } from './speaking';

function room(): AppState {
  const state = SCENARIOS['group-5']?.(0);
  if (!state) throw new Error('no scenario');
  return state;
}

const lit = (tile: string | null) => withRoom(room(), { call: { spotlight: tile } });

test('a tile that is large for everybody has the name that tiles have here', () => {
  expect(['p-ada', 'p-2', 'screen:p-2', null].map((tile) => litOf(lit(tile).call))).toEqual([SELF, 'p-2', 'screen:p-2', null]);
  expect([SELF, 'p-2', 'screen:p-2'].map((key) => tileOf(key, room().call))).toEqual(['p-ada', 'p-2', 'screen:p-2']);
});

test('who is large from now on is told once', () => {
  expect(hostNews(room(), lit('p-2'))).toEqual(['Alan Turing is now large for everybody.']);
  expect(hostNews(lit('p-2'), lit('p-2'))).toEqual([]);
  expect(hostNews(lit('p-2'), lit('p-ada'))).toEqual(['You are now large for everybody.']);
  expect(hostNews(lit('p-2'), lit(null))).toEqual([]);
  expect(hostNews(room(), lit('p-nobody'))).toEqual([]);
});

test('whose app misbehaves is told the first time, and in lines what it does', () => {
  const offences = { list: [{ what: 'flood' as const, count: 3 }], kicks: 0 };
  const bad = withRoom(room(), { people: { 'p-3': { offences } } });
  const worse = withRoom(room(), { people: { 'p-3': { offences: { ...offences, kicks: 2 } } } });
  expect(hostNews(room(), bad)).toEqual(['The app of Katherine Johnson sends what it should not. The server limits it.']);
  expect(hostNews(bad, worse)).toEqual([]);
  const [listener] = audience(1);
  const listens = (of: typeof offences | null) => withRoom(room(), { call: { listeners: listener ? [{ ...listener, name: 'Hypatia', offences: of }] : [] } });
  expect(hostNews(listens(null), listens(offences)), 'who only listens').toEqual(['The app of Hypatia sends what it should not. The server limits it.']);
  expect(hostNews(listens(offences), listens(offences))).toEqual([]);
  expect(offenceLines({ ...offences, kicks: 2 })).toEqual([
    ['Sends more than it may', 3],
    ['Cut off by the server', 2],
  ]);
  expect(offenceLines(offences).length).toBe(1);
});
