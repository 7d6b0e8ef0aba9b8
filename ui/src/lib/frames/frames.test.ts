/** The frame bridge's client: bytes, credits, reconnecting, falling back; and the choice of a way to draw. */
import { describe, expect, test } from 'vitest';
import { toI420 } from '../backend/fake/picture';
import { BridgeFrames, TRIES_MAX, type BridgeWorld } from './bridge';
import { drawingWay, quickest } from './choose';
import type { DrawingWay } from './draw';
import { HEADER_BYTES, readPicture, schemeAddress } from './protocol';
import { toRgba } from './rgba';
import type { FrameSource, Picture } from './source';
import { fills } from './tile';

function message(slot: number, width: number, height: number, number: number): ArrayBuffer {
  const chroma = ((width + 1) >> 1) * ((height + 1) >> 1);
  const buffer = new ArrayBuffer(HEADER_BYTES + width * height + 2 * chroma);
  const view = new DataView(buffer);
  [slot, width, height, number].forEach((value, index) => view.setUint32(index * 4, value, true));
  view.setBigUint64(16, 1_700_000_000_000_000n, true);
  return buffer;
}

describe('a binary message', () => {
  test('is a slot and a picture', () => {
    const read = readPicture(message(3, 4, 2, 77));
    expect(read).toMatchObject({ slot: 3, picture: { width: 4, height: 2, number: 77, capturedUs: 1_700_000_000_000_000 } });
    expect(read?.picture.planes).toHaveLength(12);
  });
  test('may have odd sides', () => expect(readPicture(message(1, 5, 3, 1))?.picture.planes).toHaveLength(15 + 2 * 6));
  test.each([
    ['too short', new ArrayBuffer(10)],
    ['cut off', message(1, 4, 2, 1).slice(0, -1)],
    ['of no size', message(1, 0, 0, 1)],
    ['of absurd size', (() => { const b = message(1, 4, 2, 1); new DataView(b).setUint32(4, 1 << 30, true); return b; })()],
  ])('%s is refused', (_, buffer) => expect(readPicture(buffer)).toBeNull());
});

class FakeSocket {
  binaryType = '';
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.onclose?.();
  }
}

class World implements BridgeWorld {
  sockets: FakeSocket[] = [];
  timers: { run: () => void; ms: number }[] = [];
  fallenBack: string[] = [];
  forbidden = false;
  info = () => Promise.resolve({ url: 'ws://127.0.0.1:9/frames', token: 'T' });
  socket = (): WebSocket => {
    if (this.forbidden) throw new Error('policy');
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket as unknown as WebSocket;
  };
  later = (run: () => void, ms: number) => void this.timers.push({ run, ms });
  fallback = (): FrameSource => ({
    open: (tile) => {
      this.fallenBack.push(tile);
      return { resize() {}, ack() {}, close() {} };
    },
    stop() {},
  });
  /** Lets promises settle. */
  breathe = () => new Promise<void>((resolve) => setTimeout(resolve));
  last = (): FakeSocket => {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('no socket yet');
    return socket;
  };
  /** Runs the waits for a new try, not those for a slow opening. */
  async retry(): Promise<void> {
    const due = this.timers.filter((timer) => timer.ms < 3000);
    this.timers = this.timers.filter((timer) => timer.ms >= 3000);
    due.forEach((timer) => timer.run());
    await this.breathe();
  }
}

