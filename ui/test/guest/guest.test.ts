import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { OUTER_NAME, World } from './world';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = join(import.meta.dirname, '../../screenshots');
const world = new World();
beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  await world.start();
});
afterEach(() => world.rest());
afterAll(() => world.stop());

/** Notes the loudest sample of any track of the other side, and how many pictures of one's own go out. */
const WATCHED = `window.heard = 0; window.sending = 0; new (class { constructor() { const real = RTCPeerConnection; window.RTCPeerConnection = class extends real { constructor(...all) { super(...all); setInterval(async () => { let sending = 0; (await this.getStats()).forEach((one) => { if (one.type === 'inbound-rtp' && one.kind === 'audio') window.heard = Math.max(window.heard, one.audioLevel ?? 0); if (one.type === 'outbound-rtp' && one.kind === 'video' && one.framesSent >= 10) sending += 1; }); window.sending = sending; }, 200); } } } })`;
const by = (page: Page, id: string) => page.locator(`[data-testid="${id}"]`);
const shot = (page: Page, name: string) => page.screenshot({ path: join(SHOTS, `guest-${name}.png`) });

/** A picture to look at, of something that everybody can use. */
async function look(page: Page, name: string): Promise<void> {
  await shot(page, name);
  await page.evaluate(`window.axe || (() => { ${AXE} })()`);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
    const { violations } = await axe.run({ resultTypes: ['violations'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  });
  expect(found, name).toEqual([]);
}

/** What the app's end measured. */
async function figures(report: Promise<string>): Promise<(metric: string) => number | undefined> {
  const { rows } = JSON.parse((await report).trim().split('\n').at(-1) ?? '{}') as { rows: { metric: string; value: number }[] };
  return (metric) => rows.find((row) => row.metric === metric)?.value;
}

/** The controls fade after three seconds without a movement, unless the pointer rests on them: on a busy machine a click takes longer. */
async function press(page: Page, id: string): Promise<void> {
  await by(page, id).waitFor({ state: 'attached' });
  const box = await by(page, id).boundingBox();
  if (box) for (const aside of [0, 1]) await page.mouse.move(box.x + box.width / 2 + aside, box.y + box.height / 2);
  await by(page, id).click();
}

async function join_(page: Page, name: string): Promise<void> {
  await by(page, 'name').fill(name);
  await by(page, 'join').click();
}
const connected = (page: Page) => page.locator('[data-testid="stage"][data-state="connected"]').waitFor({ timeout: 30_000 });
const pictures = (page: Page, tile: string, least: number, timeout = 30_000) =>
  page.waitForFunction(([id, n]) => Number(document.querySelector<HTMLElement>(`[data-testid="${id}"]`)?.dataset['frames']) >= Number(n), [tile, least] as const, { timeout });

describe('a guest and the app', () => {
  test('see, hear, write and send each other files by nothing but the link', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'guest-files-'));
    const sent = join(folder, 'from-grace.bin');
    writeFileSync(sent, Buffer.alloc(100_000, 'grace'));
    const { link, report } = await world.host('--chat', 'Hello from the app', '--send', sent, '--download', folder);
    const { page, faults } = await world.guest(link, { colorScheme: 'dark' }, WATCHED);
    await by(page, 'preview').waitFor();
    await pictures(page, 'tile-self', 2);
    await look(page, 'green-room-dark');
    await join_(page, 'Bob');
    await connected(page);
    await pictures(page, 'tile-remote', 20);
    await shot(page, 'call-dark');
    // What the app says comes out of the decoder.
    await page.waitForFunction(() => (window as unknown as { heard: number }).heard > 0.02, null, { timeout: 30_000 });
    await page.keyboard.press('c');
    await by(page, 'message').getByText('Hello from the app').waitFor();
    await by(page, 'message-field').fill('Hello from the browser');
    await page.keyboard.press('Enter');
    await by(page, 'tab-files').click();
    await by(page, 'accept-file').click();
    await page.locator('[data-testid="file"][data-state="done"]').waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), by(page, 'show-file').click()]);
    expect(readFileSync(await download.path())).toEqual(readFileSync(sent));
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), by(page, 'send-file').click()]);
    const bytes = Buffer.alloc(200_000, 'bob');
    await chooser.setFiles({ name: 'from-bob.bin', mimeType: 'application/octet-stream', buffer: bytes });
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="file"][data-state="done"]').length === 2);
    await shot(page, 'files-dark');
    expect(readFileSync(join(folder, 'from-bob.bin'))).toEqual(bytes);
    await press(page, 'leave');
    await by(page, 'ended').waitFor();
    expect(await by(page, 'ended').getAttribute('data-code')).toBe('hung_up');
    await shot(page, 'ended-dark');
    const of = await figures(report);
    // Decoded and measured by the app: pictures of the browser's camera, and its sound.
    expect(of('fps_shown')).toBeGreaterThan(1);
    expect(of('sound_level_db')).toBeGreaterThan(-60);
    expect([of('messages_delivered'), of('messages_received'), of('files_sent'), of('files_received')]).toEqual([1, 1, 1, 1]);
    expect(faults).toEqual([]);
  });

  test('see each other’s screens', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'guest-screen-'));
    const { link, report } = await world.host('--watch-screen', '--record', folder);
    const { page, faults } = await world.guest(link, { colorScheme: 'light' }, WATCHED);
    await join_(page, 'Bob');
    await connected(page);
    await pictures(page, 'tile-remote', 5);
    await press(page, 'share');
    await by(page, 'sharing').waitFor();
    // The camera's, and the screen's.
    await page.waitForFunction(() => (window as unknown as { sending: number }).sending === 2);
    await shot(page, 'sharing-light');
    await press(page, 'leave');
    await by(page, 'ended').waitFor();
    const of = await figures(report);
    // The screen, and not the fake camera of Chromium, which is 1280 by 720 too: nothing else is watched there.
    expect(of('fps_shown')).toBeGreaterThan(0);
    expect(readFileSync(join(folder, 'last.png')).length).toBeGreaterThan(1000);
    expect(faults).toEqual([]);
  });
});

