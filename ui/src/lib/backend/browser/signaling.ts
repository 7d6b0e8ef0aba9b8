/**
 * The way to the server, decided without a socket: a ticket, joining, coming back with the resume token, back-off. Whoever drives it
 * hands over what happened and the time, and does what comes out: `connect`, `send`, `disconnect`.
 */
import { Backoff } from './backoff';
import type { Link } from './link';
import { readTagged, VERSION, type IceServerWord, type Participant, type ServerMessage } from './wire';

export interface SignalingOut {
  connect(): void;
  send(message: object): void;
  disconnect(): void;
  joined(you: string, participants: readonly Participant[], iceServers: readonly IceServerWord[]): void;
  /** Something happened in the room. */
  room(message: ServerMessage): void;
  /** The connection to the server went, after it had been joined. */
  lost(): void;
  refused(code: string, message: string): void;
  /** What answers there speaks another language. */
  notParley(): void;
}

type Stage = 'down' | 'connecting' | 'asking' | 'ticketed' | 'entering' | 'joined' | 'over' | 'taken-over';

const ANSWER_MAX_MS = 10_000;
const PING_EVERY_MS = 8_000;
const SILENT_MAX_MS = 25_000;
const KEPT_PLACE_EVERY_MS = 2_000;
const TICKET_REFUSALS_MAX = 3;
const MESSAGE_CHARS_MAX = 64 * 1024;

export class Signaling {
  #stage: Stage = 'down';
  /** When something is due in this stage. */
  #dueAt = 0;
  #pingAt = 0;
  #heardAt = 0;
  #name: string | null = null;
  #ticket: string | null = null;
  #token: string | null = null;
  #resuming = false;
  #ticketRefusals = 0;
  #answered = false;
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

  start(nowMs: number): void {
    this.#downSince = nowMs;
    this.#connect(nowMs);
  }

  /** Goes into the room, as soon as there is a ticket. */
  enter(nowMs: number, name: string): void {
    this.#name = name;
    if (this.#stage === 'ticketed') this.#join(nowMs);
  }

  /** Leaves for good. */
  leave(): void {
    if (this.#stage === 'joined') this.#out.send({ type: 'leave' });
    this.#stage = 'over';
    this.#out.disconnect();
  }

  onOpen(nowMs: number): void {
    if (this.#stage !== 'connecting') return;
    this.#heardAt = nowMs;
    this.#pingAt = nowMs + PING_EVERY_MS;
    if (this.#token && this.#name !== null) {
      this.#resuming = true;
      this.#go('entering', nowMs + ANSWER_MAX_MS);
      this.#out.send({ type: 'resume', version: VERSION, token: this.#token, name: this.#name });
    } else this.#askTicket(nowMs);
  }

  onClosed(nowMs: number): void {
    if (this.#stage === 'over' || this.#stage === 'taken-over') return;
    this.#fall(nowMs, nowMs + this.#backoff.next(this.#random()));
  }

  onText(nowMs: number, text: string): void {
    this.#heardAt = nowMs;
    const message = text.length > MESSAGE_CHARS_MAX ? null : readTagged<ServerMessage>(text, 'type');
    if (!message) {
      if (!this.#answered) this.#out.notParley();
      return;
    }
    this.#answered = true;
    switch (message.type) {
      case 'ticket':
        return this.#onTicket(nowMs, message);
      case 'joined':
        if (this.#stage !== 'entering' || message.room !== this.#room) return;
        this.#token = message.resume_token;
        this.#ticketRefusals = 0;
        this.#reached();
        this.#go('joined', Infinity);
        return this.#out.joined(message.you, message.participants, message.ice_servers ?? []);
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
    if (open && nowMs >= this.#pingAt) {
      this.#pingAt = nowMs + PING_EVERY_MS;
      this.#out.send({ type: 'ping', nonce: 1 });
    }
    if (open && nowMs - this.#heardAt > SILENT_MAX_MS) return this.#drop(nowMs);
    if (nowMs < this.#dueAt) return;
    if (this.#stage === 'down') this.#connect(nowMs);
    else if (this.#stage === 'ticketed') this.#askTicket(nowMs);
    else if (this.#stage === 'connecting' || this.#stage === 'asking' || this.#stage === 'entering') this.#drop(nowMs);
  }

  #onTicket(nowMs: number, { room, ticket, expires_in_s }: { room: string; ticket: string; expires_in_s: number }): void {
    if (this.#stage !== 'asking' || room !== this.#room) return;
    this.#ticket = ticket;
    this.#reached();
    // Nine tenths of its life, so that it is never used in its last moment.
    this.#go('ticketed', nowMs + Math.max(10, expires_in_s) * 900);
    if (this.#name !== null) this.#join(nowMs);
  }

  #onError(nowMs: number, { code, message, fatal }: { code: string; message: string; fatal: boolean }): void {
    if (code === 'replaced') {
      this.#stage = 'taken-over';
      this.#out.disconnect();
      return this.#out.lost();
    }
    if (this.#stage === 'joined' || this.#stage === 'ticketed') return;
    if (code === 'unavailable' || code === 'too_fast') return this.#drop(nowMs);
    if (code === 'place_kept' && !this.#resuming) {
      this.#out.disconnect();
      return this.#fall(nowMs, nowMs + KEPT_PLACE_EVERY_MS);
    }
    const again = this.#resuming || ((code === 'ticket_expired' || code === 'ticket_invalid') && this.#ticketRefusals < TICKET_REFUSALS_MAX);
    if (!again) {
      this.#stage = 'over';
      this.#out.disconnect();
      return this.#out.refused(code, message);
    }
    if (!this.#resuming) this.#ticketRefusals += 1;
    this.#token = null;
    if (fatal) {
      this.#out.disconnect();
      this.#fall(nowMs, nowMs);
    } else this.#askTicket(nowMs);
  }

  #connect(nowMs: number): void {
    this.#go('connecting', nowMs + ANSWER_MAX_MS);
    this.#out.connect();
  }

  #askTicket(nowMs: number): void {
    this.#resuming = false;
    this.#go('asking', nowMs + ANSWER_MAX_MS);
    this.#out.send({ type: 'request_ticket', version: VERSION, room: this.#room, ...(this.#invitation === null ? {} : { invitation: this.#invitation }) });
  }

  #join(nowMs: number): void {
    this.#go('entering', nowMs + ANSWER_MAX_MS);
    this.#out.send({ type: 'join', version: VERSION, ticket: this.#ticket, name: this.#name });
    this.#ticket = null;
  }

  #drop(nowMs: number): void {
    this.#out.disconnect();
    this.#fall(nowMs, nowMs + this.#backoff.next(this.#random()));
  }

  #fall(nowMs: number, retryAt: number): void {
    const was = this.#stage;
    this.#downSince ??= nowMs;
    this.#resuming = false;
    this.#go('down', retryAt);
    if (was === 'joined') this.#out.lost();
  }

  #reached(): void {
    this.#downSince = null;
    this.#backoff.reset();
  }

  #go(stage: Stage, dueAt: number): void {
    this.#stage = stage;
    this.#dueAt = dueAt;
  }
}
