/** The settings' network page, in real Chromium against the simulated engine. */
import { describe, expect, test } from 'vitest';
import { by, last, moveIn, open, page } from './house';

moveIn();

const settings = async () => {
  await page.keyboard.press('Control+,');
  await by('page-network').click();
  await by('check-network').waitFor();
};

describe('the network page', () => {
  test('says which ways work and what to have opened', async () => {
    await open('home');
    await settings();
    await by('check-network').click();
    const found = by('network-check');
    await expect.poll(() => found.innerText()).toContain('have UDP port 3478 to the server opened');
  });

  test('hides the address when asked to, and only then', async () => {
    await open('home');
    await settings();
    expect(await by('relay-only').isChecked()).toBe(false);
    await by('relay-only').check();
    expect(await last('change_settings')).toMatchObject({ patch: { network: { relay_only: true, proxy: '' } } });
    await expect.poll(() => by('relay-only').isChecked()).toBe(true);
    await by('reset-page').click();
    await expect.poll(() => by('relay-only').isChecked()).toBe(false);
  });
});
