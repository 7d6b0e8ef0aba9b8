/** The side panel of a guest, done: chat, reactions, the hand and files over the lanes of one call after another. */
import type { CommandError, ReactionKind, TalkView } from '../../bindings';
import { t } from '../../text';
import { freshId } from './base64';
import type { CallEvents, WordsEvents } from './call';
import { Chat } from './chat';
import { readChunkFrame, readFileFrame, writeChunkFrame, writeFileFrame } from './files/frames';
import { Shelf } from './files/shelf';
import { Transfers } from './files/transfers';
import type { Lane } from './lane';

const REACTIONS: readonly string[] = ['thumbs_up', 'heart', 'thumbs_down', 'laugh', 'fire', 'party'] satisfies ReactionKind[];
const REACTION_SHOWN_MS = 5000;
const REACTIONS_MAX = 50;
const TOLD_EVERY_MS = 100;
const TICK_MS = 20;
/** Chunks wait here, not in the browser: what is in there can no longer give way to sound and pictures. */
const BUFFERED_MAX = 256 * 1024;

export class Talk {
  readonly #changed: (talk: TalkView) => void;
  readonly #person: () => { id: string; name: string };
  #chat = new Chat();
  /** Who has the name of an id, in a group. */
  readonly #nameOf: (id: string) => string;
  /** While it is a group: how each is written to by words, and whom the direct way leads to. */
  #group: { readonly words: Map<string, (frame: Uint8Array) => boolean>; back: boolean } | null = null;
  /** The lane of the direct way, while it is up. */
  #chatLane: Lane | null = null;
  /** Whom files go to. */
  #filesWith = '';
  #shelf = new Shelf();
  #transfers = this.#fresh();
  #lanes: { files: Lane | null; chunks: Lane | null } = { files: null, chunks: null };
  #going: Uint8Array[] = [];
  #reading: Promise<unknown> = Promise.resolve();
  #reactions: (TalkView['reactions'][number] & { untilMs: number })[] = [];
  #numbers = 0;
  #hand = false;
  #dirty = false;
  #toldAt = 0;

