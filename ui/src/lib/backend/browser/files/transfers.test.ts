import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js';
import { expect, test } from 'vitest';
import { readChunkFrame, readFileFrame, writeChunkFrame, writeFileFrame } from './frames';
import { Transfers } from './transfers';

const ID = 'EBESExQVFhcYGRobHB0eHw';
const FINGERPRINT = '0'.repeat(64);

/** A sender and a receiver with a path of 20 ms between them, in virtual time; what is on it can be lost. */
class Two {
  nowMs = 0;
  spoil = false;
  /** The file that goes is gone once all of it went. */
  gone = false;
  readonly file: Uint8Array;
  readonly #kept: Uint8Array[] = [];
  #way: { atMs: number; run: () => void }[] = [];
  #life = 0;
  readonly sender: Transfers;
  readonly receiver: Transfers;

  constructor(bytes: number) {
    this.file = Uint8Array.from({ length: bytes }, (_, at) => (at * 31) % 251);
    const hash = bytesToHex(blake3(this.file));
    const nothing = { word: () => undefined, hasRoom: () => true, read: () => undefined, hash: () => undefined, keep: () => undefined, complete: () => undefined, release: () => undefined };
    this.sender = new Transfers({
      ...nothing,
      say: (frame) => this.#carry(() => this.receiver.onFrame(this.nowMs, readFileFrame(writeFileFrame(frame))!)),
      chunk: (frame) => this.#carry(() => this.receiver.onChunk(this.nowMs, readChunkFrame(writeChunkFrame(frame))!)),
      read: (id, turn, offset, count) => this.#later(1, () => this.sender.onRead(this.nowMs, id, turn, offset, this.file.slice(offset, offset + count))),
      hash: (id) => this.#later(1, () => this.sender.onHashed(id, this.gone ? null : hash)),
    });
    this.receiver = new Transfers({
      ...nothing,
      say: (frame) => this.#carry(() => this.sender.onFrame(this.nowMs, readFileFrame(writeFileFrame(frame))!)),
      chunk: (frame) => this.#carry(() => this.sender.onChunk(this.nowMs, readChunkFrame(writeChunkFrame(frame))!)),
      keep: (_, part) => this.#kept.push(this.spoil ? part.map(() => 0) : part.slice()),
      complete: (id, told) => this.#later(1, () => this.receiver.onKept(id, told === bytesToHex(blake3(this.kept)))),
    });
    this.up();
    this.sender.offer(ID, 'plan.pdf', bytes, FINGERPRINT);
  }

  get kept(): Uint8Array {
    return concatBytes(...this.#kept);
  }

  up(): void {
    this.sender.laneUp();
    this.receiver.laneUp();
  }

  cut(): void {
    this.#life += 1;
    this.sender.laneDown();
    this.receiver.laneDown();
  }

  run(ms: number): this {
    for (const end = this.nowMs + ms; this.nowMs < end; this.nowMs += 1) {
      if (this.nowMs % 20 === 0) this.receiver.onTick(this.nowMs);
      const due = this.#way.filter(({ atMs }) => atMs <= this.nowMs);
      this.#way = this.#way.filter(({ atMs }) => atMs > this.nowMs);
      for (const { run } of due) run();
    }
    return this;
  }

  accept(): this {
    this.run(50).receiver.decide('file-1', true);
    return this;
  }

  get states(): [string | undefined, string | undefined] {
    return [this.sender.views(this.nowMs)[0]?.state, this.receiver.views(this.nowMs)[0]?.state];
  }

  #carry(run: () => void): void {
    const life = this.#life;
    this.#later(20, () => life === this.#life && run());
  }

  #later(ms: number, run: () => void): void {
    this.#way.push({ atMs: this.nowMs + ms, run });
  }
}

test('a file that is accepted arrives whole, and both sides say so', () => {
  const two = new Two(300_000);
  expect(two.run(50).states).toEqual(['offered', 'asking']);
  two.accept().run(5000);
  expect(two.states).toEqual(['done', 'done']);
  expect(bytesToHex(blake3(two.kept))).toBe(bytesToHex(blake3(two.file)));
});

