/**
 * The connection to the SFU, decided without one: when it is made, negotiated, made anew, and whether it stands. Pure. As
 * `parley-call/src/session/group/connection.rs`.
 *
 * The client always offers and the server answers; the next offer waits for the answer to the last. What goes wrong is followed by a
 * fresh connection under a larger number: at once the first time, then after 1, 2 and 4 s. The one before carries media until the fresh
 * one stands.
 */
import type { Phase } from '../link-state';
import type { Publish } from '../wire';
import type { Section } from './wishes';

export interface SfuLinkOut {
  /** A fresh connection beside the one there is, until it stands. */
  open(number: number): void;
  makeOffer(): void;
  setAnswer(sdp: string): void;
  close(): void;
}

type Stage = 'closed' | 'making' | 'made' | 'offered' | 'answered' | 'stable';

/** An offer that is not made, not answered, or whose answer is not set by then comes to nothing. */
const STEP_MAX_MS = 5000;
/** A connection that does not stand so long after its answer never will. */
const CONNECT_MAX_MS = 8000;
/** Nothing came for a while; it may come back by itself for so long. */
const DISCONNECTED_MAX_MS = 2000;
/** A connection that stood for so long was a good one: the next is made at once again. */
const GOOD_AFTER_MS = 5000;

export class SfuLink {
  /** What is sent in which section, and what is received where: as offered last. */
  publish: readonly Publish[] = [];
  receive: readonly Section[] = [];
  #stage: Stage = 'closed';
  /** When the stage comes to nothing. */
  #until = Infinity;
  #offer = '';
  /** Of the newest one; counts up through the whole call. */
  #number = 0;
  /** The one that carries media. */
  #standing: number | null = null;
  #standsSince = 0;
  /** Since when the newest, which stood, says nothing. */
  #silentSince: number | null = null;
  #failures = 0;
  /** When the next is made. */
  #retryAt: number | null = null;
  /** Another offer is to be made, once the last is answered. */
  #again = false;
  #opened = false;
  readonly #out: SfuLinkOut;

  constructor(out: SfuLinkOut) {
    this.#out = out;
  }

  /** Whether media can come over it. */
  get up(): boolean {
    return this.#standing !== null;
  }

  /** Whether there is one, or is to be one. */
  get wanted(): boolean {
    return this.#opened || this.#retryAt !== null;
  }

  /** Whether the newest one is negotiated, so that lists are about its sections. */
  get negotiated(): boolean {
    return this.#stage === 'stable';
  }

  want(nowMs: number): void {
    if (!this.wanted) this.#retryAt = nowMs;
  }

  /** A fresh one is made now: something may have been missed. The one there is carries media meanwhile. */
  renew(nowMs: number): void {
    this.#go('closed', Infinity);
    this.#failures = 0;
    this.#retryAt = nowMs;
  }

