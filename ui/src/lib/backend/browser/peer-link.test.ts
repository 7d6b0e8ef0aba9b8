/** Two links and a server between them, in virtual time, over peer connections that are made up. */
import { expect, test } from 'vitest';
import { fromBase64Url } from './base64';
import type { Link } from './link';
import type { PeerCommand } from './negotiation';
import { PeerLink, type LinkEnd } from './peer-link';
import type { ControlMessage, PeerMessage } from './wire';

const ROOM = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYX';
const IDS = ['AAECAwQFBgcICQoLDA0ODw', 'EBESExQVFhcYGRobHB0eHw'] as const;
const linkWith = (secret: number): Link => ({ room: ROOM, roomBytes: fromBase64Url(ROOM)!, secret: new Uint8Array(16).fill(secret) }) as unknown as Link;

class Side {
  link!: PeerLink;
  connections = 0;
  proven = false;
  ended: LinkEnd | null = null;
  heard: ControlMessage[] = [];
  offers = 0;
  toDo: PeerCommand[] = [];
  readonly said: PeerMessage[] = [];
  readonly told: ControlMessage[] = [];
  readonly which: 0 | 1;

  constructor(which: 0 | 1) {
    this.which = which;
  }

  /** Another certificate with each connection. */
  sdp = (type: string) => `v=0\r\n${type} ${this.which} ${this.offers}\r\na=ice-ufrag:u${this.which}${this.connections}\r\na=fingerprint:sha-256 ${Array(32).fill((this.which * 64 + this.connections).toString(16).padStart(2, '0')).join(':')}\r\n`;
}

class Two {
  nowMs = 0;
  readonly sides = [new Side(0), new Side(1)] as const;
  /** What the server passes on. */
  open = true;

  constructor(secrets: [number, number] = [7, 7]) {
    for (const side of this.sides) {
      const other = IDS[1 - side.which] ?? '';
      // Its constructor speaks already.
      side.link = new PeerLink(0, linkWith(secrets[side.which]), IDS[side.which], other, side.which === 1, true, 1, {
        say: (message) => side.said.push(message),
        open: () => {
          side.connections += 1;
          side.proven = false;
          side.toDo = [];
        },
        peer: (command) => side.toDo.push(command),
        candidate: () => undefined,
        proven: () => (side.proven = true),
        control: (message) => side.told.push(message),
        heard: (message) => side.heard.push(message),
        end: (why) => (side.ended ??= why),
      });
    }
  }

  get other(): [Side, Side] {
    return [this.sides[1], this.sides[0]];
  }

  /** Until nobody has anything left to do. */
  settle(): this {
    for (let rounds = 0; rounds < 100; rounds += 1) this.step();
    return this;
  }

  /** Each does one thing, and is told what the other said. */
  step(): this {
    for (const side of this.sides) {
      const command = side.toDo.shift();
      if (command?.do === 'make-offer' || command?.do === 'make-answer') {
        side.offers += 1;
        side.link.onLocal(this.nowMs, command.do === 'make-offer' ? 'offer' : 'answer', side.sdp(command.do));
      } else if (command?.do === 'set-remote') side.link.onRemoteSet(this.nowMs);
      const other = this.sides[side.which === 0 ? 1 : 0];
      for (const message of side.said.splice(0)) if (this.open) other.link.onMessage(this.nowMs, message);
      if (side.link.connected && other.link.connected) for (const message of side.told.splice(0)) other.link.onControl(this.nowMs, message);
    }
    return this;
  }

  connect(): this {
    this.settle();
    for (const side of this.sides) side.link.onPhase(this.nowMs, 'connected');
    for (const side of this.sides) side.link.onControlOpen(this.nowMs);
    return this.settle();
  }

  wait(ms: number): this {
    for (const end = this.nowMs + ms; this.nowMs < end; this.nowMs += 250) {
      for (const side of this.sides) side.link.onTick(this.nowMs);
      this.settle();
    }
    return this;
  }
}