test('one without a byte in it arrives too', () => {
  expect(new Two(0).accept().run(500).states).toEqual(['done', 'done']);
});

test('one that is declined does not', () => {
  const two = new Two(1000).run(50);
  two.receiver.decide('file-1', false);
  expect(two.run(50).states).toEqual(['declined', 'declined']);
});

test('it goes on where it stopped over the next connection', () => {
  const two = new Two(300_000).accept().run(150);
  two.cut();
  const before = two.kept.length;
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(300_000);
  expect(two.run(100).states).toEqual(['waiting', 'waiting']);
  two.up();
  two.run(5000);
  expect(two.states).toEqual(['done', 'done']);
  expect(bytesToHex(blake3(two.kept))).toBe(bytesToHex(blake3(two.file)));
});

test('a pause of either side holds it, and only that side takes it back', () => {
  const two = new Two(300_000).accept().run(100);
  two.receiver.pause('file-1', true);
  const held = two.run(200).kept.length;
  expect(two.run(500).kept.length).toBe(held);
  two.sender.pause('file-1', false);
  expect(two.run(200).states).toEqual(['paused', 'paused']);
  two.receiver.pause('file-1', false);
  expect(two.run(5000).states).toEqual(['done', 'done']);
});

test('what is not what was sent is thrown away', () => {
  const two = new Two(100_000);
  two.spoil = true;
  two.accept().run(5000);
  expect(two.states).toEqual(['failed', 'failed']);
  expect(two.receiver.views(0)[0]?.fault).toBe('damaged');
});

test('a name with a way in it, and too many offers, are refused', () => {
  const said: string[] = [];
  const receiver = new Transfers({ say: (frame) => said.push('reason' in frame ? frame.reason : frame.type), word: () => undefined, hasRoom: () => true, chunk: () => undefined, read: () => undefined, hash: () => undefined, keep: () => undefined, complete: () => undefined, release: () => undefined });
  receiver.laneUp();
  receiver.onFrame(0, { type: 'offer', id: ID, name: '../x', size: 1, fingerprint: FINGERPRINT });
  for (let at = 0; at < 33; at += 1) receiver.onFrame(0, { type: 'offer', id: `id-${at}`, name: 'x', size: 1, fingerprint: FINGERPRINT });
  receiver.onFrame(0, { type: 'offer', id: 'large', name: 'x', size: 2 ** 40, fingerprint: FINGERPRINT });
  expect(said).toEqual(['bad_name', 'too_many', 'too_large']);
  expect(receiver.views(0).length).toBe(32);
});

test('whoever offers what cannot be taken without end is answered slowly', () => {
  const said: string[] = [];
  const nothing = { hasRoom: () => true, say: () => undefined, chunk: () => undefined, read: () => undefined, hash: () => undefined, keep: () => undefined, complete: () => undefined, release: () => undefined };
  const receiver = new Transfers({ ...nothing, word: (frame) => said.push(`${frame.type} ${frame.id}`) });
  receiver.comeNear(true);
  const offer = (nowMs: number, id: string, name = '../x') => receiver.onWord(nowMs, { type: 'offer', id, name, size: 1, fingerprint: FINGERPRINT });
  for (let at = 0; at < 1000; at += 1) offer(at, `id-${at}`);
  expect(said).toEqual(['refuse id-0', 'refuse id-1', 'refuse id-2', 'refuse id-3']);
  // Those that are waited for are answered one after the other, and what is taken back or offered anew is not.
  receiver.onWord(1000, { type: 'cancel', id: 'id-4' });
  offer(1000, 'id-5', 'x');
  for (let nowMs = 1000; nowMs <= 11_000; nowMs += 20) receiver.onTick(nowMs);
  expect(said.slice(4)).toEqual(['refuse id-6', 'refuse id-7', 'refuse id-8', 'refuse id-9', 'refuse id-10']);
  for (let nowMs = 11_000; nowMs <= 120_000; nowMs += 20) receiver.onTick(nowMs);
  expect(said.length, 'no more than one person may offer are waited for').toBe(4 + 30);
  expect(receiver.views(0).map(({ name }) => name)).toEqual(['x']);
});

