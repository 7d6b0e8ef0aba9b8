/** The side panel of a guest, done: chat, reactions, the hand and files over the lanes of one call after another. */
import type { CommandError, CallView, ReactionKind, TalkView } from '../../bindings';
import { t } from '../../text';
import { SOURCES } from '../../text/language.svelte';
import { freshId } from './base64';
import type { CallEvents, WordsEvents } from './call-events';
import { Chat } from './chat';
import { Files, type PickedFile } from './files/files';
import { offeredTo } from './files/takers';
import { UNFINISHED_ALL_MAX } from './files/transfers';
import type { FileWay } from './group/pairs';
import type { FrameKind } from './group/words';
import type { Lane } from './lane';

const REACTIONS: readonly string[] = ['thumbs_up', 'heart', 'thumbs_down', 'laugh', 'fire', 'party'] satisfies ReactionKind[];
const REACTION_SHOWN_MS = 5000;
const REACTIONS_MAX = 50;
const TOLD_EVERY_MS = 100;
const TICK_MS = 20;
type FileLanes = ReturnType<CallEvents['fileLanes']>;

export class Talk {
  readonly #changed: (talk: TalkView) => void;
  readonly #person: () => { id: string; name: string };
  #chat = new Chat();
  /** Who has the name of an id, in a group. */
  readonly #nameOf: (id: string) => string;
  /** While it is a group: how each is written to by words, and whom the direct way leads to. */
  #group: { readonly words: Map<string, (kind: FrameKind, frame: Uint8Array) => boolean>; back: boolean } | null = null;
  /** The lane of the direct way, while it is up. */
  #chatLane: Lane | null = null;
  #files: Files;
  #ways = '[]';
  #reactions: (TalkView['reactions'][number] & { untilMs: number })[] = [];
  #numbers = 0;
  #hand = false;
  #dirty = false;
  #toldAt = 0;

  readonly #setWays: (ways: readonly FileWay[]) => void;

  /** `setWays` is told with whom connections are of use, in a group. */
  constructor(person: () => { id: string; name: string }, nameOf: (id: string) => string, setWays: (ways: readonly FileWay[]) => void, changed: (talk: TalkView) => void) {
    this.#setWays = setWays;
    this.#person = person;
    this.#nameOf = nameOf;
    this.#changed = changed;
    this.#files = this.#noFiles();
    setInterval(() => this.#tick(), TICK_MS);
  }

  get now(): TalkView {
    const reactions = this.#reactions.map(({ number, author, reaction }) => ({ number, author, reaction }));
    return { messages: [...this.#chat.messages], reactions, hand_raised: this.#hand, transfers: this.#files.views(performance.now()), unfinished: [] };
  }

  /** What the lanes of a call bring: of the one that begins. */
  get lane(): CallEvents['lane'] {
    return {
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
      ...this.#files.mouth(() => this.#person().id).lanes,
    };
  }

  /** Those of a connection for files, to one of a group. */
  fileLanes = (id: string): FileLanes => this.#files.mouth(() => id).lanes;

  /** How people of a group are written to. */
  readonly words: WordsEvents = {
    grouped: (direct) => this.#touch(() => {
      this.#chat.grouped(direct);
      this.#group = { words: new Map(), back: false };
    }),
    open: (id, say) => this.#touch(() => {
      this.#group?.words.set(id, say);
      this.#files.wordsOpen(id, (frame) => say('files', frame));
      this.#route(id);
    }),
    closed: (id) => this.#touch(() => {
      this.#group?.words.delete(id);
      this.#files.wordsClosed(id);
      this.#chat.left(id);
    }),
    came: (kind, id, frame) => this.#touch(() => {
      if (kind === 'files') this.#files.onWord(id, frame);
      else this.#chat.onBytes(frame, { id, name: this.#nameOf(id) }, Date.now(), this.#group ? id : undefined);
    }),
    goesBack: () => this.#touch(() => {
      if (this.#group) this.#group.back = true;
      this.#route();
    }),
    pairedOff: (other) => this.#touch(() => {
      this.#group = null;
      this.#chat.pairedOff(other);
      this.#files.allWordsClosed();
      this.#route();
    }),
  };

  /** Another person is there; what was for the one before is not for them. */
  newPerson(): void {
    this.#touch(() => {
      this.#chat.forget();
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
    const words = this.#group.words.get(id);
    const say = direct ? over : words && ((frame: Uint8Array) => words('chat', frame));
    if (say) this.#chat.laneUp(say, id);
    else if (id) this.#chat.laneDown(id);
  }

  /** A fresh call has nothing of the one before. */
  begin(): void {
    this.#touch(() => {
      this.#chat = new Chat();
      this.#group = this.#chatLane = null;
      this.#files.close();
      this.#files = this.#noFiles();
      this.#ways = '[]';
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

  /** To everybody of `people` who takes files, or to those of them who were chosen. */
  offer(files: readonly PickedFile[], call: CallView | null, chosen: readonly string[]): CommandError | null {
    const to = offeredTo(call?.people ?? [], chosen, call !== null && (call.group !== null || call.listeners.length > 0));
    if (!to) return { code: 'not_now', message: SOURCES.en.sentences.nobodyTakesFiles };
    if (Math.max(1, to.length) * files.length > UNFINISHED_ALL_MAX) return { code: 'failed', message: SOURCES.en.sentences.filesTooMany };
    void this.#files.offer(files, to);
    return null;
  }

  decide = (key: string, accept: boolean): void => this.#touch(() => this.#files.decide(key, accept));
  pause = (key: string, paused: boolean): void => this.#touch(() => this.#files.pause(key, paused));
  cancel = (key: string): void => this.#touch(() => this.#files.cancel(key));
  download = (key: string): boolean => this.#files.download(key);

  /** These are in the call now, or may come back to it, and nobody else. */
  setPeople(ids: readonly string[]): void {
    this.#files.setPeople(ids);
  }

  #noFiles = (): Files => new Files((id) => this.#nameOf(id), () => (this.#dirty = true));

  #tellWays(): void {
    const { ways } = this.#files;
    const text = JSON.stringify(ways);
    if (text === this.#ways) return;
    this.#ways = text;
    this.#setWays(ways);
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#files.onTick(nowMs);
    if (this.#chat.onTick(nowMs)) this.#dirty = true;
    const left = this.#reactions.filter(({ untilMs }) => untilMs > nowMs);
    if (left.length !== this.#reactions.length) this.#touch(() => (this.#reactions = left));
    if (this.#dirty) this.#tellWays();
    if (!(this.#dirty || this.#files.moving) || nowMs - this.#toldAt < TOLD_EVERY_MS) return;
    this.#dirty = false;
    this.#toldAt = nowMs;
    this.#changed(this.now);
  }

  #touch(run: () => void): void {
    run();
    this.#dirty = true;
  }
}
