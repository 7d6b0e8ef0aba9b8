/** The window's decisions: what is said, offered, faded, found. */
import { describe, expect, test } from 'vitest';
import { withCall } from '../backend/fake/history';
import { CALL, GRACE, HOME, LOCAL_ON, PROBLEMS } from '../backend/fake/state';
import { SCENARIOS } from '../backend/fake/scenarios';
import type { AppState, ProblemCode, Quality } from '../bindings';
import { actionsFor, matching, type Deeds } from './actions';
import { announcements } from './announce';
import { chromeShows, type ChromeInputs } from './chrome';
import { cornerByKey, cornerFrom, nearestCorner } from './corner';
import { deviceGlance, whyNothing } from './devices';
import { everyKey } from './every-key';
import { pressed, talks, written, type KeyPress } from './keys';
import { linkSlip } from './link';
import { milliseconds } from './motion';
import { serverAway, stepFor } from './problems';
import { resetCommands, rowsFor } from './settings';
import { judged, NO_CALL, weakSeconds, withQuality, withState } from './summary';
import { themeFor } from './theme';
import { Toasts } from './toasts.svelte';
import { withSaid, type Sentence } from './voice.svelte';

const scenario = (name: string): AppState => {
  const make = SCENARIOS[name];
  if (!make) throw new Error(`no scenario ${name}`);
  return make(1_000_000_000);
};

describe('a pasted text', () => {
  test.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['see you at noon', 'none'],
    ['https://example.org/cats', 'none'],
    ['https://example.org/r/', 'noRoom'],
    ['parley://join/', 'noRoom'],
    ['https://example.org/r/abc', 'noSecret'],
    ['https://example.org/r/abc#', 'noSecret'],
    ['https://example.org/r/abc#, thanks', 'noSecret'],
    ['https://example.org/r/abc#short', 'damaged'],
    ['https://example.org/r/abc#Zk1vQ0x3bW9wUXJzVHV2d', 'damaged'],
    ['https://example.org/r/abc#Zk1vQ0x3bW9wUXJzVHV2dww', 'damaged'],
    ['https://example.org/r/abc#Zk1vQ0x3bW9wUXJzVHV2dx', 'damaged'],
    ['https://example.org/r/abc#Zk1vQ0x3bW9%3DwUXJzVHV2d', 'damaged'],
    ['(https://example.org/r/abc#Zk1vQ0x3bW9wUXJzVHV2dw).', null],
    ['http://192.168.1.20:7788/r/k3v9#Zk1vQ0x3bW9wUXJzVHV2dw', null],
    ['Join me: https://example.org/r/abc#Zk1vQ0x3bW9wUXJzVHV2dw, ok?', null],
    ['<parley://join/example.org/abc#Zk1vQ0x3bW9wUXJzVHV2dw>', null],
  ])('"%s" slips as %s', (text, slip) => expect(linkSlip(text)).toBe(slip));
});

describe('announcements', () => {
  const call = scenario('call');
  const alone = scenario('waiting');
  const with_ = (state: AppState, person: Partial<typeof GRACE>): AppState => ({
    ...state,
    call: state.call && { ...state.call, people: [{ ...GRACE, ...person }] },
  });

  test('say who joins and leaves, once', () => {
    expect(announcements(alone, call)).toContain('Grace Hopper joined.');
    expect(announcements(call, alone)).toContain('Grace Hopper left.');
    expect(announcements(call, call)).toEqual([]);
  });

  test('say who mutes, and when oneself does', () => {
    expect(announcements(call, with_(call, { microphone_on: false }))).toEqual(['Grace Hopper muted.']);
    expect(announcements(call, { ...call, local: { ...LOCAL_ON, muted: true } })).toEqual(['You are muted.']);
  });

  test('say when the connection breaks and comes back', () => {
    const broken = scenario('reconnecting');
    expect(announcements(call, broken)).toContain('Connection lost. Reconnecting.');
    expect(announcements(broken, call)).toContain('Connected again.');
  });

  test('keep quiet outside a call', () => expect(announcements(HOME, scenario('call'))).toEqual([]));
});