test('frames survive the trip, and garbage does not become one', () => {
  const chunk = { is: 'chunk', id: ID, offset: 2 ** 40, stampMs: 0xffffffff, bytes: Uint8Array.of(1, 2) } as const;
  expect(readChunkFrame(writeChunkFrame(chunk))).toEqual(chunk);
  const receipt = { is: 'receipt', id: ID, offset: 5, delayMs: 0x80000000 } as const;
  expect(readChunkFrame(writeChunkFrame(receipt))).toEqual(receipt);
  for (const bytes of [new Uint8Array(), new Uint8Array(28), new Uint8Array(40), writeChunkFrame({ ...chunk, bytes: new Uint8Array() })]) expect(readChunkFrame(bytes)).toBeNull();
  for (const text of ['', '{}', '{"type":"offer","id":"x"}', `{"type":"offer","id":"${ID}","name":"x","size":-1,"fingerprint":"0"}`, `{"type":"accept","id":"${ID}","offset":0.5}`]) {
    expect(readFileFrame(new TextEncoder().encode(text)), text).toBeNull();
  }
});

test('offers that are taken back without end are forgotten, and whatever stands in a reason is a reason', () => {
  const released: string[] = [];
  const nothing = { word: () => undefined, hasRoom: () => true, say: () => undefined, chunk: () => undefined, read: () => undefined, hash: () => undefined, keep: () => undefined, complete: () => undefined };
  const receiver = new Transfers({ ...nothing, release: (id) => released.push(id) });
  receiver.laneUp();
  for (let at = 0; at < 1000; at += 1) {
    receiver.onFrame(0, { type: 'offer', id: `id-${at}`, name: 'x', size: 1, fingerprint: FINGERPRINT });
    receiver.onFrame(0, { type: 'cancel', id: `id-${at}` });
  }
  expect(receiver.views(0).length).toBe(64);
  expect(new Set(released).size).toBe(1000);
  receiver.offer('own', 'x', 1, FINGERPRINT);
  receiver.onFrame(0, { type: 'refuse', id: 'own', reason: '__proto__' });
  expect(receiver.views(0).at(-1)?.fault).toBe('refused');
});

test('what cannot be read is told so at once, and keeps nothing waiting', () => {
  const two = new Two(1000);
  two.sender.offer('folder', 'folder', 4096, null);
  expect(two.sender.views(0).at(-1)).toMatchObject({ state: 'failed', fault: 'unreadable' });
  two.gone = true;
  two.accept().run(1000);
  expect(two.states).toEqual(['failed', 'cancelled_there']);
});

/** Two of a group: what is said by word comes at once, and the lanes are not up. */
class Apart {
  readonly words: string[] = [];
  room = true;
  /** Words reach the other side. */
  reaches = true;
  readonly sender = this.#side(() => this.receiver, true);
  readonly receiver = this.#side(() => this.sender, false);

  constructor() {
    for (const one of [this.sender, this.receiver]) one.comeNear(true);
  }

  up(): void {
    for (const one of [this.receiver, this.sender]) one.laneUp();
  }

  down(): void {
    for (const one of [this.sender, this.receiver]) one.laneDown();
  }

  get states(): [string | undefined, string | undefined] {
    return [this.sender.views(0)[0]?.state, this.receiver.views(0)[0]?.state];
  }

  get ways(): [boolean | null, boolean | null] {
    return [this.sender.way, this.receiver.way];
  }

  #side(other: () => Transfers, sends: boolean): Transfers {
    const hash = bytesToHex(blake3(new Uint8Array()));
    const side: Transfers = new Transfers({
      say: (frame) => other().onFrame(0, frame),
      word: (frame) => {
        this.words.push(`${sends ? 'sender' : 'receiver'} ${frame.type}`);
        if (this.reaches) other().onWord(0, frame);
      },
      chunk: () => undefined,
      read: () => undefined,
      hash: (id) => side.onHashed(id, hash),
      keep: () => undefined,
      complete: (id) => side.onKept(id, true),
      release: () => undefined,
      hasRoom: () => this.room,
    });
    return side;
  }
}

