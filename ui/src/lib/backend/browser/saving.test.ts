import { expect, test } from 'vitest';
import { aloneKbps, layersOf, wantedOf } from './group/simulcast';
import { BrowserWay } from './browser-way.svelte';
import { lesser, picturesMost, sendsPicture, type WayHint } from './saving';

const PLAIN = { mode: 'off', kbps_max: null, energy: false } as const;

test.each([
  [PLAIN, undefined, undefined],
  [PLAIN, { saveData: false, effectiveType: '4g' }, undefined],
  // A way with a long round trip is called that, and may be wide.
  [PLAIN, { saveData: false, effectiveType: '3g' }, undefined],
  [PLAIN, { saveData: true, effectiveType: '4g' }, 250],
  [PLAIN, { saveData: false, effectiveType: '2g' }, 250],
  [{ ...PLAIN, kbps_max: 600 }, undefined, 600],
  [{ ...PLAIN, kbps_max: 600 }, { saveData: true }, 250],
  [{ ...PLAIN, mode: 'low_data' as const, kbps_max: 1200 }, undefined, 250],
  [{ ...PLAIN, mode: 'audio_only' as const, kbps_max: 600 }, undefined, 0],
])('of pictures is asked what the person or their browser saves: %j with %j: %s', (saving, way, most) => {
  expect(picturesMost(saving, way)).toBe(most);
});

test('with sound only no camera is sent, and of two limits the smaller counts', () => {
  expect([PLAIN, { ...PLAIN, mode: 'low_data' as const }, { ...PLAIN, mode: 'audio_only' as const }].map(sendsPicture)).toEqual([true, true, false]);
  expect([lesser(undefined, undefined), lesser(0, undefined), lesser(undefined, 300), lesser(600, 300)]).toEqual([undefined, 0, 300, 300]);
});

test('to several goes what fits the limit, and the smallest always', () => {
  const rids = (most?: number) => layersOf(true, { width: 1280, height: 720 }, most).map(({ rid }) => rid);
  expect([rids(), rids(2500), rids(600), rids(250), rids(60)]).toEqual([['q', 'h', 'f'], ['q', 'h', 'f'], ['q', 'h'], ['q'], ['q']]);
  expect([undefined, 600, 250, 0].map((most) => layersOf(false, {}, most).map(({ kbps }) => kbps)), 'what comes in one size takes less').toEqual([[1500], [600], [250], [60]]);
  const alone = (most?: number) => wantedOf([{ active: false, maxBitrate: 1_500_000 }], [''], aloneKbps(most));
  expect([alone(250), alone()]).toEqual([[{ active: true, maxBitrate: 250_000 }], [{ active: true, maxBitrate: 1_500_000 }]]);
  expect(wantedOf([{ rid: 'q', active: false, maxBitrate: 150_000 }], ['q'], 250)).toEqual([{ rid: 'q', active: true, maxBitrate: 150_000 }]);
});

test('what a browser says of its way is told as the reason, followed, and can be lifted', () => {
  let [hint, changes, tell]: [WayHint, number, () => void] = [{ saveData: true }, 0, () => undefined];
  const way = new BrowserWay(() => (changes += 1), () => hint, (changed) => (tell = changed));
  expect([way.reason, picturesMost(PLAIN, way.heeded)]).toEqual(['asked', 250]);
  way.lift(true);
  expect([way.reason, way.lifted, picturesMost(PLAIN, way.heeded), changes]).toEqual(['asked', true, undefined, 1]);
  way.lift(false);
  hint = { effectiveType: '2g' };
  tell();
  expect([way.reason, picturesMost(PLAIN, way.heeded), changes]).toEqual(['slow', 250, 3]);
  hint = { effectiveType: '4g' };
  tell();
  expect([way.reason, picturesMost(PLAIN, way.heeded)]).toEqual([null, undefined]);
});
