/** Devices that come, go and misbehave, in real Chromium against the simulated engine. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fake, openHouse, pageErrors, type House, type OpenOptions } from './house';

let house: House;
let page: Page;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());
afterEach(async () => {
  await page.context().close();
  expect(pageErrors).toEqual([]);
});

const open = async (scenario: string, options: OpenOptions = {}) => {
  page = await house.open(scenario, { ...options, query: `&calm${options.query ?? ''}` });
};
const by = (id: string) => page.getByTestId(id);
const last = async (type: string) => (await fake(page, 'commands')).filter((command) => command.type === type).at(-1);

describe('a device that is pulled out', () => {
  test('is told of, with the one that took its place, and the menu shows what is left', async () => {
    await open('call');
    await fake(page, 'unplug', 'microphone', 'Built-in Microphone');
    await expect.poll(() => by('toasts').innerText()).toContain('Microphone Built-in Microphone was unplugged. Using Jabra Evolve2 65 now.');
    await by('devices').click();
    await by('device-microphone-mic-2').waitFor();
    expect(await by('device-microphone-mic-1').count()).toBe(0);
  });
});
