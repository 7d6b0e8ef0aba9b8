/** Sharing a screen and watching one, done in real Chromium against the simulated engine. */
import { describe, expect, test } from 'vitest';
import { by, fake, last, moveIn, open, page, press, said } from './house';

moveIn();

describe('sharing', () => {
  test('is chosen by keyboard, told all the time, and stopped', async () => {
    await open('call');
    await page.keyboard.press('s');
    await by('share-picker').waitFor();
    expect(await by('share-now').isDisabled()).toBe(true);
    // Every source is shown as it looks now.
    await expect.poll(() => by('look-window:a1').getAttribute('data-frames').then(Number)).toBeGreaterThan(0);
    await by('screen-window:a1').focus();
    await page.keyboard.press('Space');
    await by('share-mode-motion').check();
    await by('share-now').click();
    await by('sharing').waitFor();
    expect(await last('share')).toEqual({ type: 'share', id: 'window:a1', mode: 'motion', sound: false });
    expect(await by('sharing').innerText()).toContain('Notes on the Analytical Engine');
    await expect.poll(said).toContain('You are sharing');
    await page.keyboard.press('s');
    await by('sharing').waitFor({ state: 'detached' });
    expect(await last('stop_sharing')).toBeDefined();
  });

  test('takes the sound of other programs along when asked to, and says so all the time', async () => {
    await open('call');
    await page.keyboard.press('s');
    await by('screen-window:a1').click();
    await by('share-sound').check();
    await by('share-now').click();
    await by('sharing').waitFor();
    expect(await last('share')).toEqual({ type: 'share', id: 'window:a1', mode: 'text', sound: true });
    expect(await by('sharing').innerText()).toContain('with sound');
  });

  test('says why it takes no sound along where it cannot', async () => {
    await open('call-share-fault');
    expect(await by('share-sound').isDisabled()).toBe(true);
    expect(await by('share-picker').innerText()).toContain('PulseAudio or PipeWire');
  });

  test('remembers in the settings that the sound goes along', async () => {
    await open('call');
    await page.keyboard.press('Control+,');
    await by('page-screen').click();
    await by('screen-sound').check();
    await by('screen-monitor:HDMI-1').check();
    await by('close-settings').click();
    await page.keyboard.press('s');
    await by('sharing').waitFor();
    expect(await by('sharing').innerText()).toContain('with sound');
  });

  test('is given up with Escape', async () => {
    await open('call');
    await press('share');
    await by('share-picker').waitFor();
    await page.keyboard.press('Escape');
    await by('share-picker').waitFor({ state: 'detached' });
    expect(await last('choose_share')).toEqual({ type: 'choose_share', on: false });
    expect(await by('sharing').count()).toBe(0);
  });

  test('says why it ended by itself, and offers another', async () => {
    await open('call-sharing');
    await fake(page, 'share', { sharing: null, stopped: 'window_closed' });
    await by('share-stopped').waitFor();
    expect(await by('share-stopped').innerText()).toContain('closed');
    await by('share-again').click();
    await by('share-picker').waitFor();
  });

  test('that cannot be says so instead of an empty list', async () => {
    await open('call-share-fault');
    expect(await by('share-fault').innerText()).toContain('may not see the screen');
  });

  test('is left to the system where that asks by itself, and shared only once it was answered', async () => {
    await open('call-share-wayland');
    expect(await by('share-system-asks').innerText()).toContain('Your system asks');
    await by('share-mode-motion').check();
    await by('share-now').click();
    expect(await last('share')).toEqual({ type: 'share', id: 'portal:', mode: 'motion', sound: false });
    await by('sharing').waitFor();
    expect(await by('sharing').innerText()).toContain('dialog');
    const button = () => Promise.all(['aria-label', 'aria-pressed'].map((name) => by('share').getAttribute(name)));
    expect(await button()).toEqual(['Cancel sharing', 'false']);
    expect(await said()).not.toContain('You are sharing');
    await fake(page, 'share', { sharing: { id: 'portal:', kind: 'monitor', name: null, mode: 'motion', sound: false, state: 'running', size: [1920, 1080], asking: false, asked: true } });
    await expect.poll(said).toContain('You are sharing');
    expect(await button()).toEqual(['Stop sharing', 'true']);
    expect(await by('sharing').innerText()).toContain('your whole screen');
    // The system is asked again, for something else.
    await by('share-other').click();
    expect(await last('share')).toEqual({ type: 'share', id: 'portal:', mode: 'motion', sound: false });
    await by('stop-sharing').click();
    await by('sharing').waitFor({ state: 'detached' });
  });

  test('asks the system each time only if that is wanted', async () => {
    await open('call-share-wayland');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+,');
    await by('page-screen').click();
    await fake(page, 'share', { choice: { looked: true, sources: [], fault: null, system_asks: true } });
    await by('screen-ask-each').click();
    const sent = await last('change_settings');
    expect(sent).toMatchObject({ patch: { screen: { ask_each_time: true } } });
  });

  test('begins at once with the screen of the settings', async () => {
    await open('call');
    await page.keyboard.press('Control+,');
    await by('page-screen').click();
    await by('screen-monitor:HDMI-1').check();
    await by('screen-rate-10').check();
    await by('close-settings').click();
    await page.keyboard.press('s');
    await by('sharing').waitFor();
    expect(await by('share-picker').count()).toBe(0);
    expect(await by('sharing').innerText()).toContain('your whole screen');
  });
});

describe('the screen of the other one', () => {
  test('takes the stage, and the people go to the strip and back', async () => {
    await open('call');
    await by('tile-remote').waitFor();
    await fake(page, 'person', { screen_on: true, screen_size: [1920, 1080] });
    await expect.poll(() => by('tile-screen').getAttribute('data-frames').then(Number)).toBeGreaterThan(0);
    await by('strip-p-grace').waitFor();
    await by('strip-self').waitFor();
    expect(await by('self-view').count()).toBe(0);
    await expect.poll(said).toContain('Grace Hopper shares their screen');
    await fake(page, 'person', { screen_on: false, screen_size: null });
    await by('self-view').waitFor();
    await by('main-picture').waitFor();
  });

  test('is shown whole, in its own pixels, or as near as the wheel goes', async () => {
    await open('call-screen');
    const width = () => by('tile-screen').evaluate((canvas) => canvas.clientWidth);
    const zoom = () => by('shared-screen').getAttribute('data-zoom');
    // The strip of people has a place of its own.
    await expect.poll(width).toBe(776);
    await by('zoom-full').click();
    await expect.poll(width).toBe(1920);
    await by('zoom-fit').click();
    await expect.poll(width).toBe(776);
    await by('shared-screen').hover();
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -100);
    await expect.poll(zoom).toBe('0.5');
    await page.mouse.wheel(0, 100);
    await expect.poll(zoom).toBe('fit');
    await page.keyboard.up('Control');
  });
});
