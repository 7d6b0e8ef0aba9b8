/**
 * The way to the other person, decided without a peer connection: whose connection a message is about, negotiation, candidates,
 * the proof, health, and what is said over the control channel. As `parley-call/src/session/peer_link.rs`.
 */
import { fromBase64Url } from './base64';
import { CANDIDATES_MAX, fits, RemoteCandidates } from './candidates';
import type { Link } from './link';
import { LinkState, type Phase } from './link-state';
import { Negotiation, type PeerCommand, type SdpType } from './negotiation';
import { Pairing } from './pairing';
import { ProofExchange } from './proof-exchange';
import { RateLimit } from './rate';
import { digestOf, fingerprintOf } from './sdp';
import type { CandidateWord, ControlMessage, MediaState, PeerMessage, PeerWord } from './wire';

export type LinkEnd = 'bye' | 'proof-wrong' | 'proof-missing' | 'connection-failed' | 'silent';

export interface PeerLinkOut {
  /** Through the server. */
  say(message: PeerMessage): void;
  /** A fresh peer connection takes the place of the one there is. */
  open(): void;
  peer(command: PeerCommand): void;
  candidate(candidate: CandidateWord): void;
  /** Media and lanes may begin on the connection there is. */
  proven(): void;
  control(message: ControlMessage): void;
  heard(message: ControlMessage): void;
  end(why: LinkEnd): void;
}

const OFFER_MAX_MS = 3000;
/** Fresh connections the other side may cause: so many at once, then one in so much time. */
const FRESH_BURST = 5;
const FRESH_EVERY_MS = 2000;

export class PeerLink {
  readonly other: string;
  readonly polite: boolean;
  /** Nothing came lately of what should come. */
  stalled = false;
  #negotiation: Negotiation;
  readonly #pairing: Pairing;
  readonly #proofs: ProofExchange;
  readonly #state: LinkState;
  readonly #out: PeerLinkOut;
  #reachable: boolean;
  #theirs = new RemoteCandidates();
  #own: CandidateWord[] = [];
  #heldOffer: { from: number | undefined; sdp: string } | null = null;
  #announced: string | null = null;
  /** Our last offer was announced over a connection that stood. */
  #ownAnnounced = false;
  #controlOpen = false;
  #controlHeard = false;
  #wasProven = false;
  #wasUp = false;
  #renewed = false;
  readonly #fresh = new RateLimit(FRESH_BURST, FRESH_EVERY_MS);
  readonly #lasting = new Map<string, ControlMessage>();

  constructor(nowMs: number, link: Link, me: string, other: string, polite: boolean, reachable: boolean, number: number, out: PeerLinkOut) {
    this.other = other;
    this.polite = polite;
    this.#reachable = reachable;
    this.#out = out;
    this.#pairing = new Pairing(number);
    const id = (text: string) => fromBase64Url(text) ?? new Uint8Array();
    this.#proofs = new ProofExchange({ room: link.roomBytes, secret: link.secret, me: id(me), other: id(other), polite }, (mac) => this.#say({ kind: 'proof', mac }));
    this.#state = new LinkState(nowMs, polite, reachable);
    this.#negotiation = this.#negotiate();
    out.open();
    if (polite) this.#negotiation.wantOffer(nowMs);
  }

  get number(): number {
    return this.#pairing.own;
  }

  get connected(): boolean {
    return this.#state.connected;
  }

  /** Whether media can flow. */
  get up(): boolean {
    return this.#state.connected && this.#proofs.proven;
  }

  /** Media could flow at some time. */
  get wasUp(): boolean {
    return this.#wasUp;
  }

