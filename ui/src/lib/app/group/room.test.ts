/** Seats, news, what is large, what is told of what is seen, and the list of people. */
import { beforeEach, describe, expect, test } from 'vitest';
import { figuresOf, others } from '../../backend/fake/group';
import { SCENARIOS } from '../../backend/fake/scenarios';
import { GRACE } from '../../backend/fake/state';
import type { AppState, PersonFigures, PersonView } from '../../bindings';
import { language } from '../../text/language.svelte';
import { announcements } from '../announce';
import { APART_MS, GATHER_MS, gathered, NO_NEWS, told } from './comings';
import { largeOne, type Wishes } from './focus';
import { looksOf } from './looks';
import { hands, memberOf, screenOf, selfOf, spelled } from './members';
import { found, listed } from './people';
import { received } from './received';
import { broughtForward, inOrder, seated } from './seats';

beforeEach(() => language.speak('en', []));

describe('seats', () => {
  test('stay where they are while people come and go', () => {
    expect(seated(['a', 'b', 'c'], ['b', 'c', 'd', 'a'])).toEqual(['a', 'b', 'c', 'd']);
    expect(seated(['a', 'b', 'c'], ['c', 'a'])).toEqual(['a', 'c']);
    const same = ['a', 'b'];
    expect(seated(same, ['b', 'a'])).toBe(same);
  });

  test('are changed only with whoever was silent longest, when somebody of a later page speaks', () => {
    const heard = new Map([['a', 900], ['b', 100], ['c', 500]]);
    const nobody = () => false;
    expect(broughtForward(['a', 'b', 'c', 'd', 'e'], 'e', 3, nobody, heard)).toEqual(['a', 'e', 'c', 'd', 'b']);
    expect(broughtForward(['a', 'b', 'c', 'd'], 'c', 3, nobody, heard)).toEqual(['a', 'b', 'c', 'd']);
    expect(broughtForward(['a', 'b', 'c', 'd'], 'd', 3, (id) => id === 'b', heard)).toEqual(['a', 'b', 'd', 'c']);
    expect(broughtForward(['a', 'd'], 'd', 1, () => true, heard)).toEqual(['a', 'd']);
    expect(broughtForward(['a'], 'gone', 1, nobody, heard)).toEqual(['a']);
  });

  test('have oneself last on the first page', () => {
    expect(inOrder([], ['a', 'b'], 'me', 3)).toEqual(['a', 'b', 'me']);
    expect(inOrder(['s'], ['a', 'b', 'c'], 'me', 3)).toEqual(['s', 'a', 'me', 'b', 'c']);
    expect(inOrder([], [], 'me', 1)).toEqual(['me']);
  });
});

describe('news of who comes and goes', () => {
  const people = (...names: string[]) => names.map((name) => ({ id: name, name }));

  test.each([
    [['Ada'], ['Ada joined.']],
    [['Ada', 'Bob'], ['Ada and Bob joined.']],
    [['Ada', 'Bob', 'Cleo', 'Dan'], ['Ada and 3 others joined.']],
  ])('of %j is %j', (names, texts) => {
    expect(told(gathered(NO_NEWS, [], people(...names), 0), 0).texts).toEqual(texts);
  });

  test('waits a moment for more, and tells it in one sentence', () => {
    let news = gathered(NO_NEWS, people('Me'), people('Me', 'Ada'), 1000);
    expect(news.dueMs).toBe(1000 + GATHER_MS);
    news = gathered(news, people('Me', 'Ada'), people('Me', 'Ada', 'Bob', 'Cleo'), 1500);
    expect(news.dueMs).toBe(1000 + GATHER_MS);
    const { texts, news: next } = told(news, 1700);
    expect(texts).toEqual(['Ada and 2 others joined.']);
    expect(gathered(next, people('Me'), people(), 1800).dueMs).toBe(1700 + APART_MS);
  });

  test('says nothing of who was there, or away, for a moment only', () => {
    const came = gathered(NO_NEWS, people('Me'), people('Me', 'Ada'), 0);
    expect(gathered(came, people('Me', 'Ada'), people('Me'), 100).dueMs).toBe(null);
    const left = gathered(NO_NEWS, people('Me', 'Ada'), people('Me'), 0);
    expect(told(gathered(left, people('Me'), people('Me', 'Ada', 'Bob'), 100), 900).texts).toEqual(['Bob joined.']);
  });

  test('of a flood of three hundred is a sentence every four seconds at most', () => {
    const all = Array.from({ length: 300 }, (_, i) => `P${i}`);
    let [news, spoken] = [NO_NEWS, 0];
    for (let i = 0; i < all.length; i += 1) {
      const nowMs = i * 100;
      if (news.dueMs !== null && news.dueMs <= nowMs) {
        const { texts, news: next } = told(news, nowMs);
        [news, spoken] = [next, spoken + texts.length];
      }
      news = gathered(news, people(...all.slice(0, i)), people(...all.slice(0, i + 1)), nowMs);
    }
    expect(spoken).toBeLessThanOrEqual(30_000 / APART_MS + 1);
    expect(spoken).toBeGreaterThan(5);
  });
});