describe('the voice for screen readers', () => {
  const texts = (list: readonly Sentence[]) => list.map((one) => one.text);
  const twice = withSaid(withSaid([], ['Ada joined.'], 0), ['Ada muted.'], 400);

  test('loses nothing that follows at once, and lets go of what is old', () => {
    expect(texts(twice)).toEqual(['Ada joined.', 'Ada muted.']);
    expect(texts(withSaid(twice, ['Ada left.'], 1200))).toEqual(['Ada muted.', 'Ada left.']);
    expect(withSaid(twice, [], 9000)).toBe(twice);
  });
  test('says the same again as something new', () => {
    const again = withSaid(twice, ['Ada muted.'], 500);
    expect(new Set(again.map((one) => one.id)).size).toBe(3);
  });
  test('keeps the newest of a flood', () => {
    const flood = withSaid([], Array.from({ length: 1000 }, (_, i) => `${i}`), 0);
    expect([flood.length, flood.at(-1)?.text]).toEqual([8, '999']);
  });
});

describe('every problem', () => {
  test.each(Object.values(PROBLEMS))('$code offers a step with words', (problem) => {
    for (const phase of ['home', 'green_room', 'in_call'] as const) {
      expect(stepFor(problem, { ...HOME, phase }).label).not.toBe('');
    }
  });

  test('offers another device only where there is one', () => {
    const step = (code: ProblemCode, state: AppState) => stepFor(PROBLEMS[code], state).deed.do;
    expect(step('camera_busy', HOME)).toBe('devices');
    expect(step('camera_busy', { ...HOME, devices: { ...HOME.devices, cameras: HOME.devices.cameras.slice(0, 1) } })).toBe('command');
  });
});

describe('the controls over the picture', () => {
  const idle: ChromeInputs = { idleMs: 3000, focusInside: false, pointerInside: false, panelOpen: false, problems: 0, connected: true };
  test.each<[string, Partial<ChromeInputs>, boolean]>([
    ['fade after three seconds', {}, false],
    ['stay while the pointer moves', { idleMs: 2999 }, true],
    ['stay while focused', { focusInside: true }, true],
    ['stay under the pointer', { pointerInside: true }, true],
    ['stay with a panel open', { panelOpen: true }, true],
    ['stay with a problem', { problems: 1 }, true],
    ['stay until connected', { connected: false }, true],
  ])('%s', (_, change, shows) => expect(chromeShows({ ...idle, ...change })).toBe(shows));
});

describe('the small picture', () => {
  test('goes where the arrow points', () => {
    expect(cornerByKey('bottom-right', 'ArrowLeft')).toBe('bottom-left');
    expect(cornerByKey('bottom-right', 'ArrowUp')).toBe('top-right');
    expect(cornerByKey('top-left', 'ArrowUp')).toBe('top-left');
    expect(cornerByKey('top-left', 'm')).toBeNull();
  });
  test('lies down in the nearest corner', () => {
    expect(nearestCorner(10, 10, 100, 100)).toBe('top-left');
    expect(nearestCorner(90, 51, 100, 100)).toBe('bottom-right');
  });
  test('forgets what it cannot read', () => {
    expect(cornerFrom('top-left')).toBe('top-left');
    expect(cornerFrom('middle')).toBe('bottom-right');
    expect(cornerFrom(null)).toBe('bottom-right');
  });
});

