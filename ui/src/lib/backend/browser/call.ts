/**
 * One stay in a room, done: owns the WebSocket, the clock and the peer connection, and connects {@link Signaling} and
 * {@link PeerLink}, which decide. Tells whoever holds it what changed.
 */
import { Connection, type ConnectionEvents, type LaneName, type OwnTracks, type TrackRole } from './connection';
import type { LaneEvents } from './lane';
import type { Link } from './link';
import { PeerLink, type LinkEnd } from './peer-link';
import { Signaling } from './signaling';
import type { ControlMessage, IceServerWord, MediaState, Participant, PeerMessage, ServerMessage } from './wire';

export type CallEnd = LinkEnd | 'other-left' | 'other-lost' | 'not-parley' | { readonly code: string; readonly message: string };

export interface CallEvents {
  /** Something of {@link Call} changed. */
  changed(): void;
  ended(why: CallEnd): void;
  control(message: ControlMessage): void;
  track(role: TrackRole, track: MediaStreamTrack): void;
  /** Another person is there than before, or nobody. */
  person(): void;
  lane: Record<LaneName, LaneEvents & { down(): void }>;
}

const TICK_MS = 250;
/** Somebody who is gone may still come back as a fresh self for so long; who left hangs up at the same time. */
const GONE_MAX_MS = { left: 500, lost: 3000 };

export class Call {
  readonly #link: Link;
  readonly #events: CallEvents;
  readonly #own: OwnTracks;
  readonly #signaling: Signaling;
  readonly #clock: ReturnType<typeof setInterval>;
  #socket: WebSocket | null = null;
  #me: Participant | null = null;
  #iceServers: RTCIceServer[] = [];
  #peer: PeerLink | null = null;
  #connection: Connection | null = null;
  #gone: { atMs: number; reason: 'left' | 'lost' } | null = null;
  #said = new Map<string, MediaState | Extract<ControlMessage, { type: 'hand' | 'may_record' }>>();
  #numbers = 0;
  #over = false;
  /** The other person, while one is there. */
  other: Participant | null = null;
  entered = false;
  /** When the two were first connected, in milliseconds since 1970. */
  connectedSinceMs: number | null = null;

