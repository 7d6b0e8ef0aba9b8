import { expect, test } from 'vitest';
import type { Down, Publication } from '../wire';
import { Carried } from './carried';
import { Publications } from './publications';

const one = (number: number, participant: string, source: Publication['source']): Publication => ({ number, participant, source, on: true, layers: [] });
const publications = new Publications();
publications.take([one(1, 'ada', 'microphone'), one(2, 'ada', 'camera'), one(3, 'ben', 'camera')], null);
const heard = (mid: string, number: number | null, at: number, sound = false) => ({ mid, sound, number, at });
const down = (mid: string, participant: string, state: Down['state'] = 'flows'): Down => ({ mid, participant, source: 'camera', state, rid: null });

test('a section is whose packets say it is, whatever the server announced', () => {
  const carried = new Carried();
  carried.see(0, [heard('4', 2, 10), heard('2', 1, 10, true)], publications);
  expect([carried.whose('4', publications)?.participant, carried.whose('2', publications)?.source]).toEqual(['ada', 'microphone']);
  const says = [down('4', 'ben')];
  expect([carried.sectionOf('ada', 'camera', publications, says), carried.sectionOf('ben', 'camera', publications, says)]).toEqual(['4', null]);
  carried.see(100, [heard('4', 3, 20)], publications);
  expect([carried.sectionOf('ada', 'camera', publications, says), carried.sectionOf('ben', 'camera', publications, says)]).toEqual([null, '4']);
  carried.see(200, [heard('5', 3, 30)], publications);
  expect(carried.sectionOf('ben', 'camera', publications, says), 'the newer of two').toBe('5');
});

test('a picture in a section of sound, and numbers that nobody has, are nobody’s', () => {
  const carried = new Carried();
  carried.see(0, [heard('2', 2, 10, true), heard('4', 1, 10), heard('5', 99, 10)], publications);
  for (const mid of ['2', '4', '5', '6']) expect(carried.whose(mid, publications)).toBeNull();
});

test('where the browser tells no sources of pictures the server’s word counts', () => {
  const carried = new Carried();
  carried.see(0, [heard('4', null, 0)], publications);
  const says = [down('4', 'ben'), down('5', 'ada', 'paused')];
  expect([carried.sectionOf('ben', 'camera', publications, says), carried.sectionOf('ada', 'camera', publications, says)]).toEqual(['4', null]);
  expect([carried.came('ben', 'camera', says), carried.came('ada', 'camera', says), carried.came('ada', 'microphone', says)]).toEqual([true, false, false]);
});

test('what stops is not taken for flowing, and nothing of a connection before counts', () => {
  const carried = new Carried();
  carried.see(0, [heard('4', 2, 10)], publications);
  carried.see(900, [heard('4', 2, 10)], publications);
  expect([carried.flows(900, '4'), carried.flows(1000, '4')]).toEqual([true, false]);
  expect(carried.came('ada', 'camera', [])).toBe(true);
  carried.renew();
  expect([carried.came('ada', 'camera', []), carried.sounds]).toEqual([false, []]);
});
