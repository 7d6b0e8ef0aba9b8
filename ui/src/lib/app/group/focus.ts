/** Who or what is large on the stage of a group. Pure. */
import { tileOf } from '../../tile-name';
import { SELF } from './speaking';
import type { Member } from './members';

export type Layout = 'grid' | 'speaker';

export interface Wishes {
  /** What the person pinned. */
  readonly pinned: string | null;
  /** What a host put large for everybody, unless the person waved it away. */
  readonly spotlight?: string | null;
  readonly layout: Layout;
  /** What is shared stands among the people, rather than before them. */
  readonly screensInGrid: boolean;
  /** Ids of who shares a screen; the newest last. */
  readonly sharers: readonly string[];
  /** Who spoke last. */
  readonly speaker: string | null;
}

/** The key of the one that is large; null: all are equal. What is pinned comes before what a host put large, that before what is shared, and that before who speaks. */
export function largeOne(members: readonly Member[], { pinned, spotlight, layout, screensInGrid, sharers, speaker }: Wishes): string | null {
  const there = (key: string | null | undefined): key is string => members.some((one) => one.key === key);
  if (there(pinned)) return pinned;
  if (there(spotlight)) return spotlight;
  const sharer = sharers.at(-1);
  if (sharer !== undefined && !screensInGrid && there(tileOf(sharer, true))) return tileOf(sharer, true);
  if (layout === 'grid' || sharer !== undefined) return null;
  return there(speaker) ? speaker : (members.find((one) => !one.screen && one.key !== SELF)?.key ?? null);
}
