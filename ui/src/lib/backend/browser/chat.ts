/** The chat with everybody in the call: one {@link Conversation} each, and what was written in one list. Decides. As `parley-call/src/chat/driver.rs`. */
import type { Delivery, MessageView } from '../../bindings';
import { Conversation, type ConversationNews, type Say } from './conversation';
import { Deliveries } from './deliveries';
import { presentable } from './presentable';

const KEPT_MAX = 2000;
/** The other person of a call of two, whoever that is. */
const DIRECT = '';

export class Chat {
  /** Oldest first. */
  messages: readonly MessageView[] = [];
  readonly #with = new Map([[DIRECT, new Conversation()]]);
  readonly #deliveries = new Deliveries((id, delivery) => this.#mark(id, delivery));
  #numbers = 0;
  #told = false;

  /** A message of one's own; tells why it is not taken, or null. */
  write(id: string, text: string, nowMs: number, atMs: number): 'empty' | 'too-many' | null {
    const shown = presentable(text);
    if (shown === null) return 'empty';
    const to = [...this.#with].filter(([, conversation]) => !conversation.full);
    if (!to.length && this.#with.size) return 'too-many';
    this.#keep({ id, author: null, name: '', text: shown, at_ms: atMs, delivery: 'sending' });
    this.#deliveries.said(id, to.map(([who]) => who));
    for (const [, conversation] of to) conversation.write(id, shown, nowMs);
    return null;
  }

  /** A way to somebody: over it goes again what was not answered. */
  laneUp(say: Say, who = DIRECT): void {
    const conversation = this.#with.get(who) ?? new Conversation();
    this.#with.set(who, conversation);
    conversation.laneUp(say);
  }

  laneDown(who = DIRECT): void {
    this.#with.get(who)?.laneDown();
  }

  /** Of a group one is gone. */
  left(who: string): void {
    if (this.#with.delete(who)) this.#deliveries.left(who);
  }

  /** Somebody else is there, or nobody any more. */
  forget(): void {
    for (const who of [...this.#with.keys()]) this.left(who);
    this.#with.set(DIRECT, new Conversation());
  }

  /** It is a group from now on; what was begun with the other one goes on with this person. */
  grouped(direct: string | null): void {
    this.#move(DIRECT, direct);
  }

  /** It is a call of two again: what was begun with this person goes on. */
  pairedOff(other: string | null): void {
    for (const who of [...this.#with.keys()]) if (who !== other) this.left(who);
    this.#move(other ?? DIRECT, DIRECT);
    if (!this.#with.has(DIRECT)) this.#with.set(DIRECT, new Conversation());
  }

  onTick(nowMs: number): boolean {
    this.#told = false;
    for (const [who, conversation] of this.#with) conversation.onTick(nowMs, this.#newsOf(who, null, 0));
    return this.#told;
  }

  onBytes(bytes: Uint8Array, from: { id: string; name: string }, atMs: number, who = DIRECT): void {
    this.#with.get(who)?.onBytes(bytes, this.#newsOf(who, from, atMs));
  }

  #newsOf(who: string, from: { id: string; name: string } | null, atMs: number): ConversationNews {
    return {
      came: (text) => {
        // An id of our own: the author's could be one of ours.
        this.#numbers += 1;
        if (from) this.#keep({ id: `came-${this.#numbers}`, author: from.id, name: from.name, text, at_ms: atMs, delivery: 'delivered' });
      },
      delivered: (id) => this.#deliveries.delivered(id, who),
      unanswered: (id) => this.#deliveries.unanswered(id, who),
    };
  }

  #move(from: string, to: string | null): void {
    const conversation = this.#with.get(from);
    if (!conversation || from === to) return;
    if (to === null) return this.left(from);
    this.#with.delete(from);
    this.#with.set(to, conversation);
    this.#deliveries.renamed(from, to);
  }

  #keep(message: MessageView): void {
    this.messages = [...this.messages, message].slice(-KEPT_MAX);
  }

  #mark(id: string, delivery: Delivery): void {
    this.#told = true;
    this.messages = this.messages.map((message) => (message.id === id && message.author === null ? { ...message, delivery } : message));
  }
}
