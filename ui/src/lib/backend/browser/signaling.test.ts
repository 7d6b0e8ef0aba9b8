import { beforeEach, describe, expect, test } from 'vitest';
import { Signaling } from './signaling';

const ROOM = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYX';
const TICKET = { type: 'ticket', room: ROOM, ticket: 't1', expires_in_s: 600 };
const JOINED = { type: 'joined', you: 'EBESExQVFhcYGRobHB0eHw', room: ROOM, resume_token: 'r1', participants: [], ice_servers: [], resumed: false };

let did: string[];
let signaling: Signaling;
const hear = (nowMs: number, message: object) => signaling.onText(nowMs, JSON.stringify(message));
const refuse = (nowMs: number, code: string, fatal = false) => hear(nowMs, { type: 'error', code, message: code, fatal });
/** What it did since this was asked before. */
const done = () => did.splice(0);

beforeEach(() => {
  did = [];
  const note = (what: string) => () => void did.push(what);
  signaling = new Signaling(
    { room: ROOM, invitation: 'of.an.operator' },
    {
      connect: note('connect'),
      send: (message) => did.push(Object.values(message).filter((value) => typeof value === 'string').join(' ')),
      disconnect: note('disconnect'),
      joined: note('joined'),
      room: (message) => did.push(`room: ${message.type}`),
      lost: note('lost'),
      refused: (code) => did.push(`refused: ${code}`),
      putOut: (code) => did.push(`put out: ${code}`),
      notParley: note('not parley'),
    },
    () => 1,
  );
  signaling.start(0);
});

function join(): void {
  signaling.onOpen(0);
  hear(0, TICKET);
  signaling.enter(0, 'Bob');
  hear(0, JOINED);
  done();
}

describe('the way to the server', () => {
  test('asks for a ticket at once, and joins with the name when the person wants to', () => {
    signaling.onOpen(10);
    hear(20, TICKET);
    expect(done()).toEqual(['connect', 'groups', `request_ticket ${ROOM} of.an.operator`]);
    signaling.enter(30, 'Bob');
    expect(done()).toEqual(['join t1 Bob']);
    hear(40, JOINED);
    expect(done()).toEqual(['joined']);
    expect(signaling.downSince).toBeNull();
  });

  test('asks for a fresh ticket before the old one is too old', () => {
    signaling.onOpen(0);
    hear(0, TICKET);
    done();
    for (let at = 0; at < 540_000; at += 5000) hear(at, { type: 'pong' });
    signaling.onTick(540_000);
    expect(done().at(-1)).toBe(`request_ticket ${ROOM} of.an.operator`);
  });

  test('comes back with the newest token, later and later while nobody answers', () => {
    join();
    hear(5, { type: 'resume_token', resume_token: 'r2' });
    signaling.onClosed(1000);
    expect(done()).toEqual(['lost']);
    const tries: number[] = [];
    for (let at = 1000; at < 30_000; at += 50) {
      signaling.onTick(at);
      if (!done().includes('connect')) continue;
      tries.push(at);
      if (tries.length < 5) signaling.onClosed(at);
    }
    expect(tries.map((at, index) => at - (tries[index - 1] ?? 1000)).slice(0, 5)).toEqual([200, 400, 800, 1600, 3200]);
    signaling.onOpen(30_000);
    expect(done()).toEqual(['groups', 'resume r2 Bob']);
  });

  test('joins anew when the token is good no more', () => {
    join();
    signaling.onClosed(0);
    signaling.onTick(10_000);
    signaling.onOpen(10_000);
    done();
    refuse(10_001, 'resume_invalid');
    hear(10_002, TICKET);
    expect(done()).toEqual([`request_ticket ${ROOM} of.an.operator`, 'join t1 Bob']);
  });

  test.each([['room_unknown'], ['room_full'], ['version_mismatch']])('takes %s for an answer', (code) => {
    signaling.onOpen(0);
    done();
    refuse(1, code);
    expect(done()).toEqual(['disconnect', `refused: ${code}`]);
    signaling.onTick(60_000);
    expect(done()).toEqual([]);
  });

  test('asks again for a place that is kept, every two seconds', () => {
    signaling.onOpen(0);
    hear(0, TICKET);
    signaling.enter(0, 'Bob');
    done();
    refuse(100, 'place_kept');
    signaling.onTick(2000);
    expect(done()).toEqual(['disconnect']);
    signaling.onTick(2100);
    expect(done()).toEqual(['connect']);
  });

  test('leaves a place that was taken over alone', () => {
    join();
    refuse(1, 'replaced', true);
    signaling.onClosed(2);
    signaling.onTick(60_000);
    expect(done()).toEqual(['disconnect', 'lost']);
    expect(signaling.takenOver).toBe(true);
  });

  test('gives up a connection on which nothing comes, and says pings meanwhile', () => {
    join();
    signaling.onTick(8000);
    expect(done()).toEqual(['ping']);
    signaling.onTick(17_999);
    expect(done()).toEqual([]);
    signaling.onTick(18_000);
    expect(done()).toEqual(['disconnect', 'lost']);
  });

  test('keeps a connection that answers, even where the clock of a hidden page ticks once a minute', () => {
    join();
    for (let at = 60_000; at < 600_000; at += 60_000) {
      signaling.onTick(at);
      hear(at + 20, { type: 'pong' });
    }
    expect(done().every((what) => what === 'ping')).toBe(true);
  });

  test('waits longer and longer for a server that is full, though it gives tickets', () => {
    const gaps: number[] = [];
    let at = 0;
    signaling.enter(0, 'Bob');
    for (let tries = 0; tries < 5; tries += 1) {
      signaling.onOpen(at);
      hear(at, TICKET);
      refuse(at, 'unavailable');
      done();
      const from = at;
      while (!done().includes('connect')) signaling.onTick((at += 10));
      gaps.push(at - from);
    }
    expect(gaps).toEqual([200, 400, 800, 1600, 3200]);
  });

  test('stands aside where the connection was closed for another one', () => {
    join();
    signaling.onClosed(1, 4004);
    signaling.onTick(60_000);
    expect(done()).toEqual(['disconnect', 'lost']);
    expect(signaling.takenOver).toBe(true);
  });

  test('says goodbye from everywhere somebody may be let in meanwhile', () => {
    signaling.onOpen(0);
    hear(0, TICKET);
    signaling.enter(0, 'Bob');
    done();
    signaling.leave();
    expect(done()).toEqual(['leave', 'disconnect']);
  });

  test('does not believe what makes no sense', () => {
    signaling.onOpen(0);
    done();
    for (const expires_in_s of ['soon', null, Number.NaN]) hear(0, { ...TICKET, expires_in_s });
    for (const nonsense of [{ ...JOINED, participants: 5 }, { ...JOINED, you: {} }, { type: 'error', code: 5 }, { type: 'resume_token', resume_token: 'x'.repeat(3000) }]) hear(0, nonsense);
    signaling.onTick(100);
    expect(done()).toEqual([]);
  });

  test('tells what speaks another language', () => {
    signaling.onOpen(0);
    done();
    signaling.onText(1, '<html>');
    expect(done()).toEqual(['not parley']);
  });
});

