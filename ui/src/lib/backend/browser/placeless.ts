/** Whether a call is over whose place at the server somebody else has. Pure. */

/** Without a place nothing can be mended: media that stops, and has not come back by itself by then, is over. */
const PLACELESS_MAX_MS = 5000;

export class Placeless {
  /** Since when media does not flow. */
  #since: number | null = null;

  /** `flowed`: of somebody whose pictures may yet come back; without there is nothing to wait for. */
  isOver(nowMs: number, takenOver: boolean, up: boolean, flowed: boolean): boolean {
    if (!takenOver || up) this.#since = null;
    else this.#since ??= nowMs;
    return this.#since !== null && nowMs - this.#since >= (flowed ? PLACELESS_MAX_MS : 0);
  }
}
