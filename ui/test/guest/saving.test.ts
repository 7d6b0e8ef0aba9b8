/** What a guest whose browser was told to save data sees of that in the settings, and can do about it, in a real Chromium. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { by } from './pages';
import { World } from './world';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** The browser's own switch is out of reach of a test; the page asks no more than this. */
const TOLD = `Object.defineProperty(navigator, 'connection', { configurable: true, value: Object.assign(new EventTarget(), { saveData: true, effectiveType: '4g' }) })`;

const world = new World();
beforeAll(() => world.start());
afterEach(() => world.rest());
afterAll(() => world.stop());

async function settings(before: string, colorScheme: 'light' | 'dark', viewport = { width: 1280, height: 800 }): Promise<Page> {
  const { link } = await world.host();
  const { page } = await world.guest(link, { colorScheme, viewport }, before);
  await page.getByRole('button', { name: 'Settings' }).click();
  await by(page, 'page-network').click();
  await by(page, 'saving-off').waitFor();
  return page;
}

test.each([
  ['light', { width: 1280, height: 800 }],
  ['dark', { width: 390, height: 780 }],
] as const)('is told why pictures are small, can lift it, and gets it back with all of the page: %s', async (scheme, size) => {
  const page = await settings(TOLD, scheme, size);
  const heeded = by(page, 'heed-way');
  expect(await heeded.isChecked()).toBe(true);
  expect(await by(page, 'settings-rows').innerText()).toContain('Your browser is set to save data.');
  await page.evaluate(`window.axe || (() => { ${AXE} })()`);
  const faults = () =>
    page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(options: object): Promise<{ violations: { id: string }[] }> } };
      return (await axe.run({ resultTypes: ['violations'] })).violations.map(({ id }) => id);
    });
  await expect.poll(faults).toEqual([]);
  await heeded.focus();
  await page.keyboard.press('Space');
  await expect.poll(() => heeded.isChecked()).toBe(false);
  await by(page, 'reset-page').click();
  await expect.poll(() => heeded.isChecked()).toBe(true);
  await by(page, 'toasts').getByRole('button').click();
  await expect.poll(() => heeded.isChecked()).toBe(false);
  // Whoever asked for it themselves needs no browser's word.
  await by(page, 'saving-low_data').check();
  await heeded.waitFor({ state: 'detached' });
});

test('whose browser says nothing of it is offered nothing of it', async () => {
  const page = await settings('', 'light');
  expect(await by(page, 'heed-way').count()).toBe(0);
});
