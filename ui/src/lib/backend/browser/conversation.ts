/**
 * What is written to one person and by them, through all connections to them: order, answers, what came twice. Decides; `say` puts
 * frames on the lane. As `parley-call/src/chat/conversation.rs`.
 */
import { presentable } from './presentable';
import { readTagged } from './reader';

type Frame = { type: 'text'; id: string; text: string } | { type: 'delivered'; id: string };
export type Say = (bytes: Uint8Array) => boolean;

export interface ConversationNews {
  /** They wrote. */
  came(text: string): void;
  /** They have one's own message. */
  delivered(id: string): void;
  /** They did not answer in time. */
  unanswered(id: string): void;
}

export const UNANSWERED_MAX = 256;
const ON_THE_WAY_MAX = 32;
const SHOWN_MAX = 512;
const ANSWER_MAX_MS = 15_000;
const FRAME_BYTES_MAX = 32 * 1024;
const ID_CHARS_MAX = 64;

interface Waiting {
  readonly id: string;
  readonly text: string;
  readonly sinceMs: number;
  overdue: boolean;
}

export class Conversation {
  #waiting: Waiting[] = [];
  /** How many of them went on the present lane. */
  #gone = 0;
  #say: Say | null = null;
  readonly #shown = new Set<string>();

  get full(): boolean {
    return this.#waiting.length >= UNANSWERED_MAX;
  }

  /** Ask {@link full} before. */
  write(id: string, text: string, nowMs: number): void {
    this.#waiting.push({ id, text, sinceMs: nowMs, overdue: false });
    this.flush();
  }

  laneUp(say: Say): void {
    this.#say = say;
    this.#gone = 0;
    this.flush();
  }

  laneDown(): void {
    this.#say = null;
    this.#gone = 0;
  }

  onTick(nowMs: number, news: ConversationNews): void {
    for (const one of this.#waiting) {
      if (one.overdue || nowMs - one.sinceMs < ANSWER_MAX_MS) continue;
      one.overdue = true;
      news.unanswered(one.id);
    }
    // What a lane had no room for may go now.
    this.flush();
  }

  onBytes(bytes: Uint8Array, news: ConversationNews): void {
    if (bytes.length > FRAME_BYTES_MAX) return;
    const frame = readTagged(new TextDecoder().decode(bytes), 'type') as Frame | null;
    if (typeof frame?.id !== 'string' || frame.id.length > ID_CHARS_MAX) return;
    if (frame.type === 'delivered') return this.#onDelivered(frame.id, news);
    if (frame.type !== 'text' || typeof frame.text !== 'string') return;
    const shown = presentable(frame.text);
    this.#put({ type: 'delivered', id: frame.id });
    if (shown === null || this.#shown.has(frame.id)) return;
    this.#shown.add(frame.id);
    const [oldest] = this.#shown;
    if (this.#shown.size > SHOWN_MAX && oldest) this.#shown.delete(oldest);
    news.came(shown);
  }

  flush(): void {
    while (this.#say && this.#gone < ON_THE_WAY_MAX) {
      const next = this.#waiting[this.#gone];
      if (!next || !this.#put({ type: 'text', id: next.id, text: next.text })) return;
      this.#gone += 1;
    }
  }

  #onDelivered(id: string, news: ConversationNews): void {
    const at = this.#waiting.findIndex((one, index) => index < this.#gone && one.id === id);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#gone -= 1;
    news.delivered(id);
    this.flush();
  }

  #put(frame: Frame): boolean {
    return this.#say?.(new TextEncoder().encode(JSON.stringify(frame))) ?? false;
  }
}
