/**
 * Who is in the room, decided without connections: who comes, is away, takes whose place, is gone, and how the door stands. As
 * `parley-call/src/session/stay`.
 */
import { RateLimit } from './rate';
import { isPolite } from './roster';
import type { DoorWord, Participant, PeerMessage, ServerMessage, WaitingPerson } from './wire';

export interface StayOut {
  /** A way to them takes the place of the one there is. */
  meet(me: Participant, other: Participant, polite: boolean): void;
  /** Whoever was there is nobody's any more, and nobody takes their place. */
  part(): void;
  said(message: PeerMessage): void;
  muteAsked(by: Participant): void;
  /** What the server said makes no sense: it is asked again. */
  askAgainLater(): void;
  end(why: 'other-left' | 'other-lost'): void;
}

/** How the way to the other person is. */
export interface Way {
  readonly connected: boolean;
  /** Media can flow, or could at some time. */
  readonly up: boolean;
  readonly wasUp: boolean;
}

/** Somebody who is gone may still come back as a fresh self for so long; who left hangs up at the same time. */
const GONE_MAX_MS = { left: 500, lost: 3000 };
const OPEN: DoorWord = { locked: false, lobby: false, password: false, listen_from: 0 };

export class Stay {
  me: Participant | null = null;
  /** The other person, while one is there. */
  other: Participant | null = null;
  door: DoorWord = OPEN;
  /** Who is in the lobby; told to hosts only. */
  waiting: readonly WaitingPerson[] = [];
  /** Somebody who would take the other's place, but media still goes on with the one who is there. */
  #successor: Participant | null = null;
  #gone: { atMs: number; reason: 'left' | 'lost' } | null = null;
  /** Who is at the two ends of the way there is. */
  #met: string | null = null;
  readonly #messages = new RateLimit(300, 20);
  readonly #out: StayOut;
  readonly #way: () => Way | null;

  constructor(way: () => Way | null, out: StayOut) {
    this.#way = way;
    this.#out = out;
  }

  /** Whether the other person can be told things through the server. */
  get reachable(): boolean {
    return this.other !== null && !this.other.away && this.#gone === null;
  }

  onJoined(nowMs: number, you: string, people: readonly Participant[]): void {
    const me = people.find(({ id }) => id === you);
    if (!me) return this.#out.askAgainLater();
    this.comeIn(me);
    this.meetOne(nowMs, people.filter(({ id }) => id !== you));
  }

  /** Is in the room. */
  comeIn(me: Participant): void {
    this.me = me;
    // What differs from an open door is told again.
    this.door = OPEN;
    this.waiting = [];
  }

  /** Meets one of these, who are there. */
  meetOne(nowMs: number, others: readonly Participant[]): void {
    const next = others.find(({ id }) => id === this.other?.id) ?? others.find(({ away }) => !away) ?? others[0];
    if (next) this.#meet(next);
    else if (this.other) this.#gone ??= { atMs: nowMs, reason: 'lost' };
  }

  /** The way there is ends, and nothing else. */
  drop(): void {
    this.other = this.#gone = this.#met = this.#successor = null;
    this.#out.part();
  }

  /** Of several people the server tells the same of whom the way leads to: it is not that which ends it. */
  agree(there: Participant | undefined): void {
    if (this.other) this.other = { ...this.other, away: there?.away ?? true };
    this.#gone = this.#successor = null;
  }

  onRoom(nowMs: number, message: ServerMessage): void {
    switch (message.type) {
      case 'participant_joined':
        return this.#onArrival(message.participant);
      case 'participant_away':
      case 'participant_back':
        return this.#setAway(message.id, message.type === 'participant_away');
      case 'participant_left':
        return this.#onLeft(nowMs, message.id, message.reason);
      case 'signal':
        if (message.from === this.other?.id && this.#messages.allow(nowMs)) this.#out.said(message.payload);
        return;
      case 'door':
        this.door = { locked: message.locked, lobby: message.lobby, password: message.password, listen_from: message.listen_from };
        return;
      case 'at_the_door':
        this.waiting = message.people;
        return;
      case 'role_changed': {
        const { id, role } = message;
        const changed = <T extends Participant | null>(one: T): T => (one?.id === id ? { ...one, role } : one);
        [this.me, this.other, this.#successor] = [changed(this.me), changed(this.other), changed(this.#successor)];
        if (this.me?.role !== 'host') this.waiting = [];
        return;
      }
      case 'listens_changed': {
        const { id, listens } = message;
        const changed = <T extends Participant | null>(one: T): T => (one?.id === id ? { ...one, listens } : one);
        [this.me, this.other, this.#successor] = [changed(this.me), changed(this.other), changed(this.#successor)];
        return;
      }
      case 'mute_asked':
        // Only from somebody who is there: it is shown who asked.
        if (this.other?.id === message.by) this.#out.muteAsked(this.other);
        return;
      case 'error':
        if (message.code === 'recipient_away' && this.other) this.#setAway(this.other.id, true);
    }
  }

  onTick(nowMs: number): void {
    const way = this.#way();
    if (way?.up) return;
    const successor = this.#successor;
    if (successor) return this.#meet(successor);
    if (!this.#gone || nowMs - this.#gone.atMs < GONE_MAX_MS[this.#gone.reason]) return;
    const { reason } = this.#gone;
    // Who was never really here is no end of a call: somebody else may come.
    if (reason === 'lost' && !way?.wasUp) this.#part();
    else this.#out.end(reason === 'left' ? 'other-left' : 'other-lost');
  }

  #onArrival(newcomer: Participant): void {
    const way = this.#way();
    const placeTaken = this.other !== null && this.other.id !== newcomer.id && !this.other.away && way !== null && way.connected && !way.up;
    if (newcomer.id !== this.me?.id && !placeTaken) this.#meet(newcomer);
  }

  #onLeft(nowMs: number, id: string, reason: 'left' | 'lost' | 'removed'): void {
    if (this.#successor?.id === id) this.#successor = null;
    if (this.other?.id !== id) return;
    // A host put them out: whatever still comes from there is nobody's any more.
    if (reason === 'removed') this.#part();
    else this.#gone = { atMs: nowMs, reason };
  }

  #setAway(id: string, away: boolean): void {
    if (this.other?.id === id) this.other = { ...this.other, away };
    if (this.#successor?.id === id) this.#successor = { ...this.#successor, away };
  }

  #meet(other: Participant): void {
    const { me } = this;
    if (!me) return;
    const polite = isPolite(me, other);
    const met = `${me.id} ${other.id} ${polite}`;
    if (met !== this.#met && this.#way()?.up && this.other) {
      // Who is in the room is the server's word; who is at the other end was proven.
      this.other = { ...this.other, away: true };
      this.#successor = other;
      return;
    }
    this.#gone = this.#successor = null;
    this.other = other;
    if (met === this.#met) return;
    this.#met = met;
    this.#out.meet(me, other, polite);
  }

  #part(): void {
    this.other = this.#gone = this.#met = null;
    const successor = this.#successor;
    this.#successor = null;
    this.#out.part();
    if (successor) this.#meet(successor);
  }
}
