/**
 * Perfect negotiation over one peer connection (W3C WebRTC 1.0, section 10.7), decided without one: inputs in, commands out, one
 * operation at a time. As `parley-call/src/session/negotiation.rs`.
 */
import { ufragsOf } from './sdp';

export type SdpType = 'offer' | 'answer';

export type PeerCommand =
  | { readonly do: 'make-offer'; readonly iceRestart: boolean }
  | { readonly do: 'make-answer' }
  | { readonly do: 'set-remote'; readonly type: SdpType; readonly sdp: string }
  | { readonly do: 'rollback'; /** No offer of theirs follows. */ readonly alone: boolean };

export interface NegotiationOut {
  peer(command: PeerCommand): void;
  say(type: SdpType, sdp: string): void;
}

type Operation = { readonly is: 'making-offer' | 'making-answer' } | { readonly is: 'setting-offer' | 'setting-answer'; readonly sdp: string };

const REPEAT_AFTER_MS = 2000;

export class Negotiation {
  /** The other side's description that is set. */
  remote: string | null = null;
  #offerOut = false;
  #operation: Operation | null = null;
  #held: string | null = null;
  #wanted: { iceRestart: boolean } | null = null;
  #local: { type: SdpType; sdp: string } | null = null;
  #answered: string | null = null;
  #saidAt: number | null = null;
  readonly #polite: boolean;
  readonly #out: NegotiationOut;

  constructor(polite: boolean, out: NegotiationOut) {
    this.#polite = polite;
    this.#out = out;
  }

  get untouched(): boolean {
    return !this.#local && !this.remote && !this.#operation && !this.#wanted;
  }

  get awaitsAnswer(): boolean {
    return this.#offerOut && !this.#operation;
  }

  hasAnswered = (offer: string): boolean => this.#answered === offer;

  /** When an offer without an answer is said again; either may have been lost. */
  get repeatAt(): number | null {
    return this.awaitsAnswer && this.#saidAt !== null ? this.#saidAt + REPEAT_AFTER_MS : null;
  }

  wantOffer(nowMs: number, iceRestart = false): void {
    this.#wanted = { iceRestart: iceRestart || (this.#wanted?.iceRestart ?? false) };
    this.#goOn(nowMs);
  }

  onOffer(nowMs: number, sdp: string): void {
    const operation = this.#operation;
    if (!operation && !this.#offerOut && this.hasAnswered(sdp)) return this.#sayLocal(nowMs);
    if (operation?.is === 'setting-offer' && operation.sdp === sdp) return;
    const ours = operation?.is === 'making-offer' || this.#offerOut;
    if (ours && operation?.is !== 'setting-answer' && !this.#polite) return;
    this.#held = sdp;
    this.#goOn(nowMs);
  }

  /** Takes an own offer back that has no answer and needs none any more. */
  takeBack(nowMs: number): void {
    if (!this.awaitsAnswer) return;
    this.#offerOut = false;
    this.#local = this.#saidAt = null;
    this.#out.peer({ do: 'rollback', alone: true });
    this.#goOn(nowMs);
  }

  onAnswer(sdp: string): void {
    if (this.awaitsAnswer) this.#setRemote('answer', sdp);
  }

  /** An own description was made and set. */
  onLocal(nowMs: number, type: SdpType, sdp: string): void {
    if (this.#operation?.is !== `making-${type}`) return;
    if (type === 'offer') this.#offerOut = true;
    this.#operation = null;
    this.#local = { type, sdp };
    if (this.#held === null || type === 'answer') this.#sayLocal(nowMs);
    this.#goOn(nowMs);
  }

  /** Theirs was set; gives it, for the candidates that waited. */
  onRemoteSet(nowMs: number): string | null {
    const operation = this.#operation;
    if (operation?.is === 'setting-offer') {
      this.remote = this.#answered = operation.sdp;
      this.#operation = { is: 'making-answer' };
      this.#out.peer({ do: 'make-answer' });
    } else if (operation?.is === 'setting-answer') {
      this.#operation = null;
      this.remote = operation.sdp;
      this.#offerOut = false;
      this.#goOn(nowMs);
    } else return null;
    return this.remote;
  }

  /** The operation failed; tells whether the connection is of no more use for negotiations. */
  onFailed(nowMs: number): boolean {
    const operation = this.#operation;
    this.#operation = null;
    if (operation?.is === 'setting-answer') {
      this.#offerOut = false;
      this.#out.peer({ do: 'rollback', alone: true });
    } else if (operation?.is === 'making-answer') {
      // Theirs is put back: while it stands open nothing can be offered, by nobody, and what they say again would pass for answered.
      this.#answered = null;
      this.#out.peer({ do: 'rollback', alone: true });
    }
    this.#goOn(nowMs);
    return operation?.is === 'making-offer' || operation?.is === 'making-answer';
  }

  /** Says again what may have been lost. */
  repeat(nowMs: number): void {
    const making = this.#operation?.is === 'making-offer' || this.#operation?.is === 'making-answer';
    if (!making && (this.#offerOut || this.#local?.type === 'answer')) this.#sayLocal(nowMs);
  }

  #sayLocal(nowMs: number): void {
    if (!this.#local) return;
    this.#saidAt = nowMs;
    this.#out.say(this.#local.type, this.#local.sdp);
  }

  #goOn(nowMs: number): void {
    if (this.#operation) return;
    if (this.#held !== null) {
      const offer = this.#held;
      this.#held = null;
      if (this.#offerOut) {
        this.#offerOut = false;
        this.#out.peer({ do: 'rollback', alone: false });
      }
      if (!this.#wanted?.iceRestart || this.#restartsIce(offer)) this.#wanted = null;
      this.#setRemote('offer', offer);
    } else if (!this.#offerOut && this.#wanted) {
      const { iceRestart } = this.#wanted;
      this.#wanted = null;
      this.#operation = { is: 'making-offer' };
      this.#saidAt = nowMs;
      this.#out.peer({ do: 'make-offer', iceRestart });
    }
  }

  #restartsIce(offer: string): boolean {
    const now = new Set(ufragsOf(this.remote ?? ''));
    return !ufragsOf(offer).some((ufrag) => now.has(ufrag));
  }

  #setRemote(type: SdpType, sdp: string): void {
    this.#operation = { is: `setting-${type}`, sdp };
    this.#out.peer({ do: 'set-remote', type, sdp });
  }
}
