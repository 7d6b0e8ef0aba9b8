import { expect, test } from 'vitest';
import type { TileLook } from '../../../bindings';
import { Roster } from '../roster';
import type { Wish } from '../wire';
import { Lists } from './lists';
import { Publications } from './publications';
import { Wishes } from './wishes';

const people = new Roster();
people.reset(['a', 'b', 'c'].map((id, order) => ({ id, name: id, role: 'guest', order, away: false, listens: false })));
const publications = new Publications();
const look = (tile: string, weight: TileLook['weight'] = 'grid'): TileLook => ({ tile, width: 640, height: 360, weight });

function withSections(pictures: number, sounds = 0): Wishes {
  const wishes = new Wishes();
  const section = (sound: boolean) => (_: unknown, at: number) => ({ mid: `${sound ? 's' : 'p'}${at}`, sound });
  wishes.setSections([...Array.from({ length: sounds }, section(true)), ...Array.from({ length: pictures }, section(false))]);
  return wishes;
}
const seen = (wishes: Wishes, looks: TileLook[]): string[] => {
  wishes.look(looks);
  return wishes.list(people, publications).map(({ mid, participant }) => `${mid} ${participant}`);
};

test('with too few sections the higher weight comes first, then who was named first', () => {
  expect(seen(withSections(2), [look('a'), look('b'), look('c', 'pinned'), look('c', 'thumbnail')])).toEqual(['p0 c', 'p1 a']);
});

test('who stays keeps a section, and who comes back gets theirs while it is free', () => {
  const wishes = withSections(3);
  expect(seen(wishes, [look('a'), look('b')])).toEqual(['p0 a', 'p1 b']);
  expect(seen(wishes, [look('b')])).toEqual(['p1 b']);
  expect(seen(wishes, [look('c', 'pinned'), look('b')]), 'one that showed nobody comes first').toEqual(['p1 b', 'p2 c']);
  expect(seen(wishes, [look('c'), look('b'), look('a')])).toEqual(['p0 a', 'p1 b', 'p2 c']);
});

test('until the window says what it shows everybody is seen, and shared sound is heard by itself', () => {
  const shared = new Publications();
  shared.take((['screen', 'screen_sound'] as const).map((source, at) => ({ number: at + 1, participant: 'b', source, on: true, layers: [] })), null);
  const list = withSections(4, 3).list(people, shared);
  expect(list.map(({ source }) => source).sort()).toEqual(['camera', 'camera', 'camera', 'screen', 'screen_sound']);
  expect(list.find(({ source }) => source === 'screen_sound')?.mid, 'voices keep those in front').toBe('s2');
});

test('strangers and floods are not wished for', () => {
  expect(seen(withSections(36), [...Array.from({ length: 5000 }, (_, at) => look(`stranger-${at}`)), look('a')])).toEqual([]);
  const many = new Wishes();
  many.setSections(Array.from({ length: 1000 }, (_, at) => ({ mid: String(at), sound: at % 2 === 0 })));
  many.look(Array.from({ length: 1000 }, () => look('a')));
  expect(many.list(people, publications).length).toBe(1);
});

test('ten lists a second are told, and the last is what was wanted last', () => {
  const lists = new Lists();
  const told: Wish[][] = [];
  for (let ms = 0; ms < 1200; ms += 1) {
    if (ms < 1000) lists.wishesChanged();
    const wish: Wish = { mid: String(Math.min(ms, 999)), participant: 'a', source: 'camera', width: 1, height: 1, priority: 1 };
    lists.tell(ms, [], () => [wish], (word) => word.type === 'subscribe' && told.push([...word.downs]));
  }
  expect([told.length, told.at(-1)?.[0]?.mid]).toEqual([11, '999']);
});

test('all that is begun anew is left out once', () => {
  const lists = new Lists();
  const lengths: number[] = [];
  const wish = (participant: string): Wish => ({ mid: participant, participant, source: 'camera', width: 1, height: 1, priority: 1 });
  lists.forgetWishes();
  for (const ms of [0, 100, 200, 300, 400, 500, 600]) {
    if (ms === 100 || ms === 400) lists.beginAnew('camera a');
    if (ms === 400) lists.beginAnew('camera b');
    lists.tell(ms, [], () => [wish('a'), wish('b')], (word) => word.type === 'subscribe' && lengths.push(word.downs.length));
  }
  expect(lengths).toEqual([2, 1, 2, 0, 2]);
});

test('the most that pictures may take is told with the wishes, and anew when it changes', () => {
  const lists = new Lists();
  const told: (number | undefined)[] = [];
  const wish: Wish = { mid: '1', participant: 'a', source: 'camera', width: 1, height: 1, priority: 1 };
  const tell = (ms: number, most?: number) => lists.tell(ms, [], () => [wish], (word) => word.type === 'subscribe' && told.push(word.kbps_max), most);
  tell(0, 250);
  expect(told, 'a server that knows of no wishes is told nothing').toEqual([]);
  lists.forgetWishes();
  for (const [at, most] of [250, 250, 0, undefined, undefined].entries()) tell(at * 1000, most);
  expect(told).toEqual([250, 0, undefined]);
});
