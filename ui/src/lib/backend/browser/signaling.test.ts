import { beforeEach, describe, expect, test } from 'vitest';
import { Signaling } from './signaling';

const ROOM = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYX';
const TICKET = { type: 'ticket', room: ROOM, ticket: 't1', expires_in_s: 600 };
const JOINED = { type: 'joined', you: 'me', room: ROOM, resume_token: 'r1', participants: [], ice_servers: [], resumed: false };

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
    expect(done()).toEqual(['connect', `request_ticket ${ROOM} of.an.operator`]);
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
    expect(done()).toEqual(['resume r2 Bob']);
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
    signaling.onTick(25_001);
    expect(done()).toContain('disconnect');
  });

  test('tells what speaks another language', () => {
    signaling.onOpen(0);
    done();
    signaling.onText(1, '<html>');
    expect(done()).toEqual(['not parley']);
  });
});
