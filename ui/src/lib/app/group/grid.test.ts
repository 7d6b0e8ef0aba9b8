/** Where the tiles of a group lie, over the windows there are. */
import { describe, expect, test } from 'vitest';
import { boxes, GAP_PX, gridFor, neighbour, perPage, riseFor, sinkFor, TILE_LEAST, TILES_MAX, type Size } from './grid';

const WINDOWS: readonly (readonly [number, number])[] = [[320, 180], [360, 640], [480, 300], [640, 480], [960, 600], [1440, 900], [1280, 400], [600, 1200], [1920, 1080], [3840, 2160]];
const COUNTS = Array.from({ length: TILES_MAX }, (_, i) => i + 1);
const shape = ({ width, height }: Size) => width / height;

describe.each(WINDOWS)('in %i by %i', (width, height) => {
  const area = { width, height };

  test('every number of people lies inside, apart from each other, in tiles between 4:3 and 16:9', () => {
    for (const count of COUNTS) {
      const grid = gridFor(area, count);
      const places = boxes(area, grid, count);
      expect(places.length).toBe(count);
      // A pixel is lost to rounding on each side.
      const slack = 2 / Math.min(grid.tile.width, grid.tile.height);
      expect(shape(grid.tile)).toBeGreaterThan((4 / 3) * (1 - slack));
      expect(shape(grid.tile)).toBeLessThan((16 / 9) * (1 + slack));
      expect(places.filter((a) => a.left < -1 || a.top < -1 || a.left + a.width > width + 1 || a.top + a.height > height + 1)).toEqual([]);
      const apart = places.flatMap((a, i) =>
        places.slice(i + 1).map((b) => Math.max(b.left - a.left - a.width, a.left - b.left - b.width, b.top - a.top - a.height, a.top - b.top - b.height)),
      );
      expect(Math.min(Infinity, ...apart)).toBeGreaterThanOrEqual(GAP_PX - 1);
    }
  });

  test('no other number of columns makes clearly larger tiles', () => {
    for (const count of COUNTS) {
      const best = gridFor(area, count).tile;
      for (let columns = 1; columns <= count; columns += 1) {
        const rows = Math.ceil(count / columns);
        const cell = { width: (width - GAP_PX * (columns - 1)) / columns, height: (height - GAP_PX * (rows - 1)) / rows };
        if (cell.width <= 0 || cell.height <= 0) continue;
        const w = Math.min(cell.width, (cell.height * 16) / 9);
        const h = Math.min(cell.height, (w * 3) / 4);
        expect(best.width * best.height).toBeGreaterThan(w * h * 0.97 - width - height);
      }
    }
  });

  test('a page has no tile that is too small to be of use, and pages are as even as it goes', () => {
    for (const count of [...COUNTS, 60, 100, 500]) {
      const each = perPage(area, count);
      const { tile } = gridFor(area, each);
      expect(each === 1 || (tile.width >= TILE_LEAST.width && tile.height >= TILE_LEAST.height)).toBe(true);
      expect(each).toBeLessThanOrEqual(TILES_MAX);
      const pages = Math.ceil(count / each);
      expect(each - (count - (pages - 1) * each)).toBeLessThan(Math.max(pages, 2));
    }
  });
});

test.each([
  // An ordinary window.
  [960, 600, 3, 2, 2],
  [960, 600, 4, 2, 2],
  [960, 600, 5, 3, 2],
  [960, 600, 12, 4, 3],
  [1440, 900, 49, 7, 7],
  // A window like a strip, and a phone held upright.
  [1280, 300, 3, 3, 1],
  [360, 640, 3, 1, 3],
  [360, 640, 6, 2, 3],
])('%i by %i shows %i people in %i columns and %i rows', (width, height, count, columns, rows) => {
  expect(gridFor({ width, height }, count)).toMatchObject({ columns, rows });
});

test('49 people fit on one page of an ordinary window, and of a small one they do not', () => {
  expect(perPage({ width: 944, height: 584 }, 49)).toBe(49);
  expect(perPage({ width: 624, height: 464 }, 49)).toBeLessThan(49);
});

test('the last row is in the middle', () => {
  const area = { width: 960, height: 600 };
  const places = boxes(area, gridFor(area, 5), 5);
  const last = places.slice(3);
  const edges = [Math.min(...last.map((box) => box.left)), area.width - Math.max(...last.map((box) => box.left + box.width))];
  expect(Math.abs((edges[0] ?? 0) - (edges[1] ?? 0))).toBeLessThanOrEqual(1);
});

test('tiles keep clear of the controls where there is room to spare, and their words where there is not', () => {
  const area = { width: 944, height: 584 };
  const bar = { width: 480, height: 80 };
  const bottom = (count: number) => Math.max(...boxes(area, gridFor(area, count), count, bar.height).map((box) => box.top + box.height));
  expect(bottom(5)).toBeLessThanOrEqual(area.height - bar.height);
  expect(bottom(3)).toBe(area.height);
  const rises = (count: number) => boxes(area, gridFor(area, count), count, bar.height).map((box) => riseFor(area, box, bar));
  expect(rises(3)).toEqual([0, 0, 80]);
  expect(rises(5)).toEqual([0, 0, 0, 0, 0]);
  expect(rises(49).every((rise) => rise === 0)).toBe(true);
});

test('what can be pressed on a tile sinks below the bars at the top, in the first row and where there is room', () => {
  const area = { width: 944, height: 624 };
  const sinks = (count: number) => boxes(area, gridFor(area, count), count).map((box) => sinkFor(box, 52));
  expect(sinks(3)).toEqual([52, 52, 0]);
  expect(sinks(49).every((sink) => sink === 0)).toBe(true);
  const box = { left: 0, top: 20, width: 300, height: 200 };
  expect([sinkFor(box, 52), sinkFor({ ...box, height: 100 }, 52)]).toEqual([32, 0]);
});

test('no room at all is no error', () => {
  expect(gridFor({ width: 0, height: 0 }, 3).tile).toEqual({ width: 0, height: 0 });
  expect(perPage({ width: 0, height: 0 }, 3)).toBe(1);
  expect(boxes({ width: 0, height: 0 }, gridFor({ width: 0, height: 0 }, 1), 1).length).toBe(1);
});

describe('arrow keys', () => {
  const area = { width: 960, height: 600 };
  const five = boxes(area, gridFor(area, 5), 5);
  test.each([
    ['ArrowRight', 0, 1],
    ['ArrowRight', 2, 3],
    ['ArrowRight', 4, 4],
    ['ArrowLeft', 3, 2],
    ['ArrowLeft', 0, 0],
    // Between the columns of the row above.
    ['ArrowDown', 0, 3],
    ['ArrowDown', 2, 4],
    ['ArrowUp', 4, 1],
    ['ArrowUp', 1, 1],
    ['Home', 4, 0],
    ['End', 0, 4],
    ['m', 0, null],
  ] as const)('%s from %i leads to %s', (key, from, to) => expect(neighbour(five, from, key)).toBe(to));
});
