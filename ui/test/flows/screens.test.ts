/** Every screen in both themes and three sizes: no accessibility violation, no overflow, and no words that are cut. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fake, openHouse, pageErrors, type House } from './house';

const SHOTS = join(import.meta.dirname, '../../screenshots');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** With PARLEY_PICTURES=1 each is also kept as a picture, for people to judge; that takes as long as all checks together. */
const PICTURES = process.env['PARLEY_PICTURES'] === '1';
const SIZES = [
  { width: 960, height: 600 },
  { width: 1440, height: 900 },
  { width: 640, height: 480 },
] as const;

interface Screen {
  readonly scenario: string;
  /** Brings the page from the scenario to the screen. */
  readonly then?: (page: Page) => Promise<unknown>;
}

const click = (id: string) => async (page: Page) => {
  await keepControls(page);
  await page.getByTestId(id).click();
};
const settingsPage = (name: string) => async (page: Page) => {
  await page.getByTestId('open-settings').click();
  await page.getByTestId(`page-${name}`).click();
};

/** From everybody alike to one large, or back. */
const layout = (page: Page) => page.keyboard.press('g');

const SCREENS: Record<string, Screen> = {
  home: { scenario: 'home' },
  'home-history': { scenario: 'home-history' },
  'past-chat': { scenario: 'home-history', then: click('read-chat') },
  'home-first-run': { scenario: 'first-run' },
  'home-problem': { scenario: 'home-server-unreachable' },
  'home-bad-link': {
    scenario: 'home',
    then: async (page) => {
      await page.getByTestId('link-input').fill('see you at noon');
      await page.getByTestId('open-link').click();
    },
  },
  inspector: { scenario: 'call-poor', then: (page) => page.keyboard.press('i') },
  'inspector-window': { scenario: 'call-poor&view=inspector' },
  'green-room': { scenario: 'green-room' },
  'green-room-guest': { scenario: 'green-room-guest' },
  'green-room-busy': { scenario: 'green-room-busy' },
  'green-room-nothing': { scenario: 'green-room-nothing' },
  'green-room-making': { scenario: 'green-room-making' },
  'green-room-menu': { scenario: 'green-room', then: click('choose-microphone') },
  'green-room-first': { scenario: 'green-room-first' },
  'green-room-server-away': { scenario: 'green-room-server-away' },
  joining: { scenario: 'joining' },
  'joining-server-away': { scenario: 'joining-server-away' },
  'waiting-server-away': { scenario: 'waiting-server-away' },
  'call-deaf': { scenario: 'call-deaf' },
  waiting: { scenario: 'waiting' },
  'waiting-lobby': { scenario: 'waiting-lobby' },
  lobby: { scenario: 'lobby' },
  'password-needed': { scenario: 'password-needed' },
  'call-mute-asked': { scenario: 'call-mute-asked' },
  connecting: { scenario: 'connecting' },
  call: { scenario: 'call' },
  'call-muted': { scenario: 'call-muted' },
  'call-camera-off': { scenario: 'call-camera-off' },
  'call-both-off': { scenario: 'call-both-off' },
  'call-portrait': { scenario: 'call-portrait' },
  'call-poor': {
    scenario: 'call-poor',
    then: async (page) => {
      await keepControls(page);
      await page.getByTestId('quality').hover();
    },
  },
  'call-chat': { scenario: 'call-talk', then: (page) => page.keyboard.press('c') },
  'call-chat-empty': { scenario: 'call', then: (page) => page.keyboard.press('c') },
  'call-files': {
    scenario: 'call-talk',
    then: async (page) => {
      await page.keyboard.press('c');
      await page.getByTestId('tab-files').click();
    },
  },
  'call-people': {
    scenario: 'call-talk',
    then: async (page) => {
      await page.keyboard.press('c');
      await page.getByTestId('tab-people').click();
    },
  },
  'call-reactions': { scenario: 'call-talk', then: click('react') },
  'call-devices': { scenario: 'call', then: click('devices') },
  'call-screen': { scenario: 'call-screen' },
  'call-screen-full': { scenario: 'call-screen', then: click('zoom-full') },
  'call-sharing': { scenario: 'call-sharing' },
  'call-recording': { scenario: 'call-recording' },
  'call-recorded': { scenario: 'call-recorded' },
  'call-share-picker': {
    scenario: 'call',
    then: async (page) => {
      await page.keyboard.press('s');
      await page.getByTestId('screen-window:a1').check();
    },
  },
  'call-share-stopped': { scenario: 'call-share-stopped' },
  'call-share-wayland': { scenario: 'call-share-wayland' },
  'call-share-asking': { scenario: 'call-share-asking' },
  'group-3': { scenario: 'group-3' },
  'group-5': { scenario: 'group-5' },
  'group-12': { scenario: 'group-12' },
  'group-49': { scenario: 'group-49' },
  'group-100': { scenario: 'group-100' },
  'group-trouble': { scenario: 'group-trouble' },
  'group-speaker': { scenario: 'group-12', then: layout },
  'group-files': {
    scenario: 'group-5',
    then: async (page) => {
      await fake(page, 'room', { people: { 'p-3': { takes_files: false } } });
      await fake(page, 'offered', 'A very long name of a film that somebody made.mkv', 1_420_000_000);
      await keepControls(page);
      await page.keyboard.press('c');
      await page.getByTestId('tab-files').click();
      await page.getByTestId('send-file').click();
      await page.getByTestId('choose-takers').click();
    },
  },
  'group-files-many': {
    scenario: 'group-12',
    then: async (page) => {
      await keepControls(page);
      await page.keyboard.press('c');
      await page.getByTestId('tab-files').click();
      await page.getByTestId('send-file').click();
      await page.getByTestId('unfold-batch').click();
    },
  },
  'group-host': {
    scenario: 'group-5',
    then: async (page) => {
      const offences = { list: [{ what: 'flood' as const, count: 1204 }, { what: 'key_frames' as const, count: 31 }], kicks: 1 };
      await fake(page, 'door', { may_host: true });
      await fake(page, 'room', { people: { 'p-3': { offences } }, call: { spotlight: 'p-2' } });
      await keepControls(page);
      await page.keyboard.press('c');
      await page.getByTestId('tab-people').click();
      await page.getByTestId('unfold-p-3').click();
    },
  },
  'group-screen': { scenario: 'group-screen' },
  'large-room': { scenario: 'large-room' },
  'large-room-people': { scenario: 'large-room-few', then: click('people-count') },
  listening: { scenario: 'listening' },
  'may-speak': { scenario: 'may-speak' },
  'group-screen-among': { scenario: 'group-screen', then: layout },
  'group-menu': { scenario: 'group-5', then: (page) => page.getByTestId('face-p-2').click({ button: 'right' }) },
  'group-people': {
    scenario: 'group-trouble',
    then: async (page) => {
      await click('people-count')(page);
      await page.getByTestId('unfold-p-2').click();
    },
  },
  'group-inspector': { scenario: 'group-trouble', then: (page) => page.keyboard.press('i') },
  'group-chat': { scenario: 'group-5', then: (page) => page.keyboard.press('c') },
  'speaking-muted': { scenario: 'speaking-muted' },
  reconnecting: { scenario: 'reconnecting' },
  'all-problems': { scenario: 'all-problems' },
  'ended': { scenario: 'ended' },
  'ended-early': { scenario: 'ended-early' },
  'ended-failed': { scenario: 'ended-failed' },
  'ended-unsafe': { scenario: 'ended-unsafe' },
  'settings-devices': { scenario: 'home', then: settingsPage('devices') },
  'settings-voice': { scenario: 'home', then: settingsPage('voice') },
  'settings-screen': { scenario: 'home', then: settingsPage('screen') },
  'settings-appearance': { scenario: 'home', then: settingsPage('appearance') },
  'settings-keys': { scenario: 'home', then: settingsPage('keys') },
  'settings-desktop': { scenario: 'home', then: settingsPage('desktop') },
  'settings-network': { scenario: 'home', then: settingsPage('network') },
  'settings-you': { scenario: 'home', then: settingsPage('you') },
  'settings-history': {
    scenario: 'home-history',
    then: async (page) => {
      await settingsPage('you')(page);
      await page.getByTestId('forget-all').click();
    },
  },
  palette: { scenario: 'call', then: (page) => page.keyboard.press('Control+k') },
  shortcuts: { scenario: 'call', then: (page) => page.keyboard.press('?') },
};

