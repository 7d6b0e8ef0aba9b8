import { expect, test } from 'vitest';
import { groupFigures, type Coming } from './figures';

const GRACE: Coming = { id: 'grace', picture: 'flows', layer: 'h', camera: 'c', screen: 'off', shared: null, voice: 'v' };

test('two looks tell what came of each, and which layers of one’s own picture went', () => {
  const at = (n: number) => [
    { type: 'inbound-rtp', trackIdentifier: 'c', framesDecoded: 30 * n, totalDecodeTime: 0.06 * n, frameWidth: 480, frameHeight: 270 },
    { type: 'inbound-rtp', trackIdentifier: 'v', jitterBufferDelay: 2 * n, jitterBufferEmittedCount: 50 * n, totalSamplesReceived: 48_000 * n, concealedSamples: 480 * n, jitter: 0.005 },
    { type: 'outbound-rtp', id: 'o2', kind: 'video', rid: 'h', active: true, framesSent: 30 * n, bytesSent: 62_500 * n, frameWidth: 480, frameHeight: 270 },
    { type: 'outbound-rtp', id: 'o1', kind: 'video', rid: 'q', active: true, framesSent: 15 * n, bytesSent: 18_750 * n, frameWidth: 240, frameHeight: 135 },
    { type: 'outbound-rtp', id: 'o3', kind: 'video', rid: 'f', active: false, framesSent: 7, bytesSent: 9000 },
  ];
  const { people, sent_layers } = groupFigures({ atMs: 0, entries: at(0) }, { atMs: 1000, entries: at(1) }, [GRACE, { ...GRACE, id: 'eve', camera: null, voice: 'gone', picture: 'waiting' }]);
  expect(people[0]).toEqual({ id: 'grace', picture: 'flows', layer: 'h', size: [480, 270], fps: 30, frozen: false, decode_ms: 2, screen: 'off', screen_size: null, screen_fps: 0, jitter_buffer_ms: 40, concealed_pct: 1, jitter_ms: 5 });
  expect(people[1]).toMatchObject({ id: 'eve', size: null, fps: 0, decode_ms: null, jitter_buffer_ms: null, concealed_pct: 0 });
  expect(sent_layers).toEqual([{ layer: 'q', size: [240, 135], fps: 15, kbps: 150 }, { layer: 'h', size: [480, 270], fps: 30, kbps: 500 }]);
});