describe('keys', () => {
  const none: KeyPress = { key: '', code: '', ctrl: false, meta: false, alt: false, shift: false, repeat: false, typing: false, onControl: false };
  const press = (change: Partial<KeyPress>): KeyPress => ({ ...none, ...change });

  test('letters act, but not while typing, held, or with Ctrl', () => {
    expect(pressed(press({ key: 'm' }), { key: 'm' })).toBe(true);
    expect(pressed(press({ key: 'M', shift: true }), { key: 'm' })).toBe(true);
    expect(pressed(press({ key: 'm', typing: true }), { key: 'm' })).toBe(false);
    expect(pressed(press({ key: 'm', repeat: true }), { key: 'm' })).toBe(false);
    expect(pressed(press({ key: 'm', ctrl: true }), { key: 'm' })).toBe(false);
  });
  test('Ctrl or Cmd with K opens the palette, also while typing', () => {
    expect(pressed(press({ key: 'k', ctrl: true, typing: true }), { key: 'k', mod: true })).toBe(true);
    expect(pressed(press({ key: 'k', meta: true }), { key: 'k', mod: true })).toBe(true);
    expect(pressed(press({ key: 'k' }), { key: 'k', mod: true })).toBe(false);
  });
  test('space talks, unless it would press a button or write', () => {
    expect(talks(press({ code: 'Space' }))).toBe(true);
    expect(talks(press({ code: 'Space', onControl: true }))).toBe(false);
    expect(talks(press({ code: 'Space', typing: true }))).toBe(false);
  });
  test('are written as on the keyboard at hand', () => {
    expect(written({ key: 'k', mod: true }, false)).toBe('Ctrl K');
    expect(written({ key: 'k', mod: true }, true)).toBe('⌘ K');
    expect(written({ key: '?' }, false)).toBe('?');
  });
});

describe('actions', () => {
  const done: string[] = [];
  const deeds = new Proxy({}, { get: (_, name) => (value?: unknown) => done.push(`${String(name)}${value === undefined ? '' : ` ${String(value)}`}`) }) as Deeds;

  test.each(Object.keys(SCENARIOS))('in "%s" have one id and one key each', (name) => {
    const actions = actionsFor(scenario(name), deeds);
    expect(new Set(actions.map((a) => a.id)).size).toBe(actions.length);
    const keys = actions.flatMap((a) => (a.shortcut ? [`${a.shortcut.mod ?? false} ${a.shortcut.key}`] : []));
    expect(new Set(keys).size).toBe(keys.length);
  });
  test('turn round what is on', () => {
    done.length = 0;
    actionsFor(scenario('call-muted'), deeds).find((a) => a.id === 'mute')?.run();
    actionsFor(scenario('call-muted'), deeds).find((a) => a.id === 'camera')?.run();
    expect(done).toEqual(['setMuted false', 'setCameraOn false']);
  });
  test('stop sharing only what somebody sees', () => {
    const share = (name: string) => actionsFor(scenario(name), deeds).find((a) => a.id === 'share');
    expect(share('call')?.label).toBe('Share your screen');
    expect(share('call-sharing')?.label).toBe('Stop sharing');
    expect(share('call-share-asking')?.label).toBe('Cancel sharing');
    done.length = 0;
    share('call-share-asking')?.run();
    expect(done).toEqual(['stopSharing']);
  });
  test('offer nothing that makes no sense', () => {
    expect(actionsFor(HOME, deeds).map((a) => a.id)).not.toContain('mute');
    expect(actionsFor(scenario('waiting'), deeds).map((a) => a.id)).not.toContain('swap');
    expect(actionsFor(scenario('call'), deeds).map((a) => a.id)).not.toContain('start-call');
  });
  test('open each settings page and speak each language', () => {
    done.length = 0;
    for (const id of ['settings-voice', 'settings', 'language-de', 'language-system']) actionsFor(HOME, deeds).find((a) => a.id === id)?.run();
    expect(done).toEqual(['openSettings voice', 'openSettings', 'setLanguage de', 'setLanguage system']);
  });
  test.each(Object.keys(SCENARIOS))('in "%s" are on the page of all keys', (name) => {
    const listed = Object.values(everyKey(HOME, deeds)).flat();
    const missing = actionsFor(scenario(name), deeds).filter((a) => a.shortcut && !listed.some((row) => row.id === a.id && row.shortcut.key === a.shortcut?.key));
    expect(missing).toEqual([]);
    expect(new Set(listed.map((row) => row.id)).size).toBe(listed.length);
  });
  test('stand where they work on the page of all keys', () => {
    const ids = (place: 'anywhere' | 'home' | 'call') => everyKey(scenario('call'), deeds)[place].map((row) => row.id);
    expect(ids('home')).toEqual(['start-call', 'paste-link']);
    expect(ids('call')).toEqual(expect.arrayContaining(['join', 'mute', 'camera', 'swap', 'copy-link']));
    expect(ids('anywhere')).toEqual(expect.arrayContaining(['full-screen', 'settings', 'palette', 'shortcuts']));
  });
  test('are found by beginnings first', () => {
    const found = matching(actionsFor(scenario('call'), deeds), 'co').map((a) => a.id);
    expect(found[0]).toBe('copy-link');
    expect(found).toContain('theme-dark');
    expect(matching(actionsFor(HOME, deeds), 'zzz')).toEqual([]);
  });
});

