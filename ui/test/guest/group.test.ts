/** Groups of guests in a real Chromium, through a real server's SFU. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { OUTER_NAME, World } from './world';

const SHOTS = join(import.meta.dirname, '../../screenshots');
const world = new World();
beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  await world.start({ sfu: true });
});
afterEach(() => world.rest());
afterAll(() => world.stop());

/** Every peer connection that the page makes. */
const COUNTED = `window.ways = []; { const real = RTCPeerConnection; window.RTCPeerConnection = class extends real { constructor(...all) { super(...all); window.ways.push(this); } } }`;
type Counted = Window & { ways: RTCPeerConnection[] };
const by = (page: Page, id: string) => page.locator(`[data-testid="${id}"]`);

/** Large enough for three layers. */
const HD = `try { localStorage.setItem('parley-guest', '{"picture":{"resolution":"p720","frame_rate":15}}') } catch {}`;

async function come(link: string, name: string, before = ''): Promise<Page> {
  const { page } = await world.guest(link, {}, `${COUNTED};${before}`);
  await by(page, 'name').fill(name);
  await by(page, 'join').click();
  return page;
}

/** The controls fade after three seconds without a movement, unless the pointer rests on them. */
async function press(page: Page, id: string): Promise<void> {
  await by(page, id).waitFor({ state: 'attached' });
  const box = await by(page, id).boundingBox();
  if (box) for (const aside of [0, 1]) await page.mouse.move(box.x + box.width / 2 + aside, box.y + box.height / 2);
  await by(page, id).click();
}

/** So many others are seen, each with so many pictures more than now. */
const sees = (page: Page, others: number, least: number) =>
  page.waitForFunction(
    ([count, more]) => {
      const marks = ((window as unknown as { marks?: Map<Element, number> }).marks ??= new Map());
      const tiles = [...document.querySelectorAll<HTMLElement>('[data-testid="tile-remote"]')];
      for (const tile of tiles) if (!marks.has(tile)) marks.set(tile, Number(tile.dataset['frames'] ?? 0));
      const all = tiles.length === count && tiles.every((tile) => Number(tile.dataset['frames']) >= (marks.get(tile) ?? 0) + more);
      if (all) marks.clear();
      return all;
    },
    [others, least] as const,
    { timeout: 60_000 },
  );

/** The connections that stand: those with data channels lead to a person, the other to the server. */
const ways = (page: Page) =>
  page.evaluate(() => (window as unknown as Counted).ways.filter((one) => one.connectionState === 'connected').map((one) => (one.localDescription?.sdp.includes('m=application') ? 'direct' : 'sfu')));
const waysBecome = (page: Page, wanted: string[]) => expect.poll(() => ways(page), { timeout: 40_000, interval: 200 }).toEqual(wanted);

