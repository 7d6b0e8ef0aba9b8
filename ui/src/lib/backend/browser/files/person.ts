/** Files with one person, done: {@link Transfers} over whichever connection leads to them, and by word while none does. */
import type { ChunkFrame, FileFrame } from './frames';
import { readChunkFrame, readFileFrame, writeChunkFrame, writeFileFrame } from './frames';
import type { Mouth } from './mouth';
import type { Reach } from './reach';
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
  /** Nobody's yet: of whoever comes first. */
  reach: Reach;
  name = '';
  /** They left for good. */
  gone = false;
  /** Words that found no room, the newest of each file: a server takes few. */
  readonly #unsaid = new Map<string, FileFrame>();
  #going: Uint8Array[] = [];
  #reading: Promise<unknown> = Promise.resolve();
  readonly #number: number;
  readonly #around: AroundPerson;

  /** `number` is nobody else's: two people may offer under the same id. */
  constructor(reach: Reach, number: number, around: AroundPerson) {
    this.reach = reach;
    this.#number = number;
    this.#around = around;
    const { shelf } = around;
    this.transfers = new Transfers(
      {
        say: (frame) => this.reach.mouth?.say(writeFileFrame(frame)),
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
    if (reach.words) this.transfers.comeNear(true);
    if (reach.mouth) this.transfers.laneUp();
  }

  get who(): string {
    return this.reach.who;
  }

  offer(id: string, file: File, fingerprint: string | null, source: string): void {
    this.#around.shelf.put(this.#key(id), file);
    this.#touch(() => this.transfers.offer(id, file.name, file.size, fingerprint, source));
  }

  /** What waited for whoever comes is with them now. */
  adopt(waiting: PersonFiles): void {
    for (const one of waiting.transfers.giveAway()) {
      this.#around.shelf.move(waiting.#key(one.wire), this.#key(one.wire));
      this.#touch(() => this.transfers.takeOver(one));
    }
  }

  download(key: string): boolean {
    const wire = this.transfers.wireOf(key);
    const name = this.transfers.views(0).find((one) => one.id === key)?.name;
    return wire !== null && name !== undefined && this.#around.shelf.download(this.#key(wire), name);
  }

  /** Another connection to them is used from now on, or none: see {@link reach}. `had`: there was one. */
  onMouth(had: boolean): void {
    this.#going = [];
    if (had) this.transfers.laneDown();
    this.#touch(() => this.reach.mouth && this.transfers.laneUp());
  }

  onFrame(mouth: Mouth, bytes: Uint8Array): void {
    const frame = readFileFrame(bytes);
    if (frame && mouth === this.reach.mouth) this.#take(() => this.transfers.onFrame(performance.now(), frame));
  }

  onChunk(mouth: Mouth, bytes: Uint8Array): void {
    const frame = readChunkFrame(bytes);
    if (frame && mouth === this.reach.mouth) this.#touch(() => this.transfers.onChunk(performance.now(), frame));
  }

  /** Words reach them, from now on anew, or no more: see {@link reach}. */
  onWords(): void {
    this.#unsaid.clear();
    this.#touch(() => this.transfers.comeNear(this.reach.words !== null));
  }

  onWord(bytes: Uint8Array): void {
    const frame = readFileFrame(bytes);
    if (frame) this.#take(() => this.transfers.onWord(performance.now(), frame));
  }

  /** They left for good, or are back after all: then they may offer again. */
  setGone(gone: boolean): void {
    if (gone && !this.gone) this.#touch(() => this.transfers.forget());
    if (!gone && this.gone) this.#touch(() => this.transfers.comeNear(this.reach.words !== null));
    this.gone = gone;
  }

  onTick(nowMs: number): void {
    this.transfers.onTick(nowMs);
    this.drain();
    for (const [id, frame] of this.#unsaid) {
      if (!this.reach.words?.(writeFileFrame(frame))) return;
      this.#unsaid.delete(id);
    }
  }

  /** What waits goes as far as the browser has room. */
  drain(): void {
    const { mouth } = this.reach;
    while (mouth && this.#going.length && mouth.waiting < BUFFERED_MAX) {
      const next = this.#going.shift();
      if (next) mouth.sendChunk(next);
    }
  }

  /** Nothing is with them any more. */
  close(): void {
    this.#going = [];
    this.transfers.forget();
    this.transfers.clear();
  }

  #key = (wire: string): string => `${this.#number} ${wire}`;

  #send(frame: ChunkFrame): void {
    this.#going.push(writeChunkFrame(frame));
    this.drain();
  }

  #sayWord(frame: FileFrame): void {
    if (this.#unsaid.size === 0 && this.reach.words?.(writeFileFrame(frame))) return;
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