let house: House;
/** One page a language for all screens: each is shown in it anew. */
const pages = new Map<string, Page>();
/** Those whose test did not come to its end: it may still be at it, so nobody else gets them. */
const inUse = new Set<Page>();
beforeAll(async () => {
  if (PICTURES) mkdirSync(SHOTS, { recursive: true });
  house = await openHouse();
});
afterAll(() => house.close());

async function show({ scenario, then }: Screen, locale: string): Promise<Page> {
  const before = pages.get(locale);
  if (before && inUse.has(before)) await before.context().close();
  const usable = before && !inUse.has(before) ? before : null;
  if (usable) await house.again(usable, scenario, { query: '&calm' });
  const page = usable ?? (await house.open(scenario, { query: '&calm', locale }));
  pages.set(locale, page);
  inUse.add(page);
  await then?.(page);
  return page;
}

test.each(Object.entries(SCREENS))('%s is clean in both themes', async (name, screen) => {
  const page = await show(screen, 'en-US');
  for (const theme of ['dark', 'light'] as const) {
    await page.evaluate((wanted) => (document.documentElement.dataset['theme'] = wanted), theme);
    for (const size of SIZES) {
      await page.setViewportSize(size);
      await settled(page);
      await picture(page, `${name}-${theme}-${size.width}`);
      expect(await overflow(page)).toBe(0);
    }
    expect(await violations(page)).toEqual([]);
  }
  expect(pageErrors).toEqual([]);
  inUse.delete(page);
});