describe('a device at a glance', () => {
  const silence = { microphone: 0, speaker: 0, people: [] };
  const of = (name: string, kind: 'camera' | 'microphone' | 'speaker', hears = false) => deviceGlance(kind, scenario(name), silence, hears);

  test('tells silence from hearing, and muted from both', () => {
    expect(of('green-room', 'microphone').words).toBe('Hears nothing');
    expect(of('green-room', 'microphone', true).words).toBe('Hears you');
    expect(of('call-muted', 'microphone', true)).toMatchObject({ words: 'Muted', on: false, level: 0 });
  });
  test('names trouble', () => {
    expect(of('green-room-busy', 'camera')).toMatchObject({ words: 'Busy', trouble: true, on: false });
    expect(of('green-room-nothing', 'speaker')).toMatchObject({ words: 'None found', trouble: true, name: null });
  });
  test('is no switch that is on while it gives nothing', () => {
    expect([whyNothing('microphone', LOCAL_ON), whyNothing('camera', LOCAL_ON)]).toEqual([null, null]);
    const nothing = { ...LOCAL_ON, camera: 'busy', microphone: 'missing' } as const;
    expect(whyNothing('microphone', { ...nothing, muted: true })).toBe('No microphone found');
    expect(whyNothing('camera', nothing)).toBe('Another program is using your camera');
    expect(whyNothing('camera', { ...nothing, camera_on: false })).toBeNull();
  });
  test('names the device that would be used while it is off', () => {
    expect(of('home', 'camera')).toMatchObject({ name: 'Integrated Camera', words: 'Off', trouble: false });
  });
});

describe('the settings', () => {
  test('show a page, or what was searched for on every page', () => {
    expect(rowsFor('voice', '').map((row) => row.id)).toEqual(['echo', 'noise', 'gain']);
    expect(rowsFor('voice', 'mirror').map((row) => row.id)).toEqual(['mirror']);
    expect(rowsFor('voice', 'calls server').map((row) => row.id)).toEqual(['server']);
    expect(rowsFor('voice', 'zzz')).toEqual([]);
  });
  test('can be reset page by page, and taken back', () => {
    const changed: AppState = { ...HOME, settings: { ...HOME.settings, appearance: 'light', language: 'fr', mirror: false, server: 'https://x.org' } };
    expect(resetCommands('appearance', changed)).toEqual({
      reset: [{ type: 'change_settings', patch: { appearance: 'system', language: 'system', mirror: true } }],
      undo: [{ type: 'change_settings', patch: { appearance: 'light', language: 'fr', mirror: false } }],
    });
    expect(resetCommands('you', changed).reset).toEqual([
      { type: 'change_settings', patch: { server: '', folders: { received: null, recordings: null }, keep_history: true, keep_chat: false } },
    ]);
    expect(resetCommands('devices', changed).reset).toHaveLength(4);
  });
});

