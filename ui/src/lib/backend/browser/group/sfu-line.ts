/**
 * The connections to the SFU there are: the newest, and the one before for as long as that carries media. Looks ten times a second at whose media
 * comes where.
 */
import { SfuConnection, type Sender } from './sfu-connection';
import type { OwnTracks, TrackRole } from '../connection';
import type { Phase } from '../link-state';
import type { Publish } from '../wire';
import type { Heard } from './carried';
import type { Section } from './wishes';

export interface SfuLineEvents {
  localOffer(connection: number, sdp: string, publish: readonly Publish[], receive: readonly Section[]): void;
  answerSet(connection: number): void;
  published(connection: number, publish: readonly Publish[]): void;
  needsOffer(connection: number): void;
  failed(connection: number): void;
  phase(connection: number, phase: Phase): void;
  /** `renewed`: of another connection than before. */
  heard(list: readonly Heard[], renewed: boolean): void;
}

interface One {
  readonly number: number;
  readonly connection: SfuConnection;
}

const LISTEN_EVERY_MS = 100;

export class SfuLine {
  #newest: One | null = null;
  /** Carries media until the newest stands. */
  #former: One | null = null;
  #heardOf: SfuConnection | null = null;
  #listening: ReturnType<typeof setInterval> | undefined;
  readonly #own: OwnTracks;
  readonly #sender: Sender;
  readonly #events: SfuLineEvents;

  constructor(own: OwnTracks, sender: Sender, events: SfuLineEvents) {
    this.#own = own;
    this.#sender = sender;
    this.#events = events;
  }

  /** The one that media comes over. */
  get #carrying(): SfuConnection | null {
    return (this.#former ?? this.#newest)?.connection ?? null;
  }

  get pc(): RTCPeerConnection | null {
    return this.#carrying?.pc ?? null;
  }

  track = (mid: string): MediaStreamTrack | null => this.#carrying?.track(mid) ?? null;

  open(number: number, iceServers: RTCIceServer[]): void {
    // Of two that came to nothing neither is kept; one that stands is.
    if (this.#newest?.connection.pc.connectionState === 'connected') {
      this.#former?.connection.close();
      this.#former = this.#newest;
    } else this.#newest?.connection.close();
    this.#newest = null;
    const connection = new SfuConnection(iceServers, this.#own, this.#sender, {
      localOffer: (sdp, publish, receive) => this.#events.localOffer(number, sdp, publish, receive),
      answerSet: () => this.#events.answerSet(number),
      published: (publish) => this.#events.published(number, publish),
      needsOffer: () => this.#events.needsOffer(number),
      failed: () => this.#events.failed(number),
      phase: (phase) => this.#onPhase(number, phase),
    });
    this.#newest = { number, connection };
    this.#listening ??= setInterval(() => this.#listen(), LISTEN_EVERY_MS);
  }

  makeOffer = (): void => this.#newest?.connection.makeOffer();
  setAnswer = (sdp: string): void => this.#newest?.connection.setAnswer(sdp);
  setTrack = (role: TrackRole): void => this.#each((one) => one.setTrack(role));
  setWanted = (role: TrackRole, rids: readonly string[]): void => this.#each((one) => one.setWanted(role, rids));

  limit = (): void => this.#each((one) => one.limit());

  close(): void {
    clearInterval(this.#listening);
    this.#listening = undefined;
    this.#each((one) => one.close());
    this.#newest = this.#former = this.#heardOf = null;
  }

  #onPhase(number: number, phase: Phase): void {
    if (number === this.#newest?.number && phase === 'connected') {
      this.#former?.connection.close();
      this.#former = null;
    }
    this.#events.phase(number, phase);
  }

  #listen(): void {
    const carrying = this.#carrying;
    if (!carrying) return;
    const renewed = carrying !== this.#heardOf;
    this.#heardOf = carrying;
    this.#events.heard(carrying.heard(), renewed);
  }

  #each(run: (one: SfuConnection) => void): void {
    for (const one of [this.#former, this.#newest]) if (one) run(one.connection);
  }
}
