/**
 * Where the tiles of a group lie. Pure: from the room there is and a number of people to places and sizes. Tiles are 16:9, and as
 * high as 4:3 where that makes them larger; the last row is centred.
 */

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly tile: Size;
}

const WIDE = 16 / 9;
const TALL = 4 / 3;
/** Between tiles, in CSS pixels. */
export const GAP_PX = 8;
/** More than these are no faces any more but a pattern. */
export const TILES_MAX = 49;
/** On a smaller tile nobody is told from anybody, and a name has no room. */
export const TILE_LEAST: Size = { width: 112, height: 64 };
/** Of two grids whose tiles differ by less, the one with fewer empty places is calmer. */
const AS_LARGE = 0.985;

/** The grid whose tiles are largest for so many people. */
export function gridFor(area: Size, count: number): Grid {
  let best: Grid = { columns: 1, rows: 1, tile: { width: 0, height: 0 } };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.max(1, Math.ceil(count / columns));
    const tile = tileIn({ width: share(area.width, columns), height: share(area.height, rows) });
    const grid = { columns, rows, tile };
    if (surface(tile) * AS_LARGE > surface(best.tile) || (surface(tile) > surface(best.tile) * AS_LARGE && empty(grid, count) < empty(best, count))) best = grid;
  }
  return best;
}

const share = (length: number, parts: number): number => Math.max(0, (length - GAP_PX * (parts - 1)) / parts);
const surface = ({ width, height }: Size): number => width * height;
const empty = ({ columns, rows }: Grid, count: number): number => columns * rows - count;

/** The largest tile of a good shape in a cell, in whole pixels. */
function tileIn({ width, height }: Size): Size {
  const shape = width / height;
  const [w, h] = shape > WIDE ? [height * WIDE, height] : shape < TALL ? [width, width / TALL] : [width, height];
  return { width: Math.floor(w), height: Math.floor(h) };
}

/**
 * Where each of `count` tiles of a grid lies: in rows, in the middle of the area, the last row in the middle of its own. Where there is
 * room to spare they keep clear of so many pixels at the bottom, over which the controls float.
 */
export function boxes(area: Size, { columns, tile }: Grid, count: number, clear = 0): readonly Box[] {
  const rows = Math.ceil(count / columns);
  const length = (tiles: number, one: number) => tiles * one + (tiles - 1) * GAP_PX;
  const spare = area.height - length(rows, tile.height);
  const top = Math.max(0, Math.min(spare / 2, spare - clear));
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (area.width - length(inRow, tile.width)) / 2;
    return { ...tile, left: Math.round(left + (i % columns) * (tile.width + GAP_PX)), top: Math.round(top + row * (tile.height + GAP_PX)) };
  });
}

/** How many people a page has: all of them while their tiles are of use, else as evenly as it goes. */
export function perPage(area: Size, count: number): number {
  let most = Math.max(1, Math.min(count, TILES_MAX));
  while (most > 1 && isSmall(gridFor(area, most).tile)) most -= 1;
  return Math.ceil(count / Math.ceil(Math.max(1, count) / most));
}

const isSmall = ({ width, height }: Size): boolean => width < TILE_LEAST.width || height < TILE_LEAST.height;

/** How far the words of a tile must rise so that a bar so high and wide, in the middle of the area's bottom, does not lie on them. */
export function riseFor(area: Size, box: Box, bar: Size): number {
  const beside = Math.abs(box.left + box.width / 2 - area.width / 2) >= (box.width + bar.width) / 2;
  const rise = bar.height - (area.height - box.top - box.height);
  // On a low tile there is nowhere to rise to.
  return beside || rise <= 0 || box.height < 2 * rise ? 0 : Math.round(rise);
}

/** How far what lies in a tile's upper corner must sink so that the bars over the area's top, so high, do not lie on it. */
export const sinkFor = (box: Box, high: number): number => (box.top >= high || box.height < 2 * high ? 0 : high - box.top);

/** Where a key leads from a tile: by what lies there, since the last row stands between the columns. The same tile at an edge. */
export function neighbour(places: readonly Box[], from: number, key: string): number | null {
  const here = places[from];
  if (!here) return null;
  switch (key) {
    case 'Home':
      return 0;
    case 'End':
      return places.length - 1;
    case 'ArrowRight':
      return Math.min(from + 1, places.length - 1);
    case 'ArrowLeft':
      return Math.max(from - 1, 0);
    case 'ArrowDown':
    case 'ArrowUp': {
      const tops = [...new Set(places.map((box) => box.top))].sort((a, b) => a - b);
      const top = tops[tops.indexOf(here.top) + (key === 'ArrowDown' ? 1 : -1)];
      if (top === undefined) return from;
      const away = (i: number) => Math.abs((places[i]?.left ?? 0) - here.left);
      const row = places.flatMap((box, i) => (box.top === top ? [i] : []));
      return row.reduce((near, i) => (away(i) < away(near) ? i : near), row[0] ?? from);
    }
    default:
      return null;
  }
}
