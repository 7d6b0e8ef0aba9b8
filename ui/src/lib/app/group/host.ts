/** What hosts do and are told in a group: who is large for everybody, and whose app misbehaves. Pure. */
import type { AppState, CallView, OffencesView } from '../../bindings';
import { t } from '../../text';
import { namedBy } from '../../tile-name';
import { SELF } from './speaking';

/** The tile that a host put large, as tiles are called here. */
export function litOf(call: CallView | null): string | null {
  const tile = call?.spotlight ?? null;
  return tile !== null && tile === call?.me ? SELF : tile;
}

/** A tile as the engine calls it. */
export const tileOf = (key: string, call: CallView | null): string => (key === SELF ? (call?.me ?? key) : key);

/** What there is to tell after a step: who is large from now on, and whose app misbehaves for the first time. */
export function hostNews(before: AppState, next: AppState): readonly string[] {
  const [was, is] = [litOf(before.call), litOf(next.call)];
  const people = next.call?.people ?? [];
  const name = people.find(({ id }) => is !== null && namedBy(is).participant === id)?.name;
  const lit = was === is || is === null ? [] : is === SELF ? [t.group.spotlitYou] : name === undefined ? [] : [t.group.spotlitNews({ name: name || t.chat.nameless })];
  // Those who only listen do not send by mistake either.
  const misbehaving = (call: CallView | null) => [...(call?.people ?? []), ...(call?.listeners ?? [])].filter(({ offences }) => offences);
  const known = new Set(misbehaving(before.call).map(({ id }) => id));
  const first = misbehaving(next.call).filter(({ id }) => !known.has(id));
  return [...lit, ...first.map((one) => t.group.misbehavesNews({ name: one.name || t.chat.nameless }))];
}

/** In lines: what, and how often. */
export const offenceLines = ({ list, kicks }: OffencesView): readonly (readonly [string, number])[] => [
  ...list.map(({ what, count }) => [t.group.offences[what], count] as const),
  ...(kicks ? [[t.group.offences.kicks, kicks] as const] : []),
];
