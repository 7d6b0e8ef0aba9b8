/** How calls of three and more look in narrow windows, and are reached by keyboard: measured in real Chromium where a look once showed it wrong. */
import { describe, expect, test } from 'vitest';
import { by, fake, moveIn, open, over, page } from './house';

moveIn();

/** Also what 960 pixels are at twice the size. */
const NARROW = { width: 480, height: 800 };
const boxOf = async (css: string) => {
  const box = await page.locator(css).first().boundingBox();
  if (!box) throw new Error(`${css} is not there`);
  return box;
};

describe('a narrow window', () => {
  test.each(['listening', 'group-trouble'])('tells in two lines at the top what there is to know: %s', async (scenario) => {
    await open(scenario, NARROW);
    await over('layout');
    await expect.poll(async () => (await boxOf('.chip:has([data-testid="lock"])')).height).toBeLessThanOrEqual(72);
  });

  test('has the words of a weak link in one piece, with what to do about it below', async () => {
    await open('group-trouble', NARROW);
    await by('weak-link').waitFor();
    const words = await boxOf('[data-testid="weak-link"] > span');
    const [step, seen] = [await boxOf('[data-testid="weak-link-settings"]'), await boxOf('[data-testid="weak-link-seen"]')];
    expect(words.width).toBeGreaterThan(300);
    expect([step.y >= words.y + words.height, Math.round(step.y)]).toEqual([true, Math.round(seen.y)]);
  });

  test('has initials clear of the words below them', async () => {
    await open('group-saving', NARROW);
    const covered = () =>
      page.locator('.seat').evaluateAll((seats) =>
        seats.flatMap((seat) => {
          const [initials, ...tags] = [...seat.querySelectorAll('.avatar, .tag')].map((one) => one.getBoundingClientRect());
          return seat.querySelector('.avatar') && initials && tags.some((tag) => tag.top < initials.bottom && tag.left < initials.right) ? [seat.getAttribute('data-testid')] : [];
        }),
      );
    // What is in the way of the controls rises.
    await page.locator('[data-testid="stage"][data-chrome="hidden"]').waitFor();
    await expect.poll(covered).toEqual([]);
  });

  test('gives all of its width to the list of people', async () => {
    await open('group-12', NARROW);
    await by('people-count').press('Enter');
    expect((await boxOf('[data-testid="panel"]')).width).toBe(480);
  });
});

test('a host can set a volume by hand beside all that is to be done with somebody', async () => {
  await open('group-5', { width: 1280, height: 800 });
  await fake(page, 'door', { may_host: true });
  await by('people-count').press('Enter');
  await by('unfold-p-2').click();
  expect((await boxOf('[data-testid="volume-p-2"]')).width).toBeGreaterThan(120);
  const [mute, remove] = [await boxOf('[data-testid="ask-mute-p-2"]'), await boxOf('[data-testid="remove-p-2"]')];
  expect(mute.y).toBe(remove.y);
});

describe('by keyboard', () => {
  const focused = () => page.evaluate(() => (document.activeElement as HTMLElement).dataset['testid']);

  test('one goes to the list of people and comes back to where one was', async () => {
    await open('group-5');
    await by('people-count').focus();
    await page.keyboard.press('Enter');
    await by('panel').waitFor();
    await expect.poll(focused).toBe('tab-people');
    expect(await by('people-count').getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.press('Escape');
    await by('panel').waitFor({ state: 'detached' });
    expect(await focused()).toBe('people-count');
    expect(await by('people-count').getAttribute('aria-expanded')).toBe('false');
  });

  test('one hears how large a shared screen is shown', async () => {
    await open('group-screen');
    const pressed = () => Promise.all(['zoom-fit', 'zoom-full'].map((id) => by(id).getAttribute('aria-pressed')));
    expect(await pressed()).toEqual(['true', 'false']);
    await by('zoom-full').focus();
    await page.keyboard.press('Enter');
    await expect.poll(pressed).toEqual(['false', 'true']);
  });
});
