/** A newer Parley, in real Chromium against the simulated engine. */
import { describe, expect, test } from 'vitest';
import { by, fake, last, moveIn, open, page } from './house';

moveIn();

const settings = async () => {
  await page.keyboard.press('Control+,');
  await by('page-desktop').click();
  await by('update-state').waitFor();
};
const state = () => by('update-state').innerText();
const asked = () => fake(page, 'asked');

describe('a newer Parley', () => {
  test('is told of where calls begin and put in place when asked to, by keyboard', async () => {
    // It is fetched for two steps: long enough to be seen on a busy machine.
    await open('home-update', { query: '&slow=750' });
    expect(await by('update-banner').innerText()).toContain('Parley 1.4.0 is ready.');
    await by('update-install').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => by('update-banner').innerText()).toContain('is being fetched');
    expect(await by('update-install').count()).toBe(0);
    await expect.poll(() => by('update-banner').innerText()).toContain('is being put in place');
    expect(await asked()).toEqual(['install']);
  });

  test('can wait', async () => {
    await open('home-update');
    await by('update-later').click();
    await by('update-banner').waitFor({ state: 'detached' });
    await settings();
    expect(await state()).toBe('Parley 1.4.0 is ready.');
    await by('settings-update-install').waitFor();
  });

  test('that was not signed is said to be thrown away, with another way to get it', async () => {
    await open('home-update');
    await fake(page, 'update', { state: 'refused' });
    await expect.poll(() => by('update-banner').innerText()).toContain('was not signed by the makers of Parley');
    await by('update-page').click();
    expect(await fake(page, 'opened')).toContain('https://github.com/parley-call/parley/releases');
  });

  test('is never spoken of in a call', async () => {
    await open('call');
    await fake(page, 'update', { state: 'ready', version: '1.4.0' });
    expect(await by('update-banner').count()).toBe(0);
    await settings();
    expect(await by('settings-update-install').count()).toBe(0);
    expect(await by('update-look').count()).toBe(0);
  });
});

describe('the row in the settings', () => {
  test('looks when asked to, and can be told never to by itself', async () => {
    await open('home');
    await settings();
    expect(await state()).toBe('Not looked for yet.');
    await by('update-look').click();
    await expect.poll(state).toBe('Parley 1.4.0 is ready.');
    expect(await asked()).toEqual(['look']);
    await by('look-for-updates').uncheck();
    const change = await last('change_settings');
    expect(change).toMatchObject({ type: 'change_settings', patch: { desktop: { look_for_updates: false } } });
  });

  test('leaves it to the package manager where there is one', async () => {
    await open('home');
    await fake(page, 'update', { state: 'packaged' });
    await settings();
    expect(await state()).toContain('package manager');
    expect(await by('update-look').count()).toBe(0);
    expect(await by('look-for-updates').count()).toBe(0);
  });

  test('leads to the download page where this build looks for nothing', async () => {
    await open('home');
    await fake(page, 'update', { state: 'by_hand' });
    await settings();
    expect(await state()).toContain('does not look for updates');
    await by('settings-update-page').click();
    expect(await fake(page, 'opened')).toContain('https://github.com/parley-call/parley/releases');
  });
});
