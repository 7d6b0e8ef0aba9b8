/**
 * What hosts are told of somebody's client that does what no good one does. The server limits, counts and puts out; here it is only kept to be
 * shown. Pure. As `parley-call/src/session/group/offences.rs`.
 */
import type { OffencesView } from '../../../bindings';
import { PEOPLE_MAX } from '../limits';

export class Offences {
  readonly #of = new Map<string, OffencesView>();

  /** The newest word about each person counts. */
  take(id: string, list: OffencesView['list'], kicks: number): void {
    if (this.#of.size >= PEOPLE_MAX && !this.#of.has(id)) return;
    const first = list.filter((one, at) => list.findIndex(({ what }) => what === one.what) === at);
    this.#of.set(id, { list: first, kicks });
  }

  forget(id: string): void {
    this.#of.delete(id);
  }

  clear(): void {
    this.#of.clear();
  }

  of = (id: string): OffencesView | null => this.#of.get(id) ?? null;
}
