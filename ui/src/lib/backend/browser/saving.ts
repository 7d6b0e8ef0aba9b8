/** What saving data means for a guest's call. Pure: settings and what the browser says of its way in, limits out. As `parley-app/src/saving.rs`. */
import type { SavingSettings } from '../../bindings';

/** What a browser tells of its way (WICG Network Information API; Chromium alone has it). */
export interface WayHint {
  readonly saveData?: boolean;
  readonly effectiveType?: string;
}

/** What pictures take with low data: a face is still to be known at it. */
const LOW_DATA_KBPS = 250;
/** So a browser calls what carries 70 kbit/s at most, or answers no sooner than after 1.4 s (its table of effective connection types). */
const SLOW: ReadonlySet<string | undefined> = new Set(['slow-2g', '2g']);

/** Why a browser's word keeps pictures small: the person told it to save data, or it calls its way slow. */
export type WayReason = 'asked' | 'slow';

export const reasonOf = (way: WayHint | undefined): WayReason | null => (way?.saveData === true ? 'asked' : SLOW.has(way?.effectiveType) ? 'slow' : null);

/** The most of pictures that others are asked for and that is sent, in kbit/s: zero for nothing of cameras, undefined where nothing is saved. */
export function picturesMost({ mode, kbps_max }: SavingSettings, way: WayHint | undefined): number | undefined {
  if (mode === 'audio_only') return 0;
  const low = mode === 'low_data' || reasonOf(way) !== null;
  return lesser(kbps_max ?? undefined, low ? LOW_DATA_KBPS : undefined);
}

/** Whether a picture of the camera is sent. */
export const sendsPicture = ({ mode }: SavingSettings): boolean => mode !== 'audio_only';

/** Of two limits the one that counts; undefined is none. */
export const lesser = (one: number | undefined, other: number | undefined): number | undefined => (one === undefined ? other : other === undefined ? one : Math.min(one, other));

const browsersWay = (): (WayHint & EventTarget) | undefined => (navigator as { readonly connection?: WayHint & EventTarget }).connection;

/** What this browser says of its way, where it does. */
export const wayHint = (): WayHint | undefined => browsersWay();

/** It says something else from now on. */
export const watchWay = (changed: () => void): void => browsersWay()?.addEventListener('change', changed);