  constructor(person: () => { id: string; name: string }, nameOf: (id: string) => string, changed: (talk: TalkView) => void) {
    this.#person = person;
    this.#nameOf = nameOf;
    this.#changed = changed;
    setInterval(() => this.#tick(), TICK_MS);
  }

  get now(): TalkView {
    const reactions = this.#reactions.map(({ number, author, reaction }) => ({ number, author, reaction }));
    return { messages: [...this.#chat.messages], reactions, hand_raised: this.#hand, transfers: this.#transfers.views(performance.now()), unfinished: [] };
  }

  /** What the lanes of a call bring. */
  readonly lane: CallEvents['lane'] = {
    chat: {
      up: (lane) => this.#touch(() => {
        this.#chatLane = lane;
        this.#route();
      }),
      bytes: (bytes) => this.#touch(() => this.#chat.onBytes(bytes, this.#person(), Date.now(), this.#group ? this.#person().id : undefined)),
      drained: () => undefined,
      down: () => this.#touch(() => {
        const was = this.#chatLane !== null;
        this.#chatLane = null;
        if (was || !this.#group) this.#route();
      }),
    },
    files: {
      up: (lane) => this.#laneUp('files', lane),
      bytes: (bytes) => this.#touch(() => {
        const frame = readFileFrame(bytes);
        if (frame) this.#transfers.onFrame(frame);
      }),
      drained: () => undefined,
      down: () => this.#laneDown('files'),
    },
    chunks: {
      up: (lane) => this.#laneUp('chunks', lane),
      bytes: (bytes) => this.#touch(() => {
        const frame = readChunkFrame(bytes);
        if (frame) this.#transfers.onChunk(performance.now(), frame);
      }),
      drained: () => this.#drain(),
      down: () => this.#laneDown('chunks'),
    },
  };

  /** How people of a group are written to. */
  readonly words: WordsEvents = {
    grouped: (direct) => this.#touch(() => {
      this.#chat.grouped(direct);
      this.#group = { words: new Map(), back: false };
    }),
    open: (id, say) => this.#touch(() => {
      this.#group?.words.set(id, say);
      this.#route(id);
    }),
    closed: (id) => this.#touch(() => {
      this.#group?.words.delete(id);
      this.#chat.left(id);
    }),
    came: (id, frame) => this.#touch(() => this.#chat.onBytes(frame, { id, name: this.#nameOf(id) }, Date.now(), this.#group ? id : undefined)),
    goesBack: () => this.#touch(() => {
      if (this.#group) this.#group.back = true;
      this.#route();
    }),
    pairedOff: (other) => this.#touch(() => {
      this.#group = null;
      this.#chat.pairedOff(other);
      this.#route();
    }),
  };

  /** Another person is there; what was for the one before is not for them. */
  newPerson(): void {
    this.#touch(() => {
      this.#chat.forget();
      this.#transfers.forget();
      this.#going = [];
    });
  }

  /** By which way somebody is written to now: whom the direct way leads to, unless another is named. */
  #route(id = this.#person().id): void {
    const lane = this.#chatLane;
    const over = lane && ((bytes: Uint8Array) => lane.send(bytes));
    if (!this.#group) {
      if (over) this.#chat.laneUp(over);
      else this.#chat.laneDown();
      return;
    }
    const direct = over && this.#group.back && id === this.#person().id;
    const say = direct ? over : this.#group.words.get(id);
    if (say) this.#chat.laneUp(say, id);
    else if (id) this.#chat.laneDown(id);
  }

  /** A fresh call has nothing of the one before. */
  begin(): void {
    this.#touch(() => {
      this.#chat = new Chat();
      this.#group = this.#chatLane = null;
      this.#filesWith = '';
      this.#shelf = new Shelf();
      this.#transfers = this.#fresh();
      this.#reactions = [];
      this.#hand = false;
    });
  }

  write(text: string): CommandError | null {
    const refused = this.#chat.write(freshId(), text, performance.now(), Date.now());
    this.#dirty = true;
    return refused && { code: 'failed', message: refused === 'empty' ? t.guest.messageTooLong : t.guest.messagesWait };
  }

  raise(raised: boolean): void {
    this.#touch(() => (this.#hand = raised));
  }

  reaction(author: string | null, reaction: string): void {
    if (!REACTIONS.includes(reaction)) return;
    this.#numbers += 1;
    const shown = { number: this.#numbers, author, reaction: reaction as ReactionKind, untilMs: performance.now() + REACTION_SHOWN_MS };
    this.#touch(() => (this.#reactions = [...this.#reactions, shown].slice(-REACTIONS_MAX)));
  }

  async offer(files: readonly File[]): Promise<void> {
    const [shelf, transfers] = [this.#shelf, this.#transfers];
    for (const file of files) {
      const id = freshId();
      shelf.put(id, file);
      const fingerprint = await shelf.fingerprint(file);
      // Another call may have begun meanwhile.
      if (transfers !== this.#transfers) return;
      this.#touch(() => transfers.offer(id, file.name, file.size, fingerprint));
    }
  }

  decide = (key: string, accept: boolean): void => this.#touch(() => this.#transfers.decide(key, accept));
  pause = (key: string, paused: boolean): void => this.#touch(() => this.#transfers.pause(key, paused));
  cancel = (key: string): void => this.#touch(() => this.#transfers.cancel(key));

  download(key: string): boolean {
    const wire = this.#transfers.wireOf(key);
    const name = this.now.transfers.find((one) => one.id === key)?.name;
    return wire !== null && name !== undefined && this.#shelf.download(wire, name);
  }

  #fresh(): Transfers {
    const ours = () => this.#transfers === transfers;
    const transfers: Transfers = new Transfers({
      say: (frame) => this.#lanes.files?.send(writeFileFrame(frame)),
      chunk: (frame) => {
        this.#going.push(writeChunkFrame(frame));
        this.#drain();
      },
      read: (id, turn, offset, bytes) => {
        // One after the other: parts must go in order.
        this.#reading = this.#reading.then(async () => {
          const read = await this.#shelf.read(id, offset, bytes);
          if (ours()) this.#touch(() => transfers.onRead(performance.now(), id, turn, offset, read));
        });
      },
      hash: (id) => {
        void this.#shelf.hash(id).then((hash) => ours() && this.#touch(() => transfers.onHashed(id, hash)));
      },
      keep: (id, bytes) => this.#shelf.keep(id, bytes),
      complete: (id, hash) => {
        const right = this.#shelf.complete(id, hash);
        queueMicrotask(() => ours() && this.#touch(() => transfers.onKept(id, right)));
      },
      release: (id) => this.#shelf.release(id),
    });
    return transfers;
  }

  #laneUp(name: 'files' | 'chunks', lane: Lane): void {
    const { id } = this.#person();
    // After a group somebody else may be there than before it.
    if (this.#filesWith && this.#filesWith !== id) this.#touch(() => this.#transfers.forget());
    this.#filesWith = id;
    this.#lanes[name] = lane;
    if (this.#lanes.files && this.#lanes.chunks) this.#touch(() => this.#transfers.laneUp());
  }

  #laneDown(name: 'files' | 'chunks'): void {
    this.#lanes[name] = null;
    this.#going = [];
    this.#touch(() => this.#transfers.laneDown());
  }

  #drain(): void {
    const { chunks } = this.#lanes;
    while (chunks && this.#going.length && chunks.waiting < BUFFERED_MAX) {
      const next = this.#going.shift();
      if (next) chunks.send(next);
    }
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#transfers.onTick(nowMs);
    this.#drain();
    if (this.#chat.onTick(nowMs)) this.#dirty = true;
    const left = this.#reactions.filter(({ untilMs }) => untilMs > nowMs);
    if (left.length !== this.#reactions.length) this.#touch(() => (this.#reactions = left));
    if (!(this.#dirty || this.#transfers.moving) || nowMs - this.#toldAt < TOLD_EVERY_MS) return;
    this.#dirty = false;
    this.#toldAt = nowMs;
    this.#changed(this.now);
  }

  #touch(run: () => void): void {
    run();
    this.#dirty = true;
  }
}
