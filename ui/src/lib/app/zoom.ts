/** How large a shared screen is shown. Pure: sizes in, sizes out. */

/** Steps that people stop at, in window pixels for each of the screen's. */
const STEPS = [0.25, 0.33, 0.5, 0.67, 0.75, 1, 1.25, 1.5, 2, 3, 4] as const;

/** The next zoom of one turn of the wheel; null is "all of it fits", which is also where zooming out ends. */
export function nextZoom(zoom: number | null, fits: number, closer: boolean): number | null {
  const now = zoom ?? fits;
  if (closer) return STEPS.find((step) => step > now * 1.01) ?? zoom;
  const smaller = [...STEPS].reverse().find((step) => step < now * 0.99) ?? null;
  return smaller === null || smaller <= fits ? null : smaller;
}

/** The sheet's size in CSS pixels: at 1 each pixel of the screen is one of the display. Null: as large as the window. */
export function zoomed(size: readonly [number, number] | null, zoom: number | null, ratio: number): [number, number] | null {
  if (zoom === null || size === null) return null;
  return [(size[0] * zoom) / ratio, (size[1] * zoom) / ratio];
}
