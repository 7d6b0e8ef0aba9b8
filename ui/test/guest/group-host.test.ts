/** What hosts of a group in a browser do and are told: real Chromium guests through a real server. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { by, come, press, sees } from './pages';
import { World } from './world';

const world = new World();
beforeAll(() => world.start({ sfu: true }));
afterEach(() => world.rest());
afterAll(() => world.stop());

const seatOf = (page: Page, name: string) => page.locator('[data-testid^="seat-"]').filter({ has: page.locator('.name', { hasText: name }) });

async function inMenu(page: Page, name: string, item: string): Promise<void> {
  await seatOf(page, name).hover();
  await seatOf(page, name).locator('[data-testid^="more-"]').click();
  await by(page, item).click();
}

const largeBecomes = (page: Page, name: string) => seatOf(page, name).and(page.locator('[data-weight="pinned"]')).waitFor({ timeout: 20_000 });

test('whom a host in a browser puts large is large for everybody, until the host takes it back', async () => {
  const link = await world.room();
  const people = [await come(world, link, 'Ada'), await come(world, link, 'Ben'), await come(world, link, 'Eve')] as const;
  const [ada, ben, eve] = people;
  for (const page of people) await sees(page, 2, 5);
  await inMenu(ada, 'Ben', 'tile-spotlight');
  await largeBecomes(ada, 'Ben');
  await largeBecomes(eve, 'Ben');
  await largeBecomes(ben, 'You');
  await seatOf(eve, 'Ada').hover();
  await seatOf(eve, 'Ada').locator('[data-testid^="more-"]').click();
  await by(eve, 'tile-pin').waitFor();
  expect(await by(eve, 'tile-spotlight').count(), 'only hosts are offered it').toBe(0);
  await eve.keyboard.press('Escape');
  await inMenu(ada, 'Ben', 'tile-spotlight');
  for (const page of people) await expect.poll(() => page.locator('[data-weight="pinned"]').count(), { timeout: 20_000 }).toBe(0);
  await inMenu(ada, 'Eve', 'tile-remove');
  await by(eve, 'ended').waitFor();
  expect(await by(eve, 'ended').getAttribute('data-code')).toBe('refused');
  await by(eve, 'ended').getByText('You were removed from the call').waitFor();
});

test('a host in a browser is told whose page asks for the impossible, and nobody else is', async () => {
  const link = await world.room();
  const keep = 'const send = WebSocket.prototype.send; WebSocket.prototype.send = function (text) { window.line = this; return send.call(this, text); }';
  const people = [await come(world, link, 'Ada'), await come(world, link, 'Ben'), await come(world, link, 'Eve', keep)] as const;
  const [ada, ben, eve] = people;
  for (const page of people) await sees(page, 2, 5);
  await press(ada, 'panel-button');
  await by(ada, 'tab-people').click();
  await press(ben, 'panel-button');
  await by(ben, 'tab-people').click();
  // Lists that nobody can mean: one section twice.
  const id = await ada.evaluate(() => document.querySelector<HTMLElement>('[data-testid="tile-remote"]')?.dataset['tile'] ?? '');
  await eve.evaluate((participant) => {
    const { line } = window as unknown as { line: WebSocket };
    const wish = { mid: '5', participant, source: 'camera', width: 1, height: 1, priority: 0 };
    setInterval(() => line.send(JSON.stringify({ type: 'subscribe', downs: [wish, wish] })), 125);
  }, id);
  const told = ada.locator('[data-testid^="offences-"]');
  await told.waitFor({ timeout: 30_000 });
  expect(await told.innerText()).toContain('Their app misbehaves');
  await ada.getByText('The app of Eve sends what it should not. The server limits it.').first().waitFor({ state: 'attached' });
  expect(await ben.locator('[data-testid^="offences-"]').count(), 'nobody but hosts is told').toBe(0);
  await eve.close();
  await told.waitFor({ state: 'detached' });
});
