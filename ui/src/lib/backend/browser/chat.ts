/**
 * The chat with the other person, through all connections to them: order, answers, what came twice. Decides; `say` puts frames on
 * the lane. As `parley-call/src/chat/conversation.rs`.
 */
import type { Delivery, MessageView } from '../../bindings';
import { presentable } from './presentable';
import { readTagged } from './reader';

type Frame = { type: 'text'; id: string; text: string } | { type: 'delivered'; id: string };

const UNANSWERED_MAX = 256;
const ON_THE_WAY_MAX = 32;
const SHOWN_MAX = 512;
const ANSWER_MAX_MS = 15_000;
const KEPT_MAX = 2000;
const FRAME_BYTES_MAX = 32 * 1024;
const ID_CHARS_MAX = 64;

interface Waiting {
  readonly id: string;
  readonly text: string;
  readonly sinceMs: number;
  overdue: boolean;
}

export class Chat {
  /** Oldest first. */
  messages: readonly MessageView[] = [];
  #waiting: Waiting[] = [];
  /** How many of them went on the present lane. */
  #gone = 0;
  #say: ((bytes: Uint8Array) => boolean) | null = null;
  #shown = new Set<string>();
  #numbers = 0;

  /** A message of one's own; tells why it is not taken, or null. */
  write(id: string, text: string, nowMs: number, atMs: number): 'empty' | 'too-many' | null {
    const shown = presentable(text);
    if (shown === null) return 'empty';
    if (this.#waiting.length >= UNANSWERED_MAX) return 'too-many';
    this.#waiting.push({ id, text: shown, sinceMs: nowMs, overdue: false });
    this.#keep({ id, author: null, name: '', text: shown, at_ms: atMs, delivery: 'sending' });
    this.#flush();
    return null;
  }

  laneUp(say: (bytes: Uint8Array) => boolean): void {
    this.#say = say;
    this.#gone = 0;
    this.#flush();
  }

  laneDown(): void {
    this.#say = null;
    this.#gone = 0;
  }

  /** Somebody else is there, or nobody any more. */
  forget(): void {
    this.laneDown();
    for (const waiting of this.#waiting) this.#mark(waiting.id, 'not_delivered');
    this.#waiting = [];
    this.#shown.clear();
  }

  onTick(nowMs: number): boolean {
    const late = this.#waiting.filter((one) => !one.overdue && nowMs - one.sinceMs >= ANSWER_MAX_MS);
    for (const one of late) {
      one.overdue = true;
      this.#mark(one.id, 'not_delivered');
    }
    return late.length > 0;
  }

  onBytes(bytes: Uint8Array, from: { id: string; name: string }, atMs: number): void {
    if (bytes.length > FRAME_BYTES_MAX) return;
    const frame = readTagged(new TextDecoder().decode(bytes), 'type') as Frame | null;
    if (typeof frame?.id !== 'string' || frame.id.length > ID_CHARS_MAX) return;
    if (frame.type === 'delivered') return this.#onDelivered(frame.id);
    if (frame.type !== 'text' || typeof frame.text !== 'string') return;
    const shown = presentable(frame.text);
    this.#put({ type: 'delivered', id: frame.id });
    if (shown === null || this.#shown.has(frame.id)) return;
    this.#shown.add(frame.id);
    const [oldest] = this.#shown;
    if (this.#shown.size > SHOWN_MAX && oldest) this.#shown.delete(oldest);
    // An id of our own: the author's could be one of ours.
    this.#numbers += 1;
    this.#keep({ id: `came-${this.#numbers}`, author: from.id, name: from.name, text: shown, at_ms: atMs, delivery: 'delivered' });
  }

  #onDelivered(id: string): void {
    const at = this.#waiting.findIndex((one, index) => index < this.#gone && one.id === id);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#gone -= 1;
    this.#mark(id, 'delivered');
    this.#flush();
  }

  #flush(): void {
    while (this.#say && this.#gone < ON_THE_WAY_MAX) {
      const next = this.#waiting[this.#gone];
      if (!next || !this.#put({ type: 'text', id: next.id, text: next.text })) return;
      this.#gone += 1;
    }
  }

  #put(frame: Frame): boolean {
    return this.#say?.(new TextEncoder().encode(JSON.stringify(frame))) ?? false;
  }

  #keep(message: MessageView): void {
    this.messages = [...this.messages, message].slice(-KEPT_MAX);
  }

  #mark(id: string, delivery: Delivery): void {
    this.messages = this.messages.map((message) => (message.id === id && message.author === null ? { ...message, delivery } : message));
  }
}
