/**
 * Files with everybody in a call, done: {@link PersonFiles} for each, what they keep on one shelf, and for the window one list. Decides whom a word of
 * the person is about, who is gone, and whom it forgets. As `parley-call/src/files/everybody.rs`.
 *
 * Somebody may be offered a file before they came: that waits for whoever comes first.
 */
import type { TransferView } from '../../../bindings';
import { freshId } from '../base64';
import type { FileWay } from '../group/pairs';
import { PEOPLE_MAX } from '../limits';
import { Mouth } from './mouth';
import { keys } from './one';
import { PersonFiles, type AroundPerson } from './person';
import { Shelf } from './shelf';

/** A file that the person picked; `source` names it, whoever gets it. */
export interface PickedFile {
  readonly file: File;
  readonly source: string;
}

/** Whoever comes first. */
const NOBODY = '';
/** People whose transfers are remembered, those who left among them; the oldest of those go first. */
const REMEMBERED_MAX = 2 * PEOPLE_MAX;
/** Of what came and is about to: a browser keeps it, and gives pages a part of the disk only. */
const KEPT_BYTES_MAX = 8 * 1024 ** 3;

export class Files {
  #people: PersonFiles[] = [];
  #numbers = 0;
  #over = false;
  readonly #shelf = new Shelf();
  readonly #nextKey = keys();
  readonly #nameOf: (id: string) => string;
  readonly #around: AroundPerson;

  constructor(nameOf: (id: string) => string, changed: () => void) {
    this.#nameOf = nameOf;
    this.#around = {
      shelf: this.#shelf,
      changed: () => this.#over || changed(),
      nextKey: this.#nextKey,
      hasRoom: (bytes) => this.#people.reduce((sum, { transfers }) => sum + transfers.kept, bytes) <= KEPT_BYTES_MAX,
      unfinishedOffers: () => this.#people.reduce((sum, { transfers }) => sum + transfers.unfinishedOffers, 0),
    };
  }

  /** Every transfer, as they began. */
  views(nowMs: number): TransferView[] {
    const all = this.#people.flatMap((one) => {
      one.name = this.#nameOf(one.who) || one.name;
      return one.transfers.views(nowMs).map((view) => ({ ...view, with: one.who || null, with_name: one.name }));
    });
    const order = ({ id }: TransferView) => Number(id.slice('file-'.length));
    return all.sort((a, b) => order(a) - order(b));
  }

  get moving(): boolean {
    return this.#people.some(({ transfers }) => transfers.moving);
  }

  /** With whom connections are of use, in a group. */
  get ways(): FileWay[] {
    return this.#people.flatMap(({ who, gone, transfers }) => (who === NOBODY || gone || transfers.way === null ? [] : [{ participant: who, wanted: transfers.way }]));
  }

  /** For a connection to whoever `other` is once it is up. */
  mouth(other: () => string): Mouth {
    const of = (mouth: Mouth) => this.#of(mouth.who);
    return new Mouth(other, {
      up: (mouth) => this.#over || this.#placeOf(mouth.who).use(mouth),
      down: (mouth) => of(mouth)?.drop(mouth),
      frame: (mouth, bytes) => of(mouth)?.onFrame(mouth, bytes),
      chunk: (mouth, bytes) => of(mouth)?.onChunk(mouth, bytes),
      drained: (mouth) => of(mouth)?.drain(),
    });
  }

  /** Words reach somebody of a group, from now on anew. */
  wordsOpen(who: string, say: (frame: Uint8Array) => boolean): void {
    if (!this.#over) this.#placeOf(who).setWords(say);
  }

  wordsClosed(who: string): void {
    this.#of(who)?.setWords(null);
  }

  /** It is no group any more. */
  allWordsClosed(): void {
    for (const one of this.#people) one.setWords(null);
  }

  onWord(who: string, bytes: Uint8Array): void {
    this.#of(who)?.onWord(bytes);
  }

  /**
   * These are in the call now, or may come back to it, and nobody else. Nothing is given up while nobody is there at all: they may come
   * back.
   */
  setPeople(there: readonly string[]): void {
    if (there.length === 0) return;
    for (const one of this.#people) if (one.who !== NOBODY) one.setGone(!there.includes(one.who));
  }

  /** `to`: whom it is for; the other one of a call of two, also before they came, where that is nobody. */
  async offer(files: readonly PickedFile[], to: readonly string[]): Promise<void> {
    for (const { file, source } of files) {
      const fingerprint = await this.#shelf.fingerprint(file);
      // Another call may have begun meanwhile.
      if (this.#over) return;
      for (const one of to.length ? to.map((who) => this.#placeOf(who)) : [this.#people.find(({ gone }) => !gone) ?? this.#add(NOBODY)]) one.offer(freshId(), file, fingerprint, source);
    }
  }

  decide = (key: string, accept: boolean): void => this.#whose(key)?.transfers.decide(key, accept);
  pause = (key: string, paused: boolean): void => this.#whose(key)?.transfers.pause(key, paused);
  cancel = (key: string): void => this.#whose(key)?.transfers.cancel(key);
  download = (key: string): boolean => this.#whose(key)?.download(key) ?? false;

  onTick(nowMs: number): void {
    for (const one of this.#people) one.onTick(nowMs);
  }

  /** The call is over, and another begins. */
  close(): void {
    this.#over = true;
    for (const one of this.#people) one.close();
    this.#people = [];
  }

  #whose = (key: string): PersonFiles | undefined => this.#people.find(({ transfers }) => transfers.has(key));
  #of = (who: string): PersonFiles | undefined => this.#people.find((one) => one.who === who);

  /** Theirs, also if they were gone, else that of nobody, else a new one. */
  #placeOf(who: string): PersonFiles {
    const known = this.#of(who);
    known?.setGone(false);
    if (known) return known;
    const waits = this.#of(NOBODY);
    if (!waits) return this.#add(who);
    waits.who = who;
    return waits;
  }

  #add(who: string): PersonFiles {
    if (this.#people.length >= REMEMBERED_MAX) {
      const oldest = this.#people.find(({ gone }) => gone);
      oldest?.close();
      this.#people = this.#people.filter((one) => one !== oldest);
    }
    const one = new PersonFiles(who, (this.#numbers += 1), this.#around);
    this.#people.push(one);
    return one;
  }
}
