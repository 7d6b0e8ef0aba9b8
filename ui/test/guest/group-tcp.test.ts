/** A guest in a real Chromium whom no datagram of the server reaches: everything goes over TCP, at the port of the pages. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { come, sees } from './pages';
import { World } from './world';

const world = new World();
beforeAll(() => world.start({ sfu: true }));
afterEach(() => world.rest());
afterAll(() => world.stop());

/** Every peer connection that the page makes. */
const COUNTED = `window.ways = []; { const real = RTCPeerConnection; window.RTCPeerConnection = class extends real { constructor(...all) { super(...all); window.ways.push(this); } } }`;
/** Of the server's candidates (an ICE-lite one's) only those over TCP are heard of. */
const NO_UDP = `{ const real = RTCPeerConnection.prototype.setRemoteDescription; RTCPeerConnection.prototype.setRemoteDescription = function (told) {
  const sdp = told.sdp?.includes('a=ice-lite') ? told.sdp.replace(/a=candidate:\\S+ 1 udp [^\\r\\n]*\\r\\n/giu, '') : told.sdp;
  return real.call(this, { type: told.type, sdp });
} }`;

/** By which protocol the page reaches the server. */
const protocol = (page: Page) =>
  page.evaluate(async () => {
    const { ways } = window as unknown as { ways: RTCPeerConnection[] };
    const way = ways.find((one) => one.connectionState === 'connected' && one.remoteDescription?.sdp.includes('a=ice-lite'));
    const stats = await way?.getStats();
    const all = [...((stats as unknown as Map<string, Record<string, string>> | undefined)?.values() ?? [])];
    const pair = all.find((one) => one['type'] === 'candidate-pair' && one['nominated'] && one['state'] === 'succeeded');
    return all.find((one) => one['id'] === pair?.['localCandidateId'])?.['protocol'] ?? null;
  });

test('a guest whom no datagram reaches sees and is seen over TCP, and the others come by UDP', async () => {
  const link = await world.room();
  const ada = await come(world, link, 'Ada', COUNTED);
  const ben = await come(world, link, 'Ben', COUNTED);
  const cyd = await come(world, link, 'Cyd', `${COUNTED};${NO_UDP}`);
  await expect.poll(() => protocol(cyd), { timeout: 40_000 }).toBe('tcp');
  for (const page of [ada, ben]) await expect.poll(() => protocol(page), { timeout: 40_000 }).toBe('udp');
  for (const page of [ada, ben, cyd]) await sees(page, 2, 60);
}, 120_000);
