import { expect, test } from 'vitest';
import type { AppState } from '../bindings';
import { withRoom } from '../backend/fake/group';
import { SCENARIOS } from '../backend/fake/scenarios';
import type { TransferView } from '../bindings';
import { batches, offerOf } from './files';
import { takersOf, toggled } from './takers';

function room(others: number): AppState {
  const state = SCENARIOS['call']?.(0);
  if (!state) throw new Error('no scenario');
  return withRoom(state, { others });
}

test('between two nobody is chosen, for there is only one', () => {
  expect(takersOf(room(1), null)).toEqual({ can: [], cannot: 0, to: [], says: '' });
});

test('whom nobody chose gets nothing where only they are left, until they are chosen', () => {
  const left = takersOf(room(1), new Set(['p-2']));
  expect([left.to, left.says]).toEqual([null, 'Choose somebody to send files to first.']);
  const [other] = left.can;
  expect(other && toggled(left, other.id)).toBe(null);
  expect(other && takersOf(room(1), new Set([other.id, 'p-2'])).to).toEqual([other?.id]);
  expect(offerOf(room(1), new Set(['p-2']), ['/a'])).toBe('Choose somebody to send files to first.');
  expect(takersOf(room(0), new Set(['p-2'])).to).toBe(null);
});

test('of a group everybody who can take files gets them, until some are chosen', () => {
  const state = withRoom(room(4), { people: { 'p-3': { takes_files: false } } });
  const all = takersOf(state, null);
  expect(all.can.map((one) => one.id)).toEqual(['p-2', 'p-grace', 'p-4']);
  expect([all.cannot, all.to, all.says]).toEqual([1, [], 'To all 3 people']);
  const some = takersOf(state, toggled(all, 'p-4'));
  expect([some.to, some.says]).toEqual([['p-2', 'p-grace'], 'To 2 people']);
  expect(toggled(some, 'p-4')).toBe(null);
});

test('nothing can be sent to nobody', () => {
  const state = room(3);
  const one = takersOf(state, new Set(['p-2']));
  const none = takersOf(state, toggled(one, 'p-2'));
  expect([none.to, none.says]).toEqual([null, 'Choose somebody to send files to first.']);
  expect(takersOf(state, toggled(none, 'p-3')).to).toEqual(['p-3']);
  const guests = { 'p-grace': { takes_files: false }, 'p-2': { takes_files: false }, 'p-3': { takes_files: false } };
  const nobody = takersOf(withRoom(state, { people: guests }), null);
  expect([nobody.to, nobody.cannot, nobody.says]).toEqual([null, 3, 'Nobody here can take files in a group.']);
});

test('what is asked of the engine names who was chosen, and is not asked for nobody', () => {
  expect(offerOf(room(1), null, ['/a'])).toEqual({ type: 'offer_files', paths: ['/a'], to: [] });
  expect(offerOf(room(3), new Set(['p-2']), ['/a', '/b'])).toEqual({ type: 'offer_files', paths: ['/a', '/b'], to: ['p-2'] });
  expect(offerOf(room(3), new Set(), ['/a'])).toBe('Choose somebody to send files to first.');
});

test('one file for several is one row, as long as it is one file', () => {
  const file = (id: string, name: string, to: string, sending = true): TransferView => ({ id, sending, with: to, with_name: to, name, size: 7, moved: 0, bytes_per_s: 0, state: 'offered', paused_here: false, fault: null, path: null });
  const to = (name: string, people: readonly string[]) => people.map((one) => file(`${name}-${one}`, name, one));
  const shape = (files: readonly TransferView[]) => batches(files).map((run) => run.map((one) => one.id).join(' '));
  expect(shape(to('a', ['x', 'y', 'z']))).toEqual(['a-x', 'a-y', 'a-z']);
  expect(shape([...to('a', ['w', 'x', 'y', 'z']), ...to('b', ['w']), file('c', 'b', 'w', false)])).toEqual(['a-w a-x a-y a-z', 'b-w', 'c']);
  // The same file for the same person again is another time.
  const again = ['w', 'x', 'y', 'z'].map((one) => file(`again-${one}`, 'a', one));
  expect(shape([...to('a', ['w', 'x', 'y', 'z']), ...again])).toEqual(['a-w a-x a-y a-z', 'again-w again-x again-y again-z']);
  // Of the same name and as long, but out of another folder, and so another file.
  const from = (folder: string, people: readonly string[]) => to('a', people).map((one) => ({ ...one, id: `${folder}${one.id}`, path: `${folder}a` }));
  expect(shape([...from('/x/', ['w', 'x']), ...from('/y/', ['y', 'z'])])).toEqual(['/x/a-w', '/x/a-x', '/y/a-y', '/y/a-z']);
  expect(shape(from('/x/', ['w', 'x', 'y', 'z']))).toEqual(['/x/a-w /x/a-x /x/a-y /x/a-z']);
  expect(shape(['w', 'x', 'y', 'z'].map((one) => file(one, 'a', one, false)))).toEqual(['w', 'x', 'y', 'z']);
});

test('who left is chosen no more, and who came is not chosen', () => {
  const state = room(4);
  const chosen = new Set(['p-2', 'p-3']);
  expect(takersOf(withRoom(state, { gone: ['p-2'] }), chosen).to).toEqual(['p-3']);
  expect(takersOf(withRoom(state, { gone: ['p-2', 'p-3'] }), chosen).to).toBe(null);
  expect(takersOf(withRoom(state, { others: 6 }), chosen).to).toEqual(['p-3', 'p-2'].sort((a, b) => takersOf(state, null).can.findIndex((one) => one.id === a) - takersOf(state, null).can.findIndex((one) => one.id === b)));
});
