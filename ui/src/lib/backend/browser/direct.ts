/** The direct way to one person, done: owns the peer connection, and connects it with {@link PeerLink}, which decides. */
import { Connection, type ConnectionEvents, type LaneName, type OwnTracks, type TrackRole } from './connection';
import type { DirectWay } from './group/group';
import type { LaneUser } from './lane';
import type { Link } from './link';
import { PeerLink, type LinkEnd } from './peer-link';
import { lesser } from './saving';
import type { ControlMessage, MediaState, Participant, PeerMessage } from './wire';

export interface DirectEvents {
  changed(): void;
  /** Through the server, to whom the way leads. */
  say(to: string, payload: PeerMessage): void;
  control(message: ControlMessage): void;
  track(role: TrackRole, track: MediaStreamTrack): void;
  ended(why: LinkEnd): void;
  lane: Record<LaneName, LaneUser>;
}

/** What is said again whenever it may not have been heard. */
export type Lasting = MediaState | Extract<ControlMessage, { type: 'hand' | 'may_record' }>;

export class Direct {
  #peer: PeerLink | null = null;
  #connection: Connection | null = null;
  #iceServers: RTCIceServer[] = [];
  /** What the other person takes of pictures, in kbit/s, where they say it. */
  #takesKbps: number | undefined;
  #theirMedia: MediaState | null = null;
  readonly #said = new Map<string, Lasting>();
  #numbers: number;
  readonly #link: Link;
  readonly #own: OwnTracks | null;
  readonly #events: DirectEvents;

  /** `own` is null for one without sound and pictures. `numbers`: of connections that there were to them before. */
  constructor(link: Link, own: OwnTracks | null, events: DirectEvents, numbers = 0) {
    this.#numbers = numbers;
    this.#link = link;
    this.#own = own;
    this.#events = events;
  }

  /** What decides about it, while there is one. */
  get peer(): PeerLink | null {
    return this.#peer;
  }

  /** Of the newest connection that there was. */
  get number(): number {
    return Math.max(this.#numbers, this.#peer?.number ?? 0);
  }

  get pc(): RTCPeerConnection | null {
    return this.#connection?.pc ?? null;
  }

  /** How a group sees it. */
  get way(): DirectWay | null {
    const peer = this.#peer;
    return peer && { other: peer.other, up: peer.up && !peer.stalled, tracks: this.#connection?.coming ?? new Set(), media: this.#theirMedia };
  }

  /** For connections from now on. */
  setIceServers(servers: RTCIceServer[]): void {
    this.#iceServers = servers;
  }

  meet(me: Participant, other: Participant, polite: boolean): void {
    this.part();
    this.#takesKbps = undefined;
    this.#numbers += 1;
    this.#peer = new PeerLink(now(), this.#link, me.id, other.id, polite, !other.away, this.#numbers, {
      say: (payload) => this.#events.say(other.id, payload),
      open: () => this.#open(),
      peer: (command) => this.#connection?.run(command),
      candidate: (candidate) => this.#connection?.addCandidate(candidate),
      proven: () => this.#connection?.prove(),
      control: (message) => this.#connection?.say(message),
      heard: (message) => this.#hear(message),
      end: (why) => this.#events.ended(why),
    });
    for (const message of this.#said.values()) this.#peer.tell(message);
  }

  /** Whoever was there is gone: their connection goes too. */
  part(): void {
    this.#numbers = this.number;
    this.#peer = this.#theirMedia = null;
    this.#close();
  }

  /** Says goodbye where it can, and parts. */
  leave(): void {
    this.#peer?.tellNow({ type: 'bye' });
    const connection = this.#connection;
    // The goodbye is on its way: closing at once would overtake it.
    setTimeout(() => connection?.close(), 150);
    this.#connection = null;
    this.part();
  }

  setTrack(role: TrackRole, track: MediaStreamTrack | null): void {
    this.#connection?.setTrack(role, track);
  }

  tell(message: Lasting): void {
    this.#said.set(message.type, message);
    this.#peer?.tell(message);
    if (message.type === 'media_state') this.#connection?.setTakes(this.#most);
  }

  /** The most of pictures that goes out, in kbit/s: what the other person takes, and what this side saves. */
  get #most(): number | undefined {
    const own = this.#said.get('media_state');
    return lesser(this.#takesKbps, own?.type === 'media_state' ? own.picture_kbps_max : undefined);
  }

  #hear(message: ControlMessage): void {
    if (message.type === 'media_state') {
      this.#theirMedia = message;
      this.#takesKbps = message.picture_kbps_max;
      this.#connection?.setTakes(this.#most);
    }
    this.#events.control(message);
  }

  #open(): void {
    this.#close();
    // Events of a connection that was replaced are nobody's.
    const mine = (run: (peer: PeerLink) => void) => {
      if (this.#connection === connection && this.#peer) run(this.#peer);
      this.#events.changed();
    };
    const events: ConnectionEvents = {
      local: (type, sdp) => mine((peer) => peer.onLocal(now(), type, sdp)),
      remoteSet: () => mine((peer) => peer.onRemoteSet(now())),
      failed: () => mine((peer) => peer.onFailed(now())),
      candidate: (candidate) => mine((peer) => peer.onOwnCandidate(candidate)),
      phase: (phase) => mine((peer) => peer.onPhase(now(), phase)),
      needsOffer: () => mine((peer) => peer.wantOffer(now())),
      controlOpen: () => mine((peer) => peer.onControlOpen(now())),
      control: (message) => mine((peer) => peer.onControl(now(), message)),
      track: (role, track) => this.#connection === connection && this.#events.track(role, track),
      lane: this.#events.lane,
    };
    // Declared first: until it is made it is nobody's, and nothing says anything yet.
    let connection: Connection | null = null;
    try {
      this.#connection = connection = new Connection(this.#iceServers, this.#own, events);
      connection.setTakes(this.#most);
    } catch (error) {
      console.warn('RTCPeerConnection', error);
      this.#events.ended('connection-failed');
    }
  }

  #close(): void {
    this.#connection?.close();
    this.#connection = null;
    for (const lane of Object.values(this.#events.lane)) lane.down();
  }
}

const now = (): number => performance.now();
