import { describe, expect, test } from 'vitest';
import { CANDIDATES_MAX, RemoteCandidates } from './candidates';
import { hostWord } from './door';
import { endOf } from './ended';
import { readControl, readServer, readServerAll } from './reader';
import { callState, type CallParts } from './view';
import type { MediaState } from './wire';

const ID = 'EBESExQVFhcYGRobHB0eHw';
const read = (message: object) => readServer(JSON.stringify(message));
const payload = (it: unknown) => read({ type: 'signal', from: ID, payload: it });

describe('what a server says', () => {
  test('comes in as it is meant', () => {
    expect(read({ type: 'participant_joined', participant: { id: ID, name: ' Bob\u202e\n ', role: 'host', order: 7, away: false, colour: 'blue' } })).toEqual({
      type: 'participant_joined', participant: { id: ID, name: 'Bob', role: 'host', order: 7, away: false, listens: false },
    });
    expect(read({ type: 'door', locked: true })).toEqual({ type: 'door', locked: true, lobby: false, password: false, listen_from: 0 });
    expect(read({ type: 'door', listen_from: 1e9 })).toMatchObject({ listen_from: 65_535 });
    expect(read({ type: 'listens_changed', id: ID, listens: true })).toEqual({ type: 'listens_changed', id: ID, listens: true });
    expect(read({ type: 'participants', list: Array(500).fill({ id: ID, name: 'Eve', order: 1, listens: true }) })).toMatchObject({ list: Array(100).fill({ id: ID, listens: true }) });
    expect(read({ type: 'participant_left', id: ID, reason: 'abducted' })).toMatchObject({ reason: 'lost' });
    expect(payload({ kind: 'restart', connection: 2, to_connection: 1 })).toMatchObject({ payload: { kind: 'restart', connection: 2, to_connection: 1 } });
    expect(payload({ kind: 'candidate', candidate: 'c' })).toMatchObject({ payload: { sdp_mid: null, sdp_mline_index: null } });
  });

  test('is no message, or one that is not known', () => {
    for (const text of ['', 'null', '[]', '"x"', '{}', '{"type":5}', '<html>']) expect(readServer(text), text).toBeNull();
    const strange: unknown[] = [null, 5, 'x', [], {}, { kind: 'restart', connection: 1e300 }, { kind: 'restart', connection: '1' }, { kind: 'restart', to_connection: -1 }, { kind: 'description', sdp_type: 'rollback', sdp: '' },
      { kind: 'description', sdp_type: 'offer', sdp: 'x'.repeat(48 * 1024 + 1) }, { kind: 'candidate', candidate: 'x'.repeat(1025) }, { kind: 'candidate', candidate: 'x', sdp_mline_index: 0.5 }, { kind: 'proof', mac: {} }, { kind: 'proof', mac: 'x'.repeat(65) }];
    for (const it of strange) expect(payload(it), JSON.stringify(it)).toBe('other');
    for (const it of [{ type: 'sing' }, { type: 'participant_joined' }, { type: 'participant_joined', participant: { id: 'x', name: 'Bob', order: 1 } }, { type: 'mute_asked', by: 7 }, { type: 'at_the_door', people: 1 }]) expect(read(it), it.type).toBe('other');
  });

  test('is never more than there is room for', () => {
    const people = Array.from({ length: 500 }, () => ({ id: ID, name: 'x'.repeat(1000) }));
    const message = read({ type: 'at_the_door', people });
    const waiting = typeof message === 'object' && message?.type === 'at_the_door' ? message.people : [];
    expect(waiting.map(({ name }) => name.length)).toEqual(Array(16).fill(64));
  });
});

test('what the other side says is looked at part by part', () => {
  expect(readControl('{"type":"media_state","microphone_on":true,"camera_on":false,"screen_on":{},"junk":[1]}')).toEqual({
    type: 'media_state', microphone_on: true, camera_on: false, screen_on: false, screen_moves: false, takes_screen: false, screen_sound_on: false, takes_screen_sound: false, takes_files: false,
  });
  const takes = (kbps: string) => (readControl(`{"type":"media_state","microphone_on":true,"camera_on":true,"picture_kbps_max":${kbps}}`) as MediaState).picture_kbps_max;
  expect(['0', '300', '-1', '"300"', 'null', '1e999'].map(takes)).toEqual([0, 300, undefined, undefined, undefined, undefined]);
  const id = 'EBESExQVFhcYGRobHB0eHw';
  expect(readControl(`{"type":"spotlight","participant":"${id}","screen":true}`)).toEqual({ type: 'spotlight', participant: id, screen: true });
  expect(readControl('{"type":"spotlight"}'), 'nobody any more').toEqual({ type: 'spotlight', screen: false });
  expect(readControl('{"type":"spotlight","participant":"nobody"}')).toBeNull();
  for (const text of ['', '{}', '{"type":"media_state"}', '{"type":"media_state","microphone_on":1,"camera_on":0}', '{"type":"reaction","reaction":5}', '{"type":"offer"}', '{"type":"sing"}']) expect(readControl(text), text).toBeNull();
});

