/**
 * To whom files are offered: of two the other one, also before they came (nobody); of a group, whoever can take them. Those who were chosen and
 * nobody else, also where only one is left: whoever was chosen may have gone while the file was. Null where nobody gets any. Pure. As
 * `parley-app/src/engine/files.rs`.
 */
import type { PersonView } from '../../../bindings';

/** `isGroup`: there are listeners beside them, or it is a group: then only who says so takes any. */
export function offeredTo(people: readonly Pick<PersonView, 'id' | 'takes_files'>[], to: readonly string[], isGroup: boolean): readonly string[] | null {
  if (!people.length && !to.length && !isGroup) return [];
  const chosen = people.filter(({ id }) => !to.length || to.includes(id));
  const takers = chosen.filter((one) => (people.length === 1 && !isGroup) || one.takes_files);
  return takers.length ? takers.map(({ id }) => id) : null;
}