describe('the door of a room', () => {
  const knock = () => {
    signaling.onOpen(0);
    hear(0, TICKET);
    signaling.enter(0, 'Bob');
    done();
  };

  test('is waited at for as long as it takes, and opens', () => {
    knock();
    hear(10, { type: 'waiting' });
    expect([signaling.entrance, signaling.joined, signaling.downSince]).toEqual(['lobby', false, null]);
    for (let at = 0; at < 3_600_000; at += 1000) {
      signaling.onTick(at);
      hear(at, { type: 'pong' });
    }
    expect(done().every((what) => what === 'ping')).toBe(true);
    hear(3_600_000, JOINED);
    expect([signaling.entrance, signaling.joined, done()]).toEqual(['free', true, ['joined']]);
  });

  test('is knocked at again after a lost connection', () => {
    knock();
    hear(10, { type: 'waiting' });
    signaling.onClosed(20);
    expect(signaling.entrance).toBe('free');
    signaling.onTick(10_000);
    signaling.onOpen(10_000);
    hear(10_000, { ...TICKET, ticket: 't2' });
    expect(done()).toEqual(['connect', 'groups', `request_ticket ${ROOM} of.an.operator`, 'join t2 Bob']);
  });

  test('stays shut where a host says so', () => {
    knock();
    hear(10, { type: 'waiting' });
    refuse(20, 'not_admitted', true);
    expect(done()).toEqual(['disconnect', 'refused: not_admitted']);
  });

  test.each(['locked', 'removed', 'ended', 'not_admitted'])('is not knocked at again after %s', (code) => {
    knock();
    refuse(1, code);
    signaling.onTick(60_000);
    expect(done()).toEqual(['disconnect', `refused: ${code}`]);
  });

  test('asks for a password, and again when it was wrong, by the same ticket', () => {
    knock();
    refuse(1, 'password_needed');
    expect([signaling.entrance, done()]).toEqual(['password_needed', []]);
    signaling.tryPassword(2, 'barley');
    expect([signaling.entrance, done()]).toEqual(['free', ['join t1 Bob barley']]);
    refuse(3, 'password_wrong');
    expect(signaling.entrance).toBe('password_wrong');
    signaling.tryPassword(4, 'sesame');
    hear(5, JOINED);
    expect([signaling.entrance, done()]).toEqual(['free', ['join t1 Bob sesame', 'joined']]);
  });

  test('waits for a password with a ticket that is renewed, and does not knock without one', () => {
    knock();
    refuse(1, 'password_needed');
    hear(299_000, { type: 'pong' });
    signaling.onTick(300_001);
    hear(300_002, { ...TICKET, ticket: 't2' });
    expect(done().filter((what) => what !== 'ping')).toEqual([`request_ticket ${ROOM} of.an.operator`]);
    signaling.tryPassword(300_003, 'sesame');
    expect(done()).toEqual(['join t2 Bob sesame']);
  });

  test.each(['removed', 'ended'])('closes behind whoever is %s by a host', (code) => {
    join();
    refuse(1, code, true);
    signaling.onClosed(2);
    signaling.onTick(60_000);
    expect(done()).toEqual(['disconnect', `put out: ${code}`]);
  });

  test('opens again to whom it was shut, where the call went on', () => {
    knock();
    refuse(1, 'room_full');
    signaling.askAgainLater(2);
    done();
    signaling.onTick(1000);
    expect(done()).toEqual(['connect']);
  });
});