describe('candidates', () => {
  const sdp = (ufrag: string) => `v=0\r\na=ice-ufrag:${ufrag}\r\n`;
  const candidate = (text: string, username_fragment: string | null = null) => ({ kind: 'candidate', candidate: text, username_fragment }) as const;

  test('wait for their description, each used once', () => {
    const theirs = new RemoteCandidates();
    expect(theirs.takeIn(candidate('one', 'a'), null)).toBe(false);
    expect(theirs.takeIn(candidate('two ufrag b'), sdp('a'))).toBe(false);
    expect(theirs.release(sdp('a')).map((one) => one.candidate)).toEqual(['one']);
    expect([theirs.takeIn(candidate('one', 'a'), sdp('a')), theirs.takeIn(candidate('', 'a'), sdp('a')), theirs.takeIn(candidate('three'), sdp('a'))]).toEqual([false, false, true]);
    expect(theirs.release(sdp('b')).map((one) => one.candidate)).toEqual(['two ufrag b']);
  });

  test('of an offer that came to nothing do not stand in the way of later ones', () => {
    const theirs = new RemoteCandidates();
    for (let at = 0; at < 1000; at += 1) theirs.takeIn(candidate(`gone-${at}`, 'gone'), sdp('a'));
    expect(theirs.takeIn(candidate('here', 'a'), sdp('a'))).toBe(true);
    expect(theirs.release(sdp('gone')).length).toBe(CANDIDATES_MAX - 1);
  });

  test('are never too many', () => {
    const theirs = new RemoteCandidates();
    expect(Array.from({ length: 1000 }, (_, at) => theirs.takeIn(candidate(`${at}`), sdp('a'))).filter(Boolean).length).toBe(CANDIDATES_MAX);
  });
});

test('what a server refuses is told in our words, never in its own', () => {
  expect(endOf({ refused: 'locked' }, true)).toEqual({ code: 'refused', message: 'The host locked this call, so nobody new can come in. Ask them to open it.' });
  expect(endOf({ refused: 'removed' }, true).message).toBe('You were removed from the call, by a host or, if this app sent what it should not, by the server.');
  for (const code of ['pay me', '__proto__', 'constructor']) expect(endOf({ refused: code }, true).message).toContain('misunderstood each other');
  expect(endOf('other-left', true)).toEqual({ code: 'other_left', message: 'The other person left the call.' });
});

test('what a host asks goes out in the words of the protocol', () => {
  expect(hostWord({ what: 'admit', id: ID })).toEqual({ type: 'admit', id: ID });
  expect(hostWord({ what: 'lock', on: true })).toEqual({ type: 'set_door', locked: true });
  expect(hostWord({ what: 'set_password', password: null })).toEqual({ type: 'set_password' });
  expect(hostWord({ what: 'ask_mute', id: null })).toEqual({ type: 'ask_mute' });
  expect(hostWord({ what: 'enter', password: 'x' })).toBeNull();
});

test('whoever stands before the door is joining, also the second time', () => {
  const call = { wasJoined: true, entrance: 'lobby', up: false, other: null, connectedSinceMs: null } as unknown as CallParts;
  expect([callState(call), callState({ ...call, entrance: 'free' }), callState({ ...call, up: true, other: { id: ID, name: '', away: false } })]).toEqual(['joining', 'waiting', 'connected']);
});

test('what a server says of groups is bounded, and what makes no sense in it is left out', () => {
  const id = 'EBESExQVFhcYGRobHB0eHw';
  const read = (message: object) => readServer(JSON.stringify(message));
  expect(read({ type: 'topology', mode: 'sfu', number: 7 })).toEqual({ type: 'topology', mode: 'sfu', number: 7, ready: [] });
  for (const odd of [{ type: 'topology', mode: 'pigeon', number: 7 }, { type: 'topology', mode: 'sfu', number: -1 }, { type: 'sfu_answer', connection: 1, sdp: 'x'.repeat(50_000) }, { type: 'told', from: 'x', payload: {} }, { type: 'layers_wanted', source: 'smell', rids: [] }, { type: 'publications' }]) expect(read(odd), JSON.stringify(odd).slice(0, 80)).toBe('other');
  const publication = { number: 17, participant: id, source: 'microphone', on: true };
  expect(read({ type: 'publications', list: [publication, { ...publication, source: 'smell' }, 5, { ...publication, number: 2 ** 33 }] })).toEqual({ type: 'publications', list: [{ ...publication, layers: [] }] });
  expect(read({ type: 'downs', list: [{ mid: '5', participant: id, source: 'camera', state: 'dances', rid: 'h' }, { mid: 'x'.repeat(99), participant: id, source: 'camera' }] })).toEqual({ type: 'downs', list: [{ mid: '5', participant: id, source: 'camera', state: 'absent', rid: 'h' }] });
  const speakers = read({ type: 'speakers', list: Array.from({ length: 999 }, () => id) });
  expect(speakers).toMatchObject({ list: [id, id, id, id, id] });
});

test('of several messages in one, one that makes no sense costs no other, and none hides more', () => {
  const pong = { type: 'pong', nonce: 1 };
  const list = [pong, { type: 'participant_away', id: 7 }, 5, { type: 'several', list: [pong] }, { type: 'newer' }, pong];
  expect(readServerAll(JSON.stringify({ type: 'several', list }))).toEqual([{ type: 'pong' }, 'other', 'other', 'other', 'other', { type: 'pong' }]);
  expect([readServerAll(JSON.stringify(pong)), readServerAll(JSON.stringify({ type: 'several' })), readServerAll('[]')]).toEqual([[{ type: 'pong' }], [], null]);
});

test('whoever only listens once they come in knows it with their ticket', () => {
  const ticket = (listens: unknown) => readServer(JSON.stringify({ type: 'ticket', room: 'r', ticket: 't', expires_in_s: 600, listens }));
  expect([ticket(undefined), ticket('full'), ticket('something newer'), ticket(5)]).toMatchObject([{ listens: null }, { listens: 'full' }, { listens: 'many' }, { listens: null }]);
});