describe('how a call went', () => {
  const lived = (...parts: [Quality, number][]) => {
    let nowMs = 1000;
    const sum = parts.reduce((before, [quality, seconds]) => {
      const after = withQuality(before, quality, nowMs);
      nowMs += seconds * 1000;
      return after;
    }, NO_CALL);
    return withQuality(sum, null, nowMs);
  };
  const alone = (sum: typeof NO_CALL) => judged(null, HOME.history, sum);

  // The cases of the engine's own test of its verdict (diary.rs), and their edges.
  test.each<[Quality, [Quality, number][]]>([
    ['unknown', [['unknown', 9]]],
    ['good', [['good', 100]]],
    ['good', [['good', 75], ['fair', 15], ['poor', 10]]],
    ['fair', [['good', 74], ['fair', 16], ['poor', 10]]],
    ['fair', [['good', 75], ['poor', 25], ['fair', 1]]],
    ['poor', [['good', 60], ['poor', 40]]],
  ])('is "%s"', (word, parts) => expect(alone(lived(...parts))).toBe(word));

  test('counts the time at each quality, however often it is told', () => {
    let sum = withQuality(NO_CALL, 'good', 1000);
    sum = withQuality(sum, 'good', 5000);
    sum = withQuality(sum, 'poor', 6000);
    expect(weakSeconds(sum)).toBe(0);
    sum = withQuality(sum, null, 9000);
    sum = withQuality(sum, 'fair', 60_000);
    sum = withQuality(sum, null, 62_000);
    expect(sum.seconds).toEqual({ unknown: 0, good: 5, fair: 2, poor: 3 });
    expect(weakSeconds(sum)).toBe(5);
  });

  test('counts interruptions and their length, which is bad time', () => {
    let sum = withState(lived(['good', 10]), 'reconnecting', 1000);
    sum = withState(sum, 'reconnecting', 2000);
    sum = withState(sum, 'connected', 4500);
    expect(sum).toMatchObject({ interruptions: 1, interruptedMs: 3500, brokenSinceMs: null });
    expect(alone(sum)).toBe('poor');
  });

  test('is what the history says, where there is one', () => {
    const history = withCall(HOME.history, 'a1', 0, 100, 'hung_up');
    expect(judged('a1', history, lived(['poor', 100]))).toBe('good');
    expect(judged('b2', history, lived(['poor', 100]))).toBe('poor');
  });
});

describe('a server that does not answer', () => {
  const away = [PROBLEMS.server_unreachable];
  test('holds up who enters and who comes, but not a place that was taken over', () => {
    expect(serverAway(scenario('waiting'))).toBe(false);
    expect(serverAway({ ...scenario('waiting'), problems: away })).toBe(true);
    expect(serverAway({ problems: [], call: { ...CALL, signaling: 'reconnecting' } })).toBe(true);
    expect(serverAway({ problems: away, call: { ...CALL, signaling: 'taken_over' } })).toBe(false);
  });
  test.each<[string, AppState, string]>([
    ['in a call', scenario('call'), 'command'],
    ['before a call of somebody else', scenario('green-room-guest'), 'paste'],
    ['before one’s own', scenario('green-room'), 'settings'],
    ['while a room is made', scenario('green-room-making'), 'settings'],
  ])('leads somewhere that helps %s', (_, state, deed) => expect(stepFor(PROBLEMS.server_unreachable, state).deed.do).toBe(deed));
});

test('of the news of a call only what still offers something outlives it', () => {
  const toasts = new Toasts();
  toasts.show('Microphone unplugged.', 'warn');
  toasts.show('Forgotten.', 'good', () => {});
  toasts.show('Saved.', 'good', null, { label: 'Show', run: () => {} });
  toasts.settle();
  expect(toasts.list.map((toast) => toast.text)).toEqual(['Forgotten.', 'Saved.']);
});

test('calls are dark unless light was asked for', () => {
  expect(themeFor('system', false, 'home')).toBe('light');
  expect(themeFor('system', false, 'in_call')).toBe('dark');
  expect(themeFor('light', true, 'in_call')).toBe('light');
  expect(themeFor('dark', false, 'home')).toBe('dark');
});

test('CSS times are read in either unit', () => expect(['200ms', ' .2s', '0', 'none'].map(milliseconds)).toEqual([200, 200, 0, 0]));
