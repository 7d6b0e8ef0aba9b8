/** Proofs both ways, over the fingerprints of the descriptions in use: when to say ours, whether theirs is right. Pure. */
import { isProof, macText, prove, proofKey } from './proof';

export interface Parties {
  readonly room: Uint8Array;
  readonly secret: Uint8Array;
  /** 16 raw bytes each. */
  readonly me: Uint8Array;
  readonly other: Uint8Array;
  /** This side came second. */
  readonly polite: boolean;
}

/** Time for their proof once the connection stands. */
const PROOF_MAX_MS = 10_000;

export class ProofExchange {
  proven = false;
  /** Theirs is wrong, or did not come: the call is not genuine. */
  fault: 'wrong' | 'missing' | null = null;
  theirs: Uint8Array | null = null;
  #own: Uint8Array | null = null;
  #came: string | null = null;
  #said: string | null = null;
  #waitedMs = 0;
  #waitingSince: number | null = null;
  readonly #key: Uint8Array;
  readonly #parties: Parties;
  readonly #say: (mac: string) => void;

  constructor(parties: Parties, say: (mac: string) => void) {
    this.#parties = parties;
    this.#say = say;
    this.#key = proofKey(parties.secret, parties.room);
  }

  renew(): void {
    this.proven = false;
    this.theirs = this.#own = this.#came = this.#said = this.#waitingSince = null;
    this.#waitedMs = 0;
  }

  setOwn(fingerprint: Uint8Array): void {
    this.#own = fingerprint;
    this.#settle();
  }

  setTheirs(fingerprint: Uint8Array): void {
    this.theirs = fingerprint;
    this.#settle();
  }

  onProof(mac: string): void {
    // Repeats of the right one are normal after a loss; others prove nothing any more, and end nothing.
    if (this.proven) return;
    this.#came = mac;
    this.#settle();
  }

  /** Says ours again: it may have been lost. */
  repeat(): void {
    if (this.#said) this.#say(this.#said);
  }

  /** Time counts while the connection stands and they can be told. */
  onTick(nowMs: number, waiting: boolean): void {
    if (this.#waitingSince !== null) this.#waitedMs += nowMs - this.#waitingSince;
    this.#waitingSince = waiting && !this.proven ? nowMs : null;
    if (this.#waitedMs >= PROOF_MAX_MS && !this.proven) this.fault ??= 'missing';
  }

  #settle(): void {
    const { me, other, polite, room } = this.#parties;
    if (!this.#own || !this.theirs) return;
    const mine = macText(prove(this.#key, { room, sender: me, receiver: other, senderPolite: polite, senderFingerprint: this.#own, receiverFingerprint: this.theirs }));
    if (mine !== this.#said) {
      this.#said = mine;
      this.#say(mine);
    }
    if (this.#came === null) return;
    const expected = prove(this.#key, { room, sender: other, receiver: me, senderPolite: !polite, senderFingerprint: this.theirs, receiverFingerprint: this.#own });
    if (isProof(this.#came, expected)) this.proven = true;
    else this.fault = 'wrong';
  }
}
