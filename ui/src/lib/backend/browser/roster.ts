/**
 * Everybody else in the room, as the server says, in the order in which they came. Kept in calls of two as well, where it decides
 * nothing. Pure. As `parley-call/src/session/roster.rs`.
 */
import { PEOPLE_MAX } from './limits';
import type { Participant, Role } from './wire';

/** Which of two yields where both act at once: whoever came later. Orders of two never are the same; if they were, the ids would still agree on who is who. */
export const isPolite = (me: Participant, other: Participant): boolean => me.order > other.order || (me.order === other.order && me.id > other.id);

export class Roster {
  everybody: readonly Participant[] = [];

  /** These are there, and nobody else. Gives who is gone. */
  reset(others: readonly Participant[]): readonly string[] {
    const before = this.ids;
    this.everybody = others.slice(0, PEOPLE_MAX).sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
    return before.filter((id) => !this.has(id));
  }

  add(newcomer: Participant): void {
    const others = this.everybody.filter(({ id }) => id !== newcomer.id);
    if (others.length < PEOPLE_MAX) this.everybody = [...others, newcomer];
  }

  remove(gone: string): void {
    this.everybody = this.everybody.filter(({ id }) => id !== gone);
  }

  setAway = (who: string, away: boolean): void => this.#change(who, { away });
  setListens = (who: string, listens: boolean): void => this.#change(who, { listens });
  setRole = (who: string, role: Role): void => this.#change(who, { role });

  get ids(): readonly string[] {
    return this.everybody.map(({ id }) => id);
  }

  get present(): number {
    return this.everybody.filter(({ away }) => !away).length;
  }

  get = (who: string): Participant | undefined => this.everybody.find(({ id }) => id === who);
  has = (who: string): boolean => this.get(who) !== undefined;

  #change(who: string, change: Partial<Participant>): void {
    this.everybody = this.everybody.map((one) => (one.id === who ? { ...one, ...change } : one));
  }
}
