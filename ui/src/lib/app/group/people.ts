/** The list of people: oneself, raised hands in their order, then everybody by name; and finding somebody in it. Pure. */
import { language } from '../../text/language.svelte';

export interface Listed {
  readonly id: string;
  readonly name: string;
  /** The place of a raised hand; 0 where it has none; null while it is down. */
  readonly hand: number | null;
}

/** From so many on, with oneself, a list is searched rather than read. */
export const SEARCH_FROM = 8;

/** Those whose name holds what was typed, without regard to case and accents. */
export function found<Row extends Listed>(rows: readonly Row[], query: string): readonly Row[] {
  const wanted = plain(query.trim());
  return wanted ? rows.filter(({ name }) => plain(name).includes(wanted)) : rows;
}

/** Marks that lie on letters, once they are taken apart. */
const plain = (text: string): string => text.normalize('NFD').replace(/\p{Mn}/gu, '').toLocaleLowerCase();

/** In the order of the list. */
export function listed<Row extends Listed>(rows: readonly Row[]): readonly Row[] {
  const byName = new Intl.Collator(language.tag, { sensitivity: 'base', numeric: true });
  const place = ({ hand }: Row) => (hand === null ? Infinity : hand || Number.MAX_SAFE_INTEGER);
  return [...rows].sort((a, b) => (place(a) === place(b) ? byName.compare(a.name, b.name) : place(a) - place(b)));
}
