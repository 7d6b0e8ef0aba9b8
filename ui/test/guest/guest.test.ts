import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { outerAddress, World } from './world';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = join(import.meta.dirname, '../../screenshots');
const world = new World();
beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  await world.start();
});
afterEach(() => world.rest());
afterAll(() => world.stop());

/** Notes the loudest sample of any track of the other side. */
const HEARS = `window.heard = 0; new (class { constructor() { const real = RTCPeerConnection; window.RTCPeerConnection = class extends real { constructor(...all) { super(...all); setInterval(async () => (await this.getStats()).forEach((one) => { if (one.type === 'inbound-rtp' && one.kind === 'audio') window.heard = Math.max(window.heard, one.audioLevel ?? 0) }), 200); } } } })`;
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

/** The controls fade after three seconds without a movement. */
async function press(page: Page, id: string): Promise<void> {
  await page.mouse.move(200 + Math.random() * 90, 300);
  await by(page, id).click();
}

async function join_(page: Page, name: string): Promise<void> {
  await by(page, 'name').fill(name);
  await by(page, 'join').click();
}
const connected = (page: Page) => page.locator('[data-testid="stage"][data-state="connected"]').waitFor({ timeout: 30_000 });
const pictures = (page: Page, tile: string, least: number) =>
  page.waitForFunction(([id, n]) => Number(document.querySelector<HTMLElement>(`[data-testid="${id}"]`)?.dataset['frames']) >= Number(n), [tile, least] as const, { timeout: 30_000 });

describe('a guest and the app', () => {
  test('see, hear, write and send each other files by nothing but the link', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'guest-files-'));
    const sent = join(folder, 'from-grace.bin');
    writeFileSync(sent, Buffer.alloc(100_000, 'grace'));
    const { link, report } = await world.host('--seconds', '40', '--chat', 'Hello from the app', '--send', sent, '--download', folder);
    const { page, faults } = await world.guest(link, { colorScheme: 'dark' }, HEARS);
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
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="file"][data-state="done"]').length === 2, null, { timeout: 60_000 });
    await shot(page, 'files-dark');
    expect(readFileSync(join(folder, 'from-bob.bin'))).toEqual(bytes);
    await page.locator('[data-testid="ended"]').waitFor({ timeout: 60_000 });
    expect(await by(page, 'ended').getAttribute('data-code')).toBe('other_left');
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
    const { link, report } = await world.host('--seconds', '18', '--watch-screen', '--record', folder);
    const { page, faults } = await world.guest(link, { colorScheme: 'light' });
    await join_(page, 'Bob');
    await connected(page);
    await pictures(page, 'tile-remote', 5);
    await press(page, 'share');
    await by(page, 'sharing').waitFor();
    await page.waitForTimeout(3000);
    await shot(page, 'sharing-light');
    await by(page, 'ended').waitFor({ timeout: 60_000 });
    const of = await figures(report);
    // The screen, and not the fake camera of Chromium, which is 1280 by 720 too: nothing else is watched there.
    expect(of('fps_shown')).toBeGreaterThan(0);
    expect(readFileSync(join(folder, 'last.png')).length).toBeGreaterThan(1000);
    expect(faults).toEqual([]);
  });
});

test('a guest comes back to a server that failed, and the call goes on meanwhile', async () => {
  const { link, report } = await world.host('--seconds', '22');
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
  await by(page, 'ended').waitFor({ timeout: 60_000 });
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
});

describe('a guest who cannot do everything', () => {
  test('is told on plain http why there is no camera, and listens, watches and chats', async () => {
    const { link } = await world.host('--seconds', '20', '--chat', 'Can you hear me?');
    const { page, faults } = await world.guest(link.replace('127.0.0.1', outerAddress()), { colorScheme: 'light' });
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

  test('is told that the camera is not allowed, and goes in all the same', async () => {
    const { link } = await world.host('--seconds', '8');
    const { page } = await world.guest(link, {}, "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))");
    await by(page, 'problem-camera_denied').waitFor();
    await look(page, 'denied');
    await join_(page, 'Bob');
    await connected(page);
    await pictures(page, 'tile-remote', 5);
  });
});
