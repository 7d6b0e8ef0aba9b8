/** Calls that were: seen, forgotten, taken back, rated. In real Chromium against the simulated engine. */
import { expect, test } from 'vitest';
import { by, fake, moveIn, open, page } from './house';

moveIn();

const asked = async () => (await fake(page, 'commands')).filter(({ type }) => type === 'forget_calls' || type === 'take_back_call' || type === 'rate_call');

test('the latest calls stand on the home screen, with who, how long and how good', async () => {
  await open('home-history');
  const rows = await by('past-call').allInnerTexts();
  expect(rows).toHaveLength(4);
  expect(rows[0]).toContain('Grace Hopper');
  expect(rows[0]).toContain('12 min 34 sec');
  expect(rows[1]).toContain('Some trouble');
  expect(rows[2]).toContain('Someone without a name');
});

test('a forgotten call can be taken back, and another one goes', async () => {
  await open('home-history');
  await by('forget-call').first().click();
  await expect.poll(() => by('past-call').count()).toBe(3);
  await by('toasts').getByRole('button').click();
  await expect.poll(() => by('past-call').count()).toBe(4);
  await by('forget-call').nth(1).click();
  await expect.poll(() => by('past-call').count()).toBe(3);
  await by('forget-call').nth(1).click();
  await expect.poll(() => by('past-call').count()).toBe(2);
  const id = (number: number) => number.toString(16).padStart(16, '0');
  expect(await asked()).toEqual([
    { type: 'forget_calls', id: id(1) },
    { type: 'take_back_call', id: id(1) },
    { type: 'forget_calls', id: id(2) },
    { type: 'forget_calls', id: id(3) },
  ]);
});

test('forgetting all asks first, and then the home screen explains itself again', async () => {
  await open('home-history');
  await by('open-settings').click();
  await by('page-you').click();
  await by('forget-all').click();
  await by('forget-all-no').click();
  expect(await asked()).toEqual([]);
  await by('forget-all').click();
  await by('forget-all-yes').click();
  await expect.poll(() => by('forget-all').count()).toBe(0);
  expect(await asked()).toEqual([{ type: 'forget_calls', id: null }]);
  await by('close-settings').click();
  expect(await by('recent-calls').count()).toBe(0);
});

test('after a call one question is asked, and the answer shows', async () => {
  await open('ended');
  await by('star-4').check();
  await page.locator('[data-testid="rating"][data-stars="4"]').waitFor();
  expect(await asked()).toEqual([{ type: 'rate_call', id: '0000000000000001', stars: 4 }]);
  await page.keyboard.press('ArrowRight');
  await page.locator('[data-testid="rating"][data-stars="5"]').waitFor();
});

test('a call that never connected is not asked about', async () => {
  await open('ended-failed');
  await by('ended').waitFor();
  expect(await by('rating').count()).toBe(0);
});

test('what was written in a call is kept by choice, and can be read', async () => {
  await open('home-history');
  expect(await by('read-chat').count()).toBe(1);
  await by('read-chat').click();
  await by('past-chat').waitFor();
  expect(await by('past-chat').innerText()).toContain('Messages with Grace Hopper');
  expect(await by('message').allInnerTexts()).toEqual([expect.stringContaining('notes'), expect.stringContaining('Tuesday')]);
  expect(await by('undelivered').innerText()).toBe('Not delivered');
  await page.keyboard.press('Escape');
  await by('past-chat').waitFor({ state: 'detached' });

  await by('open-settings').click();
  await by('page-you').click();
  expect(await by('keep-chat').isChecked()).toBe(false);
  await by('keep-chat').check();
  await by('keep-history').uncheck();
  await by('keep-chat').waitFor({ state: 'detached' });
  const patches = (await fake(page, 'commands')).flatMap((command) => (command.type === 'change_settings' ? [command.patch] : []));
  expect(patches).toEqual([{ keep_chat: true }, { keep_history: false }]);
});

test('files go to the folder that one chooses', async () => {
  await open('home');
  await by('open-settings').click();
  await by('page-you').click();
  expect(await by('folder-received').innerText()).toBe('/home/ada/Downloads');
  await by('choose-folder-received').click();
  await expect.poll(() => by('folder-received').innerText()).toBe('/home/ada/From calls');
  await by('reset-folder-received').click();
  await expect.poll(() => by('folder-received').innerText()).toBe('/home/ada/Downloads');
});