test('a guest who was there before the app shows it a screen', async () => {
  const host = await world.host('--seconds', '1', '--wait', '1');
  const { page, faults } = await world.guest(host.link, {}, WATCHED);
  await host.report;
  await join_(page, 'Bob');
  await by(page, 'waiting').waitFor();
  const report = world.join(host.link, '--watch-screen');
  await connected(page);
  await pictures(page, 'tile-remote', 5);
  await press(page, 'share');
  await by(page, 'sharing').waitFor();
  await page.waitForFunction(() => (window as unknown as { sending: number }).sending === 2);
  await press(page, 'leave');
  await by(page, 'ended').waitFor();
  expect((await figures(report))('fps_shown')).toBeGreaterThan(0);
  expect(faults).toEqual([]);
});

test('a guest comes back to a server that failed, and the call goes on meanwhile', async () => {
  const { link, report } = await world.host('--seconds', '30');
  const { page } = await world.guest(link);
  await join_(page, 'Bob');
  await connected(page);
  await pictures(page, 'tile-remote', 5);
  const before = Number(await by(page, 'tile-remote').getAttribute('data-frames'));
  await world.failServer(5000);
  await by(page, 'signaling-lost').waitFor();
  await pictures(page, 'tile-remote', before + 10);
  await by(page, 'signaling-lost').waitFor({ state: 'detached' });
  await connected(page);
  await by(page, 'ended').waitFor();
  expect(await by(page, 'ended').getAttribute('data-code')).toBe('other_left');
  // The app saw nothing of the five seconds without a server.
  expect((await figures(report))('gap_ms_max')).toBeLessThan(4000);
});