  /** None is wanted any more. */
  close(): void {
    if (this.#opened) this.#out.close();
    this.#go('closed', Infinity);
    this.publish = this.receive = [];
    this.#standing = this.#silentSince = this.#retryAt = null;
    this.#failures = 0;
    this.#again = this.#opened = false;
  }

  /** Makes a fresh one if that is due; tells whether it did. */
  openIfDue(nowMs: number): boolean {
    if (this.#retryAt === null || nowMs < this.#retryAt) return false;
    this.#number += 1;
    this.#retryAt = this.#silentSince = null;
    this.#again = false;
    this.#opened = true;
    this.#out.open(this.#number);
    this.#makeOffer(nowMs);
    return true;
  }

  /** The offer that is to be sent now. */
  takeOffer(nowMs: number): { connection: number; sdp: string } | null {
    if (this.#stage !== 'made') return null;
    this.#go('offered', nowMs + STEP_MAX_MS);
    return { connection: this.#number, sdp: this.#offer };
  }

  onAnswer(nowMs: number, connection: number, sdp: string): void {
    if (connection !== this.#number || this.#stage !== 'offered') return;
    this.#go('answered', nowMs + STEP_MAX_MS);
    this.#out.setAnswer(sdp);
  }

  /** The server says that a connection is over. Tells whether it was the newest. */
  onClosed(nowMs: number, connection: number, reason: string): boolean {
    if (this.#standing === connection) this.#standing = null;
    if (connection !== this.#number || this.#stage === 'closed') return false;
    // Whoever was refused is not let in a moment later.
    if (reason !== 'lost') this.#failures = Math.max(1, this.#failures);
    this.#fail(nowMs);
    return true;
  }

  /** The server has no SFU for this side now. */
  onUnavailable(nowMs: number): void {
    if (this.#stage === 'offered') this.#failLater(nowMs);
  }

  onLocalOffer(nowMs: number, connection: number, sdp: string, publish: readonly Publish[], receive: readonly Section[]): void {
    if (connection !== this.#number || this.#stage !== 'making') return;
    this.#offer = sdp;
    this.publish = publish;
    this.receive = receive;
    this.#go('made', nowMs + STEP_MAX_MS);
  }

  /** What is sent in the sections that were offered last is of other sizes now. */
  onPublished(connection: number, publish: readonly Publish[]): void {
    if (connection === this.#number && this.publish.length > 0) this.publish = publish;
  }

  /** Tells whether it was asked for. */
  onAnswerSet(nowMs: number, connection: number): boolean {
    if (connection !== this.#number || this.#stage !== 'answered') return false;
    this.#go('stable', this.#standing === this.#number ? Infinity : nowMs + CONNECT_MAX_MS);
    if (this.#again) this.#makeOffer(nowMs);
    this.#again = false;
    return true;
  }

  /** There is something to send that has no section. */
  needsOffer(nowMs: number, connection: number): void {
    if (connection !== this.#number) return;
    if (this.#stage === 'stable') this.#makeOffer(nowMs);
    // The offer that is being made has it.
    else if (this.#stage !== 'making' && this.#stage !== 'closed') this.#again = true;
  }

  /** An operation failed. */
  onFailed(nowMs: number, connection: number): void {
    if (connection === this.#number && this.#stage !== 'closed') this.#failLater(nowMs);
  }

  onPhase(nowMs: number, connection: number, phase: Phase): void {
    const newest = connection === this.#number && this.#stage !== 'closed';
    if (phase === 'connected') {
      if (newest) {
        this.#silentSince = null;
        if (this.#stage === 'stable') this.#until = Infinity;
      }
      if (newest || (this.#standing === null && connection <= this.#number)) {
        this.#standing = connection;
        this.#standsSince = nowMs;
      }
      return;
    }
    const stood = this.#standing === connection;
    if (stood) this.#standing = null;
    if (newest && phase === 'failed') this.#fail(nowMs);
    else if (newest && stood) this.#silentSince = nowMs;
  }

  onTick(nowMs: number): void {
    const silent = this.#silentSince !== null && nowMs >= this.#silentSince + DISCONNECTED_MAX_MS;
    if (nowMs >= this.#until || silent) this.#fail(nowMs);
    if (this.#standing !== null && nowMs >= this.#standsSince + GOOD_AFTER_MS) this.#failures = 0;
  }

  #makeOffer(nowMs: number): void {
    this.#go('making', nowMs + STEP_MAX_MS);
    this.#out.makeOffer();
  }

  #failLater(nowMs: number): void {
    this.#failures = Math.max(1, this.#failures);
    this.#fail(nowMs);
  }

  /** The newest comes to nothing: the next one is made, the later the more came to nothing before. */
  #fail(nowMs: number): void {
    const waitMs = this.#failures === 0 ? 0 : 1000 * 2 ** Math.min(2, this.#failures - 1);
    this.#failures += 1;
    this.#go('closed', Infinity);
    this.#silentSince = null;
    this.#retryAt = nowMs + waitMs;
  }

  #go(stage: Stage, until: number): void {
    this.#stage = stage;
    this.#until = until;
  }
}
