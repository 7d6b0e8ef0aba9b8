/** What a guest's page asks a server for, of a group: what is seen, as large as it is seen. In a real Chromium, through a real server. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { by, come, sees } from './pages';
import { World } from './world';

const world = new World();
beforeAll(() => world.start({ sfu: true }));
afterAll(() => world.stop());

/** Three pages that encode and decode: on a busy machine that takes its time. */
const BUSY_MS = 240_000;

interface Asked {
  readonly participant: string;
  readonly width: number;
}
interface Down {
  readonly participant: string;
  readonly source: string;
  readonly rid: string | null;
}

/** Keeps what the page asks for, what the server says came of it, and the connections. */
const KEPT = `{
  const Line = WebSocket;
  window.WebSocket = class extends Line {
    constructor(...all) {
      super(...all);
      this.addEventListener('message', ({ data }) => { const message = JSON.parse(data); if (message.type === 'downs') window.downs = message.list; });
    }
    send(text) {
      const message = JSON.parse(text);
      if (message.type === 'subscribe') Object.assign(window, { asked: message.downs, most: message.kbps_max ?? null });
      if (message.publish) window.sent = message.publish;
      super.send(text);
    }
  };
  const Way = RTCPeerConnection;
  window.ways = [];
  window.RTCPeerConnection = class extends Way { constructor(...all) { super(...all); window.ways.push(this); } };
}`;
interface Sent {
  readonly source: string;
  readonly layers?: readonly { readonly rid: string }[];
}
type Kept = Window & { asked: Asked[]; most: number | null; sent: Sent[]; downs: Down[]; ways: RTCPeerConnection[] };

/** Large enough for three layers. */
const HD = `try { localStorage.setItem('parley-guest', '{"picture":{"resolution":"p720","frame_rate":15}}') } catch {}`;

/** How wide somebody's picture is asked for (0: not at all), and in which layer it comes. */
const looked = (page: Page, who: string) =>
  page.evaluate((id) => {
    const { asked, downs } = window as unknown as Kept;
    return { width: asked.find(({ participant }) => participant === id)?.width ?? 0, rid: downs.find(({ participant, source }) => participant === id && source === 'camera')?.rid ?? null };
  }, who);

/** How much pictures may take, as the server was told, and the sizes in which one's own is sent. */
const limits = (page: Page) =>
  page.evaluate(() => {
    const { most, sent } = window as unknown as Kept;
    return { most, sizes: (sent.find(({ source }) => source === 'camera')?.layers ?? []).map(({ rid }) => rid).join('') };
  });

/** Pictures that came, of everybody. Bytes do anyhow: the server looks for what the way carries. */
const came = (page: Page) =>
  page.evaluate(async () => {
    let pictures = 0;
    for (const way of (window as unknown as Kept).ways) if (way.connectionState === 'connected') (await way.getStats()).forEach((one: { type: string; kind?: string; framesReceived?: number }) => { if (one.type === 'inbound-rtp' && one.kind === 'video') pictures += one.framesReceived ?? 0; });
    return pictures;
  });

const hide = (page: Page, hidden: boolean) =>
  page.evaluate((is) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => is });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

test('small tiles are asked for small and come in a small layer, and of a page that nobody sees no pictures come', async () => {
  const link = await world.room();
  const [ada, ben, eve] = [await come(world, link, 'Ada', KEPT), await come(world, link, 'Ben'), await come(world, link, 'Eve', HD)] as const;
  for (const page of [ada, ben, eve]) await sees(page, 2, 5);
  const tileOf = (name: string) => ada.locator('[data-testid^="seat-"]').filter({ has: ada.locator('.name', { hasText: name }) });
  const id = (await tileOf('Eve').getAttribute('data-testid'))?.slice('seat-'.length) ?? '';
  const pin = async (name: string) => {
    await tileOf(name).hover();
    await tileOf(name).locator('[data-testid^="more-"]').click();
    await by(ada, 'tile-pin').click();
  };
  await pin('Eve');
  await expect.poll(async () => (await looked(ada, id)).width, { timeout: 20_000 }).toBeGreaterThan(700);
  await expect.poll(async () => (await looked(ada, id)).rid, { timeout: 40_000 }).toMatch(/^[hf]$/u);
  await pin('Ben');
  await expect.poll(async () => (await looked(ada, id)).width, { timeout: 20_000 }).toBeLessThan(400);
  await expect.poll(async () => (await looked(ada, id)).rid, { timeout: 40_000 }).toBe('q');
  await hide(ada, true);
  await expect.poll(async () => (await looked(ada, id)).width, { timeout: 20_000 }).toBe(0);
  // What was on its way is through.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const before = await came(ada);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  expect(await came(ada)).toBe(before);
  await hide(ada, false);
  await expect.poll(() => came(ada), { timeout: 20_000 }).toBeGreaterThan(before);

  // Whoever saves data says how much may come, which the server keeps to, and sends no more either.
  expect(await limits(ada)).toEqual({ most: null, sizes: 'qhf' });
  await ada.keyboard.press('Control+,');
  await by(ada, 'page-network').click();
  await by(ada, 'saving-low_data').check();
  await by(ada, 'close-settings').click();
  await expect.poll(() => limits(ada), { timeout: 20_000 }).toEqual({ most: 250, sizes: 'q' });
  // Of her, small as it is, the others go on getting a picture.
  const seen = (page: Page) => page.locator('[data-testid="tile-remote"]').evaluateAll((tiles) => tiles.map((tile) => Number((tile as HTMLElement).dataset['frames'])));
  const then = await seen(ben);
  await expect.poll(async () => (await seen(ben)).every((frames, at) => frames > (then[at] ?? 0) + 5), { timeout: 40_000 }).toBe(true);
}, BUSY_MS);
