import { beforeEach, expect, test } from 'vitest';
import { Missing } from '../missing';
import { Roster } from '../roster';
import type { Participant } from '../wire';
import { Pairs, type PairsAround } from './pairs';

const person = (order: number): Participant => ({ id: `p-${order}`, name: '', role: 'guest', order, away: false, listens: false });
const ME = person(5);

let pairs: Pairs;
let around: { -readonly [K in keyof PairsAround]: PairsAround[K] };
let nowMs: number;
let open: Map<string, { number: number; polite: boolean; made: boolean; reachable: boolean; up: boolean; said: number }>;

beforeEach(() => {
  nowMs = 0;
  open = new Map();
  const roster = new Roster();
  roster.reset([1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12].map(person));
  around = { me: ME, own: ME.id, missing: new Missing(), unsettled: false, joined: true, roster, direct: null };
  pairs = new Pairs({
    openPair: (_, other, polite, number, made) => open.set(other.id, { number, polite, made, reachable: false, up: false, said: 0 }),
    closePair: (id) => {
      const { number = 0 } = open.get(id) ?? {};
      open.delete(id);
      return number;
    },
    pairSaid: (id) => {
      const one = open.get(id);
      if (one) one.said += 1;
    },
    pairReachable: (id, reachable) => {
      const one = open.get(id);
      if (one) one.reachable = reachable;
    },
    pairUp: (id) => open.get(id)?.up ?? false,
  });
});

const wish = (...wanted: string[]) => pairs.wish(nowMs, wanted.map((participant) => ({ participant, wanted: true })));
const may = (...known: string[]) => pairs.wish(nowMs, known.map((participant) => ({ participant, wanted: false })));
const hear = (id: string) => pairs.onMessage(nowMs, around, id, { kind: 'restart', connection: 1 });
const run = (ms: number) => {
  for (const end = nowMs + ms; nowMs < end; nowMs += 250) pairs.settle(nowMs, around);
};

test('one is made where something is to move, by whoever comes first or second alike', () => {
  may('p-1');
  run(1000);
  expect([...open], 'what may come to move makes none').toEqual([]);
  wish('p-1', 'p-6');
  run(1000);
  expect(open.get('p-1')).toEqual({ number: 1, polite: true, made: true, reachable: true, up: false, said: 0 });
  expect(open.get('p-6')?.polite).toBe(false);
});

test('four are made at once, one after the other', () => {
  wish('p-1', 'p-2', 'p-3', 'p-4', 'p-6', 'p-7');
  pairs.settle(nowMs, around);
  expect(open.size).toBe(1);
  run(3000);
  expect([...open.keys()]).toEqual(['p-1', 'p-2', 'p-3', 'p-4']);
  wish('p-3', 'p-4', 'p-6', 'p-7');
  run(20_250);
  expect([...open.keys()], 'once the others lingered').toEqual(['p-3', 'p-4', 'p-6', 'p-7']);
});

test('somebody else’s is met only where there is something with them', () => {
  hear('p-1');
  expect(open.size).toBe(0);
  may('p-1');
  hear('p-1');
  expect(open.get('p-1')).toMatchObject({ made: false, said: 1 });
  // Six at most, so that own wishes find room.
  const all = ['p-1', 'p-2', 'p-3', 'p-4', 'p-6', 'p-7', 'p-8', 'p-9'];
  may(...all);
  for (const id of all) hear(id);
  expect(open.size).toBe(6);
  pairs.wish(nowMs, all.map((participant) => ({ participant, wanted: participant === 'p-8' || participant === 'p-9' })));
  run(1000);
  expect(open.size).toBe(8);
});

test('one person’s are met four times at once, and then once in ten seconds', () => {
  may('p-1');
  const meet = () => {
    hear('p-1');
    const met = open.has('p-1');
    pairs.onEnded(nowMs, 'p-1');
    return met;
  };
  expect([meet(), meet(), meet(), meet(), meet()]).toEqual([true, true, true, true, false]);
  nowMs += 10_000;
  expect([meet(), meet()]).toEqual([true, false]);
});

test('a flood of messages is not passed on', () => {
  may('p-1');
  for (let times = 0; times < 300; times += 1) hear('p-1');
  expect(open.get('p-1')?.said).toBe(100);
});

test('one that fails rests ever longer, and is made anew under a higher number', () => {
  wish('p-1');
  run(250);
  pairs.onEnded(nowMs, 'p-1');
  run(2750);
  expect(open.size).toBe(0);
  run(500);
  expect(open.get('p-1')?.number).toBe(2);
  pairs.onEnded(nowMs, 'p-1');
  run(5750);
  expect(open.size).toBe(0);
  run(500);
  expect(open.get('p-1')?.number).toBe(3);
});

test('it stays while it is wanted and 20 s longer, and ends when the two talk directly or the group is over', () => {
  wish('p-1');
  run(60_000);
  expect(open.size).toBe(1);
  may('p-1');
  run(19_000);
  expect(open.size).toBe(1);
  run(2000);
  expect(open.size).toBe(0);
  wish('p-1', 'p-2');
  run(1000);
  around.direct = 'p-1';
  run(250);
  expect([...open.keys()]).toEqual(['p-2']);
  around.me = null;
  run(250);
  expect(open.size).toBe(0);
});

test('what works goes on while a server that began anew does not name the other one yet', () => {
  wish('p-1', 'p-2');
  run(1000);
  const one = open.get('p-1');
  if (one) one.up = true;
  for (const id of ['p-1', 'p-2']) around.missing.note(nowMs, id);
  around.roster.reset([]);
  around.me = null;
  run(1000);
  expect([...open.keys()], 'what never stood does not').toEqual(['p-1']);
  expect(one?.reachable).toBe(false);
  around.missing.onTick(nowMs + 60_000);
  run(250);
  expect(open.size).toBe(0);
});

test('nobody is sought who cannot be told', () => {
  around.roster.setAway('p-1', true);
  wish('p-1');
  run(1000);
  expect(open.size).toBe(0);
  around.roster.setAway('p-1', false);
  run(250);
  expect(open.size).toBe(1);
});
