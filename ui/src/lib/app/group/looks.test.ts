/** What is seen is told late enough to be one thing, and never twice. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { TileLook } from '../../bindings';
import { Looks, SETTLES_MS, WAITS_MAX_MS } from './looks';

type Sight = (entries: { target: object; isIntersecting: boolean }[]) => void;
let sight: Sight = () => undefined;
let resized: () => void = () => undefined;
const page = { hidden: false, listeners: new Set<() => void>() };
const told: TileLook[][] = [];

beforeEach(() => {
  vi.useFakeTimers();
  told.length = 0;
  page.hidden = false;
  vi.stubGlobal('window', { devicePixelRatio: 2 });
  vi.stubGlobal('document', { get hidden() { return page.hidden; }, addEventListener: (_: string, run: () => void) => page.listeners.add(run) });
  const idle = { observe: () => undefined, unobserve: () => undefined };
  vi.stubGlobal('ResizeObserver', class { constructor(run: () => void) { resized = run; } observe = idle.observe; unobserve = idle.unobserve; });
  vi.stubGlobal('IntersectionObserver', class { constructor(run: Sight) { sight = run; } observe = idle.observe; unobserve = idle.unobserve; });
});
afterEach(() => {
  page.listeners.clear();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const box = (width = 160, height = 90) => ({ clientWidth: width, clientHeight: height }) as unknown as Element;
const shown = (...elements: Element[]) => sight(elements.map((target) => ({ target, isIntersecting: true })));
const tiles = () => told.at(-1)?.map((look) => look.tile);

function looks(): Looks {
  const made = new Looks((list) => void told.push(list));
  made.want(true);
  return made;
}

test('many changes at once are told once', () => {
  const made = looks();
  const [a, b] = [box(), box()];
  made.watch(a, 'a', 'grid');
  made.watch(b, 'b', 'grid');
  shown(a, b);
  vi.advanceTimersByTime(SETTLES_MS - 1);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual([['a', 'b'].map((tile) => ({ tile, width: 320, height: 180, weight: 'grid' }))]);
  resized();
  vi.advanceTimersByTime(1000);
  expect(told.length).toBe(1);
});

test('what is out of sight, or gone, is not told', async () => {
  const made = looks();
  const [a, b] = [box(), box()];
  const letGo = made.watch(a, 'a', 'grid');
  made.watch(b, 'b', 'grid');
  shown(a);
  vi.advanceTimersByTime(SETTLES_MS);
  expect(tiles()).toEqual(['a']);
  shown(b);
  letGo();
  await Promise.resolve();
  vi.advanceTimersByTime(SETTLES_MS);
  expect(tiles()).toEqual(['b']);
  page.hidden = true;
  page.listeners.forEach((run) => run());
  vi.advanceTimersByTime(SETTLES_MS);
  expect(tiles()).toEqual([]);
});

test('a component that draws anew changes nothing', async () => {
  const made = looks();
  const a = box();
  const letGo = made.watch(a, 'a', 'grid');
  shown(a);
  vi.advanceTimersByTime(SETTLES_MS);
  letGo();
  let seen = false;
  made.watch(a, 'a', 'grid', (is) => (seen = is));
  await Promise.resolve();
  vi.advanceTimersByTime(1000);
  expect([told.length, seen]).toEqual([1, true]);
  made.watch(a, 'a', 'large');
  vi.advanceTimersByTime(SETTLES_MS);
  expect(told.at(-1)?.[0]?.weight).toBe('large');
});

test('an edge that is drawn on and on is told now and then', () => {
  const made = looks();
  const a = { clientWidth: 100, clientHeight: 50 };
  made.watch(a as unknown as Element, 'a', 'grid');
  shown(a as unknown as Element);
  for (let ms = 0; ms < 2000; ms += 20) {
    a.clientWidth += 1;
    resized();
    vi.advanceTimersByTime(20);
  }
  expect(told.length).toBeGreaterThanOrEqual(Math.floor(2000 / WAITS_MAX_MS) - 1);
  expect(told.length).toBeLessThanOrEqual(2000 / SETTLES_MS);
});

test('nobody is told who does not want to know, and whoever wants to know again hears all of it', () => {
  const made = looks();
  const a = box();
  made.watch(a, 'a', 'grid');
  made.want(false);
  shown(a);
  vi.advanceTimersByTime(1000);
  expect(told).toEqual([]);
  made.want(true);
  vi.advanceTimersByTime(SETTLES_MS);
  made.want(false);
  made.want(true);
  vi.advanceTimersByTime(SETTLES_MS);
  expect(told.map((list) => list.length)).toEqual([1, 1]);
});
