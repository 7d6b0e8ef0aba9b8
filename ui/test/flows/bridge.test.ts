/** The window over the shell's real interfaces: Tauri's calls played by a few lines, pictures from a real socket. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CALL, GRACE, HOME, LOCAL_ON } from '../../src/lib/backend/fake/state';
import { NO_TALK } from '../../src/lib/app/talk';
import type { AppState } from '../../src/lib/bindings';
import { frameServer, type FrameServer } from './frame-server';
import { openHouse, pageErrors, type House } from './house';

const STATE: AppState = {
  ...HOME,
  phase: 'in_call',
  call: { ...CALL, state: 'connected', people: [GRACE], connected_since_ms: 1 },
  local: LOCAL_ON,
};

let house: House;
let server: FrameServer;
let page: Page;

beforeAll(async () => {
  house = await openHouse();
  server = await frameServer('secret');
  page = await house.open('', {
    before: (opened) => opened.addInitScript(shell, { state: STATE, talk: NO_TALK, bridge: { url: server.url, token: 'secret' } }),
  });
});
afterAll(async () => {
  server.close();
  await house.close();
});

/** Runs in the page: answers what `@tauri-apps/api` asks. */
function shell({ state, talk, bridge }: { state: object; talk: object; bridge: object }): void {
  const callbacks: ((payload: unknown) => void)[] = [];
  const listeners: Record<string, number> = {};
  const said: unknown[] = [];
  const answers: Record<string, (words: Record<string, unknown>) => unknown> = {
    app_state: () => state,
    app_talk: () => talk,
    frame_bridge: () => bridge,
    app_command: (words) => {
      said.push(words['command']);
      const type = (words['command'] as { type: string }).type;
      if (type === 'test_speaker') throw { code: 'failed', message: 'The speaker is on fire.' };
    },
    'plugin:event|listen': (words) => (listeners[String(words['event'])] = Number(words['handler'])),
  };
  Object.assign(window, {
    __TAURI_INTERNALS__: {
      transformCallback: (callback: (payload: unknown) => void) => callbacks.push(callback) - 1,
      invoke: async (name: string, words: Record<string, unknown>) => answers[name]?.(words),
      metadata: { currentWindow: { label: 'main' } },
    },
    tell: (event: string, payload: unknown) => callbacks[listeners[event] ?? -1]?.({ event, id: 0, payload }),
    said,
  });
}

const shown = (tile: string) => page.getByTestId(tile).evaluate((canvas) => Number((canvas as HTMLElement).dataset['number'] ?? 0));

test('pictures arrive over the socket, in their colours, two at most on their way', async () => {
  await expect.poll(() => shown('tile-remote'), { timeout: 10_000 }).toBeGreaterThan(0);
  const first = await shown('tile-remote');
  await expect.poll(() => shown('tile-remote'), { timeout: 10_000 }).toBeGreaterThan(first + 10);
  expect(pageErrors).toEqual([]);
  expect(server.heard[0]).toEqual({ type: 'hello', token: 'secret' });
  expect(server.heard.filter((message) => message.type === 'tile').map((message) => message['tile']).sort()).toEqual(['p-grace', 'self']);
  expect(server.mostInFlight()).toBeLessThanOrEqual(2);
  const [red = 255, green = 0, blue = 255] = await page.getByTestId('tile-remote').evaluate((tile) => {
    const probe = document.createElement('canvas');
    probe.width = probe.height = 1;
    const context = probe.getContext('2d');
    context?.drawImage(tile as HTMLCanvasElement, 20, 20, 1, 1, 0, 0, 1, 1);
    return [...(context?.getImageData(0, 0, 1, 1).data ?? [])];
  });
  expect(green).toBeGreaterThan(240);
  expect(red).toBeLessThan(15);
  expect(blue).toBeLessThan(15);
});

test('a tile of another size asks for it', async () => {
  await page.setViewportSize({ width: 700, height: 500 });
  await expect.poll(() => server.heard.filter((message) => message.type === 'tile' && message['tile'] === 'p-grace').at(-1)).toMatchObject({ width: 700, height: 500 });
});

test('pictures come back after the socket was cut', async () => {
  server.cut();
  const then = await shown('tile-remote');
  await expect.poll(() => shown('tile-remote'), { timeout: 10_000 }).toBeGreaterThan(then + 5);
  // What a cut connection says of itself in the console is no fault of the page.
  pageErrors.length = 0;
});

test('events change the window, commands go out in the shell’s shape, errors come back as words', async () => {
  await page.evaluate((state) => (window as unknown as { tell(event: string, payload: unknown): void }).tell('state', state), {
    ...STATE,
    local: { ...LOCAL_ON, muted: true },
  });
  await page.locator('[data-testid="mute"][aria-pressed="true"]').waitFor();
  await page.keyboard.press('m');
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette-input').fill('test sound');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByTestId('toasts').innerText()).toContain('on fire');
  expect(await page.evaluate(() => (window as unknown as { said: unknown[] }).said)).toEqual([
    { type: 'set_muted', muted: false },
    { type: 'test_speaker' },
  ]);
  expect(pageErrors).toEqual([]);
});