/** The loudest that is heard of anybody within so long. */
const loudest = (page: Page, ms: number) =>
  page.evaluate(async (until) => {
    let most = 0;
    const end = performance.now() + until;
    while (performance.now() < end) {
      for (const way of (window as unknown as Counted).ways) if (way.connectionState === 'connected') (await way.getStats()).forEach((one: { type: string; kind?: string; audioLevel?: number }) => { if (one.type === 'inbound-rtp' && one.kind === 'audio') most = Math.max(most, one.audioLevel ?? 0); });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return most;
  }, ms);

test('two who talk directly are joined by a third through the server, and talk directly again when that one is gone', async () => {
  const link = await world.room();
  const ada = await come(link, 'Ada');
  const ben = await come(link, 'Ben');
  for (const page of [ada, ben]) {
    await page.locator('[data-testid="stage"][data-state="connected"]').waitFor({ timeout: 40_000 });
    await waysBecome(page, ['direct']);
  }
  const eve = await come(link, 'Eve');
  for (const page of [ada, ben, eve]) await sees(page, 2, 10);
  await ada.screenshot({ path: join(SHOTS, 'guest-group.png') });
  for (const page of [ada, ben, eve]) await waysBecome(page, ['sfu']);
  for (const page of [ada, ben, eve]) await sees(page, 2, 10);
  for (const page of [ada, ben, eve]) expect(await loudest(page, 3000)).toBeGreaterThan(0.01);
  await eve.close();
  for (const page of [ada, ben]) await waysBecome(page, ['direct']);
  for (const page of [ada, ben]) await sees(page, 1, 10);
  for (const page of [ada, ben]) expect(await loudest(page, 3000)).toBeGreaterThan(0.01);
});

test('three write to each other, raise hands, share a screen and come back after the server failed, in layers that somebody watches', async () => {
  const link = await world.room();
  const people = [await come(link, 'Ada', HD), await come(link, 'Ben', HD), await come(link, 'Eve', HD)] as const;
  const [ada, ben, eve] = people;
  for (const page of people) await sees(page, 2, 5);

  await press(ada, 'panel-button');
  await by(ada, 'tab-chat').click();
  await by(ada, 'message-field').fill('Hello both');
  await by(ada, 'message-field').press('Enter');
  await ada.locator('[data-testid="message"][data-delivery="delivered"]').waitFor();
  for (const page of [ben, eve]) {
    await press(page, 'panel-button');
    await by(page, 'tab-chat').click();
    await by(page, 'message').getByText('Hello both').waitFor();
  }
  await press(eve, 'react');
  await by(eve, 'hand').click();
  for (const page of [ada, ben]) await expect.poll(() => page.locator('[data-testid^="face-"]').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')).join('; ')), { timeout: 20_000 }).toMatch(/Eve.*[Hh]and/u);

  // What is sent of one's camera: layers, and no more of them than somebody watches.
  const sent = () =>
    ada.evaluate(async () => {
      const layers: Record<string, number> = {};
      for (const way of (window as unknown as Counted).ways) if (way.connectionState === 'connected') (await way.getStats()).forEach((one: { type: string; kind?: string; rid?: string; active?: boolean; frameWidth?: number }) => { if (one.type === 'outbound-rtp' && one.kind === 'video' && one.active && one.rid) layers[one.rid] = one.frameWidth ?? 0; });
      return layers;
    });
  const layers = Object.keys(await sent());
  expect(layers.length).toBeGreaterThan(0);
  for (const layer of layers) expect(['q', 'h', 'f']).toContain(layer);

  await press(ben, 'share');
  for (const page of [ada, eve]) {
    const shown = by(page, 'tile-screen');
    await shown.waitFor();
    await expect.poll(() => shown.evaluate((one) => Number((one as HTMLElement).dataset['frames'])), { timeout: 40_000 }).toBeGreaterThan(2);
  }
  await ada.screenshot({ path: join(SHOTS, 'guest-group-screen.png') });
  await press(ben, 'share');
  await world.failServer(1000);
  for (const page of people) await sees(page, 2, 5);
});

test('who came without TLS, and so has no devices and no WebCrypto, sees, hears and reads the others', async () => {
  const link = await world.room();
  const [ada, ben] = [await come(link, 'Ada'), await come(link, 'Ben')];
  const eve = await come(link.replace('127.0.0.1', OUTER_NAME), 'Eve');
  expect(await eve.evaluate(() => [window.isSecureContext, crypto.subtle === undefined])).toEqual([false, true]);
  await sees(eve, 2, 10);
  expect(await loudest(eve, 3000)).toBeGreaterThan(0.01);
  await press(ada, 'panel-button');
  await by(ada, 'tab-chat').click();
  await by(ada, 'message-field').fill('Hello Eve');
  await by(ada, 'message-field').press('Enter');
  await ada.locator('[data-testid="message"][data-delivery="delivered"]').waitFor();
  await press(eve, 'panel-button');
  await by(eve, 'tab-chat').click();
  await by(eve, 'message').getByText('Hello Eve').waitFor();
  await waysBecome(ben, ['sfu']);
});
