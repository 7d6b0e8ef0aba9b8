/** The simulation's chat: what is sent is delivered a moment later. */
import type { CommandError, Delivery, MessageView, ReactionKind, TalkView, TransferView, UnfinishedView } from '../../bindings';
import { GRACE } from './state';

const HOUR_MS = 3_600_000;

const CONVERSATION: readonly (readonly [minutes: number, own: boolean, text: string])[] = [
  [0, false, 'Good morning! Can you see the second page too?'],
  [0, false, 'It is this one: https://example.org/plans/2026?page=2'],
  [1, true, 'Yes. The table at the bottom, or the figure?'],
  [1, true, 'I read it as\n  12 in May\n  18 in June'],
  [2, false, '<b>18</b> is right. Averyverylongwordwithoutanyspaceinitthatmustnotbreakthepanelsideways'],
];

const FILE: TransferView = {
  id: 'f',
  sending: false,
  with: GRACE.id,
  with_name: GRACE.name,
  name: 'file',
  size: 48_300_000,
  moved: 0,
  bytes_per_s: 0,
  state: 'asking',
  paused_here: false,
  fault: null,
  path: null,
};

const FILES: TransferView[] = [
  { ...FILE, id: 'f-done', name: 'Minutes 2026-11-20.pdf', size: 214_000, moved: 214_000, state: 'done', path: '/home/ada/Downloads/Minutes.pdf' },
  { ...FILE, id: 'f-failed', name: 'backup.img', state: 'failed', fault: 'disk_full', moved: 12_000_000 },
  { ...FILE, id: 'f-paused', sending: true, name: 'slides.key', state: 'paused', paused_here: true, moved: 9_000_000 },
  { ...FILE, id: 'f-moving', sending: true, name: 'A very long name of a film that somebody made.mkv', size: 1_420_000_000, moved: 610_000_000, bytes_per_s: 11_400_000, state: 'moving' },
  { ...FILE, id: 'f-asking', name: 'photo.jpg', size: 3_400_000 },
];

const UNFINISHED: UnfinishedView[] = [{ id: 'u1', name: 'holiday pictures.zip', size: 912_000_000, to: GRACE.name }];

export class FakeTalk {
  now: TalkView;
  /** Whether the other side reads no messages. */
  silent = false;
  #ids = 0;
  readonly #tell: (talk: TalkView) => void;
  readonly #later: (run: () => void) => void;

  constructor(full: boolean, tell: (talk: TalkView) => void, later: (run: () => void) => void) {
    this.#tell = tell;
    this.#later = later;
    const began = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    const messages = full ? CONVERSATION.map(([minutes, own, text]) => this.#message(own, text, began + minutes * 60_000, 'delivered')) : [];
    const last = messages.at(-2);
    if (last) last.delivery = 'not_delivered';
    this.now = { messages, reactions: [], hand_raised: false, transfers: full ? FILES : [], unfinished: full ? UNFINISHED : [] };
  }

  say(text: string): CommandError | null {
    const words = text.trim();
    if (!words) return { code: 'failed', message: 'There is nothing to send in this message.' };
    const message = this.#message(true, words, Date.now(), 'sending');
    this.#set({ messages: [...this.now.messages, message] });
    this.#later(() => this.#became(message.id, this.silent ? 'not_delivered' : 'delivered'));
    return null;
  }

  came(text: string): void {
    this.#set({ messages: [...this.now.messages, this.#message(false, text, Date.now(), 'delivered')] });
  }

  react(author: string | null, reaction: ReactionKind): null {
    this.#ids += 1;
    this.#set({ reactions: [...this.now.reactions, { number: this.#ids, author, reaction }] });
    return null;
  }

  /** To each of these; between two there is one. */
  offer(paths: readonly string[], to: readonly { id: string; name: string }[] = [GRACE]): null {
    for (const [path, taker] of paths.flatMap((path) => to.map((taker) => [path, taker] as const))) {
      this.#ids += 1;
      const file = { ...FILE, id: `f${this.#ids}`, sending: true, with: taker.id, with_name: taker.name, name: path.split('/').at(-1) ?? path, state: 'offered' as const };
      this.#set({ transfers: [...this.now.transfers, file] });
      this.#later(() => this.#goesOn(file.id, 'offered', { state: 'moving', moved: 1_200_000, bytes_per_s: 2_300_000 }));
    }
    return null;
  }

  unfinished(id: string, again: boolean): null {
    const file = this.now.unfinished.find((one) => one.id === id);
    this.#set({ unfinished: this.now.unfinished.filter((one) => one.id !== id) });
    return file && again ? this.offer([file.name]) : null;
  }

  offered(name: string, size: number, by: { id: string; name: string } = GRACE): void {
    this.#ids += 1;
    this.#set({ transfers: [...this.now.transfers, { ...FILE, id: `f${this.#ids}`, with: by.id, with_name: by.name, name, size, state: 'asking' }] });
  }

  decide(id: string, accept: boolean): null {
    if (!accept) return this.file(id, { state: 'declined' });
    this.file(id, { state: 'moving' });
    this.#later(() => {
      const size = this.now.transfers.find((one) => one.id === id)?.size ?? 0;
      this.#goesOn(id, 'moving', { state: 'done', moved: size, path: '/home/ada/Downloads/x' });
    });
    return null;
  }

  pause(id: string, paused: boolean): null {
    return this.file(id, { state: paused ? 'paused' : 'moving', paused_here: paused });
  }

  file(id: string, change: Partial<TransferView>): null {
    this.#set({ transfers: this.now.transfers.map((one) => (one.id === id ? { ...one, ...change } : one)) });
    return null;
  }

  /** What comes by itself a moment later, unless something was done with the file meanwhile: one that was cancelled stays so. */
  #goesOn(id: string, from: TransferView['state'], change: Partial<TransferView>): void {
    if (this.now.transfers.some((one) => one.id === id && one.state === from)) this.file(id, change);
  }

  hand(raised: boolean): null {
    this.#set({ hand_raised: raised });
    return null;
  }

  /** The other side answers after all. */
  answers(): void {
    this.silent = false;
    for (const one of this.now.messages) if (one.delivery === 'not_delivered') this.#became(one.id, 'delivered');
  }

  #became(id: string, delivery: Delivery): void {
    this.#set({ messages: this.now.messages.map((one) => (one.id === id ? { ...one, delivery } : one)) });
  }

  #message(own: boolean, text: string, at_ms: number, delivery: Delivery): MessageView {
    this.#ids += 1;
    return { id: `m${this.#ids}`, author: own ? null : GRACE.id, name: own ? '' : GRACE.name, text, at_ms, delivery };
  }

  #set(change: Partial<TalkView>): void {
    this.now = { ...this.now, ...change };
    this.#tell(this.now);
  }
}
