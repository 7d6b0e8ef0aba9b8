/**
 * Sealed words to and from the others of a group: what may go when, and what of what comes is heard. Pure; what is said is
 * `members.ts`' and the chat's. As `parley-call/src/session/group/words.rs`.
 *
 * The first byte of what is sealed is the number of the data channel that the rest would be said on between two: 0 for control
 * messages, 1 for chat, 2 for offers of files.
 */
import { fromBase64Url } from '../base64';
import { PEOPLE_MAX } from '../limits';
import { RateLimit } from '../rate';
import { readControl } from '../reader';
import type { ControlMessage } from '../wire';
import { Pace } from './pace';
import type { SealedWord, WordKey } from './seal';
import { Turns } from './turns';

export type Word = { readonly is: 'control'; readonly message: ControlMessage } | { readonly is: FrameKind; readonly frame: Uint8Array };
/** What comes of a lane that there would be between two. */
export type FrameKind = 'chat' | 'files';

const CONTROL = 0;
const CHANNELS: Record<FrameKind, number> = { chat: 1, files: 2 };
/** As on the wire (docs/protocol.md, "Limits"). */
const CONTROL_BYTES_MAX = 16 * 1024;
const FRAME_BYTES_MAX: Record<FrameKind, number> = { chat: 32 * 1024, files: 4 * 1024 };
/** Frames of a kind that wait for one person: as many as a conversation has on its way, and a few about files, which wait with whose they are. */
const WAITING_MAX: Record<FrameKind, number> = { chat: 32, files: 8 };
/** Of a kind, for everybody. */
const WAITING_BYTES_MAX = 8 << 20;
/** For everybody a server takes fewer bytes than words: so many more count as a word more. As `parley-call/src/session/group/words.rs`. */
const BYTES_AS_ONE = 200;
/** People whose numbers are remembered, those who left among them. */
const KNOWN_MAX = 4 * PEOPLE_MAX;

interface Known {
  readonly stream: string;
  number: number;
  /** What they may say, with what the network bunched up. */
  readonly limit: RateLimit;
}

export class Words {
  /** Of others: too many, sealed by nobody who has the link, or heard before. */
  dropped = 0;
  readonly #key: WordKey;
  readonly #stream: Uint8Array;
  /** A server takes 60 at once and 20 a second: a little less, for clocks differ. */
  readonly #pace = new Pace(50, 55);
  /** What is said to single people, in KiB: a server takes 256 at once and 64 a second. */
  readonly #toOne = new Pace(200, 16);
  #said = 0;
  /** What is written goes before what is sent. */
  readonly #waiting: Record<FrameKind, Turns> = { chat: new Turns(WAITING_MAX.chat, WAITING_BYTES_MAX), files: new Turns(WAITING_MAX.files, WAITING_BYTES_MAX) };
  readonly #known = new Map<string, Known>();

  /** `stream`: 8 random bytes. */
  constructor(key: WordKey, stream: Uint8Array) {
    this.#key = key;
    this.#stream = stream;
  }

  maySay = (nowMs: number): boolean => this.#pace.isFree(nowMs) && this.#toOne.isFree(nowMs);

  /** Control messages go at once; ask {@link maySay} before. */
  say(nowMs: number, me: string, to: string | null, message: ControlMessage): SealedWord | null {
    return this.#seal(nowMs, me, to, CONTROL, new TextEncoder().encode(JSON.stringify(message)));
  }

  /** A frame waits for its turn; tells whether there was room. */
  sayFrame = (kind: FrameKind, to: string, frame: Uint8Array): boolean => this.#waiting[kind].add(to, frame);

  /** The next frame, if one may go, to one of so many people or (null) to everybody. */
  nextFrame(nowMs: number, me: string, people = Infinity): { to: string | null; payload: SealedWord } | null {
    while (this.maySay(nowMs)) {
      const kind = this.#waiting.chat.isEmpty ? 'files' : 'chat';
      const next = this.#waiting[kind].next(kind === 'chat' ? people : Infinity);
      if (!next) return null;
      const payload = this.#seal(nowMs, me, next.to, CHANNELS[kind], next.frame);
      if (payload) return { to: next.to, payload };
    }
    return null;
  }

  /** Somebody is gone, or is said everything again. */
  forgetFrames(to: string): void {
    for (const kind of ['chat', 'files'] as const) this.#waiting[kind].forget(to);
  }

  hear(nowMs: number, me: string, from: string, payload: unknown, isThere: (id: string) => boolean): Word | null {
    const known = this.#known.get(from);
    const opened = known && !known.limit.allow(nowMs) ? null : this.#key.open(bytesOf(from), bytesOf(me), payload);
    const fresh = opened && (!known || (known.stream === opened.stream && known.number < opened.number));
    if (!opened || !fresh) {
      this.dropped += 1;
      return null;
    }
    if (known) known.number = opened.number;
    else {
      if (this.#known.size >= KNOWN_MAX) for (const id of this.#known.keys()) if (!isThere(id)) this.#known.delete(id);
      this.#known.set(from, { stream: opened.stream, number: opened.number, limit: new RateLimit(120, 40) });
    }
    const word = read(opened.words);
    if (!word) this.dropped += 1;
    return word;
  }

  #seal(nowMs: number, me: string, to: string | null, channel: number, said: Uint8Array): SealedWord | null {
    const words = new Uint8Array(said.length + 1);
    words[0] = channel;
    words.set(said, 1);
    this.#said += 1;
    const sealed = this.#key.seal({ sender: bytesOf(me), to: to === null ? null : bytesOf(to), stream: this.#stream, number: this.#said }, words);
    if (sealed) {
      const bytes = sealed.sealed.length;
      this.#pace.take(nowMs, to === null ? 1 + Math.floor(bytes / BYTES_AS_ONE) : 1);
      if (to !== null) this.#toOne.take(nowMs, 1 + Math.floor(bytes / 1024));
    }
    return sealed;
  }
}

const bytesOf = (id: string): Uint8Array => fromBase64Url(id) ?? new Uint8Array();

function read(words: Uint8Array): Word | null {
  const said = words.subarray(1);
  for (const kind of ['chat', 'files'] as const) if (words[0] === CHANNELS[kind] && said.length <= FRAME_BYTES_MAX[kind]) return { is: kind, frame: said };
  if (words[0] !== CONTROL || said.length > CONTROL_BYTES_MAX) return null;
  const message = readControl(new TextDecoder().decode(said));
  return message && { is: 'control', message };
}
