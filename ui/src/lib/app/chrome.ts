/** Whether the controls over the picture show. Pure: the driver tells what it sees. */

/** How long the pointer rests before the controls fade. */
export const FADE_AFTER_MS = 3000;

export interface ChromeInputs {
  readonly idleMs: number;
  readonly focusInside: boolean;
  readonly pointerInside: boolean;
  readonly panelOpen: boolean;
  readonly problems: number;
  readonly connected: boolean;
}

/** Fades after three seconds without movement, but never while it is needed. */
export function chromeShows(now: ChromeInputs): boolean {
  if (now.focusInside || now.pointerInside || now.panelOpen) return true;
  if (now.problems > 0 || !now.connected) return true;
  return now.idleMs < FADE_AFTER_MS;
}