test('the one who came second offers, both prove themselves, and media may flow', () => {
  const two = new Two().connect();
  expect(two.sides.map((side) => [side.proven, side.link.up, side.connections, side.ended])).toEqual([[true, true, 1, null], [true, true, 1, null]]);
});

test('another secret ends the call before anything flows', () => {
  const two = new Two([7, 8]).connect();
  expect(two.sides.map((side) => [side.proven, side.ended])).toEqual([[false, 'proof-wrong'], [false, 'proof-wrong']]);
});

test('whoever never proves themselves is not believed for longer than ten seconds', () => {
  const silent = new Two();
  silent.open = false;
  silent.sides[1].link.onPhase(0, 'connected');
  silent.wait(11_000);
  expect(silent.sides[1].ended).toBe('proof-missing');
});

test('what lasts is told once it can be, and again over a fresh connection', () => {
  const two = new Two();
  two.sides[1].link.tell({ type: 'hand', raised: true });
  two.connect();
  expect(two.sides[0].heard.some(({ type }) => type === 'hand')).toBe(true);
  two.sides[0].heard = [];
  for (const side of two.sides) side.link.onPhase(two.nowMs, 'failed');
  two.wait(8000);
  expect(two.sides.every((side) => side.connections > 1)).toBe(true);
  two.connect();
  expect(two.sides[0].heard.some(({ type }) => type === 'hand')).toBe(true);
});

test('an offer that was lost is said again', () => {
  const two = new Two();
  two.open = false;
  two.settle();
  two.open = true;
  two.wait(2500).connect();
  expect(two.sides.every((side) => side.proven)).toBe(true);
});

test('while media flows nobody takes the connection over by a word through the server', () => {
  const two = new Two().connect();
  const before = two.sides[0].connections;
  two.sides[0].link.onMessage(two.nowMs, { kind: 'restart', connection: 9 });
  two.sides[0].link.onMessage(two.nowMs, { kind: 'description', sdp_type: 'offer', sdp: two.sides[1].sdp('forged'), connection: 9 });
  two.settle();
  expect(two.sides[0].connections).toBe(before);
  expect(two.sides[0].link.up).toBe(true);
});

test('an offer in mid-call is taken up, for it was announced over the connection', () => {
  const two = new Two().connect();
  two.sides[1].offers = 10;
  two.sides[1].link.wantOffer(two.nowMs);
  two.settle();
  // Made, announced, answered: an answer of the other side was made too.
  expect(two.sides[0].offers).toBe(2);
  expect(two.sides.every((side) => side.link.up)).toBe(true);
});

test('a way that is not found for half a minute is not looked for any more', () => {
  const two = new Two();
  two.settle();
  two.wait(31_000);
  expect(two.sides.map((side) => side.ended)).toEqual(['connection-failed', 'connection-failed']);
});

test('time without a way to tell the other side does not count against it', () => {
  const two = new Two().connect();
  for (const side of two.sides) {
    side.link.setReachable(two.nowMs, false);
    side.link.onPhase(two.nowMs, 'disconnected');
  }
  two.wait(60_000);
  expect(two.sides.map((side) => side.ended)).toEqual([null, null]);
  two.wait(20_000);
  expect(two.sides.map((side) => side.ended)).toEqual(['silent', 'silent']);
});

test('an offer that was to mend what is well again is taken back, and stands in the way of no other', () => {
  const two = new Two().connect();
  two.open = false;
  two.sides[1].link.onPhase(two.nowMs, 'disconnected');
  two.wait(3000);
  expect(two.sides[1].offers).toBe(2);
  two.sides[1].link.onPhase(two.nowMs, 'connected');
  two.wait(3000);
  two.open = true;
  two.sides[1].link.wantOffer(two.nowMs);
  two.settle();
  expect(two.sides[1].offers).toBe(3);
  expect(two.sides[0].offers).toBe(2);
});

