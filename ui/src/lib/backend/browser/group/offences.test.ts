import { expect, test } from 'vitest';
import { SOURCES } from '../../../text/language.svelte';
import { PEOPLE_MAX } from '../limits';
import { readServer } from '../reader';
import { Offences } from './offences';

const ID = 'EBESExQVFhcYGRobHB0eHw';
const said = (list: unknown, kicks: unknown = 0) => readServer(JSON.stringify({ type: 'offences', id: ID, list, kicks }));

test('the newest word about each is kept, each kind once, and what is not known left out', () => {
  const offences = new Offences();
  const take = (list: unknown, kicks?: unknown) => {
    const message = said(list, kicks);
    if (typeof message === 'object' && message?.type === 'offences') offences.take(message.id, message.list, message.kicks);
  };
  take([{ what: 'flood', count: 3 }]);
  take([{ what: 'unheard_of', count: 9 }, { what: 'flood', count: 7 }, { what: 'flood', count: 8 }, { what: 'lists', count: -1 }], 1);
  expect(offences.of(ID)).toEqual({ list: [{ what: 'flood', count: 7 }], kicks: 1 });
  take([{ what: 'absurd', count: 1 }], 'many');
  expect(offences.of(ID), 'what makes no sense is no news').toEqual({ list: [{ what: 'flood', count: 7 }], kicks: 1 });
  offences.forget(ID);
  expect(offences.of(ID)).toBe(null);
});

test('each kind that is told with words is read', () => {
  const kinds = Object.keys(SOURCES.en.group.offences).filter((what) => what !== 'kicks');
  expect(kinds).toContain('upstream');
  const message = said(kinds.map((what) => ({ what, count: 1 })));
  expect(typeof message === 'object' && message?.type === 'offences' ? message.list.map(({ what }) => what) : message).toEqual(kinds);
});

test('no more people are remembered than a room has', () => {
  const offences = new Offences();
  for (let number = 0; number < PEOPLE_MAX + 50; number += 1) offences.take(`p-${number}`, [], 1);
  expect(offences.of(`p-${PEOPLE_MAX - 1}`)).not.toBe(null);
  expect(offences.of(`p-${PEOPLE_MAX}`)).toBe(null);
});
