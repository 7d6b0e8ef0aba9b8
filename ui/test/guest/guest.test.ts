import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { outerAddress, World } from './world';

const SHOTS = join(import.meta.dirname, '../../screenshots');
const world = new World();
beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  await world.start();
});
afterAll(() => world.stop());

const by = (page: Page, id: string) => page.locator(`[data-testid="${id}"]`);
const shot = (page: Page, name: string) => page.screenshot({ path: join(SHOTS, `guest-${name}.png`) });

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
    writeFileSync(sent, Buffer.alloc(300_000, 'grace'));
    const { link, report } = await world.host('--seconds', '25', '--chat', 'Hello from the app', '--send', sent, '--download', folder);
    const { page, faults } = await world.guest(link);
    await by(page, 'preview').waitFor();
    await pictures(page, 'tile-self', 2);
    await shot(page, 'green-room-dark');
    await join_(page, 'Bob');
    await connected(page);
    await pictures(page, 'tile-remote', 20);
    await shot(page, 'call-dark');
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
    const bytes = Buffer.alloc(500_000, 'bob');
    await chooser.setFiles({ name: 'from-bob.bin', mimeType: 'application/octet-stream', buffer: bytes });
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="file"][data-state="done"]').length === 2);
    await shot(page, 'files-dark');
    expect(readFileSync(join(folder, 'from-bob.bin'))).toEqual(bytes);
    await page.locator('[data-testid="ended"]').waitFor({ timeout: 60_000 });
    expect(await by(page, 'ended').getAttribute('data-code')).toBe('other_left');
    await shot(page, 'ended-dark');
    const told = JSON.parse((await report).trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>;
    console.log(JSON.stringify(told));
    expect(faults).toEqual([]);
  });
});
