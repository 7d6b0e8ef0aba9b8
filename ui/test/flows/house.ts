/** What flow tests stand on: the built window served under the shell's content security policy, opened in real Chromium. */
import { createServer, type Server } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { FakeHands } from '../../src/lib/backend/fake/hands';
import type { AppCommand } from '../../src/lib/bindings';

const DIST = join(import.meta.dirname, '../../dist');
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
/** As strict as the shell's: a style or script in a place it forbids fails here first. */
export const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws://127.0.0.1:*; object-src 'none'; base-uri 'none'";

const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export interface House {
  open(scenario: string, options?: OpenOptions): Promise<Page>;
  /** The scenario in a page that is there already: what it read and compiled before, it need not again. */
  again(page: Page, scenario: string, options?: Pick<OpenOptions, 'query' | 'width' | 'height'>): Promise<void>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly query?: string;
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** What the system speaks. */
  readonly locale?: string;
  /** Before the page loads. */
  readonly before?: (page: Page) => Promise<unknown>;
}

export async function openHouse(): Promise<House> {
  if (!existsSync(join(DIST, 'index.html'))) throw new Error('ui/dist is missing: run `npm run build` first');
  const server = await serve();
  const browser: Browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: FLAGS });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const show = async (page: Page, scenario: string, query: string) => {
    await page.goto(`http://localhost:${port}/?fake=${scenario}${query}`);
    await page.getByTestId('app').waitFor();
  };
  return {
    async open(scenario, { query = '', width = 960, height = 600, dark = true, locale = 'en-US', before } = {}) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', locale });
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      const page = await context.newPage();
      page.setDefaultTimeout(8000);
      watch(page);
      await before?.(page);
      await show(page, scenario, query);
      return page;
    },
    async again(page, scenario, { query = '', width = 960, height = 600 } = {}) {
      await page.evaluate(() => localStorage.clear());
      await page.mouse.move(0, 0);
      await page.setViewportSize({ width, height });
      await show(page, scenario, query);
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}

let house: House;
/** The page of the flow that runs. */
export let page: Page;

/** At the top of a file of flows: one house for all of them, a page of its own for each, and no error of a page left unseen. */
export function moveIn(): void {
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());
  afterEach(async () => {
    await page.context().close();
    expect(pageErrors).toEqual([]);
  });
}

/** A page in this scenario, with pictures that come rarely: they cost time, and few flows look at them. */
export async function open(scenario: string, { query = '', ...options }: OpenOptions = {}): Promise<void> {
  page = await house.open(scenario, { ...options, query: `&calm${query}` });
}

export const by = (id: string) => page.getByTestId(id);

/** Lays the pointer on a control of a call: those fade when nothing moves for three seconds, and then only a movement brings them back, which a click alone is not. */
export async function over(id: string): Promise<void> {
  await by(id).waitFor();
  const box = await by(id).boundingBox();
  if (box) for (const aside of [0, 1]) await page.mouse.move(box.x + box.width / 2 + aside, box.y + box.height / 2);
}

/** Clicks a control of a call, however long the test took to get there. */
export async function press(id: string): Promise<void> {
  await over(id);
  await by(id).click();
}

/** What a screen reader was told last. */
export const said = () => by('said').innerText();

/** The last command of this kind. */
export const last = async (type: AppCommand['type']) => (await fake(page, 'commands')).filter((command) => command.type === type).at(-1);

/** Waits for this screen. */
export const phase = (wanted: string) => page.locator(`[data-testid="app"][data-phase="${wanted}"]`).waitFor();

/** Errors of the page, which no flow may cause. */
export const pageErrors: string[] = [];

function watch(page: Page): void {
  page.on('pageerror', (error) => pageErrors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') pageErrors.push(message.text());
  });
}

function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const file = join(DIST, path === '/' ? 'index.html' : path);
    if (!file.startsWith(DIST) || !existsSync(file)) {
      response.writeHead(path === '/favicon.ico' ? 204 : 404).end();
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': POLICY });
    response.end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Lets a test turn the simulation's wheels. */
export const fake = <Name extends keyof FakeHands>(page: Page, name: Name, ...words: Parameters<FakeHands[Name]>): Promise<ReturnType<FakeHands[Name]>> =>
  page.evaluate(
    ([deed, given]) => {
      const hands = (window as unknown as { parleyFake: Record<string, (...all: unknown[]) => unknown> }).parleyFake;
      return hands[deed]?.(...given);
    },
    [name as string, words as unknown[]] as const,
  ) as Promise<ReturnType<FakeHands[Name]>>;
