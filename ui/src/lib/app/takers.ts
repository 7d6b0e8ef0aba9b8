/** Who gets the files that are sent: between two the other one, in a group whoever can take them and was chosen. Pure. */
import type { AppState, PersonView } from '../bindings';
import { t } from '../text';
import { isGroup } from './group/members';
import { listed } from './group/people';

export interface Takers {
  /** Whom files could go to, by name. */
  readonly can: readonly PersonView[];
  /** How many of the others cannot take any. */
  readonly cannot: number;
  /** Those who get them; none of them: everybody who can. Nothing at all while nobody does. */
  readonly to: readonly string[] | null;
  /** Who that is, in words. */
  readonly says: string;
}

/** `chosen`: nothing while nobody chose. Who left since does not count, and who came since is not chosen. */
export function takersOf(state: AppState, chosen: ReadonlySet<string> | null): Takers {
  const people = state.call?.people ?? [];
  if (!isGroup(state)) return ofTwo(people, chosen);
  const can = byName(people.filter((one) => one.takes_files));
  const cannot = people.length - can.length;
  if (!can.length) return { can, cannot, to: null, says: t.files.nobodyCan };
  if (!chosen) return { can, cannot, to: [], says: t.files.takersAll({ count: can.length }) };
  const to = can.filter((one) => chosen.has(one.id)).map((one) => one.id);
  if (!to.length) return { can, cannot, to: null, says: t.files.chooseFirst };
  return { can, cannot, to, says: t.files.takersSome({ count: to.length }) };
}

/** Between two nobody chooses. Of a choice that was made among more only who is in it gets files: the other one is chosen anew. */
function ofTwo(people: readonly PersonView[], chosen: ReadonlySet<string> | null): Takers {
  if (!chosen) return { can: [], cannot: 0, to: [], says: '' };
  const to = people.map((one) => one.id).filter((id) => chosen.has(id));
  if (to.length) return { can: [], cannot: 0, to, says: '' };
  return { can: people, cannot: 0, to: null, says: people.length ? t.files.chooseFirst : t.files.nobodyCan };
}

/** The choice with one more, or one less. All of them is no choice: who comes then gets files too. */
export function toggled({ can, to }: Takers, id: string): ReadonlySet<string> | null {
  const before = to && !to.length ? can.map((one) => one.id) : (to ?? []);
  const now = before.includes(id) ? before.filter((one) => one !== id) : [...before, id];
  return now.length === can.length ? null : new Set(now);
}

const byName = (people: readonly PersonView[]): readonly PersonView[] => listed(people.map((one) => ({ ...one, hand: null })));
