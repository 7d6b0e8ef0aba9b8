/**
 * News of who came and who went, gathered: a room that fills is one sentence, not twenty. Pure: the time is an argument.
 */
import type { CallView } from '../../bindings';
import { t } from '../../text';

interface Somebody {
  readonly id: string;
  readonly name: string;
}

export interface Comings {
  readonly joined: readonly Somebody[];
  readonly left: readonly Somebody[];
  /** When it is to be told; nothing while there is nothing. */
  readonly dueMs: number | null;
  readonly toldMs: number;
}

/** How long news is gathered: people who come together come within a moment. */
export const GATHER_MS = 700;
/** How far apart sentences are at least. */
export const APART_MS = 4000;

/** Of more listeners than this nobody is told one by one who comes and goes: the list counts them. */
const LISTENERS_TOLD_MAX = 10;

/** Who was there and who is, as far as their coming and going is told. Who becomes a listener, or is let speak, stays. */
export function there(before: CallView | null, next: CallView | null): readonly [readonly Somebody[], readonly Somebody[]] {
  const [was, is] = [before, next].map((call) => ({ people: call?.people ?? [], listeners: call?.listeners ?? [] }));
  if (!was || !is) return [[], []];
  if (Math.max(was.listeners.length, is.listeners.length) <= LISTENERS_TOLD_MAX) return [[...was.people, ...was.listeners], [...is.people, ...is.listeners]];
  const none = (list: readonly Somebody[]) => {
    const ids = new Set(list.map(({ id }) => id));
    return ({ id }: Somebody) => !ids.has(id);
  };
  return [was.people.filter(none(is.listeners)), is.people.filter(none(was.listeners))];
}

export const NO_NEWS: Comings = { joined: [], left: [], dueMs: null, toldMs: -APART_MS };

/** The news after a step. Who was away only for the moment between was not away. */
export function gathered(news: Comings, was: readonly Somebody[], is: readonly Somebody[], nowMs: number): Comings {
  const has = (list: readonly Somebody[], { id }: Somebody) => list.some((one) => one.id === id);
  const came = is.filter((one) => !has(was, one));
  const went = was.filter((one) => !has(is, one));
  if (!came.length && !went.length) return news;
  const joined = [...news.joined.filter((one) => !has(went, one)), ...came.filter((one) => !has(news.left, one))];
  const left = [...news.left.filter((one) => !has(came, one)), ...went.filter((one) => !has(news.joined, one))];
  const any = joined.length + left.length > 0;
  return { ...news, joined, left, dueMs: any ? (news.dueMs ?? Math.max(nowMs + GATHER_MS, news.toldMs + APART_MS)) : null };
}

/** The sentences, and what is left to tell: nothing. */
export function told(news: Comings, nowMs: number): { readonly texts: readonly string[]; readonly news: Comings } {
  const texts = [sentence(news.joined, t.said.joined, t.said.joinedTwo, t.said.joinedMany), sentence(news.left, t.said.left, t.said.leftTwo, t.said.leftMany)];
  return { texts: texts.filter((text) => text !== null), news: { ...NO_NEWS, toldMs: nowMs } };
}

type One = (values: { name: string }) => string;
type Two = (values: { first: string; second: string }) => string;
type Many = (values: { count: number; name: string }) => string;

function sentence(people: readonly Somebody[], one: One, two: Two, many: Many): string | null {
  const [first, second] = people.map(({ name }) => name || t.chat.nameless);
  if (first === undefined) return null;
  if (second === undefined) return one({ name: first });
  return people.length === 2 ? two({ first, second }) : many({ name: first, count: people.length - 1 });
}
