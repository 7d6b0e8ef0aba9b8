/** Who is in the room, in virtual time, without connections. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Stay, type Way } from './stay';
import type { Participant, Role } from './wire';

const person = (id: string, order: number, more: Partial<Participant> = {}): Participant => ({ id, name: id, role: 'guest', order, away: false, listens: false, ...more });
const ME = person('me', 2);
const GRACE = person('grace', 1);
const EVE = person('eve', 3);

let did: string[];
let way: Way | null;
let stay: Stay;
const done = () => did.splice(0);
const left = (nowMs: number, id: string, reason: 'left' | 'lost' | 'removed') => stay.onRoom(nowMs, { type: 'participant_left', id, reason });

beforeEach(() => {
  did = [];
  way = null;
  stay = new Stay(() => way, {
    meet: (me, other, polite) => {
      way = { connected: false, up: false, wasUp: false };
      did.push(`meet ${me.id} ${other.id} ${polite ? 'polite' : 'impolite'}`);
    },
    part: () => {
      way = null;
      did.push('part');
    },
    said: (message) => did.push(`said ${message.kind}`),
    muteAsked: (by) => did.push(`mute asked by ${by.name}`),
    askAgainLater: () => did.push('ask again'),
    end: (why) => did.push(`end ${why}`),
  });
});

function inCall(): void {
  stay.onJoined(0, 'me', [GRACE, ME]);
  way = { connected: true, up: true, wasUp: true };
  done();
}

describe('the other person', () => {
  test('is met by whoever comes, and the one who came second is polite', () => {
    stay.onJoined(0, 'me', [ME]);
    expect([done(), stay.reachable]).toEqual([[], false]);
    stay.onRoom(0, { type: 'participant_joined', participant: EVE });
    expect([done(), stay.reachable]).toEqual([['meet me eve impolite'], true]);
  });

  test('is met anew by a fresh self of this side: the proof names both', () => {
    inCall();
    way = { connected: false, up: false, wasUp: true };
    stay.onJoined(0, 'me2', [GRACE, person('me2', 5)]);
    expect(done()).toEqual(['meet me2 grace polite']);
  });

  test('is not met twice for coming back', () => {
    inCall();
    left(0, 'grace', 'lost');
    expect(stay.reachable).toBe(false);
    stay.onRoom(100, { type: 'participant_joined', participant: GRACE });
    way = { connected: false, up: false, wasUp: true };
    stay.onTick(60_000);
    expect([done(), stay.reachable]).toEqual([[], true]);
  });

  test('keeps the call that was proven, whoever the server says is there instead', () => {
    inCall();
    stay.onRoom(0, { type: 'participant_joined', participant: EVE });
    stay.onTick(10_000);
    expect([done(), stay.other?.id, stay.reachable]).toEqual([[], 'grace', false]);
    way = { connected: false, up: false, wasUp: true };
    stay.onTick(10_250);
    expect([done(), stay.other?.id, stay.reachable]).toEqual([['meet me eve impolite'], 'eve', true]);
  });

  test.each([['left', 500, 'end other-left'], ['lost', 3000, 'end other-lost']] as const)('who %s and does not come back ends the call', (reason, ms, end) => {
    inCall();
    left(0, 'grace', reason);
    stay.onTick(60_000);
    expect(done()).toEqual([]);
    way = { connected: false, up: false, wasUp: true };
    stay.onTick(ms - 1);
    expect(done()).toEqual([]);
    stay.onTick(ms);
    expect(done()).toEqual([end]);
  });

  test('who was lost before they were ever there is waited for no more, and the call goes on waiting', () => {
    stay.onJoined(0, 'me', [GRACE, ME]);
    done();
    left(0, 'grace', 'lost');
    stay.onTick(3000);
    expect([done(), stay.other]).toEqual([['part'], null]);
  });

  test('who was put out is nobody’s at once, however well media flows', () => {
    inCall();
    left(0, 'grace', 'removed');
    expect([done(), stay.other]).toEqual([['part'], null]);
    stay.onRoom(0, { type: 'signal', from: 'grace', payload: { kind: 'restart' } });
    expect(done()).toEqual([]);
  });

  test('says only so much', () => {
    inCall();
    for (let at = 0; at < 1000; at += 1) stay.onRoom(0, { type: 'signal', from: 'grace', payload: { kind: 'restart' } });
    stay.onRoom(0, { type: 'signal', from: 'eve', payload: { kind: 'restart' } });
    expect(done().length).toBe(300);
    stay.onRoom(20, { type: 'signal', from: 'grace', payload: { kind: 'restart' } });
    expect(done()).toEqual(['said restart']);
  });

  test('away is told nothing until they are back', () => {
    inCall();
    stay.onRoom(0, { type: 'error', code: 'recipient_away', fatal: false });
    expect(stay.reachable).toBe(false);
    stay.onRoom(0, { type: 'participant_back', id: 'grace' });
    expect(stay.reachable).toBe(true);
  });
});

test('a room without oneself makes no sense', () => {
  stay.onJoined(0, 'me', [GRACE]);
  expect([done(), stay.me]).toEqual([['ask again'], null]);
});

test('a guest who becomes host learns who waits, and forgets it as a guest', () => {
  inCall();
  const role = (to: Role) => stay.onRoom(0, { type: 'role_changed', id: 'me', role: to });
  role('host');
  stay.onRoom(0, { type: 'at_the_door', people: [{ id: 'w', name: 'Eve' }] });
  expect([stay.me?.role, stay.waiting.length]).toEqual(['host', 1]);
  role('guest');
  expect([stay.me?.role, stay.waiting.length]).toEqual(['guest', 0]);
});

test('only somebody who is there asks for silence', () => {
  inCall();
  stay.onRoom(0, { type: 'mute_asked', by: 'eve' });
  stay.onRoom(0, { type: 'mute_asked', by: 'grace' });
  expect(done()).toEqual(['mute asked by grace']);
});

test('the door stands as it was told last, and open after coming in anew', () => {
  inCall();
  stay.onRoom(0, { type: 'door', locked: true, lobby: false, password: true, listen_from: 0 });
  expect(stay.door).toEqual({ locked: true, lobby: false, password: true, listen_from: 0 });
  stay.onJoined(0, 'me', [GRACE, ME]);
  expect(stay.door).toEqual({ locked: false, lobby: false, password: false, listen_from: 0 });
});
