/** The simulation's chat: what is sent is delivered a moment later. */
import type { CommandError, MessageView, ReactionKind, TalkView } from '../../bindings';
import { GRACE } from './state';

const HOUR_MS = 3_600_000;

const CONVERSATION: readonly (readonly [minutes: number, own: boolean, text: string])[] = [
  [0, false, 'Good morning! Can you see the second page too?'],
  [0, false, 'It is this one: https://example.org/plans/2026?page=2'],
  [1, true, 'Yes. The table at the bottom, or the figure?'],
  [1, true, 'I read it as\n  12 in May\n  18 in June'],
  [2, false, '<b>18</b> is right. Averyverylongwordwithoutanyspaceinitthatmustnotbreakthepanelsideways'],
];

export class FakeTalk {
  now: TalkView;
  #ids = 0;
  readonly #tell: (talk: TalkView) => void;
  readonly #later: (run: () => void) => void;

  constructor(full: boolean, tell: (talk: TalkView) => void, later: (run: () => void) => void) {
    this.#tell = tell;
    this.#later = later;
    const began = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    const messages = full ? CONVERSATION.map(([minutes, own, text]) => this.#message(own, text, began + minutes * 60_000, true)) : [];
    this.now = { messages, reactions: [], hand_raised: false };
  }

  say(text: string): CommandError | null {
    const words = text.trim();
    if (!words) return { code: 'failed', message: 'There is nothing to send in this message.' };
    const message = this.#message(true, words, Date.now(), false);
    this.#set({ messages: [...this.now.messages, message] });
    this.#later(() => this.#set({ messages: this.now.messages.map((one) => (one.id === message.id ? { ...one, delivered: true } : one)) }));
    return null;
  }

  came(text: string): void {
    this.#set({ messages: [...this.now.messages, this.#message(false, text, Date.now(), true)] });
  }

  react(author: string | null, reaction: ReactionKind): null {
    this.#ids += 1;
    this.#set({ reactions: [...this.now.reactions, { number: this.#ids, author, reaction }] });
    return null;
  }

  hand(raised: boolean): null {
    this.#set({ hand_raised: raised });
    return null;
  }

  #message(own: boolean, text: string, at_ms: number, delivered: boolean): MessageView {
    this.#ids += 1;
    return { id: `m${this.#ids}`, author: own ? null : GRACE.id, name: own ? '' : GRACE.name, text, at_ms, delivered };
  }

  #set(change: Partial<TalkView>): void {
    this.now = { ...this.now, ...change };
    this.#tell(this.now);
  }
}
