/**
 * The way to the server, decided without a socket: a ticket, joining, coming back with the resume token, back-off. Whoever drives it
 * hands over what happened and the time, and does what comes out: `connect`, `send`, `disconnect`.
 */
import { Backoff } from './backoff';
import type { Link } from './link';
import { readServerAll } from './reader';
import { VERSION, type ComesToListen, type FilesWord, type GroupWord, type HostWord, type IceServerWord, type Participant, type PeerMessage, type ServerMessage } from './wire';

export interface SignalingOut {
  connect(): void;
  send(message: object): void;
  disconnect(): void;
  joined(you: string, participants: readonly Participant[], iceServers: readonly IceServerWord[]): void;
  /** Something happened in the room. */
  room(message: ServerMessage): void;
  /** The connection to the server went, after it had been joined. */
  lost(): void;
  /** The server said no, and asking again would not help; {@link Signaling.askAgainLater} does so all the same. */
  refused(code: string): void;
  /** A host put this participant out, or ended the call for everybody. */
  putOut(code: string): void;
  /** What answers there speaks another language. */
  notParley(): void;
}

/** What keeps somebody out who wants to come in. */
export type Entrance = 'free' | 'password_needed' | 'password_wrong' | 'lobby';

type Stage = 'down' | 'connecting' | 'asking' | 'ticketed' | 'entering' | 'lobby' | 'joined' | 'over' | 'taken-over';

const ANSWER_MAX_MS = 10_000;
const PING_EVERY_MS = 8_000;
/** After a ping, silence for so long means that the connection is dead. */
const PONG_MAX_MS = 10_000;
/** A connection that stood for so long was a good one: the next loss starts with short delays again. */
const GOOD_AFTER_MS = 5000;
/** How long an own former self may still hold a place in the room. */
const FORMER_SELF_MAX_MS = 75_000;
/** While somebody looks for a password, their ticket is renewed so often. */
const TICKET_KEPT_MS = 300_000;
const KEPT_PLACE_EVERY_MS = 2_000;
const TICKET_REFUSALS_MAX = 3;
/** As on the wire (docs/protocol.md, "Limits"). */
const MESSAGE_CHARS_MAX = 128 * 1024;
/** RFC 6455, section 7.4.2: the same participant came in by another connection (docs/protocol.md). */
const CLOSED_REPLACED = 4004;

export class Signaling {
  #stage: Stage = 'down';
  /** When something is due in this stage. */
  #dueAt = 0;
  #since = 0;
  #pingedAt = 0;
  #heardAt = 0;
  #name: string | null = null;
  #ticket: string | null = null;
  #token: string | null = null;
  #password: string | null = null;
  /** The room asks for a (better) password before it makes sense to try again. */
  #wants: 'password_needed' | 'password_wrong' | null = null;
  #formerSelfUntil = 0;
  #resuming = false;
  #ticketRefusals = 0;
  #answered = false;
  #comesToListen: ComesToListen | null = null;
  #downSince: number | null = 0;
  readonly #backoff = new Backoff();
  readonly #room: string;
  readonly #invitation: string | null;
  readonly #out: SignalingOut;
  readonly #random: () => number;

  constructor(link: Pick<Link, 'room' | 'invitation'>, out: SignalingOut, random: () => number) {
    this.#room = link.room;
    this.#invitation = link.invitation;
    this.#out = out;
    this.#random = random;
  }

  get joined(): boolean {
    return this.#stage === 'joined';
  }

  get takenOver(): boolean {
    return this.#stage === 'taken-over';
  }

  /** Since when the server has not answered; null while it does. */
  get downSince(): number | null {
    return this.#downSince;
  }

  /** Why whoever comes in now would only listen, as the server said with the ticket; null once in. */
  get comesToListen(): ComesToListen | null {
    return this.#token === null ? this.#comesToListen : null;
  }

