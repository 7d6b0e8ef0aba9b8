/** The two lanes of files of one connection after another: who is at the other end, and whether both are there. */
import type { LaneName } from '../connection';
import type { Lane, LaneUser } from '../lane';

export interface MouthEvents {
  /** Both lanes are there. */
  up(mouth: Mouth): void;
  down(mouth: Mouth): void;
  frame(mouth: Mouth, bytes: Uint8Array): void;
  chunk(mouth: Mouth, bytes: Uint8Array): void;
  drained(mouth: Mouth): void;
}

type Name = Exclude<LaneName, 'chat'>;
/** Frames that come before both lanes are there: the other side may be a moment ahead. */
const EARLY_MAX = 128;

export class Mouth {
  /** Who is at the other end, while both lanes are there. */
  who = '';
  #files: Lane | null = null;
  #chunks: Lane | null = null;
  #early: { name: Name; bytes: Uint8Array }[] = [];
  readonly #events: MouthEvents;
  readonly #other: () => string;

  /** `other` is who a connection leads to that comes up now. */
  constructor(other: () => string, events: MouthEvents) {
    this.#other = other;
    this.#events = events;
  }

  /** What a connection tells of its lanes. */
  readonly lanes: Record<Name, LaneUser> = {
    files: {
      up: (lane) => this.#up('files', lane),
      bytes: (bytes) => this.#take('files', bytes),
      drained: () => undefined,
      down: () => this.#down(),
    },
    chunks: {
      up: (lane) => this.#up('chunks', lane),
      bytes: (bytes) => this.#take('chunks', bytes),
      drained: () => this.#events.drained(this),
      down: () => this.#down(),
    },
  };

  get isUp(): boolean {
    return this.#files !== null && this.#chunks !== null;
  }

  /** Bytes of chunks that wait in the browser. */
  get waiting(): number {
    return this.#chunks?.waiting ?? 0;
  }

  say = (bytes: Uint8Array): boolean => this.#files?.send(bytes) ?? false;
  sendChunk = (bytes: Uint8Array): boolean => this.#chunks?.send(bytes) ?? false;

  #up(name: Name, lane: Lane): void {
    if (name === 'files') this.#files = lane;
    else this.#chunks = lane;
    if (!this.isUp) return;
    this.who = this.#other();
    this.#events.up(this);
    for (const { name: of, bytes } of this.#early.splice(0)) this.#take(of, bytes);
  }

  #take(name: Name, bytes: Uint8Array): void {
    if (!this.isUp) this.#early = [...this.#early, { name, bytes }].slice(0, EARLY_MAX);
    else if (name === 'files') this.#events.frame(this, bytes);
    else this.#events.chunk(this, bytes);
  }

  #down(): void {
    const was = this.isUp;
    this.#files = this.#chunks = null;
    this.#early = [];
    if (was) this.#events.down(this);
  }
}