  get #flows(): boolean {
    return this.up && !this.stalled;
  }

  /** What lasts is said as soon as it can be, and again after every fresh connection. */
  tell(message: MediaState | Extract<ControlMessage, { type: 'hand' | 'may_record' }>): void {
    this.#lasting.set(message.type, message);
    if (this.#maySay) this.#out.control(message);
  }

  /** What means something only now. */
  tellNow(message: ControlMessage): void {
    if (this.#maySay && this.#state.connected) this.#out.control(message);
  }

  setReachable(nowMs: number, reachable: boolean): void {
    const again = reachable && !this.#reachable;
    this.#reachable = reachable;
    this.#state.setReachable(nowMs, reachable);
    if (!again) return;
    this.#repeat(nowMs);
    this.#proofs.repeat();
    if (this.polite && this.#negotiation.untouched) this.#negotiation.wantOffer(nowMs);
  }

  onMessage(nowMs: number, message: PeerMessage): void {
    const { connection: from, to_connection: to } = message;
    const fit = this.#pairing.judge(from, to);
    if (fit === 'theirs-old') return;
    if (fit === 'ours-new') return this.#say({ kind: 'restart' });
    if (fit === 'theirs-new') {
      const begins = message.kind === 'restart' || (message.kind === 'description' && message.sdp_type === 'offer');
      if (!begins || !this.#follow(nowMs)) return;
    }
    switch (message.kind) {
      case 'description':
        if (message.sdp_type === 'offer' && this.#mustWait(message.sdp)) this.#heldOffer = { from, sdp: message.sdp };
        else this.#onDescription(nowMs, from, message.sdp_type, message.sdp);
        break;
      case 'candidate':
        if (this.#theirs.takeIn(message, this.#negotiation.remote)) this.#out.candidate(message);
        break;
      case 'proof':
        this.#proofs.onProof(message.mac);
        break;
      case 'restart':
        this.#onRestart(nowMs, from);
        break;
    }
    this.#settle(nowMs);
  }

  onLocal(nowMs: number, type: SdpType, sdp: string): void {
    const fingerprint = fingerprintOf(sdp);
    if (!fingerprint) return this.#out.end('connection-failed');
    if (type === 'offer') this.#ownAnnounced = this.#maySay && this.#state.connected;
    if (type === 'offer' && this.#maySay) this.#out.control({ type: 'offer', digest: digestOf(sdp) });
    // Those of the time before an ICE restart are nobody's any more, and would stand in the way of the new ones.
    this.#own = this.#own.filter((candidate) => fits(candidate, sdp));
    this.#negotiation.onLocal(nowMs, type, sdp);
    this.#proofs.setOwn(fingerprint);
    this.#settle(nowMs);
  }

  onRemoteSet(nowMs: number): void {
    const remote = this.#negotiation.onRemoteSet(nowMs);
    if (remote === null) return;
    for (const candidate of this.#theirs.release(remote)) this.#out.candidate(candidate);
    this.#settle(nowMs);
  }

  onFailed(nowMs: number): void {
    if (this.#negotiation.onFailed(nowMs) && !this.#state.connected) this.#startAfresh(nowMs);
  }

  onOwnCandidate(candidate: CandidateWord): void {
    if (this.#own.length >= CANDIDATES_MAX) return;
    this.#own.push(candidate);
    this.#say(candidate);
  }

  /** Tracks were added in mid-call. */
  wantOffer(nowMs: number): void {
    if (this.#negotiation.remote) this.#negotiation.wantOffer(nowMs);
  }

  onPhase(nowMs: number, phase: Phase): void {
    this.#state.onPhase(nowMs, phase);
    this.#settle(nowMs);
  }

  onControlOpen(nowMs: number): void {
    this.#controlOpen = true;
    this.#retell();
    this.#settle(nowMs);
  }

  onControl(nowMs: number, message: ControlMessage): void {
    if (!this.#proofs.proven) return;
    if (!this.#controlHeard) {
      // What was said before their channel was open too is lost.
      this.#controlHeard = true;
      this.#retell();
    }
    if (message.type === 'offer') this.#announced = message.digest;
    else if (message.type === 'bye') this.#out.end('bye');
    else this.#out.heard(message);
    this.#settle(nowMs);
  }

  onTick(nowMs: number): void {
    this.#proofs.onTick(nowMs, this.#state.connected && this.#reachable);
    if (this.#reachable) {
      const { repeatAt } = this.#negotiation;
      // What an offer was to mend is well again; while media flows the other side takes up only what was announced over it.
      const needless = this.#flows && !this.#ownAnnounced;
      if (repeatAt !== null && nowMs >= repeatAt) {
        if (needless) this.#negotiation.takeBack(nowMs);
        else this.#repeat(nowMs);
      }
      if (!this.polite && this.#negotiation.untouched && this.#state.inStep(nowMs) >= OFFER_MAX_MS) this.#negotiation.wantOffer(nowMs);
    }
    switch (this.#state.due(nowMs)) {
      case 'restart-ice':
        this.#negotiation.wantOffer(nowMs, true);
        break;
      case 'fresh-connection':
        this.#startAfresh(nowMs);
        break;
      case 'give-up':
        return this.#out.end('connection-failed');
      case 'give-up-silent':
        return this.#out.end('silent');
    }
    this.#settle(nowMs);
  }

  get #maySay(): boolean {
    return this.#controlOpen && this.#proofs.proven;
  }

  #negotiate(): Negotiation {
    return new Negotiation(this.polite, {
      peer: (command) => this.#out.peer(command),
      say: (sdp_type, sdp) => this.#say({ kind: 'description', sdp_type, sdp }),
    });
  }

  #say(word: PeerWord): void {
    const { own, theirs } = this.#pairing;
    this.#out.say({ ...word, connection: own, ...(theirs === undefined ? {} : { to_connection: theirs }) });
  }

  #onRestart(nowMs: number, from: number | undefined): void {
    if (this.#pairing.paired && (from !== undefined || !this.#follow(nowMs))) return;
    this.#pairing.saw(from);
    if (this.polite && this.#negotiation.untouched) this.#negotiation.wantOffer(nowMs);
    else if (this.#negotiation.awaitsAnswer) this.#negotiation.repeat(nowMs);
  }

  /** While media flows an offer waits, unless the other side itself said over the connection that it is coming. */
  #mustWait(offer: string): boolean {
    return this.#flows && !this.#negotiation.hasAnswered(offer) && !this.#negotiation.awaitsAnswer && this.#announced !== digestOf(offer);
  }

  #onDescription(nowMs: number, from: number | undefined, type: SdpType, sdp: string): void {
    const fingerprint = fingerprintOf(sdp);
    if (!fingerprint || (type === 'answer' && !this.#negotiation.awaitsAnswer)) return;
    const known = this.#proofs.theirs;
    // Another certificate is another connection, whatever the numbers say.
    const other = known !== null && known.some((byte, at) => byte !== fingerprint[at]);
    if (other && (type === 'answer' || !this.#follow(nowMs))) return;
    this.#pairing.pair(from);
    if (type === 'offer') {
      this.#state.onOffer(nowMs);
      this.#negotiation.onOffer(nowMs, sdp);
    } else {
      // Whoever answers has taken back what they offered before; were it taken up later, only one side would know of it.
      this.#heldOffer = null;
      this.#negotiation.onAnswer(sdp);
    }
    this.#proofs.setTheirs(fingerprint);
  }

  /** Replaces the connection because the other side did: not while media comes, and not too often. */
  #follow(nowMs: number): boolean {
    if (this.#flows || !this.#fresh.allow(nowMs)) return false;
    this.#renew(nowMs);
    return true;
  }

  #startAfresh(nowMs: number): void {
    this.#renew(nowMs);
    this.#say({ kind: 'restart' });
    if (this.polite) this.#negotiation.wantOffer(nowMs);
  }

  #renew(nowMs: number): void {
    this.#pairing.renew();
    this.#negotiation = this.#negotiate();
    this.#proofs.renew();
    this.#state.renew(nowMs);
    this.#theirs = new RemoteCandidates();
    this.#own = [];
    this.#heldOffer = this.#announced = null;
    this.#controlOpen = this.#controlHeard = this.#wasProven = this.stalled = false;
    this.#renewed = true;
    this.#out.open();
  }

  #repeat(nowMs: number): void {
    if (this.#renewed && !this.#pairing.paired) this.#say({ kind: 'restart' });
    this.#negotiation.repeat(nowMs);
    if (!this.#state.connected) for (const candidate of this.#own) this.#say(candidate);
  }

  #retell(): void {
    if (this.#maySay) for (const message of this.#lasting.values()) this.#out.control(message);
  }

  #settle(nowMs: number): void {
    if (this.#proofs.fault) return this.#out.end(this.#proofs.fault === 'wrong' ? 'proof-wrong' : 'proof-missing');
    const held = this.#heldOffer;
    if (held && (!this.#flows || this.#announced === digestOf(held.sdp))) {
      this.#heldOffer = null;
      this.#onDescription(nowMs, held.from, 'offer', held.sdp);
    }
    this.#wasUp ||= this.up;
    if (this.#proofs.proven && !this.#wasProven) {
      this.#wasProven = true;
      this.#out.proven();
      this.#retell();
    }
  }
}