/** 960x600 at 200 % zoom has this many CSS pixels. */
const ZOOMED = { width: 480, height: 300 };

test.each(Object.entries(SCREENS))('%s is whole in German, also at twice the size, and in Chinese', async (name, screen) => {
  const page = await show(screen, 'de-DE');
  await looksWhole(page, `${name}-de`);
  expect(await violations(page)).toEqual([]);
  await page.setViewportSize(ZOOMED);
  await looksWhole(page, `${name}-de-zoomed`);
  await page.setViewportSize(SIZES[0]);
  await fake(page, 'speak', 'zh');
  await page.locator('html[lang="zh"]').waitFor({ state: 'attached' });
  await looksWhole(page, `${name}-zh`);
  if (PICTURES) {
    await page.evaluate(() => (document.documentElement.dataset['theme'] = 'light'));
    await settled(page);
    await picture(page, `${name}-zh-light`);
  }
  expect(pageErrors).toEqual([]);
  inUse.delete(page);
});

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES) await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

async function looksWhole(page: Page, shot: string): Promise<void> {
  await settled(page);
  await picture(page, shot);
  expect(await overflow(page)).toBe(0);
  expect(await cut(page)).toEqual([]);
}

/** Words that do not fit where they stand. What people and devices are called may end in an ellipsis; what Parley says may not. */
const cut = (page: Page) =>
  page.evaluate(() => {
    const named = '[data-testid="person-name"], .pill .name, .tag, [role="menuitemradio"] .name, input, .only-heard, .selectable';
    const wordsOf = (element: Element) => [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    return [...document.querySelectorAll<HTMLElement>('body *')]
      .filter((element) => wordsOf(element).length > 0 && !element.closest(named) && element.checkVisibility({ visibilityProperty: true }))
      .filter((element) => {
        const hides = getComputedStyle(element).overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1;
        const outside = wordsOf(element).some((node) => {
          const range = document.createRange();
          range.selectNodeContents(node);
          return [...range.getClientRects()].some((box) => box.left < -1 || box.right > window.innerWidth + 1);
        });
        return hides || outside;
      })
      .map((element) => `${element.className}: ${element.textContent?.trim().slice(0, 80)}`);
  });

/** Pictures have come where there are any, and nothing moves but them and what turns for as long as it is there. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => [...document.querySelectorAll('canvas[data-tile]')].every((tile) => Number((tile as HTMLElement).dataset['frames']) > 0));
  await page.evaluate(async () => {
    const drawn = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await drawn();
    await drawn();
    const ends = document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity);
    const late = new Promise((resolve) => setTimeout(resolve, 1000));
    await Promise.race([late, Promise.all(ends.map((one) => one.finished.catch(() => undefined)))]);
    await drawn();
  });
}

/** The pointer rests on the controls of a call: they would fade while they are looked at, on a busy machine. */
async function keepControls(page: Page): Promise<void> {
  const mute = page.getByTestId('mute').first();
  // Looked for first: a limit on the time of a look is over too soon on a busy machine, and the controls fade after all.
  if (!(await mute.isVisible())) return;
  const box = await mute.boundingBox();
  if (!box) return;
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await settled(page);
}

async function violations(page: Page): Promise<string[]> {
  await keepControls(page);
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> } };
    const { violations: found } = await axe.run({ resultTypes: ['violations'] });
    return found.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`));
  });
}

const overflow = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
