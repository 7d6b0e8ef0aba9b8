/** Words of a group that wait for their turn, in virtual time. */
import { expect, test } from 'vitest';
import { toBase64Url } from '../base64';
import { WordKey } from './seal';
import { Turns } from './turns';
import { Words } from './words';

const ID = (n: number): string => toBase64Url(new Uint8Array(16).fill(n));
const [ME, ADA, BEN] = [ID(1), ID(2), ID(3)];
const frame = (n: number) => Uint8Array.of(n);

test('whoever is answered without end takes nobody else’s turn', () => {
  const words = new Words(new WordKey(new Uint8Array(16), new Uint8Array(24)), new Uint8Array(8));
  let taken = 0;
  for (let at = 0; at < 1000; at += 1) if (words.sayFrame('files', ADA, frame(at % 256))) taken += 1;
  expect(taken, 'a short queue').toBe(8);
  expect([words.sayFrame('files', BEN, frame(0)), words.sayFrame('files', BEN, frame(1))]).toEqual([true, true]);
  const went: (string | null)[] = [];
  for (let next = words.nextFrame(0, ME); next; next = words.nextFrame(0, ME)) went.push(next.to);
  expect(went).toEqual([ADA, BEN, ADA, BEN, ADA, ADA, ADA, ADA, ADA, ADA]);
});

test('each gets theirs in order, and there is room for so many bytes for all together', () => {
  const turns = new Turns(3, 4);
  expect([1, 2, 3, 4].map((n) => turns.add('ada', frame(n)))).toEqual([true, true, true, false]);
  expect([turns.add('ben', frame(5)), turns.add('ben', frame(6))], 'four bytes').toEqual([true, false]);
  expect([turns.next(), turns.next(), turns.next()]).toEqual([{ to: 'ada', frame: frame(1) }, { to: 'ben', frame: frame(5) }, { to: 'ada', frame: frame(2) }]);
  turns.forget('ada');
  turns.forget('nobody');
  expect([turns.next(), turns.isEmpty]).toEqual([null, true]);
  expect([1, 2, 3].map((n) => turns.add('ben', frame(n))).concat(turns.add('ada', frame(4)), turns.add('ada', frame(5))), 'what went or was forgotten makes room').toEqual([true, true, true, true, false]);
});

test('what is written to everybody goes once, in order, and what few wait for goes to each', () => {
  const turns = new Turns(32, 1000);
  const people = Array.from({ length: 40 }, (_, n) => ID(n));
  for (const who of people) for (const n of [1, 2]) turns.add(who, frame(n));
  expect([turns.next(40), turns.next(40), turns.isEmpty]).toEqual([{ to: null, frame: frame(1) }, { to: null, frame: frame(2) }, true]);
  for (const who of people.slice(0, 3)) turns.add(who, frame(3));
  expect([turns.next(40)?.to, turns.next(40)?.to, turns.next(40)?.to]).toEqual(people.slice(0, 3));
  // Whoever must hear something else first has that by themselves.
  turns.add(people[0] ?? '', frame(9));
  for (const who of people) turns.add(who, frame(4));
  expect(turns.next(40)).toEqual({ to: people[0], frame: frame(9) });
  expect([turns.next(40), turns.next(40), turns.isEmpty]).toEqual([{ to: null, frame: frame(4) }, null, true]);
});

test('who came since hears nothing of what was written before, and what is said again goes to each', () => {
  const turns = new Turns(32, 1000);
  const people = Array.from({ length: 40 }, (_, n) => ID(n));
  for (const who of people) turns.add(who, frame(1));
  // One more is there by now.
  const to = people.map(() => turns.next(41)?.to);
  expect(to).toEqual(people);
  for (const who of people) turns.add(who, frame(2));
  expect(turns.next(40)?.to).toBeNull();
  for (const who of people) turns.add(who, frame(2));
  expect(people.map(() => turns.next(40)?.to)).toEqual(people);
});