test('whoever comes into a room of several hears how many there are', () => {
  const [alone, five] = [SCENARIOS['waiting']?.(0), SCENARIOS['group-5']?.(0)];
  if (!alone || !five) throw new Error('no scenario');
  expect(announcements(alone, five)).toContain('5 people in the call');
  expect(announcements(alone, five).join()).not.toContain('joined');
});

test('in a large room nobody is told whose microphone opens and closes', () => {
  const [few, many] = [SCENARIOS['group-3']?.(0), SCENARIOS['group-12']?.(0)];
  if (!few || !many) throw new Error('no scenario');
  const muted = (state: AppState): AppState => ({ ...state, call: state.call && { ...state.call, people: state.call.people.map((one) => ({ ...one, microphone_on: false })) } });
  expect(announcements(few, muted(few)).length).toBe(2);
  expect(announcements(many, muted(many))).toEqual([]);
});

describe('what comes of each', () => {
  const figures = figuresOf(others(3));
  test.each<[Partial<PersonFigures>, string, boolean]>([
    [{}, '640 × 360, 24 fps (q)', false],
    [{ layer: null }, '640 × 360, 24 fps', false],
    [{ picture: 'unwatched' }, 'not shown', false],
    [{ picture: 'paused' }, 'Weak link', true],
    [{ picture: 'saved' }, 'Paused to save data', false],
    [{ frozen: true }, 'Stalled', true],
    [{ picture: 'off' }, '–', false],
  ])('%j is "%s"', (change, words, bad) => {
    expect(received([{ ...(figures[0] as PersonFigures), ...change }], others(3))[0]).toMatchObject({ name: 'Grace Hopper', picture: words, bad });
  });
});

describe('who is large', () => {
  const [grace, alan] = others(2) as [PersonView, PersonView];
  const all = [screenOf(grace), memberOf(grace), memberOf(alan)];
  const wishes: Wishes = { pinned: null, layout: 'grid', screensInGrid: false, sharers: [], speaker: null };
  test.each<[string, Partial<Wishes>, string | null]>([
    ['nobody in a grid', {}, null],
    ['who speaks', { layout: 'speaker', speaker: alan.id }, alan.id],
    ['the first, before anybody spoke', { layout: 'speaker' }, grace.id],
    ['what is shared, also in a grid', { sharers: [grace.id] }, `screen:${grace.id}`],
    ['nobody where what is shared stands among all', { sharers: [grace.id], screensInGrid: true, layout: 'speaker', speaker: alan.id }, null],
    ['what is pinned, before all else', { sharers: [grace.id], layout: 'speaker', pinned: alan.id }, alan.id],
    ['not what was pinned and is gone', { pinned: 'gone' }, null],
    ['not a screen that is not there yet', { sharers: [alan.id] }, null],
  ])('%s', (_, wished, key) => expect(largeOne(all, { ...wishes, ...wished })).toBe(key));
});

