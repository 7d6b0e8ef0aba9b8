/** Files between people of a group: guests in a real Chromium among each other, and with the app's end, through a real server. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { by, come, press, sees } from './pages';
import { World } from './world';

const world = new World();
beforeAll(() => world.start({ sfu: true }));
afterEach(() => world.rest());
afterAll(() => world.stop());

/** Three pages that encode and decode, and files beside them: on a busy machine that takes its time. */
const BUSY_MS = 240_000;

/** A file as somebody has it. */
const file = (name: string, bytes: number) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.alloc(bytes, name) });

async function openFiles(page: Page): Promise<void> {
  await press(page, 'panel-button');
  await by(page, 'tab-files').click();
}

async function send(page: Page, ...files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), by(page, 'send-file').click()]);
  await chooser.setFiles(files);
}

/** What the page says of its files, the newest first: which way, with whom, how it stands. */
const told = (page: Page) =>
  page.locator('[data-testid="file"]').evaluateAll((all) => all.map((one) => `${(one.querySelector('.name')?.childNodes[0]?.textContent ?? '').trim()} ${one.querySelector('[data-testid="file-whose"]')?.textContent ?? ''}: ${(one as HTMLElement).dataset['state']}`));
const become = (page: Page, wanted: string[]) => expect.poll(async () => (await told(page)).sort(), { timeout: 60_000, interval: 200 }).toEqual([...wanted].sort());

/** The bytes of the newest file that came whole. */
async function kept(page: Page): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent('download'), by(page, 'show-file').first().click()]);
  return readFileSync(await download.path());
}

test('guests of a group send files to everybody or to one, who take them or do not, and take them back while they move', async () => {
  const link = await world.room();
  const people = [await come(world, link, 'Ada'), await come(world, link, 'Ben'), await come(world, link, 'Eve')] as const;
  const [ada, ben, eve] = people;
  for (const page of people) await sees(page, 2, 5);
  for (const page of people) await openFiles(page);
  await expect.poll(() => by(ada, 'choose-takers').innerText()).toBe('To all 2 people');

  const plan = file('plan.bin', 300_000);
  await send(ada, plan);
  await become(ada, ['plan.bin To Ben: offered', 'plan.bin To Eve: offered']);
  await by(eve, 'refuse-file').click();
  await by(ben, 'accept-file').click();
  await become(ada, ['plan.bin To Ben: done', 'plan.bin To Eve: declined']);
  await become(ben, ['plan.bin From Ada: done']);
  await become(eve, ['plan.bin From Ada: declined']);
  expect(await kept(ben)).toEqual(plan.buffer);

  // From who came last to who came first, and to nobody else.
  await by(eve, 'choose-takers').click();
  await by(eve, 'takers').getByLabel('Ben').click();
  const notes = file('notes.bin', 200_000);
  await send(eve, notes);
  await by(ada, 'accept-file').click();
  await become(eve, ['notes.bin To Ada: done', 'plan.bin From Ada: declined']);
  expect(await kept(ada)).toEqual(notes.buffer);
  expect(await told(ben)).toEqual(['plan.bin From Ada: done']);

  await send(eve, file('film.bin', 30_000_000));
  await by(ada, 'accept-file').click();
  await ada.locator('[data-testid="file"][data-state="moving"]').getByRole('progressbar').waitFor();
  await eve.locator('[data-testid="file"][data-state="moving"]').getByTestId('cancel-file').click();
  await become(eve, ['film.bin To Ada: cancelled_here', 'notes.bin To Ada: done', 'plan.bin From Ada: declined']);
  await expect.poll(async () => (await told(ada)).find((one) => one.startsWith('film')), { timeout: 20_000 }).toBe('film.bin From Eve: cancelled_there');
}, BUSY_MS);

test('a guest and the app send each other files in a group', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'group-files-'));
  const sent = join(folder, 'from-grace.bin');
  writeFileSync(sent, Buffer.alloc(150_000, 'grace'));
  const link = await world.room();
  const [ada, ben] = [await come(world, link, 'Ada'), await come(world, link, 'Ben')];
  for (const page of [ada, ben]) await sees(page, 1, 5);
  void world.join(link, '--send', sent, '--download', folder, '--video', 'pattern:320x180', '--seconds', '60');
  for (const page of [ada, ben]) await openFiles(page);
  await by(ada, 'accept-file').click();
  await by(ben, 'refuse-file').click();
  await become(ada, ['from-grace.bin From Grace: done']);
  expect(await kept(ada)).toEqual(readFileSync(sent));
  const mine = file('from-ada.bin', 250_000);
  await send(ada, mine);
  await by(ben, 'accept-file').click();
  await become(ada, ['from-ada.bin To Ben: done', 'from-ada.bin To Grace: done', 'from-grace.bin From Grace: done']);
  expect(readFileSync(join(folder, 'from-ada.bin'))).toEqual(mine.buffer);
  expect(await kept(ben)).toEqual(mine.buffer);
}, BUSY_MS);

test('a guest who came after the app makes the connection for what the app takes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'group-files-'));
  const { link } = await world.host('--download', folder, '--video', 'pattern:320x180', '--seconds', '60');
  const [ada, ben] = [await come(world, link, 'Ada'), await come(world, link, 'Ben')];
  for (const page of [ada, ben]) await sees(page, 2, 5);
  await openFiles(ada);
  await expect.poll(() => by(ada, 'choose-takers').innerText()).toBe('To all 2 people');
  await by(ada, 'choose-takers').click();
  await by(ada, 'takers').getByLabel('Ben').click();
  const mine = file('from-ada.bin', 250_000);
  await send(ada, mine);
  await become(ada, ['from-ada.bin To Grace: done']);
  expect(readFileSync(join(folder, 'from-ada.bin'))).toEqual(mine.buffer);
  expect(await told(ben)).toEqual([]);
}, BUSY_MS);

test('a file goes on when a call of two becomes a group, and when the server failed', async () => {
  const link = await world.room();
  const [ada, ben] = [await come(world, link, 'Ada'), await come(world, link, 'Ben')];
  for (const page of [ada, ben]) await sees(page, 1, 5);
  for (const page of [ada, ben]) await openFiles(page);
  const film = file('film.bin', 6_000_000);
  await send(ada, film);
  await by(ben, 'accept-file').click();
  await ben.locator('[data-testid="file"][data-state="moving"]').waitFor();
  // Held, so that it is still there when the way is another one.
  await by(ben, 'pause-file').click();
  const eve = await come(world, link, 'Eve');
  for (const page of [ada, ben, eve]) await sees(page, 2, 5);
  await ada.locator('[data-testid="file"][data-state="paused"]').waitFor();
  await by(ben, 'pause-file').click();
  await ben.locator('[data-testid="file"][data-state="moving"]').waitFor();
  await world.failServer(1000);
  await become(ben, ['film.bin From Ada: done']);
  await become(ada, ['film.bin To Ben: done']);
  expect((await kept(ben)).equals(film.buffer)).toBe(true);
}, BUSY_MS);