describe('two guests', () => {
  test('have a call with each other: pictures, words, hands, reactions, a screen and files', async () => {
    const host = await world.host('--seconds', '1', '--wait', '1');
    const one = await world.guest(host.link, { colorScheme: 'light' });
    await host.report;
    const other = await world.guest(host.link, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: 'dark' });
    await pictures(one.page, 'tile-self', 2);
    await look(one.page, 'green-room-light');
    await look(other.page, 'green-room-phone-dark');
    await join_(one.page, 'Ada');
    await by(one.page, 'waiting').waitFor();
    await shot(one.page, 'waiting-light');
    await join_(other.page, 'Bob');
    for (const { page } of [one, other]) {
      await connected(page);
      await pictures(page, 'tile-remote', 10);
    }
    await shot(other.page, 'call-phone-dark');
    await one.page.keyboard.press('c');
    await by(one.page, 'message-field').fill('Hello **you** <b>there</b> https://example.org');
    await one.page.keyboard.press('Enter');
    await press(other.page, 'panel-button');
    await by(other.page, 'message').getByText('Hello').waitFor();
    await by(other.page, 'message-field').fill('And hello to you');
    await other.page.keyboard.press('Enter');
    await by(one.page, 'message').getByText('And hello to you').waitFor();
    await shot(other.page, 'chat-phone-dark');
    await shot(one.page, 'chat-light');
    await by(other.page, 'panel-close').click();
    await press(one.page, 'share');
    await pictures(other.page, 'tile-screen', 2);
    await shot(other.page, 'screen-phone-dark');
    await press(one.page, 'share');
    await by(other.page, 'tile-screen').waitFor({ state: 'detached' });
    await by(one.page, 'tab-files').click();
    const [chooser] = await Promise.all([one.page.waitForEvent('filechooser'), by(one.page, 'send-file').click()]);
    await chooser.setFiles([{ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('') }, { name: 'b.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(600_000, 7) }]);
    await press(other.page, 'panel-button');
    await by(other.page, 'tab-files').click();
    await by(other.page, 'accept-file').first().click();
    await by(other.page, 'accept-file').first().click();
    for (const { page } of [one, other]) await page.waitForFunction(() => document.querySelectorAll('[data-testid="file"][data-state="done"]').length === 2, null, { timeout: 90_000 });
    await shot(other.page, 'files-phone-dark');
    await press(one.page, 'leave');
    for (const { page } of [one, other]) await by(page, 'ended').waitFor();
    await look(other.page, 'ended-phone-dark');
    await by(one.page, 'call-again').click();
    await by(one.page, 'join').click();
    await by(one.page, 'waiting').waitFor();
    expect([one.faults, other.faults]).toEqual([[], []]);
  });

  test('who begin to share in the same moment both see the other’s screen, in each of three calls', async () => {
    const host = await world.host('--seconds', '1', '--wait', '1');
    const one = await world.guest(host.link, { colorScheme: 'light' });
    await host.report;
    const other = await world.guest(host.link, { colorScheme: 'dark' });
    const both = [one.page, other.page];
    for (const page of both) await by(page, 'name').fill(page === one.page ? 'Ada' : 'Bob');
    for (let call = 1; call <= 3; call += 1) {
      await by(one.page, 'join').click();
      await by(one.page, 'waiting').waitFor();
      await by(other.page, 'join').click();
      for (const page of both) {
        await connected(page);
        await pictures(page, 'tile-remote', 2);
      }
      // By no pointer: it would have to come to one of them first.
      await Promise.all(both.map((page) => by(page, 'share').evaluate((button) => (button as HTMLElement).click())));
      await Promise.all(both.map((page) => pictures(page, 'tile-screen', 2, 20_000)));
      await press(one.page, 'leave');
      for (const page of both) await by(page, 'call-again').click();
    }
    expect([one.faults, other.faults]).toEqual([[], []]);
  });
});

describe('a guest before a door', () => {
  const entrance = (page: Page, how: string) => page.locator(`[data-testid="entrance"][data-entrance="${how}"]`).waitFor();
  const ended = async (page: Page) => {
    await by(page, 'ended').waitFor();
    return by(page, 'ended').innerText();
  };

  test('waits in the lobby, is let in, and is put out again', async () => {
    const keeper = await world.keeper();
    await keeper.say({ type: 'set_door', lobby: true });
    await keeper.heard('door');
    const { page, faults } = await world.guest(keeper.link, { colorScheme: 'light' });
    await join_(page, 'Bob');
    await entrance(page, 'lobby');
    await look(page, 'lobby-light');
    const { people } = (await keeper.heard('at_the_door')) as { people?: { id: string; name: string }[] };
    expect(people?.map(({ name }) => name)).toEqual(['Bob']);
    await keeper.say({ type: 'admit', id: people?.[0]?.id });
    await by(page, 'status-connecting').waitFor();
    const { participant } = (await keeper.heard('participant_joined')) as { participant?: { id: string } };
    await keeper.say({ type: 'remove', id: participant?.id });
    expect(await ended(page)).toContain('You were removed from the call, by a host or, if this app sent what it should not, by the server.');
    await look(page, 'removed-light');
    expect(faults).toEqual([]);
  });

  test('is told when nobody lets them in, and when the call is locked', async () => {
    const keeper = await world.keeper();
    await keeper.say({ type: 'set_door', lobby: true });
    await keeper.heard('door');
    const refused = await world.guest(keeper.link);
    await join_(refused.page, 'Bob');
    const { people } = (await keeper.heard('at_the_door')) as { people?: { id: string }[] };
    await keeper.say({ type: 'refuse', id: people?.[0]?.id });
    expect(await ended(refused.page)).toContain('The host did not let you into this call.');
    const locked = await world.keeper();
    await locked.say({ type: 'set_door', locked: true });
    await locked.heard('door');
    const { page } = await world.guest(locked.link);
    await join_(page, 'Bob');
    expect(await ended(page)).toContain('The host locked this call');
  });

  test('says the password, and another one when it was wrong', async () => {
    const keeper = await world.keeper();
    await keeper.say({ type: 'set_password', password: 'open sesame' });
    await keeper.heard('door');
    const { page, faults } = await world.guest(keeper.link, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
    await join_(page, 'Bob');
    await entrance(page, 'password_needed');
    await page.keyboard.type('open barley');
    await page.keyboard.press('Enter');
    await entrance(page, 'password_wrong');
    await look(page, 'password-phone-dark');
    await by(page, 'call-password').fill('open sesame');
    await page.keyboard.press('Enter');
    await by(page, 'status-connecting').waitFor();
    expect(faults).toEqual([]);
  });
});

describe('a guest who cannot do everything', () => {
  test('is told on plain http why there is no camera, and listens, watches and chats', async () => {
    const { link } = await world.host('--chat', 'Can you hear me?');
    const { page, faults } = await world.guest(link.replace('127.0.0.1', OUTER_NAME), { colorScheme: 'light' });
    await by(page, 'listen-only').waitFor();
    await look(page, 'listen-only-light');
    await page.setViewportSize({ width: 390, height: 844 });
    await look(page, 'listen-only-phone-light');
    await page.setViewportSize({ width: 1280, height: 800 });
    await join_(page, 'Bob');
    await connected(page);
    await pictures(page, 'tile-remote', 10);
    for (const id of ['mute', 'camera', 'share', 'devices', 'record', 'mini-window']) expect(await by(page, id).count(), id).toBe(0);
    await shot(page, 'listening');
    await page.keyboard.press('c');
    await by(page, 'message').getByText('Can you hear me?').waitFor();
    await press(page, 'leave');
    await by(page, 'ended').waitFor();
    expect(faults).toEqual([]);
  });

  test('is told what is wrong with a link that is not whole', async () => {
    const { link } = await world.host('--wait', '1');
    const { page } = await world.guest(link.slice(0, -3));
    await page.locator('[data-testid="notice"][data-why="bad-link"]').waitFor();
    await look(page, 'bad-link');
  });

  test('is told when the browser is too old', async () => {
    const { link } = await world.host('--wait', '1');
    const { page } = await world.guest(link, {}, 'delete window.RTCPeerConnection');
    await page.locator('[data-testid="notice"][data-why="too-old"]').waitFor();
    await look(page, 'too-old');
  });

  test('is told before the call what a browser without the app’s video lacks', async () => {
    const { link } = await world.host('--wait', '1');
    const { page, faults } = await world.guest(link, { colorScheme: 'light' }, "RTCRtpReceiver.getCapabilities = () => ({ codecs: [{ mimeType: 'video/VP8', clockRate: 90000 }], headerExtensions: [] })");
    await by(page, 'no-video').waitFor();
    expect(await by(page, 'no-video').innerText()).toContain('OpenH264');
    await look(page, 'no-video-light');
    await page.setViewportSize({ width: 390, height: 844 });
    await look(page, 'no-video-phone-light');
    expect(await by(page, 'join').isEnabled()).toBe(true);
    expect(faults).toEqual([]);
  });

  test('is told that the camera is not allowed, and goes in all the same', async () => {
    const { link } = await world.host();
    const { page } = await world.guest(link, {}, "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))");
    await by(page, 'problem-camera_denied').waitFor();
    await look(page, 'denied');
    await join_(page, 'Bob');
    await connected(page);
    await pictures(page, 'tile-remote', 5);
  });
});
