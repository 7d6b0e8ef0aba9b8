/** The call's door, done in real Chromium against the simulated engine: waiting, letting in, putting out, all by keyboard too. */
import { describe, expect, test } from 'vitest';
import { by, fake, last, moveIn, open, page, said } from './house';

moveIn();

describe('who waits', () => {
  test('in the lobby is told so, and comes in once they are let', async () => {
    await open('lobby');
    expect(await by('entrance').innerText()).toContain('Waiting to be let in');
    await fake(page, 'door', { entrance: 'free' });
    await fake(page, 'callState', 'waiting');
    await by('entrance').waitFor({ state: 'detached' });
    await expect.poll(said).toContain('You were let in');
  });

  test('may leave', async () => {
    await open('lobby');
    await by('leave-entrance').click();
    expect(await last('leave')).toBeDefined();
  });

  test('for a password types it, hears that it was wrong, and types another', async () => {
    await open('password-needed');
    await page.keyboard.type('open barley');
    await page.keyboard.press('Enter');
    expect(await by('call-password-error').innerText()).toContain('not the password');
    await by('call-password').fill('open sesame');
    await page.keyboard.press('Enter');
    await by('entrance').waitFor({ state: 'detached' });
    expect(await last('door')).toEqual({ type: 'door', ask: { what: 'enter', password: 'open sesame' } });
  });
});

describe('a host', () => {
  test('sees who waits, lets one in and refuses another', async () => {
    await open('waiting-lobby');
    await by('admit-w-eve').click();
    await by('admit-w-eve').waitFor({ state: 'detached' });
    expect(await last('door')).toEqual({ type: 'door', ask: { what: 'admit', id: 'w-eve' } });
    await by('refuse-w-bob').focus();
    await page.keyboard.press('Enter');
    await by('at-the-door').waitFor({ state: 'detached' });
    expect(await last('door')).toEqual({ type: 'door', ask: { what: 'refuse', id: 'w-bob' } });
  });

  test('hears who comes to the door', async () => {
    await open('call');
    await fake(page, 'door', { waiting: [{ id: 'w-eve', name: 'Eve Adams' }] });
    await expect.poll(said).toContain('Eve Adams would like to come in');
  });

  test('locks the call by the palette, and opens it by the switch', async () => {
    await open('call');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('lock the');
    await page.keyboard.press('Enter');
    await expect.poll(() => last('door')).toEqual({ type: 'door', ask: { what: 'lock', on: true } });
    await page.keyboard.press('c');
    await by('tab-people').click();
    await by('door-lock').focus();
    await page.keyboard.press('Space');
    await expect.poll(() => last('door')).toEqual({ type: 'door', ask: { what: 'lock', on: false } });
  });

  test('asks for silence, puts somebody out, and ends the call only when sure', async () => {
    await open('call');
    await page.keyboard.press('c');
    await by('tab-people').click();
    await by('ask-mute-p-grace').click();
    expect(await last('door')).toEqual({ type: 'door', ask: { what: 'ask_mute', id: 'p-grace' } });
    await by('remove-p-grace').click();
    expect(await last('door')).toEqual({ type: 'door', ask: { what: 'remove', id: 'p-grace' } });
    await by('end-for-all').click();
    expect(await last('door')).toEqual({ type: 'door', ask: { what: 'remove', id: 'p-grace' } });
    await by('end-for-all-sure').click();
    expect(await last('door')).toEqual({ type: 'door', ask: { what: 'end_for_all' } });
  });
});

describe('a guest', () => {
  test('has no door to keep', async () => {
    await open('call');
    await fake(page, 'door', { may_host: false });
    await page.keyboard.press('c');
    await by('tab-people').click();
    expect(await by('door').count()).toBe(0);
    expect(await by('remove-p-grace').count()).toBe(0);
  });

  test('who was asked to mute sees by whom, and may speak again', async () => {
    await open('call-mute-asked');
    expect(await by('mute-asked').innerText()).toContain('Grace Hopper asked you to mute');
    await by('mute-asked-unmute').click();
    expect(await last('set_muted')).toEqual({ type: 'set_muted', muted: false });
  });
});
