/** What a test does on a guest's page. */
import type { Page } from 'playwright-core';
import type { World } from './world';

export const by = (page: Page, id: string) => page.locator(`[data-testid="${id}"]`);

/** A guest who joins at once. `before` runs in their page first. */
export async function come(world: World, link: string, name: string, before = ''): Promise<Page> {
  const { page } = await world.guest(link, {}, before);
  await by(page, 'name').fill(name);
  await by(page, 'join').click();
  return page;
}

/** The controls fade after three seconds without a movement, unless the pointer rests on them. */
export async function press(page: Page, id: string): Promise<void> {
  await by(page, id).waitFor({ state: 'attached' });
  const box = await by(page, id).boundingBox();
  if (box) for (const aside of [0, 1]) await page.mouse.move(box.x + box.width / 2 + aside, box.y + box.height / 2);
  await by(page, id).click();
}

/** So many others are there, each with so many pictures. */
export const sees = (page: Page, others: number, least: number) =>
  page.waitForFunction(
    ([count, n]) => {
      const tiles = [...document.querySelectorAll<HTMLElement>('[data-testid="tile-remote"]')];
      return tiles.length === count && tiles.every((tile) => Number(tile.dataset['frames']) >= n);
    },
    [others, least] as const,
    { timeout: 60_000 },
  );
