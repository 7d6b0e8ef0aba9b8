/**
 * In which order people sit: as they came, so that nobody jumps; only who speaks on a later page changes places with who was silent
 * longest on the first. Pure.
 */

/** The seats after people came or went: who is there keeps theirs. */
export function seated(before: readonly string[], there: readonly string[]): readonly string[] {
  const stay = before.filter((id) => there.includes(id));
  const came = there.filter((id) => !before.includes(id));
  return came.length || stay.length < before.length ? [...stay, ...came] : before;
}

/** The seats with this speaker among the first `front`. */
export function broughtForward(seats: readonly string[], speaker: string, front: number, keeps: (id: string) => boolean, heardMs: ReadonlyMap<string, number>): readonly string[] {
  const from = seats.indexOf(speaker);
  if (from < front) return seats;
  const when = (id: string) => heardMs.get(id) ?? -Infinity;
  // Of those equally silent the last goes.
  const yields = seats.slice(0, front).filter((id) => !keeps(id)).reduceRight<string | null>((most, id) => (most === null || when(id) < when(most) ? id : most), null);
  if (yields === null) return seats;
  return seats.map((id) => (id === speaker ? yields : id === yields ? speaker : id));
}

/** The tiles in order: screens, people, and oneself last of the first page, unless one only listens. */
export function inOrder<Tile>(screens: readonly Tile[], people: readonly Tile[], self: Tile | null, front: number): readonly Tile[] {
  const others = [...screens, ...people];
  if (self === null) return others;
  const at = Math.max(0, Math.min(front - 1, others.length));
  return [...others.slice(0, at), self, ...others.slice(at)];
}