describe('what is seen', () => {
  test('is told in pixels of the device, once a tile, what matters most first', () => {
    const seen = [
      { tile: 'a', weight: 'thumbnail', width: 160, height: 90 },
      { tile: 'b', weight: 'large', width: 640.4, height: 360 },
      { tile: 'a', weight: 'grid', width: 100, height: 200 },
      { tile: 'c', weight: 'pinned', width: 300, height: 200 },
      { tile: 'd', weight: 'grid', width: 0, height: 200 },
    ] as const;
    expect(looksOf(seen, 1.5)).toEqual([
      { tile: 'c', width: 450, height: 300, weight: 'pinned' },
      { tile: 'b', width: 961, height: 540, weight: 'large' },
      { tile: 'a', width: 240, height: 300, weight: 'grid' },
    ]);
  });

  test('is the same list however the page lists it', () => {
    const tiles = ['x', 'a', 'm'].map((tile) => ({ tile, weight: 'grid' as const, width: 100, height: 100 }));
    expect(looksOf(tiles, 1)).toEqual(looksOf(tiles.toReversed(), 1));
  });
});

describe('a tile', () => {
  const say = (change: Partial<PersonView>, speaks = false, pinned = false) => spelled(memberOf({ ...GRACE, ...change }), speaks, pinned);
  test.each<[Partial<PersonView>, string]>([
    [{}, 'Grace Hopper'],
    [{ microphone_on: false }, 'Grace Hopper, muted'],
    [{ camera_on: false, picture: 'off' }, 'Grace Hopper, Camera off'],
    [{ hand_raised: true, hand_place: 2 }, 'Grace Hopper, hand raised, number 2'],
    [{ picture: 'paused' }, 'Grace Hopper, Weak link'],
    [{ picture: 'saved' }, 'Grace Hopper, Paused to save data'],
    [{ picture: 'waiting' }, 'Grace Hopper, Picture is coming'],
    [{ stalled: true }, 'Grace Hopper, Stalled'],
    [{ away: true, stalled: true, picture: 'paused' }, 'Grace Hopper, Reconnecting'],
    [{ recording: true }, 'Grace Hopper, is recording'],
    [{ name: '' }, 'Guest'],
  ])('of %j is called "%s"', (change, name) => expect(say(change)).toBe(name));

  test('says who speaks and what is pinned, and of a screen what it is', () => {
    expect(say({}, true, true)).toBe('Grace Hopper, pinned, is speaking');
    expect(spelled(screenOf({ ...GRACE, microphone_on: false, screen_on: true, screen: 'flows' }), false, false)).toContain('Grace Hopper');
  });

  test('shows no picture that is an old one', () => {
    expect([memberOf(GRACE), memberOf({ ...GRACE, picture: 'paused' }), memberOf({ ...GRACE, picture: 'saved' }), memberOf({ ...GRACE, camera_on: false })].map((one) => one.shows)).toEqual([true, false, false, false]);
  });

  test('of oneself has everything that those of others have', () => {
    const state = SCENARIOS['group-5']?.(0);
    if (!state?.call) throw new Error('no scenario');
    const raised = { ...state, call: { ...state.call, hand_place: 1 } };
    expect(spelled(selfOf(raised, true), false, false)).toBe('Ada Lovelace (you), hand raised, number 1');
    const members = [selfOf(raised, true), memberOf({ ...GRACE, hand_raised: true, hand_place: 3 }), memberOf({ ...GRACE, id: 'x', hand_raised: true, hand_place: 2 }), memberOf({ ...GRACE, id: 'y' })];
    expect(hands(members).map((one) => one.id)).toEqual(['self', 'x', GRACE.id]);
  });
});

describe('the list of people', () => {
  const rows = ['Zoë', 'Édouard Lucas', 'bob', '华罗庚', 'Ada'].map((name) => ({ id: name, name, hand: null as number | null }));
  test('finds without regard to case and accents', () => {
    expect(found(rows, ' EDOU ').map((row) => row.name)).toEqual(['Édouard Lucas']);
    expect(found(rows, 'zoe').map((row) => row.name)).toEqual(['Zoë']);
    expect(found(rows, '罗').map((row) => row.name)).toEqual(['华罗庚']);
    expect(found(rows, '')).toBe(rows);
    expect(found(rows, 'nobody')).toEqual([]);
  });
  test('has raised hands first, in their order, then names', () => {
    const with_ = rows.map((row) => ({ ...row, hand: { bob: 2, Zoë: 1 }[row.name] ?? null }));
    expect(listed(with_).map((row) => row.name).slice(0, 4)).toEqual(['Zoë', 'bob', 'Ada', 'Édouard Lucas']);
  });
});
