/** Rooms in which hundreds only listen: no tiles and no flood of news of them, and the hands that a host lets speak. */
import { beforeEach, describe, expect, test } from 'vitest';
import { actionsFor, type Deeds } from '../actions';
import { announcements } from '../announce';
import { audience } from '../../backend/fake/group';
import { SCENARIOS } from '../../backend/fake/scenarios';
import type { AppState, CallView, DoorAsk } from '../../bindings';
import { language } from '../../text/language.svelte';
import { gathered, NO_NEWS, there, told } from './comings';
import { hands, headcount, isGroup, nextToSpeak, raisedOf } from './members';
import { inOrder } from './seats';

beforeEach(() => language.speak('en', []));

const scenario = (name: string): AppState => SCENARIOS[name]?.(0) as AppState;
const callOf = (state: AppState): CallView => state.call as CallView;
const withCall = (state: AppState, change: Partial<CallView>): AppState => ({ ...state, call: { ...callOf(state), ...change } });

/** What the palette has a host do, and what comes of it. */
function palette(state: AppState): { ids: readonly string[]; run: (id: string) => DoorAsk[] } {
  const asked: DoorAsk[] = [];
  const deeds = new Proxy({}, { get: (_, name) => (name === 'atDoor' ? (ask: DoorAsk) => asked.push(ask) : () => undefined) }) as Deeds;
  const actions = actionsFor(state, deeds);
  return { ids: actions.map(({ id }) => id), run: (id) => (actions.find((one) => one.id === id)?.run(), asked) };
}

describe('a large room', () => {
  test('counts everybody, and is a grid of those who may speak', () => {
    const state = scenario('large-room');
    expect([isGroup(state), headcount(state.call)]).toEqual([true, 303]);
    const alone = withCall(scenario('call'), { people: [], listeners: audience(1) });
    expect(isGroup(alone), 'one who speaks and one who listens').toBe(true);
    expect(isGroup(scenario('call'))).toBe(false);
    expect(isGroup(withCall(scenario('call'), { part: 'listens' })), 'as a listener sees it').toBe(true);
    expect(inOrder(['s'], ['a'], null, 9), 'without oneself').toEqual(['s', 'a']);
  });

  test('has the hands of both in one order, and offers the host the first of those who listen', () => {
    const { listeners } = callOf(scenario('large-room'));
    expect(hands(listeners.map(raisedOf)).map(({ id }) => id)).toEqual(['l-7', 'l-3']);
    expect(nextToSpeak(callOf(scenario('large-room')))?.id).toBe('l-7');
    expect(nextToSpeak(callOf(scenario('may-speak')))).toBeNull();
    const { ids, run } = palette(scenario('large-room'));
    expect(ids).toContain('let-next-speak');
    expect(run('let-next-speak')).toEqual([{ what: 'set_listens', id: 'l-7', listens: false }]);
    expect(palette(scenario('may-speak')).ids, 'hosts only').not.toContain('let-next-speak');
  });

  test('offers a listener neither microphone nor camera nor screen, and their hand', () => {
    const { ids } = palette(scenario('listening'));
    expect(ids.filter((id) => ['mute', 'camera', 'share'].includes(id))).toEqual([]);
    expect(ids).toContain('hand');
    expect(palette(scenario('may-speak')).ids).toEqual(expect.arrayContaining(['mute', 'camera', 'share']));
  });
});

describe('news of listeners', () => {
  const texts = (before: Partial<CallView>, next: Partial<CallView>) => {
    const [was, is] = there(callOf(withCall(scenario('group-3'), before)), callOf(withCall(scenario('group-3'), next)));
    return told(gathered(NO_NEWS, was, is, 0), 0).texts;
  };

  test('are told as of others while they are few', () => {
    expect(texts({ listeners: audience(1) }, { listeners: audience(3) })).toEqual([`${audience(3)[1]?.name} and ${audience(3)[2]?.name} joined.`]);
  });

  test('are not where they are many', () => {
    expect(texts({ listeners: audience(9) }, { listeners: audience(300) })).toEqual([]);
    expect(texts({ listeners: audience(300) }, { listeners: audience(120) })).toEqual([]);
  });

  test('say of nobody who becomes a listener, or is let speak, that they left or joined', () => {
    for (const others of [2, 40]) {
      const { people } = callOf(scenario('group-3'));
      const [gone] = people;
      const moved = [...audience(others), { id: gone?.id ?? '', name: gone?.name ?? '', host: false, away: false, hand_place: null, offences: null }];
      expect(texts({ listeners: audience(others) }, { people: people.slice(1), listeners: moved }), `${others}`).toEqual([]);
      expect(texts({ people: people.slice(1), listeners: moved }, { listeners: audience(others) }), `${others}`).toEqual([]);
    }
  });
});

test('a screen reader hears that one listens, that one may speak, and as a host whose hand goes up', () => {
  const [speaks, listens, may] = [scenario('group-3'), scenario('listening'), scenario('may-speak')];
  expect(announcements(speaks, withCall(speaks, { part: 'listens' }))).toContain('You are listening. Raise your hand to speak.');
  expect(announcements(listens, may)).toContain('You may speak now. Your microphone is off until you turn it on.');
  const large = scenario('large-room');
  const raised = withCall(large, { listeners: audience(300, [6, 2, 9]) });
  expect(announcements(large, raised)).toEqual([`${audience(10)[9]?.name} raised a hand.`]);
  const guest = (state: AppState) => withCall(state, { door: { ...callOf(state).door, may_host: false } });
  expect(announcements(guest(large), guest(raised))).toEqual([]);
});
