/** What comes, however it is cut: what it costs, and that it is what was sent. */
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { movedTo, newOne, viewOf } from './one';
import { Shelf } from './shelf';

/** The parts of every blob that is made, and how long each is. */
let blobs: number[][];
let whole: Blob | null;
beforeEach(() => {
  blobs = [];
  whole = null;
  vi.stubGlobal('Blob', class extends Blob {
    constructor(parts: BlobPart[], options?: BlobPropertyBag) {
      super(parts, options);
      if (options?.type) whole = this;
      else blobs.push(parts.map((part) => (part as Uint8Array).length));
    }
  });
});
afterEach(() => vi.unstubAllGlobals());

const bytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31) % 251);
const hashOf = (of: Uint8Array) => bytesToHex(blake3(of));

test('a file that comes byte by byte is kept in few parts, and is what was sent', async () => {
  const [shelf, sent] = [new Shelf(), bytes(70_000)];
  for (let at = 0; at < sent.length; at += 1) shelf.keep('a', sent.subarray(at, at + 1));
  expect(shelf.complete('a', hashOf(sent))).toBe(true);
  expect(blobs.flat()).toEqual([65_536, 4464]);
  expect(hashOf(new Uint8Array(await whole!.arrayBuffer()))).toBe(hashOf(sent));
});

test.each([1000, 61_440, 65_536, 300_000])('one that comes in parts of %i bytes is what was sent', async (part) => {
  const [shelf, sent] = [new Shelf(1 << 18), bytes(500_000)];
  for (let at = 0; at < sent.length; at += part) shelf.keep('a', sent.subarray(at, at + part));
  expect(shelf.complete('a', hashOf(sent))).toBe(true);
  expect(hashOf(new Uint8Array(await whole!.arrayBuffer()))).toBe(hashOf(sent));
  expect(blobs.length, 'a piece, and the rest').toBe(2);
});

test('one of which little came is no piece because much of others waits', () => {
  const shelf = new Shelf(1 << 18, 1 << 20);
  const large = new Uint8Array((1 << 18) - 1);
  for (let n = 0; n < 4; n += 1) shelf.keep(`large ${n}`, large);
  for (let at = 0; at < 1000; at += 1) shelf.keep('small', Uint8Array.of(at));
  expect(blobs.map((parts) => parts.reduce((sum, length) => sum + length, 0))).toEqual([large.length]);
  // What is given up waits no more.
  for (let n = 0; n < 4; n += 1) shelf.release(`large ${n}`);
  for (let n = 0; n < 3; n += 1) shelf.keep(`more ${n}`, large);
  expect(blobs.length).toBe(1);
});

test('how fast it is is known from few notes', () => {
  const one = newOne({ wire: 'w', key: 'k', sending: false, name: 'x', size: 1 << 20, fingerprint: '', source: null });
  one.stage = 'moving';
  for (let at = 0; at <= 8000; at += 1) movedTo(one, at / 2, at);
  expect(one.speed.length).toBeLessThan(25);
  expect(viewOf(one, true, 4000).bytes_per_s).toBe(2000);
});
