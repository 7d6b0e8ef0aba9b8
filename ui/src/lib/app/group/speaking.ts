/**
 * Who is shown as speaking, and who is large where only one is. Pure: the time is an argument. A frame stays for a second after the
 * last word, so that it never flickers between two of them; the large picture changes only to somebody who goes on speaking.
 */

/** How long a frame stays after somebody fell silent. */
export const FRAME_STAYS_MS = 1000;
/** How long somebody must have been the first voice to become large: a cough does not. */
export const STEADY_MS = 800;
/** How long somebody stays large at least. */
export const LARGE_LEAST_MS = 2000;

/** Oneself, who is never large for speaking. */
export const SELF = 'self';

export interface Speaking {
  /** Who speaks now, the first voice first. */
  readonly now: readonly string[];
  /** Until when those are framed who fell silent. */
  readonly until: ReadonlyMap<string, number>;
  /** When each was last heard. */
  readonly heardMs: ReadonlyMap<string, number>;
  /** Who spoke last for long enough; large in the speaker's view. */
  readonly large: string | null;
  readonly largeSinceMs: number;
  /** Who becomes large if they go on. */
  readonly next: { readonly id: string; readonly sinceMs: number } | null;
}

export const SILENCE: Speaking = { now: [], until: new Map(), heardMs: new Map(), large: null, largeSinceMs: 0, next: null };

/** From now on these speak. Said again with the same ones, it lets frames end that have been there long enough. */
export function heard(before: Speaking, now: readonly string[], nowMs: number): Speaking {
  const silent = before.now.filter((id) => !now.includes(id)).map((id): [string, number] => [id, nowMs + FRAME_STAYS_MS]);
  const staying = [...before.until].filter(([id, until]) => !now.includes(id) && until > nowMs);
  const heardMs = new Map([...before.heardMs, ...[...before.now, ...now].map((id): [string, number] => [id, nowMs])]);
  return { ...before, now, until: new Map([...staying, ...silent]), heardMs, ...large(before, now, nowMs) };
}

function large(before: Speaking, now: readonly string[], nowMs: number): Pick<Speaking, 'large' | 'largeSinceMs' | 'next'> {
  const { large: is, largeSinceMs } = before;
  const first = now.find((id) => id !== SELF);
  if (first === undefined || first === is) return { large: is, largeSinceMs, next: null };
  if (is === null) return { large: first, largeSinceMs: nowMs, next: null };
  const next = before.next?.id === first ? before.next : { id: first, sinceMs: nowMs };
  const ripe = nowMs >= ripeMs(next.sinceMs, largeSinceMs);
  return ripe ? { large: first, largeSinceMs: nowMs, next: null } : { large: is, largeSinceMs, next };
}

const ripeMs = (sinceMs: number, largeSinceMs: number): number => Math.max(sinceMs + STEADY_MS, largeSinceMs + LARGE_LEAST_MS);

/** When something changes by itself: say {@link heard} again then. */
export function wakeMs({ until, next, largeSinceMs }: Speaking): number | null {
  const times = [...until.values(), ...(next ? [ripeMs(next.sinceMs, largeSinceMs)] : [])];
  return times.length ? Math.min(...times) : null;
}

/** Who has a frame. */
export const framed = ({ now, until }: Speaking): ReadonlySet<string> => new Set([...now, ...until.keys()]);

/** Without those who are gone. */
export function without(before: Speaking, there: ReadonlySet<string>): Speaking {
  const gone = (id: string) => id !== SELF && !there.has(id);
  const left = [...before.now, ...before.heardMs.keys(), ...(before.large === null ? [] : [before.large])].some(gone);
  if (!left) return before;
  const keep = <Value>(map: ReadonlyMap<string, Value>) => new Map([...map].filter(([id]) => !gone(id)));
  const stays = before.large !== null && !gone(before.large);
  return {
    now: before.now.filter((id) => !gone(id)),
    until: keep(before.until),
    heardMs: keep(before.heardMs),
    large: stays ? before.large : null,
    largeSinceMs: stays ? before.largeSinceMs : 0,
    next: before.next && !gone(before.next.id) ? before.next : null,
  };
}
