/** Devices that come, go and misbehave, in real Chromium against the simulated engine. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { by, fake, last, moveIn, open, page, press } from './house';

moveIn();

describe('the echo test', () => {
  test('listens, plays back, and can be stopped, by keyboard', async () => {
    await open('green-room', { query: '&slow=600' });
    const state = (wanted: string) => page.locator(`[data-testid="echo-test"][data-state="${wanted}"]`).waitFor();
    await by('echo-button').focus();
    await page.keyboard.press('Enter');
    await state('recording');
    expect(await by('echo-test').innerText()).toContain('Say something…');
    await state('playing');
    expect(await by('echo-test').innerText()).toContain('This is how others hear you.');
    await page.keyboard.press('Enter');
    await state('off');
    expect(await last('test_echo')).toEqual({ type: 'test_echo', on: false });
  });

  test('says when nothing was heard, and asks for devices that work', async () => {
    await open('green-room');
    await fake(page, 'local', { echo_test: 'heard_nothing' });
    await expect.poll(() => by('echo-test').innerText()).toContain('Nothing was heard');
    await fake(page, 'local', { microphone: 'missing', echo_test: 'off' });
    await expect.poll(() => by('echo-button').isDisabled()).toBe(true);
  });

  test('is not offered in a call', async () => {
    await open('call');
    await page.keyboard.press('Control+,');
    await by('page-devices').click();
    await by('pill-microphone').waitFor();
    expect(await by('echo-test').count()).toBe(0);
  });
});

describe('what the camera is asked for', () => {
  test('is chosen in the settings, at once, also in a call, and taken back by a reset', async () => {
    await open('call');
    await page.keyboard.press('Control+,');
    await by('page-devices').click();
    expect(await by('camera-size-p720').isChecked()).toBe(true);
    await by('camera-size-p720').focus();
    await page.keyboard.press('ArrowRight');
    expect(await last('change_settings')).toEqual({ type: 'change_settings', patch: { picture: { resolution: 'p1080', frame_rate: 30 } } });
    await by('camera-rate-15').check();
    expect(await last('change_settings')).toEqual({ type: 'change_settings', patch: { picture: { resolution: 'p1080', frame_rate: 15 } } });
    await by('reset-page').click();
    await expect.poll(() => by('camera-size-p720').isChecked()).toBe(true);
  });
});

describe('the volume of a person', () => {
  test('is found from the stage and set by keyboard', async () => {
    await open('call');
    await press('person-volume');
    const slider = by('volume-p-grace');
    await expect.poll(() => slider.evaluate((range) => range === document.activeElement)).toBe(true);
    expect(await slider.getAttribute('aria-valuetext')).toBe('100%');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toBe('105%');
    expect(await last('set_volume')).toEqual({ type: 'set_volume', id: 'p-grace', percent: 105, settled: true });
    await page.keyboard.press('Home');
    await expect.poll(() => slider.inputValue()).toBe('0');
    await page.keyboard.press('End');
    await expect.poll(() => slider.inputValue()).toBe('200');
  });
});

describe('a microphone', () => {
  test('that gives nothing is told of, with a way to another one', async () => {
    await open('call');
    await fake(page, 'problem', 'microphone_silent', true);
    await by('problem-microphone_silent').waitFor();
    await by('problem-step-microphone_silent').click();
    await by('device-microphone-mic-2').waitFor();
  });

  test('that is not allowed leads to the page of the system where there is one', async () => {
    const asOnMac = (opened: Page) => opened.addInitScript(() => Object.defineProperty(navigator, 'userAgent', { value: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0)' }));
    await open('call', { before: asOnMac });
    await fake(page, 'problem', 'microphone_denied', true);
    await by('problem-step-microphone_denied').click();
    expect(await fake(page, 'opened')).toEqual(['privacy:microphone']);
    await page.context().close();
    await open('call');
    await fake(page, 'problem', 'microphone_denied', true);
    await by('problem-step-microphone_denied').click();
    expect(await last('refresh_devices')).toBeDefined();
  });

  test('shows its level all the time, also while muted', async () => {
    await open('call');
    await by('meter-microphone').waitFor();
    await page.keyboard.press('m');
    await by('meter-microphone').waitFor();
    await expect.poll(() => by('meter-microphone').getAttribute('data-level').then(Number)).toBeGreaterThan(0);
  });
});

describe('a device that is pulled out', () => {
  test('is told of, with the one that took its place, and the menu shows what is left', async () => {
    await open('call');
    await fake(page, 'unplug', 'microphone', 'Built-in Microphone');
    await expect.poll(() => by('toasts').innerText()).toContain('Microphone Built-in Microphone was unplugged. Using Jabra Evolve2 65 now.');
    await press('devices');
    await by('device-microphone-mic-2').waitFor();
    expect(await by('device-microphone-mic-1').count()).toBe(0);
  });

  test('is no matter of choice: the default is named, and is what the system uses', async () => {
    await open('green-room');
    await by('choose-speaker').click();
    expect(await by('device-speaker-default').innerText()).toBe('System default: Built-in Speakers');
    expect(await by('device-speaker-default').getAttribute('aria-checked')).toBe('true');
    await by('device-speaker-spk-2').click();
    expect(await last('choose_device')).toEqual({ type: 'choose_device', kind: 'speaker', id: 'spk-2' });
    await by('choose-speaker').click();
    await by('device-speaker-default').click();
    expect(await last('choose_device')).toEqual({ type: 'choose_device', kind: 'speaker', id: null });
  });
});
