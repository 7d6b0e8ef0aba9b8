/** What the server says of how media flows in the room, and who is ready for it. Pure. As `parley-call/src/session/group/topology.rs`. */
import { PEOPLE_MAX } from '../limits';

export type Mode = 'direct' | 'sfu';

export class Topology {
  mode: Mode = 'direct';
  /** Of the last word of the server; 0 in a room that was never a group. */
  #number = 0;
  #ready = new Set<string>();
  #said = false;

  /** Tells whether that counts: only the largest number does. */
  take(mode: Mode, number: number, ready: readonly string[]): boolean {
    if (number === 0 || number < this.#number) return false;
    this.mode = mode;
    this.#number = number;
    this.#ready = new Set(ready.slice(0, PEOPLE_MAX));
    // Said once more where it was said before: a server that was away may not know.
    this.#said = false;
    return true;
  }

  onReady(id: string, number: number): void {
    if (number === this.#number && this.#ready.size < PEOPLE_MAX) this.#ready.add(id);
  }

  forget(id: string): void {
    this.#ready.delete(id);
  }

  /** This side is ready: the number to say it with, once. */
  say(): number | null {
    if (this.#said || this.#number === 0) return null;
    this.#said = true;
    return this.#number;
  }

  /** Whether this side and that one are. */
  areReady = (other: string): boolean => this.#said && this.#ready.has(other);
}