  get entrance(): Entrance {
    if (this.#stage === 'lobby') return 'lobby';
    return (this.#name !== null && this.#wants) || 'free';
  }

  start(nowMs: number): void {
    this.#downSince = nowMs;
    this.#connect(nowMs);
  }

  /** Goes into the room, as soon as there is a ticket. */
  enter(nowMs: number, name: string): void {
    this.#name = name;
    this.#joinIfPossible(nowMs);
  }

  /** The person knows the password, or believes so. */
  tryPassword(nowMs: number, password: string): void {
    this.#password = password;
    this.#wants = null;
    this.#joinIfPossible(nowMs);
  }

  /** Says something in the room; told nobody while not in there. */
  say(message: HostWord | GroupWord | { type: 'signal'; to: string; payload: PeerMessage | FilesWord }): void {
    if (this.#stage === 'joined') this.#out.send(message);
  }

  /** Leaves for good. */
  leave(): void {
    if (this.#stage === 'joined' || this.#stage === 'entering' || this.#stage === 'lobby') this.#out.send({ type: 'leave' });
    this.#stage = 'over';
    this.#out.disconnect();
  }

  /** A refusal is not the end, because media flows. */
  askAgainLater(nowMs: number): void {
    if (this.#stage !== 'taken-over') this.#drop(nowMs);
  }

  onOpen(nowMs: number): void {
    if (this.#stage !== 'connecting') return;
    this.#heardAt = this.#pingedAt = nowMs;
    // Before anything else: whoever does not say it is taken for one who knows rooms of two only.
    this.#out.send({ type: 'groups', listens: true, several: true });
    if (this.#token && this.#name !== null) {
      this.#resuming = true;
      this.#go(nowMs, 'entering', nowMs + ANSWER_MAX_MS);
      this.#out.send({ type: 'resume', version: VERSION, token: this.#token, name: this.#name });
    } else this.#askTicket(nowMs);
  }

  onClosed(nowMs: number, code?: number): void {
    if (this.#stage === 'over' || this.#stage === 'taken-over') return;
    if (code === CLOSED_REPLACED) return this.#standAside();
    this.#fall(nowMs);
  }

  onText(nowMs: number, text: string): void {
    this.#heardAt = nowMs;
    const messages = text.length > MESSAGE_CHARS_MAX ? null : readServerAll(text);
    if (messages === null && !this.#answered) this.#out.notParley();
    if (messages !== null) this.#answered = true;
    for (const message of messages ?? []) if (message !== 'other') this.#onMessage(nowMs, message);
  }

  #onMessage(nowMs: number, message: ServerMessage): void {
    switch (message.type) {
      case 'ticket':
        return this.#onTicket(nowMs, message);
      case 'joined':
        if ((this.#stage !== 'entering' && this.#stage !== 'lobby') || message.room !== this.#room) return;
        this.#token = message.resume_token;
        this.#ticketRefusals = this.#formerSelfUntil = 0;
        this.#downSince = null;
        this.#go(nowMs, 'joined', Infinity);
        return this.#out.joined(message.you, message.participants, message.ice_servers);
      case 'waiting':
        if (this.#stage !== 'entering') return;
        this.#downSince = null;
        return this.#go(nowMs, 'lobby', Infinity);
      case 'resume_token':
        this.#token = message.resume_token;
        return;
      case 'error':
        return this.#onError(nowMs, message);
      case 'pong':
      case 'going_away':
        return;
      default:
        if (this.#stage === 'joined') this.#out.room(message);
    }
  }

  onTick(nowMs: number): void {
    const open = this.#stage !== 'down' && this.#stage !== 'connecting' && this.#stage !== 'over' && this.#stage !== 'taken-over';
    // Measured from a ping that went unanswered: browsers let the clocks of hidden pages tick once a minute.
    if (open && this.#heardAt < this.#pingedAt && nowMs >= this.#pingedAt + PONG_MAX_MS) return this.#drop(nowMs);
    if (open && this.#heardAt >= this.#pingedAt && nowMs >= this.#pingedAt + PING_EVERY_MS) {
      this.#pingedAt = nowMs;
      this.#out.send({ type: 'ping', nonce: 1 });
    }
    if (nowMs < this.#dueAt) return;
    if (this.#stage === 'down') this.#connect(nowMs);
    else if (this.#stage === 'ticketed') this.#askTicket(nowMs);
    else if (this.#stage === 'connecting' || this.#stage === 'asking' || this.#stage === 'entering') this.#drop(nowMs);
  }

  #onTicket(nowMs: number, { room, ticket, expires_in_s, listens }: Extract<ServerMessage, { type: 'ticket' }>): void {
    if (this.#stage !== 'asking' || room !== this.#room) return;
    this.#comesToListen = listens;
    this.#ticket = ticket;
    this.#downSince = null;
    // Nine tenths of its life, so that it is never used in its last moment.
    this.#go(nowMs, 'ticketed', nowMs + expires_in_s * 900);
    this.#joinIfPossible(nowMs);
  }

  #onError(nowMs: number, message: Extract<ServerMessage, { type: 'error' }>): void {
    const { code, fatal } = message;
    if (code === 'replaced') return this.#standAside();
    if (this.#stage === 'joined') {
      if (code !== 'removed' && code !== 'ended') return this.#out.room(message);
      // A host's word ends the stay, whether media flows or not.
      this.#stage = 'over';
      this.#out.disconnect();
      return this.#out.putOut(code);
    }
    if (this.#stage === 'ticketed' || this.#stage === 'over' || this.#stage === 'down') return;
    if (this.#stage === 'entering' && !this.#resuming && (code === 'password_needed' || code === 'password_wrong')) return this.#askPassword(nowMs, code);
    if (code === 'unavailable' || code === 'too_fast') return this.#drop(nowMs);
    if (code === 'place_kept' && !this.#resuming) {
      this.#out.disconnect();
      return this.#fall(nowMs, nowMs + KEPT_PLACE_EVERY_MS);
    }
    if (code === 'room_full' && nowMs < this.#formerSelfUntil) return this.#drop(nowMs);
    const again = this.#resuming || ((code === 'ticket_expired' || code === 'ticket_invalid') && this.#ticketRefusals < TICKET_REFUSALS_MAX);
    if (!again) {
      this.#stage = 'over';
      this.#out.disconnect();
      return this.#out.refused(code);
    }
    if (!this.#resuming) this.#ticketRefusals += 1;
    else this.#formerSelfUntil = nowMs + FORMER_SELF_MAX_MS;
    this.#token = null;
    if (fatal) {
      this.#out.disconnect();
      this.#fall(nowMs, nowMs);
    } else this.#askTicket(nowMs);
  }

  #connect(nowMs: number): void {
    this.#go(nowMs, 'connecting', nowMs + ANSWER_MAX_MS);
    this.#out.connect();
  }

  #askTicket(nowMs: number): void {
    this.#resuming = false;
    this.#go(nowMs, 'asking', nowMs + ANSWER_MAX_MS);
    this.#out.send({ type: 'request_ticket', version: VERSION, room: this.#room, ...(this.#invitation === null ? {} : { invitation: this.#invitation }) });
  }

  #joinIfPossible(nowMs: number): void {
    if (this.#stage !== 'ticketed' || this.#name === null || this.#wants) return;
    this.#go(nowMs, 'entering', nowMs + ANSWER_MAX_MS);
    const password = this.#password === null ? {} : { password: this.#password };
    this.#out.send({ type: 'join', version: VERSION, ticket: this.#ticket, name: this.#name, ...password, waits: true });
  }

  /** The person must say a password; the ticket is still good. */
  #askPassword(nowMs: number, wants: 'password_needed' | 'password_wrong'): void {
    this.#downSince = null;
    this.#password = null;
    this.#wants = wants;
    this.#go(nowMs, 'ticketed', nowMs + TICKET_KEPT_MS);
  }

  /** Leaves the place to whoever took it: coming back would only throw that one out in turn. */
  #standAside(): void {
    this.#stage = 'taken-over';
    this.#out.disconnect();
    this.#out.lost();
  }

  #drop(nowMs: number): void {
    this.#out.disconnect();
    this.#fall(nowMs);
  }

  #fall(nowMs: number, retryAt?: number): void {
    const was = this.#stage;
    const stood = was === 'joined' || was === 'ticketed' || was === 'lobby';
    if (stood && nowMs - this.#since >= GOOD_AFTER_MS) this.#backoff.reset();
    // Whether the server let us in nobody knows: somebody with our name may sit there for a while.
    if (was === 'entering') this.#formerSelfUntil = nowMs + FORMER_SELF_MAX_MS;
    this.#downSince ??= nowMs;
    this.#resuming = false;
    this.#go(nowMs, 'down', retryAt ?? nowMs + this.#backoff.next(this.#random()));
    if (was === 'joined') this.#out.lost();
  }

  #go(nowMs: number, stage: Stage, dueAt: number): void {
    this.#stage = stage;
    this.#since = nowMs;
    this.#dueAt = dueAt;
  }
}