test('in a group a file is offered by word, and a connection is wanted once somebody accepted', () => {
  const two = new Apart();
  two.sender.offer(ID, 'empty.txt', 0, FINGERPRINT, 'picked:1');
  expect([two.states, two.ways]).toEqual([['offered', 'asking'], [false, null]]);
  two.receiver.decide('file-1', true);
  expect([two.states, two.ways], 'that it is accepted is said over the connection').toEqual([['offered', 'waiting'], [false, true]]);
  two.up();
  expect([two.states, two.ways]).toEqual([['done', 'done'], [null, null]]);
  expect(two.words).toEqual(['sender offer']);
  expect(two.sender.views(0)[0]?.path).toBe('picked:1');
});

test('that a file is not wanted, or not sent after all, is said by word', () => {
  const two = new Apart();
  two.sender.offer(ID, 'a', 5, FINGERPRINT);
  two.receiver.decide('file-1', false);
  expect(two.states).toEqual(['declined', 'declined']);
  const other = new Apart();
  other.sender.offer(ID, 'a', 5, FINGERPRINT);
  other.sender.cancel('file-1');
  expect(other.states).toEqual(['cancelled_here', 'cancelled_there']);
});

test('an offer that may not have been heard is said again, and that one was given up twice at most', () => {
  const two = new Apart();
  two.reaches = false;
  two.sender.offer(ID, 'a', 5, FINGERPRINT);
  two.reaches = true;
  two.sender.comeNear(true);
  expect(two.states).toEqual(['offered', 'asking']);
  two.reaches = false;
  two.sender.cancel('file-1');
  for (let times = 0; times < 5; times += 1) two.sender.comeNear(true);
  expect(two.words).toEqual(['sender offer', 'sender offer', 'sender cancel', 'sender cancel']);
  expect(two.states[1], 'nothing of it came').toBe('asking');
  two.up();
  expect(two.states[1]).toBe('cancelled_there');
});

test('what either side paused needs no connection, and whoever goes on wants one anew', () => {
  const two = new Apart();
  two.sender.offer(ID, 'a', 5, FINGERPRINT);
  two.receiver.decide('file-1', true);
  two.up();
  expect(two.states).toEqual(['moving', 'moving']);
  two.sender.pause('file-1', true);
  two.down();
  expect([two.states, two.ways]).toEqual([['paused', 'paused'], [false, false]]);
  two.receiver.pause('file-1', false);
  two.sender.pause('file-1', false);
  expect([two.states, two.ways]).toEqual([['waiting', 'paused'], [true, false]]);
  two.up();
  expect(two.states).toEqual(['moving', 'moving']);
});

test('a file for which there is no room here is refused, and the sender is told why', () => {
  const two = new Apart();
  two.room = false;
  two.sender.offer(ID, 'a', 5, FINGERPRINT);
  two.receiver.decide('file-1', true);
  expect([two.receiver.views(0)[0]?.fault, two.sender.views(0)[0]?.fault]).toEqual(['disk_full', 'other_disk_full']);
});

test('by word nothing is taken but offers and that they are off', () => {
  const two = new Apart();
  two.sender.offer(ID, 'a', 5, FINGERPRINT);
  two.sender.onWord(0, { type: 'accept', id: ID, offset: 0 });
  two.sender.onWord(0, { type: 'received', id: ID });
  expect(two.states[0]).toBe('offered');
});

test('offers of everybody together are bounded too, and whoever left gets nothing more', () => {
  const two = new Apart();
  two.receiver.offersElsewhere = 128;
  two.sender.offer(ID, 'a', 5, FINGERPRINT);
  expect(two.sender.views(0)[0]).toMatchObject({ state: 'failed', fault: 'too_many' });
  two.receiver.offersElsewhere = 0;
  two.sender.offer('EBESExQVFhcYGRobHB0eHx', 'b', 5, FINGERPRINT);
  two.sender.forget();
  expect([two.sender.views(0)[1]?.fault, two.sender.way]).toEqual(['other_gone', null]);
});
