/** Recording a call and being recorded, done in real Chromium against the simulated engine. */
import { describe, expect, test } from 'vitest';
import { by, fake, last, moveIn, open, page, press, said } from './house';

moveIn();

const stage = (of: string) => page.locator(`[data-testid="recording"][data-stage="${of}"]`);

describe('recording', () => {
  test('asks, is shown with its time while it lasts, and shows its file at the end', async () => {
    // The answer takes long enough for its asking to be seen on a busy machine.
    await open('call', { query: '&slow=1500' });
    await page.keyboard.press('r');
    await stage('asking').waitFor();
    await stage('on').waitFor();
    await expect.poll(said).toContain('You are recording');
    expect(await by('recording-time').innerText()).toMatch(/^0:0\d$/u);
    await page.keyboard.press('r');
    await by('recording').waitFor({ state: 'detached' });
    await expect.poll(said).toContain('You stopped recording');
    expect(await by('toasts').innerText()).toContain('Parley 2026-11-27 10.30.05.mp4');
    await by('toast-step').click();
    expect((await fake(page, 'opened')).at(-1)).toContain('Parley 2026-11-27 10.30.05.mp4');
  });

  test('has a button and a place in the palette', async () => {
    await open('call');
    await press('record');
    await stage('on').waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('stop rec');
    await page.keyboard.press('Enter');
    await by('recording').waitFor({ state: 'detached' });
    expect(await last('stop_recording')).toBeDefined();
  });

  test('that is refused says why, and has no file', async () => {
    // The answer takes its time.
    await open('call', { query: '&slow=60000' });
    await page.keyboard.press('r');
    await stage('asking').waitFor();
    await fake(page, 'recordingEnds', 'said_no');
    await by('recording').waitFor({ state: 'detached' });
    expect(await by('toasts').innerText()).toContain('does not allow recording');
    expect(await by('toast-step').count()).toBe(0);
  });

  test('that ends by itself says why, keeps its file, and the call goes on', async () => {
    await open('call');
    await page.keyboard.press('r');
    await stage('on').waitFor();
    await fake(page, 'recordingEnds', 'disk_full');
    await expect.poll(() => by('toasts').innerText()).toContain('disk is full');
    expect(await by('toast-step').count()).toBe(1);
    expect(await by('app').getAttribute('data-call')).toBe('connected');
  });

  test('needs somebody to record', async () => {
    await open('waiting');
    await page.keyboard.press('r');
    await expect.poll(() => by('toasts').innerText()).toContain('nobody to record');
  });
});

describe('being recorded', () => {
  test('is shown and told as long as it lasts, in the mini window too, and can be refused', async () => {
    await open('call');
    await fake(page, 'person', { recording: true });
    await by('recorded').waitFor();
    expect(await by('recorded').innerText()).toContain('Grace Hopper is recording');
    await expect.poll(said).toContain('Grace Hopper is recording');
    await press('mini-window');
    expect(await by('mini-recorded').innerText()).toContain('Grace Hopper is recording');
    await by('mini-back').click();
    await by('refuse-recording').click();
    expect(await last('change_settings')).toEqual({ type: 'change_settings', patch: { recording: { allowed: false } } });
    await fake(page, 'person', { recording: false });
    await by('recorded').waitFor({ state: 'detached' });
    await expect.poll(said).toContain('Grace Hopper stopped recording');
  });

  test('is a setting, beside the folder for recordings', async () => {
    await open('home');
    await page.keyboard.press('Control+,');
    await by('page-you').click();
    await by('record-allowed').click();
    expect(await last('change_settings')).toEqual({ type: 'change_settings', patch: { recording: { allowed: false } } });
    expect(await by('folder-recordings').innerText()).toBe('/home/ada/Videos');
    await by('choose-folder-recordings').click();
    await expect.poll(() => by('folder-recordings').innerText()).toBe('/home/ada/From calls');
    expect(await by('folder-received').innerText()).toBe('/home/ada/Downloads');
    expect(await last('change_settings')).toEqual({ type: 'change_settings', patch: { folders: { received: null, recordings: '/home/ada/From calls' } } });
    await by('reset-folder-recordings').click();
    await expect.poll(() => by('folder-recordings').innerText()).toBe('/home/ada/Videos');
  });
});