  constructor(link: Link, own: OwnTracks, events: CallEvents) {
    this.#link = link;
    this.#own = own;
    this.#events = events;
    this.#signaling = new Signaling(
      link,
      {
        connect: () => this.#connect(),
        send: (message) => this.#send(message),
        disconnect: () => this.#disconnect(),
        joined: (you, people, servers) => this.#onJoined(you, people, servers),
        room: (message) => this.#onRoom(message),
        lost: () => this.#setReachable(),
        refused: (code, message) => this.#end({ code, message }),
        notParley: () => this.#end('not-parley'),
      },
      Math.random,
    );
    this.#signaling.start(now());
    this.#clock = setInterval(() => this.#tick(), TICK_MS);
  }

  get joined(): boolean {
    return this.#signaling.joined;
  }

  get takenOver(): boolean {
    return this.#signaling.takenOver;
  }

  /** For how long the server has not answered, in milliseconds; 0 while it does. */
  get serverAwayMs(): number {
    const since = this.#signaling.downSince;
    return since === null ? 0 : now() - since;
  }

  get wasJoined(): boolean {
    return this.#me !== null;
  }

  get up(): boolean {
    return this.#peer?.up ?? false;
  }

  get pc(): RTCPeerConnection | null {
    return this.#connection?.pc ?? null;
  }

  enter(name: string): void {
    this.entered = true;
    this.#signaling.enter(now(), name);
    this.#events.changed();
  }

  /** Leaves for good; says so to the other side where it can. */
  leave(): void {
    this.#peer?.tellNow({ type: 'bye' });
    const connection = this.#connection;
    // The goodbye is on its way: closing at once would overtake it.
    setTimeout(() => connection?.close(), 150);
    this.#connection = null;
    this.#signaling.leave();
    this.#stop();
  }

  setTrack(role: TrackRole, track: MediaStreamTrack | null): void {
    this.#own[role] = track;
    this.#connection?.setTrack(role, track);
  }

  /** Lasting words: to this person, and again whenever it may not have been heard. */
  tell(message: MediaState | Extract<ControlMessage, { type: 'hand' | 'may_record' }>): void {
    this.#said.set(message.type, message);
    this.#peer?.tell(message);
  }

  tellNow(message: ControlMessage): void {
    this.#peer?.tellNow(message);
  }

  /** Whether what should come comes. */
  setStalled(stalled: boolean): void {
    if (this.#peer) this.#peer.stalled = stalled;
  }

  #connect(): void {
    const socket = (this.#socket = new WebSocket(this.#link.signal));
    socket.onopen = () => socket === this.#socket && this.#signaling.onOpen(now());
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (socket === this.#socket && typeof data === 'string') this.#signaling.onText(now(), data);
      this.#events.changed();
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#signaling.onClosed(now());
      this.#events.changed();
    };
  }

  #disconnect(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #onJoined(you: string, people: readonly Participant[], servers: readonly IceServerWord[]): void {
    this.#iceServers = iceServers(servers, this.#link.host);
    this.#me = people.find(({ id }) => id === you) ?? null;
    const other = people.find(({ id }) => id !== you);
    if (other) this.#meet(other);
    else if (this.other) this.#gone ??= { atMs: now(), reason: 'lost' };
    this.#setReachable();
  }

  #onRoom(message: ServerMessage): void {
    switch (message.type) {
      case 'participant_joined':
        this.#meet(message.participant);
        break;
      case 'participant_away':
      case 'participant_back':
        if (this.other?.id === message.id) this.other = { ...this.other, away: message.type === 'participant_away' };
        break;
      case 'participant_left':
        if (this.other?.id === message.id) this.#gone = { atMs: now(), reason: message.reason === 'left' ? 'left' : 'lost' };
        break;
      case 'signal':
        if (message.from === this.other?.id) this.#peer?.onMessage(now(), message.payload);
        break;
    }
    this.#setReachable();
  }

  #meet(other: Participant): void {
    const same = this.#peer?.other === other.id;
    this.other = other;
    if (same || !this.#me) return;
    this.#gone = null;
    this.#part();
    this.#numbers += 1;
    const polite = this.#me.order > other.order;
    this.#peer = new PeerLink(now(), this.#link, this.#me.id, other.id, polite, !other.away, this.#numbers, {
      say: (payload) => this.#send({ type: 'signal', to: other.id, payload } satisfies { type: string; to: string; payload: PeerMessage }),
      open: () => this.#open(),
      peer: (command) => this.#connection?.run(command),
      candidate: (candidate) => this.#connection?.addCandidate(candidate),
      proven: () => this.#connection?.prove(),
      control: (message) => this.#connection?.say(message),
      heard: (message) => this.#events.control(message),
      end: (why) => this.#end(why),
    });
    for (const message of this.#said.values()) this.#peer.tell(message);
    this.#events.person();
  }

  /** Whoever was there is gone: their connection goes too. */
  #part(): void {
    this.#numbers = Math.max(this.#numbers, this.#peer?.number ?? 0);
    this.#peer = null;
    this.#close();
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
    const connection: Connection = new Connection(this.#iceServers, this.#own, events);
    this.#connection = connection;
  }

  #close(): void {
    this.#connection?.close();
    this.#connection = null;
    for (const lane of Object.values(this.#events.lane)) lane.down();
  }

  #setReachable(): void {
    const reachable = this.#signaling.joined && this.other !== null && !this.other.away && this.#gone === null;
    this.#peer?.setReachable(now(), reachable);
    this.#events.changed();
  }

  #tick(): void {
    const nowMs = now();
    this.#signaling.onTick(nowMs);
    this.#peer?.onTick(nowMs);
    if (this.up && this.connectedSinceMs === null) this.connectedSinceMs = Date.now();
    if (this.#gone && !this.up && nowMs - this.#gone.atMs >= GONE_MAX_MS[this.#gone.reason]) {
      this.#end(this.#gone.reason === 'left' ? 'other-left' : 'other-lost');
    }
    this.#events.changed();
  }

  #end(why: CallEnd): void {
    if (this.#over) return;
    // From inside of what decides: it finishes first.
    this.#over = true;
    queueMicrotask(() => {
      this.#signaling.leave();
      this.#stop();
      this.#events.ended(why);
    });
  }

  #stop(): void {
    this.#over = true;
    clearInterval(this.#clock);
    this.#peer = null;
    this.#close();
  }
}

const now = (): number => performance.now();

/** What the server names, as the browser wants it (RFC 7064, RFC 7065); without a host it is the one the page came from. */
export function iceServers(words: readonly IceServerWord[], host: string): RTCIceServer[] {
  return words.flatMap(({ kind, host: named, port, transport = 'udp', credentials }) => {
    const bare = named ?? host;
    const where = `${bare.includes(':') && !bare.startsWith('[') ? `[${bare}]` : bare}:${port ?? 3478}`;
    if (kind === 'stun' && transport === 'udp') return [{ urls: [`stun:${where}`] }];
    if (kind !== 'turn' || !credentials) return [];
    const { username, credential } = credentials;
    if (transport === 'udp' || transport === 'tcp') return [{ urls: [`turn:${where}?transport=${transport}`], username, credential }];
    return transport === 'tls' ? [{ urls: [`turns:${where}?transport=tcp`], username, credential }] : [];
  });
}
