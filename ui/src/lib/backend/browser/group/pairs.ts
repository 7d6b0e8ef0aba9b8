/**
 * Connections between this side and some of the others in a group, for files alone: media of a group goes through the SFU, and files would
 * fill that for everybody. Decides when there is one; the driver has the connections. Pure. As `parley-call/src/session/pairs.rs`.
 *
 * One is made when something is to move with somebody (a file was accepted), or met when the other side makes it and there is something with
 * them; it ends a while after nothing is wanted any more, and when the two talk directly again. One that fails rests, then is tried again for
 * as long as it is wanted.
 */
import { PEOPLE_MAX } from '../limits';
import type { Missing } from '../missing';
import { RateLimit } from '../rate';
import { isPolite, type Roster } from '../roster';
import type { Participant, PeerMessage } from '../wire';

/** With whom a connection is of use: something is to move, or it may come to that. */
export interface FileWay {
  readonly participant: string;
  readonly wanted: boolean;
}

export interface PairsAround {
  /** Oneself in the room, while there is a group. */
  readonly me: Participant | null;
  /** Oneself in the room, whatever that is. */
  readonly own: string | null;
  readonly missing: Missing;
  /** A third one is there, and the server has not said yet that it is a group. */
  readonly unsettled: boolean;
  /** The server can be told things. */
  readonly joined: boolean;
  readonly roster: Roster;
  /** With whom everything flows directly. */
  readonly direct: string | null;
}

export interface PairsOut {
  /** A connection is made, or met. Those of two count up. */
  openPair(me: Participant, other: Participant, polite: boolean, number: number, made: boolean): void;
  /** Gives the last number that it had. */
  closePair(id: string): number;
  pairSaid(id: string, about: PeerMessage): void;
  pairReachable(id: string, reachable: boolean): void;
  pairUp(id: string): boolean;
}

interface Pair {
  readonly me: string;
  readonly messages: RateLimit;
  /** This side made it, rather than met it. */
  readonly made: boolean;
  wantedLastMs: number;
}

/** Connections that this side makes at once; more wait for their turn. */
const MADE_MAX = 4;
/** Connections there are at once, with those that others make: so two who wait for each other's turn find one. */
const PAIRS_MAX = 8;
/** So many of those are not for connections that others make: this side's own wishes find room whatever they do. */
const OWN_MIN = 2;
/** One person's connections are met so often at once, then once in so much time. */
const MEETINGS = [4, 10_000] as const;
/** Messages about one: so many at once, then one in so much time. */
const MESSAGES = [100, 50] as const;
/** They are made one after the other, so that their candidates do not come faster than a server takes messages. */
const MADE_EVERY_MS = 250;
/** One that nobody needs stays for so long: the last word on it may be on its way, and another file may follow. */
const LINGER_MS = 20_000;
/** One that failed is tried again after this, twice as long each time, and at most after that. */
const REST_FIRST_MS = 3000;
const REST_MAX_MS = 60_000;

export class Pairs {
  #ways: readonly FileWay[] = [];
  readonly #pairs = new Map<string, Pair>();
  readonly #rests = new Map<string, { untilMs: number; fails: number }>();
  readonly #numbers = new Map<string, number>();
  readonly #meetings = new Map<string, RateLimit>();
  #nextAtMs = -Infinity;
  readonly #out: PairsOut;

  constructor(out: PairsOut) {
    this.#out = out;
  }

