/** Who is in the room and what outlives a group, in virtual time, without connections. */
import { beforeEach, expect, test } from 'vitest';
import { toBase64Url } from './base64';
import { WordKey } from './group/seal';
import { Words } from './group/words';
import { Room } from './room';
import type { GroupWord, Participant, Role } from './wire';

const ID = (n: number): string => toBase64Url(new Uint8Array(16).fill(n));
const person = (n: number, role: Role = 'guest'): Participant => ({ id: ID(n), name: `${n}`, role, order: n, away: false, listens: false });
const [ME, HOST, BEN, DAN] = [person(1, 'host'), person(2, 'host'), person(3), person(4)];
const LARGE = { participant: BEN.id, screen: false };
const key = () => new WordKey(new Uint8Array(16).fill(1), new Uint8Array(24).fill(2));

let nowMs: number;
let room: Room;
/** Words that were told to everybody. */
let toAll: number;
beforeEach(() => {
  nowMs = 0;
  toAll = 0;
  const ignored = (): undefined => undefined;
  const say = (word: GroupWord) => {
    if (word.type === 'tell' && word.to === undefined) toAll += 1;
  };
  room = new Room(new Words(key(), new Uint8Array(8)), () => null, {
    meet: ignored, part: ignored, said: ignored, muteAsked: ignored, askAgainLater: ignored, end: ignored,
    open: ignored, makeOffer: ignored, setAnswer: ignored, close: ignored, say, layersWanted: ignored, heard: ignored, frame: ignored, wordsOpen: ignored, wordsClosed: ignored,
    openPair: ignored, closePair: () => 0, pairSaid: ignored, pairReachable: ignored, pairUp: () => false,
    grouped: ignored, goesBack: ignored, pairedOff: ignored,
  });
});

const run = (ms: number) => {
  for (const end = nowMs + ms; nowMs < end; nowMs += 50) room.settle(nowMs, true, null);
};
const joins = (...people: Participant[]) => room.onJoined(nowMs, ME.id, [ME, ...people]);
const comes = (participant: Participant) => room.onRoom(nowMs, { type: 'participant_joined', participant });
const leaves = ({ id }: Participant) => room.onRoom(nowMs, { type: 'participant_left', id, reason: 'left' });
const isGroup = (number: number) => room.onRoom(nowMs, { type: 'topology', mode: 'sfu', number, ready: [] });
const shown = () => room.group.spotlight(room.stay.me);

function inGroup(...people: Participant[]): void {
  joins(...people);
  isGroup(1);
  run(1000);
}

/** The server begins anew, and names the others one after the other, seconds apart. */
function serverBeginsAnew(...people: Participant[]): void {
  joins();
  for (const one of people) {
    run(3000);
    expect(room.group.inForce, 'until the last one is back it is no group').toBe(false);
    comes(one);
  }
  isGroup(2);
  run(1000);
}

test('whom this side put large is large again after a server began anew, and nobody is told that it ended', () => {
  inGroup(HOST, BEN);
  room.group.putInSpotlight(LARGE);
  run(1000);
  expect(shown()).toEqual(LARGE);
  const before = toAll;
  serverBeginsAnew(HOST, BEN);
  expect(shown()).toEqual(LARGE);
  // Each is new, and there is one word for all of them: microphone and camera.
  expect(toAll - before).toBe(1);
});

test('whom another host put large is large again after a server began anew', () => {
  inGroup(HOST, BEN);
  const payload = new Words(key(), new Uint8Array(8).fill(9)).say(nowMs, HOST.id, null, { type: 'spotlight', participant: BEN.id });
  room.onRoom(nowMs, { type: 'told', from: HOST.id, payload });
  expect(shown()).toEqual(LARGE);
  serverBeginsAnew(BEN, HOST);
  expect(shown()).toEqual(LARGE);
});

test('it ends once the room really is one of two', () => {
  inGroup(HOST, BEN);
  room.group.putInSpotlight(LARGE);
  leaves(HOST);
  room.onRoom(nowMs, { type: 'topology', mode: 'direct', number: 2, ready: [ME.id, BEN.id] });
  leaves(BEN);
  run(1000);
  expect(room.group.inForce).toBe(false);
  comes(BEN);
  comes(DAN);
  isGroup(3);
  run(1000);
  expect([room.group.inForce, shown()]).toEqual([true, null]);
});

test('it ends with those who did not come back to a server that began anew', () => {
  inGroup(HOST, BEN);
  room.group.putInSpotlight(LARGE);
  run(1000);
  joins();
  comes(BEN);
  // For a minute they may come back.
  run(61_000);
  comes(DAN);
  isGroup(2);
  run(1000);
  expect([room.group.inForce, shown()]).toEqual([true, null]);
});
