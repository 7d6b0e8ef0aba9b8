/**
 * Whom a host put large for everybody: what this side said, what it heard, and what of that counts. Pure. As
 * `parley-call/src/session/group/spotlight.rs`.
 *
 * A host says it to everybody on every change, and to a newcomer by itself, as a raised hand. What was said or heard last counts, as long as
 * whoever said it is a host by the server's word, and whoever is meant is there.
 */
import { PEOPLE_MAX } from '../limits';
import type { Roster } from '../roster';
import type { Participant, SpotlightWord } from '../wire';
import { Newcomers } from './newcomers';

export interface Spotlight {
  readonly participant: string;
  /** Their screen, and not their picture. */
  readonly screen: boolean;
}

const SCREEN = 'screen:';

/** A tile as the window calls it. */
export const spotlightOf = (tile: string): Spotlight => (tile.startsWith(SCREEN) ? { participant: tile.slice(SCREEN.length), screen: true } : { participant: tile, screen: false });
export const tileOf = ({ participant, screen }: Spotlight): string => (screen ? `${SCREEN}${participant}` : participant);

export class Spotlights {
  /** What this side says, if it was the last to say something. */
  #own: Spotlight | null = null;
  /** What everybody was told who was there then. */
  #told: Spotlight | null = null;
  /** What another host said is taken back, and nobody was told yet. */
  #takesBack = false;
  /** Those who have to be told by themselves. */
  readonly #newcomers = new Set<string>();
  /** How they are told. */
  readonly #pace = new Newcomers();
  /** What another host says, if they were the last. */
  #heard: { by: string; target: Spotlight } | null = null;

  /** This side, a host, wants this. */
  put(target: Spotlight | null): void {
    // Taking back what another host said has to be heard, too.
    this.#takesBack = this.#heard !== null && target === null;
    this.#heard = null;
    this.#own = target;
  }

  /** Somebody says something. Tells whether they may. */
  hear(from: string, { participant, screen = false }: SpotlightWord, roster: Roster): boolean {
    if (roster.get(from)?.role !== 'host') return false;
    this.#own = this.#told = null;
    this.#takesBack = false;
    this.#newcomers.clear();
    this.#heard = participant === undefined ? null : { by: from, target: { participant, screen } };
    return true;
  }

  /** Somebody is there who may have missed what was said. */
  welcome(id: string): void {
    if (this.#newcomers.size < PEOPLE_MAX) this.#newcomers.add(id);
  }

  /**
   * Somebody is not there any more. What they said, and what was said of them, is kept and does not count: a server that began anew names
   * everybody again under the same ids, one after the other.
   */
  forget(id: string): void {
    this.#newcomers.delete(id);
  }

  /** What counts now. */
  shown(me: Participant | null, roster: Roster): Spotlight | null {
    const own = me?.role === 'host' ? this.#own : null;
    const heard = this.#heard && roster.get(this.#heard.by)?.role === 'host' ? this.#heard.target : null;
    const target = own ?? heard;
    return target && (me?.id === target.participant || roster.has(target.participant)) ? target : null;
  }

  /** The next thing to be said now, and to whom (null: to everybody); it counts as said. */
  nextWord(nowMs: number): { to: string | null; message: SpotlightWord } | null {
    if (this.#takesBack || !same(this.#own, this.#told)) {
      this.#takesBack = false;
      this.#told = this.#own;
      this.#newcomers.clear();
      return { to: null, message: word(this.#own) };
    }
    const [newcomer] = this.#newcomers;
    if (!this.#own || newcomer === undefined || !this.#pace.take(nowMs)) return null;
    if (Newcomers.areMany(this.#newcomers.size)) {
      this.#newcomers.clear();
      return { to: null, message: word(this.#own) };
    }
    this.#newcomers.delete(newcomer);
    return { to: newcomer, message: word(this.#own) };
  }
}

const same = (one: Spotlight | null, other: Spotlight | null): boolean => one?.participant === other?.participant && one?.screen === other?.screen;
const word = (target: Spotlight | null): SpotlightWord => ({ type: 'spotlight', ...(target ? { participant: target.participant, ...(target.screen ? { screen: true } : {}) } : {}) });