  /** With whom there is something. */
  wish(nowMs: number, ways: readonly FileWay[]): void {
    for (const { participant } of ways.filter((way) => way.wanted && !this.#wants(way.participant))) {
      // Somebody asked for something: that is a reason to try at once.
      const rest = this.#rests.get(participant);
      if (rest) rest.untilMs = Math.min(rest.untilMs, nowMs + REST_FIRST_MS);
    }
    this.#ways = ways.slice(0, PEOPLE_MAX);
  }

  /** The other side says something about one. */
  onMessage(nowMs: number, around: PairsAround, id: string, about: PeerMessage): void {
    if (!this.#pairs.has(id) && !this.#meet(nowMs, around, id)) return;
    if (this.#pairs.get(id)?.messages.allow(nowMs)) this.#out.pairSaid(id, about);
  }

  /** One came to its end by itself. */
  onEnded(nowMs: number, id: string): void {
    if (!this.#pairs.has(id)) return;
    const fails = this.#rests.get(id)?.fails ?? 0;
    this.#rests.set(id, { untilMs: nowMs + Math.min(REST_MAX_MS, REST_FIRST_MS * 2 ** Math.min(8, fails)), fails: fails + 1 });
    this.#close(id);
  }

  /** Carries out what follows from what changed, and from time. */
  settle(nowMs: number, around: PairsAround): void {
    for (const [id, pair] of this.#pairs) {
      const up = this.#out.pairUp(id);
      if (up) this.#rests.delete(id);
      if (this.#wants(id)) pair.wantedLastMs = nowMs;
      const stays = mayBe(around, id) || (up && mayBeAgain(around, id));
      if (!stays || around.own !== pair.me || nowMs >= pair.wantedLastMs + LINGER_MS) this.#close(id);
    }
    for (const id of this.#rests.keys()) if (!this.#knows(id)) this.#rests.delete(id);
    for (const of of [this.#numbers, this.#meetings]) for (const id of of.keys()) if (!around.roster.has(id) && !around.missing.has(id)) of.delete(id);
    for (const { participant: id } of this.#ways.filter(({ wanted }) => wanted)) {
      const made = [...this.#pairs.values()].filter((pair) => pair.made).length;
      const rests = nowMs < (this.#rests.get(id)?.untilMs ?? -Infinity);
      const room = made < MADE_MAX && this.#pairs.size < PAIRS_MAX;
      if (nowMs >= this.#nextAtMs && room && !rests && !this.#pairs.has(id) && this.#open(nowMs, around, id, true)) this.#nextAtMs = nowMs + MADE_EVERY_MS;
    }
    for (const id of this.#pairs.keys()) this.#out.pairReachable(id, isReachable(around, id));
  }

  #knows = (id: string): boolean => this.#ways.some((way) => way.participant === id);
  #wants = (id: string): boolean => this.#ways.some((way) => way.participant === id && way.wanted);

  /** Somebody makes one: it is met where there is something with them, and there is room, and not without end. */
  #meet(nowMs: number, around: PairsAround, id: string): boolean {
    const met = [...this.#pairs.values()].filter((pair) => !pair.made).length;
    const room = this.#pairs.size < PAIRS_MAX && met < PAIRS_MAX - OWN_MIN;
    if (!this.#knows(id) || !room || !mayBe(around, id) || !isReachable(around, id)) return false;
    const meetings = this.#meetings.get(id) ?? new RateLimit(...MEETINGS);
    this.#meetings.set(id, meetings);
    return meetings.allow(nowMs) && this.#open(nowMs, around, id, false);
  }

  /** Tells whether there is one now. */
  #open(nowMs: number, around: PairsAround, id: string, made: boolean): boolean {
    const { me } = around;
    const other = around.roster.get(id);
    if (!me || !other || !mayBe(around, id) || !isReachable(around, id)) return false;
    this.#pairs.set(id, { me: me.id, messages: new RateLimit(...MESSAGES), made, wantedLastMs: nowMs });
    this.#out.openPair(me, other, isPolite(me, other), (this.#numbers.get(id) ?? 0) + 1, made);
    return true;
  }

  #close(id: string): void {
    if (this.#pairs.delete(id)) this.#numbers.set(id, this.#out.closePair(id));
  }
}

/** Whether there may be one to them. */
const mayBe = ({ me, direct, roster }: PairsAround, id: string): boolean => me !== null && me.id !== id && direct !== id && roster.has(id);

/** Whether there soon may be one again: a server that began anew knows neither everybody at once nor that they are a group, and what works goes on. */
const mayBeAgain = ({ missing, unsettled, roster, direct }: PairsAround, id: string): boolean => direct !== id && (missing.has(id) || (unsettled && roster.has(id)));

const isReachable = ({ joined, roster }: PairsAround, id: string): boolean => joined && roster.get(id)?.away === false;
