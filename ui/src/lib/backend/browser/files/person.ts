/** Files with one person, done: {@link Transfers} over whichever connection leads to them, and by word while none does. */
import type { ChunkFrame, FileFrame } from './frames';
import { readChunkFrame, readFileFrame, writeChunkFrame, writeFileFrame } from './frames';
import type { Mouth } from './mouth';
import type { Shelf } from './shelf';
import { Transfers, UNFINISHED_ALL_MAX } from './transfers';

export interface AroundPerson {
  readonly shelf: Shelf;
  /** Something of the transfers changed. */
  changed(): void;
  nextKey(): string;
  hasRoom(bytes: number): boolean;
  /** Offers of everybody that wait or come. */
  unfinishedOffers(): number;
}

/** Chunks wait here, not in the browser: what is in there can no longer give way to sound and pictures. */
const BUFFERED_MAX = 256 * 1024;

export class PersonFiles {
  readonly transfers: Transfers;
  /** Nobody yet: whoever comes first. */
  who: string;
  name = '';
  /** They left for good. */
  gone = false;
  /** Those that are up, the newest last: that is used. */
  #mouths: Mouth[] = [];
  #words: ((frame: Uint8Array) => boolean) | null = null;
  /** Words that found no room, the newest of each file: a server takes few. */
  readonly #unsaid = new Map<string, FileFrame>();
  #going: Uint8Array[] = [];
  #reading: Promise<unknown> = Promise.resolve();
  readonly #number: number;
  readonly #around: AroundPerson;

  /** `number` is nobody else's: two people may offer under the same id. */
  constructor(who: string, number: number, around: AroundPerson) {
    this.who = who;
    this.#number = number;
    this.#around = around;
    const { shelf } = around;
    this.transfers = new Transfers(
      {
        say: (frame) => this.#mouth?.say(writeFileFrame(frame)),
        word: (frame) => this.#sayWord(frame),
        chunk: (frame) => this.#send(frame),
        read: (id, turn, offset, bytes) => this.#read(id, turn, offset, bytes),
        hash: (id) => void shelf.hash(this.#key(id)).then((hash) => this.#touch(() => this.transfers.onHashed(id, hash))),
        keep: (id, bytes) => shelf.keep(this.#key(id), bytes),
        complete: (id, hash) => {
          const right = shelf.complete(this.#key(id), hash);
          queueMicrotask(() => this.#touch(() => this.transfers.onKept(id, right)));
        },
        release: (id) => shelf.release(this.#key(id)),
        hasRoom: (bytes) => around.hasRoom(bytes),
      },
      () => around.nextKey(),
    );
  }

  offer(id: string, file: File, fingerprint: string | null, source: string): void {
    this.#around.shelf.put(this.#key(id), file);
    this.#touch(() => this.transfers.offer(id, file.name, file.size, fingerprint, source));
  }

  download(key: string): boolean {
    const wire = this.transfers.wireOf(key);
    const name = this.transfers.views(0).find((one) => one.id === key)?.name;
    return wire !== null && name !== undefined && this.#around.shelf.download(this.#key(wire), name);
  }

  /** A connection to them can be used: in place of one there was before. */
  use(mouth: Mouth): void {
    if (this.#mouth) this.transfers.laneDown();
    this.#going = [];
    this.#mouths = [...this.#mouths.filter((one) => one !== mouth), mouth];
    this.#touch(() => this.transfers.laneUp());
  }

  drop(mouth: Mouth): void {
    const used = this.#mouth === mouth;
    this.#mouths = this.#mouths.filter((one) => one !== mouth);
    if (!used) return;
    this.#going = [];
    this.#touch(() => this.transfers.laneDown());
    if (this.#mouth) this.#touch(() => this.transfers.laneUp());
  }

  onFrame(mouth: Mouth, bytes: Uint8Array): void {
    const frame = readFileFrame(bytes);
    if (frame && mouth === this.#mouth) this.#take(() => this.transfers.onFrame(performance.now(), frame));
  }

  onChunk(mouth: Mouth, bytes: Uint8Array): void {
    const frame = readChunkFrame(bytes);
    if (frame && mouth === this.#mouth) this.#touch(() => this.transfers.onChunk(performance.now(), frame));
  }

  /** How words reach them, from now on anew; null: no more. */
  setWords(say: ((frame: Uint8Array) => boolean) | null): void {
    this.#words = say;
    this.#unsaid.clear();
    this.#touch(() => this.transfers.comeNear(say !== null));
  }

  onWord(bytes: Uint8Array): void {
    const frame = readFileFrame(bytes);
    if (frame) this.#take(() => this.transfers.onWord(performance.now(), frame));
  }

  /** They left for good, or are back after all: then they may offer again. */
  setGone(gone: boolean): void {
    if (gone && !this.gone) this.#touch(() => this.transfers.forget());
    if (!gone && this.gone) this.#touch(() => this.transfers.comeNear(this.#words !== null));
    this.gone = gone;
  }

  onTick(nowMs: number): void {
    this.transfers.onTick(nowMs);
    this.drain();
    for (const [id, frame] of this.#unsaid) {
      if (!this.#words?.(writeFileFrame(frame))) return;
      this.#unsaid.delete(id);
    }
  }

  /** What waits goes as far as the browser has room. */
  drain(): void {
    const mouth = this.#mouth;
    while (mouth && this.#going.length && mouth.waiting < BUFFERED_MAX) {
      const next = this.#going.shift();
      if (next) mouth.sendChunk(next);
    }
  }

  /** Nothing is with them any more. */
  close(): void {
    this.#mouths = [];
    this.#words = null;
    this.#going = [];
    this.transfers.forget();
    this.transfers.clear();
  }

  get #mouth(): Mouth | null {
    return this.#mouths.at(-1) ?? null;
  }

  #key = (wire: string): string => `${this.#number} ${wire}`;

  #send(frame: ChunkFrame): void {
    this.#going.push(writeChunkFrame(frame));
    this.drain();
  }

  #sayWord(frame: FileFrame): void {
    if (this.#unsaid.size === 0 && this.#words?.(writeFileFrame(frame))) return;
    if (this.#unsaid.has(frame.id) || this.#unsaid.size < UNFINISHED_ALL_MAX) this.#unsaid.set(frame.id, frame);
  }

  #read(id: string, turn: number, offset: number, bytes: number): void {
    // One after the other: parts must go in order.
    this.#reading = this.#reading.then(async () => {
      const read = await this.#around.shelf.read(this.#key(id), offset, bytes);
      this.#touch(() => this.transfers.onRead(performance.now(), id, turn, offset, read));
    });
  }

  /** What they say; their offers count with those of everybody. */
  #take(run: () => void): void {
    this.transfers.offersElsewhere = this.#around.unfinishedOffers() - this.transfers.unfinishedOffers;
    this.#touch(run);
  }

  #touch(run: () => void): void {
    run();
    this.#around.changed();
  }
}
