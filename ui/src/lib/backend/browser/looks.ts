/** Looks at the browser's counters once a second while there is a call: keeps the seconds, and tells what they show. */
import type { InspectorView, StatsSample } from '../../bindings';
import type { Backend } from '../backend';
import { watch } from '../watch';
import { sampleOf, type Look } from './figures';

/** So many seconds are kept for whoever begins to look. */
const SECONDS_MAX = 300;
const NO_FINDINGS: InspectorView = { findings: [], past: [], events: [], report: null };

export interface Taken {
  readonly sample: StatsSample;
  readonly look: Look;
}

export class Looks {
  #watchers = new Set<(sample: StatsSample) => void>();
  #seconds: StatsSample[] = [];
  #last: { look: Look; pc: RTCPeerConnection } | null = null;
  #began = 0;

  begin(): void {
    this.#began = performance.now();
    this.#seconds = [];
    this.#last = null;
  }

  /** The second since the last look; null for the first one. `more` is known of a group. */
  async take(pc: RTCPeerConnection, more?: (before: Look, now: Look) => Partial<StatsSample>): Promise<Taken | null> {
    const entries: Record<string, unknown>[] = [];
    (await pc.getStats()).forEach((entry: Record<string, unknown>) => entries.push(entry));
    const look = { atMs: performance.now(), entries };
    const before = this.#last;
    this.#last = { look, pc };
    // A fresh connection counts from the beginning.
    if (before?.pc !== pc) return null;
    const sample = sampleOf(before.look, look, look.atMs - this.#began);
    this.#seconds = [...this.#seconds, sample].slice(-SECONDS_MAX);
    // What comes of each is told as it is, and not kept.
    const told = more ? { ...sample, ...more(before.look, look) } : sample;
    for (const tell of this.#watchers) tell(told);
    return { sample, look };
  }

  readonly watch: Backend['watch'] = (figures) =>
    watch(
      (later) => {
        this.#watchers.add(later.stats);
        return Promise.resolve(() => void this.#watchers.delete(later.stats));
      },
      () => Promise.resolve({ view: NO_FINDINGS, seconds: this.#seconds }),
      figures,
    );
}

/** The size of the picture that a track brings, once one came. */
export function sizeOf(track: MediaStreamTrack | undefined, { entries }: Look): [number, number] | null {
  const picture = entries.find((one) => one['type'] === 'inbound-rtp' && one['trackIdentifier'] === track?.id);
  const [width, height] = [picture?.['frameWidth'], picture?.['frameHeight']];
  return typeof width === 'number' && typeof height === 'number' ? [width, height] : null;
}