describe('the bridge', () => {
  const size = { width: 640, height: 360 };

  test('says the token first, then its tiles, and hands pictures to the right one', async () => {
    const world = new World();
    const bridge = new BridgeFrames(world);
    const seen: number[] = [];
    const tap = bridge.open('self', size, (picture) => seen.push(picture.number));
    await world.breathe();
    world.last().onopen?.();
    expect(world.last().sent).toEqual([
      { type: 'hello', token: 'T' },
      { type: 'tile', slot: 1, tile: 'self', width: 640, height: 360 },
    ]);
    world.last().onmessage?.({ data: message(1, 4, 2, 5) });
    world.last().onmessage?.({ data: message(9, 4, 2, 6) });
    expect(seen).toEqual([5]);
    tap.ack();
    tap.resize({ width: 320, height: 180 });
    tap.close();
    tap.ack();
    expect(world.last().sent.slice(2)).toEqual([
      { type: 'ack', slot: 1 },
      { type: 'tile', slot: 1, tile: 'self', width: 320, height: 180 },
      { type: 'close', slot: 1 },
    ]);
  });

  test('counts what is no picture and goes on', async () => {
    const world = new World();
    const bridge = new BridgeFrames(world);
    const seen: Picture[] = [];
    bridge.open('self', size, (picture) => seen.push(picture));
    await world.breathe();
    world.last().onopen?.();
    world.last().onmessage?.({ data: new ArrayBuffer(3) });
    world.last().onmessage?.({ data: 'text' });
    world.last().onmessage?.({ data: message(1, 2, 2, 1) });
    expect(bridge.malformed).toBe(2);
    expect(seen).toHaveLength(1);
  });

  test('comes back after a break with every open tile', async () => {
    const world = new World();
    const bridge = new BridgeFrames(world);
    bridge.open('self', size, () => {});
    bridge.open('p-1', size, () => {}).close();
    await world.breathe();
    world.last().onopen?.();
    world.last().onmessage?.({ data: message(1, 2, 2, 1) });
    for (let round = 0; round < TRIES_MAX + 2; round++) {
      world.last().close();
      await world.retry();
    }
    world.last().onopen?.();
    expect(world.last().sent).toEqual([
      { type: 'hello', token: 'T' },
      { type: 'tile', slot: 1, tile: 'self', width: 640, height: 360 },
    ]);
    expect(world.fallenBack).toEqual([]);
  });

  test('falls back when it never got through', async () => {
    const world = new World();
    const bridge = new BridgeFrames(world);
    bridge.open('self', size, () => {});
    await world.breathe();
    for (let round = 0; round < TRIES_MAX; round++) {
      world.last().close();
      await world.retry();
    }
    expect(world.sockets).toHaveLength(TRIES_MAX);
    bridge.open('p-1', size, () => {});
    expect(world.fallenBack).toEqual(['self', 'p-1']);
  });

  test('falls back at once where sockets are forbidden', async () => {
    const world = new World();
    world.forbidden = true;
    new BridgeFrames(world).open('self', size, () => {});
    await world.breathe();
    expect(world.fallenBack).toEqual(['self']);
  });
});

test('the fallback asks by the scheme of the system', () => {
  const size = { width: 320, height: 180 };
  expect(schemeAddress(false, 2, 'self', size, 'a+b')).toBe('parley-frame://localhost/2?tile=self&width=320&height=180&token=a%2Bb');
  expect(schemeAddress(true, 2, 'self', size, 't')).toMatch(/^http:\/\/parley-frame\.localhost\/2\?/u);
});

describe('the way to draw', () => {
  const of = (times: [DrawingWay, number | null][]) => quickest(new Map(times));
  test('is the trusted one when it works', () => expect(of([['rgba', 4], ['video-frame', 3], ['webgl2', 2.1]])).toBe('rgba'));
  test('is another when that is clearly quicker', () => expect(of([['rgba', 9], ['video-frame', 4], ['webgl2', 3]])).toBe('video-frame'));
  test('is what works at all', () => expect(of([['video-frame', null], ['rgba', 8], ['webgl2', null]])).toBe('rgba'));
  // There is no document here to measure with: with a card it would fail.
  test('is plain pixels, unmeasured, where there is no graphics card', () => {
    expect(() => drawingWay(false)).toThrow();
    expect(drawingWay(true)).toBe('rgba');
  });
  test('is plain pixels when nothing could be measured', () => expect(of([])).toBe('rgba'));
});

test.each([
  [255, 255, 255],
  [0, 0, 0],
  [200, 40, 30],
  [30, 160, 220],
])('the colour %d %d %d survives I420', (...colour) => {
  const rgba = Uint8ClampedArray.from([...Array(4)].flatMap(() => [...colour, 255]));
  const out = new Uint8ClampedArray(16);
  toRgba({ width: 2, height: 2, number: 0, capturedUs: 0, planes: toI420(rgba, 2, 2) }, out);
  for (const [index, value] of colour.entries()) expect(Math.abs((out[index] ?? -1) - value)).toBeLessThanOrEqual(4);
});

test('a picture with odd sides is filled to its last row and column', () => {
  const out = new Uint8ClampedArray(5 * 3 * 4);
  const planes = new Uint8Array(5 * 3 + 2 * 6).fill(128);
  planes.fill(235, 0, 5 * 3);
  toRgba({ width: 5, height: 3, number: 0, capturedUs: 0, planes }, out);
  expect([...out].every((value) => value === 255)).toBe(true);
});

test.each([
  ['its own size', 1280, 720, true],
  ['twice its size', 2560, 1440, true],
  ['a pixel less', 1279, 719, true],
  ['a narrow window', 960, 640, false],
  ['a wide one', 1440, 720, false],
])('a 16:9 picture fills %s: surroundings are drawn only where it does not', (_, width, height, filled) =>
  expect(fills({ width: 1280, height: 720 }, { width, height })).toBe(filled));
