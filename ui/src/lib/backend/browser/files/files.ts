/**
 * Files with everybody in a call, done: {@link PersonFiles} for each with whom there is one, what they keep on one shelf, and for the window one
 * list. Decides whom a word of the person is about, who is gone, and whom it forgets. As `parley-call/src/files/everybody.rs`.
 *
 * Somebody may be offered a file before they came, or after everybody left: that waits for whoever comes first.
 */
import type { TransferView } from '../../../bindings';
import { freshId } from '../base64';
import type { FileWay } from '../group/pairs';
import { SPEAKING_MAX } from '../limits';
import { readFileFrame } from './frames';
import { Mouth } from './mouth';
import { keys } from './one';
import { PersonFiles, type AroundPerson } from './person';
import { Reach } from './reach';
import { Shelf } from './shelf';

/** A file that the person picked; `source` names it, whoever gets it. */
export interface PickedFile {
  readonly file: File;
  readonly source: string;
}

/** Whoever comes first. */
const NOBODY = '';
/** People whose transfers are remembered, those who left among them: twice as many as may speak in a room, for only they are offered files. */
const REMEMBERED_MAX = 2 * SPEAKING_MAX;
/** Of what came and is about to: a browser keeps it, and gives pages a part of the disk only. */
const KEPT_BYTES_MAX = 8 * 1024 ** 3;

export class Files {
  /** Those with whom there is or was a file, and nobody's. */
  #people: PersonFiles[] = [];
  /** Of everybody who came, as they did. */
  readonly #reaches = new Map<string, Reach>();
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
      up: (mouth) => this.#over || this.#onMouth(mouth, true),
      down: (mouth) => this.#onMouth(mouth, false),
      frame: (mouth, bytes) => this.#asked(mouth.who, bytes)?.onFrame(mouth, bytes),
      chunk: (mouth, bytes) => of(mouth)?.onChunk(mouth, bytes),
      drained: (mouth) => of(mouth)?.drain(),
    });
  }

  /** Words reach somebody of a group, from now on anew. */
  wordsOpen(who: string, say: (frame: Uint8Array) => boolean): void {
    if (this.#over) return;
    const reach = this.#reachOf(who);
    const theirs = this.#come(reach);
    reach.words = say;
    theirs?.onWords();
  }

  wordsClosed(who: string): void {
    const reach = this.#reaches.get(who);
    if (reach) reach.words = null;
    this.#of(who)?.onWords();
  }

  /** It is no group any more. */
  allWordsClosed(): void {
    for (const reach of this.#reaches.values()) reach.words = null;
    for (const one of this.#people) one.onWords();
  }

  onWord(who: string, bytes: Uint8Array): void {
    this.#asked(who, bytes)?.onWord(bytes);
  }

  /**
   * These are in the call now, or may come back to it, and nobody else. Nothing is given up while nobody is there at all: they may come
   * back. But what is offered then is for whoever comes.
   */
  setPeople(there: readonly string[]): void {
    // There may be a thousand, and hundreds who are remembered.
    const [these, known] = [new Set(there), new Set(this.#people.map(({ who }) => who))];
    for (const [who, reach] of this.#reaches) {
      reach.there = these.has(who);
      if (reach.isOver && !known.has(who)) this.#reaches.delete(who);
    }
    if (there.length === 0) return;
    for (const one of this.#people) if (one.who !== NOBODY) one.setGone(!these.has(one.who));
  }

  /** `to`: whom it is for; the other one of a call of two, or whoever comes first, where that is nobody. */
  async offer(files: readonly PickedFile[], to: readonly string[]): Promise<void> {
    for (const { file, source } of files) {
      const fingerprint = await this.#shelf.fingerprint(file);
      // Another call may have begun meanwhile.
      if (this.#over) return;
      for (const one of to.length ? to.map((who) => this.#placeOf(who)) : [this.#firstThere()]) one.offer(freshId(), file, fingerprint, source);
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
    for (const reach of this.#reaches.values()) reach.close();
    for (const one of this.#people) one.close();
    this.#people = [];
  }

  #whose = (key: string): PersonFiles | undefined => this.#people.find(({ transfers }) => transfers.has(key));
  #of = (who: string): PersonFiles | undefined => this.#people.find((one) => one.who === who);

  #reachOf(who: string): Reach {
    const reach = this.#reaches.get(who) ?? new Reach(who);
    this.#reaches.set(who, reach);
    return reach;
  }

  /** A connection to somebody is up, or is no more. */
  #onMouth(mouth: Mouth, up: boolean): void {
    const reach = this.#reachOf(mouth.who);
    const used = reach.mouth;
    const theirs = up ? this.#come(reach) : this.#of(mouth.who);
    if (up) reach.open(mouth);
    else reach.shut(mouth);
    if (up || used === mouth) theirs?.onMouth(used !== null);
  }

  /** Somebody can be reached: gives theirs, where there is anything; what waited for whoever comes is. */
  #come(reach: Reach): PersonFiles | undefined {
    reach.there = true;
    const [known, waits] = [this.#of(reach.who), this.#of(NOBODY)];
    known?.setGone(false);
    if (!waits || waits === known) return known;
    if (known) {
      known.adopt(waits);
      this.#people = this.#people.filter((one) => one !== waits);
    } else {
      waits.reach = reach;
      if (reach.words) waits.onWords();
    }
    return known ?? waits;
  }

  /** Theirs, to whom what they say goes: that of somebody with whom there is nothing begins with an offer. */
  #asked(who: string, bytes: Uint8Array): PersonFiles | undefined {
    const reach = this.#reaches.get(who);
    const mayBegin = reach !== undefined && (reach.words !== null || reach.mouth !== null);
    return this.#of(who) ?? (mayBegin && readFileFrame(bytes)?.type === 'offer' ? this.#add(reach) : undefined);
  }

  /** Theirs, also if they were gone, else a new one. */
  #placeOf(who: string): PersonFiles {
    const known = this.#of(who);
    known?.setGone(false);
    return known ?? this.#add(this.#reachOf(who));
  }

  /** Theirs who is there, as of a call of two, else nobody's. */
  #firstThere(): PersonFiles {
    const there = [...this.#reaches.values()].find((reach) => reach.there);
    return there ? this.#placeOf(there.who) : (this.#of(NOBODY) ?? this.#add(new Reach(NOBODY)));
  }

  #add(reach: Reach): PersonFiles {
    if (this.#people.length >= REMEMBERED_MAX) this.#forgetOne();
    const one = new PersonFiles(reach, (this.#numbers += 1), this.#around);
    this.#people.push(one);
    return one;
  }

  /** The oldest with whom there is nothing, or else who left, and of those one last of whom a file is kept: nobody else has it any more. */
  #forgetOne(): void {
    const people = this.#people;
    const oldest = people.find(({ transfers }) => transfers.isEmpty()) ?? people.find(({ gone, transfers }) => gone && !transfers.holds) ?? people.find(({ gone }) => gone);
    oldest?.close();
    this.#people = people.filter((one) => one !== oldest);
  }
}
