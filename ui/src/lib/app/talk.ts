/** What follows from the chat's state: what is new, and what stands together. Pure. */
import type { MessageView, TalkView } from '../bindings';

export const NO_TALK: TalkView = { messages: [], reactions: [], hand_raised: false, transfers: [], unfinished: [] };

/** Messages of others that were not there before. */
export function arrived(before: TalkView, now: TalkView): MessageView[] {
  const known = new Set(before.messages.map((message) => message.id));
  return now.messages.filter((message) => message.author !== null && !known.has(message.id));
}

/** One's own messages of which it has just become known that nobody answered. */
export function unanswered(before: TalkView, now: TalkView): MessageView[] {
  const known = new Set(before.messages.filter((message) => message.delivery === 'not_delivered').map((message) => message.id));
  return now.messages.filter((message) => message.delivery === 'not_delivered' && !known.has(message.id));
}

export interface Group {
  /** Of its first message. */
  readonly id: string;
  readonly author: string | null;
  readonly name: string;
  readonly at_ms: number;
  readonly messages: readonly MessageView[];
}

const MINUTE_MS = 60_000;

/** Messages of one author within one minute, together. */
export function grouped(messages: readonly MessageView[]): Group[] {
  const groups: { id: string; author: string | null; name: string; at_ms: number; messages: MessageView[] }[] = [];
  for (const message of messages) {
    const last = groups.at(-1);
    const same = last && last.author === message.author && last.name === message.name && Math.floor(last.at_ms / MINUTE_MS) === Math.floor(message.at_ms / MINUTE_MS);
    if (same) last.messages.push(message);
    else groups.push({ id: message.id, author: message.author, name: message.name, at_ms: message.at_ms, messages: [message] });
  }
  return groups;
}
