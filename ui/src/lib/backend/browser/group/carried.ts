/**
 * Whose media each section carries: every packet from the SFU has the number of its publication as its one contributing source (RFC 3550,
 * section 5.1), and browsers tell it of what they play. Where one does not tell it of pictures, the server's word counts. Pure.
 */
import type { Down, Source } from '../wire';
import type { Publications } from './publications';
import { isSound } from './publications';
import { keyOf } from './wishes';

/** What a browser tells of a section. */
export interface Heard {
  readonly mid: string;
  readonly sound: boolean;
  /** The newest contributing source, if one was told. */
  readonly number: number | null;
  /** When that was last played, on any clock that grows. */
  readonly at: number;
}

interface Stream {
  readonly sound: boolean;
  number: number | null;
  at: number;
  /** When something new came last, on our clock. */
  cameMs: number;
}

/** A section without anything new for so long brings nothing now. Voices pause longer, and lose nothing by it. */
const SILENT_MS = 1000;

export class Carried {
  #of = new Map<string, Stream>();
  /** Everything that came since the last fresh connection. */
  readonly #came = new Set<string>();
  /** The browser tells whose pictures are. */
  #tellsPictures = false;

  /** A connection with sections of its own carries from now on, or none does. */
  renew(): void {
    this.#of = new Map();
    this.#came.clear();
  }

  see(nowMs: number, list: readonly Heard[], publications: Publications): void {
    for (const { mid, sound, number, at } of list) {
      const known = this.#of.get(mid) ?? { sound, number: null, at: -Infinity, cameMs: -Infinity };
      if (number !== null && (at > known.at || number !== known.number)) {
        known.number = number;
        known.at = at;
        known.cameMs = nowMs;
        if (!sound) this.#tellsPictures = true;
        const publication = publications.byNumber(number);
        if (publication) this.#came.add(keyOf(publication.participant, publication.source));
      }
      this.#of.set(mid, known);
    }
  }

  /** The sections of sound that there are. */
  get sounds(): readonly string[] {
    return [...this.#of].filter(([, { sound }]) => sound).map(([mid]) => mid);
  }

  /** Whose a section is now, as far as its packets tell. */
  whose(mid: string, publications: Publications): { participant: string; source: Source } | null {
    const { number = null, sound = false } = this.#of.get(mid) ?? {};
    const publication = number === null ? undefined : publications.byNumber(number);
    return publication && isSound(publication.source) === sound ? publication : null;
  }

  /** The section of somebody's picture, confirmed by what came in it. */
  sectionOf(participant: string, source: Source, publications: Publications, downs: readonly Down[]): string | null {
    let newest: { mid: string; at: number } | null = null;
    for (const [mid, { at }] of this.#of) {
      const whose = this.whose(mid, publications);
      if (whose?.participant === participant && whose.source === source && (newest === null || at > newest.at)) newest = { mid, at };
    }
    if (newest || this.#tellsPictures) return newest?.mid ?? null;
    return downs.find((one) => one.participant === participant && one.source === source && one.state === 'flows')?.mid ?? null;
  }

  /** Whether something came through the SFU since the last fresh connection. */
  came(participant: string, source: Source, downs: readonly Down[]): boolean {
    const bySaying = !isSound(source) && !this.#tellsPictures && downs.some((one) => one.participant === participant && one.source === source && one.state === 'flows');
    return bySaying || this.#came.has(keyOf(participant, source));
  }

  /** Whether a section brings something now; unknown ones do. */
  flows(nowMs: number, mid: string): boolean {
    const carried = this.#of.get(mid);
    return !this.#tellsPictures || (carried !== undefined && nowMs - carried.cameMs < SILENT_MS);
  }
}