test('once proven, a forged proof through the server ends nothing', () => {
  const two = new Two().connect();
  two.sides[0].link.onMessage(two.nowMs, { kind: 'proof', mac: 'A'.repeat(43), connection: 1 });
  two.wait(1000);
  expect(two.sides.map((side) => [side.ended, side.link.up])).toEqual([[null, true], [null, true]]);
});

test('own candidates of the time before an ICE restart do not stand in the way of the new ones', () => {
  const two = new Two().connect();
  const [, side] = two.sides;
  side.said.length = 0;
  const own = (count: number, ufrag: string) => {
    for (let at = 0; at < count; at += 1) side.link.onOwnCandidate({ kind: 'candidate', candidate: `${ufrag}-${at}`, username_fragment: ufrag });
  };
  own(100, 'u11');
  expect(side.said.splice(0).length).toBe(64);
  side.link.onPhase(two.nowMs, 'disconnected');
  // The next description has another user fragment.
  side.sdp = (type) => `v=0\r\n${type}\r\na=ice-ufrag:fresh\r\na=fingerprint:sha-256 ${Array(32).fill('41').join(':')}\r\n`;
  two.open = false;
  two.wait(3000);
  own(10, 'fresh');
  expect(side.said.filter((message) => message.kind === 'candidate').length).toBe(10);
});

test('an offer that is taken back is taken back alone, so that what was in it is offered again', () => {
  const two = new Two().connect();
  const [, side] = two.sides;
  two.open = false;
  side.link.onPhase(two.nowMs, 'disconnected');
  two.wait(3000);
  side.link.onPhase(two.nowMs, 'connected');
  const rolledBack: PeerCommand[] = [];
  for (const end = two.nowMs + 3000; two.nowMs < end; two.nowMs += 250) {
    side.link.onTick(two.nowMs);
    rolledBack.push(...side.toDo.filter((command) => command.do === 'rollback'));
    two.settle();
  }
  expect(rolledBack).toEqual([{ do: 'rollback', alone: true }]);
});

test('an answer that could not be made leaves nothing in the way of the next try', () => {
  const two = new Two().connect();
  const [first, second] = two.sides;
  second.link.wantOffer(two.nowMs);
  let failed = false;
  const done: string[] = [];
  for (let rounds = 0; rounds < 20; rounds += 1) {
    // By hand until the answer is due, which fails once.
    const [command] = first.toDo;
    if (command?.do === 'make-answer' && !failed) {
      failed = true;
      first.toDo.shift();
      first.link.onFailed(two.nowMs);
      done.push(...first.toDo.map((one) => one.do));
    } else if (command?.do === 'set-remote') {
      first.toDo.shift();
      first.link.onRemoteSet(two.nowMs);
    } else if (!failed) two.step();
  }
  expect(failed).toBe(true);
  expect(done).toEqual(['rollback']);
  const before = first.offers;
  // Theirs is still out, and comes again.
  two.wait(2500);
  expect(first.offers).toBe(before + 1);
  expect(two.sides.every((side) => side.link.up)).toBe(true);
});

test('both offer at once: one takes theirs back, and what waited of it is not taken up after the answer', () => {
  const two = new Two().connect();
  const [first, second] = two.sides;
  first.link.wantOffer(two.nowMs);
  second.link.wantOffer(two.nowMs);
  // The polite one's offer comes while the other's is being made, and before it was announced.
  second.toDo.shift();
  second.offers += 1;
  second.link.onLocal(two.nowMs, 'offer', second.sdp('glare'));
  const announced = second.told.splice(0);
  for (const message of second.said.splice(0)) first.link.onMessage(two.nowMs, message);
  two.settle();
  const answered = first.offers;
  for (const message of announced) first.link.onControl(two.nowMs, message);
  two.settle();
  expect(first.offers).toBe(answered);
  expect(first.toDo).toEqual([]);
  expect(two.sides.every((side) => side.link.up)).toBe(true);
});
