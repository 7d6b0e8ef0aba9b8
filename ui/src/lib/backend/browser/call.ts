/**
 * One stay in a room, done: owns the WebSocket, the clock and the peer connection, and connects {@link Signaling} and
 * {@link PeerLink}, which decide. Tells whoever holds it what changed.
 */
import { Connection, type ConnectionEvents, type LaneName, type OwnTracks, type TrackRole } from './connection';
import type { LaneEvents } from './lane';
import { iceServers } from './ice-servers';
import type { Link } from './link';
import { PeerLink, type LinkEnd } from './peer-link';
import { Signaling, type Entrance } from './signaling';
import { Stay } from './stay';
import type { ControlMessage, DoorWord, HostWord, IceServerWord, MediaState, Participant, PeerMessage, WaitingPerson } from './wire';

export type CallEnd = LinkEnd | 'other-left' | 'other-lost' | 'not-parley' | { readonly refused: string };

export interface CallEvents {
  /** Something of {@link Call} changed. */
  changed(): void;
  ended(why: CallEnd): void;
  control(message: ControlMessage): void;
  track(role: TrackRole, track: MediaStreamTrack): void;
  /** Another person is there than before, or nobody. */
  person(): void;
  /** A host asks for silence. */
  muteAsked(by: Participant): void;
  lane: Record<LaneName, LaneEvents & { down(): void }>;
}

const TICK_MS = 250;
/** Without a place at the server nothing can be mended: media that stops, and has not come back by itself by then, is over. */
const PLACELESS_MAX_MS = 5000;

export class Call {
  readonly #link: Link;
  readonly #events: CallEvents;
  readonly #own: OwnTracks;
  readonly #signaling: Signaling;
  readonly #stay: Stay;
  readonly #clock: ReturnType<typeof setInterval>;
  #socket: WebSocket | null = null;
  #iceServers: RTCIceServer[] = [];
  #peer: PeerLink | null = null;
  #connection: Connection | null = null;
  /** Since when media does not flow whose place at the server somebody else has. */
  #placelessSince: number | null = null;
  /** What the other person takes of pictures, in kbit/s, where they say it. */
  #takesKbps: number | undefined;
  #said = new Map<string, MediaState | Extract<ControlMessage, { type: 'hand' | 'may_record' }>>();
  #numbers = 0;
  #over = false;
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
        room: (message) => {
          this.#stay.onRoom(now(), message);
          this.#setReachable();
        },
        lost: () => this.#setReachable(),
        refused: (code) => (this.up ? this.#signaling.askAgainLater(now()) : this.#end({ refused: code })),
        putOut: (code) => this.#end({ refused: code }),
        notParley: () => this.#end('not-parley'),
      },
      Math.random,
    );
    this.#stay = new Stay(() => this.#peer, {
      meet: (me, other, polite) => this.#meet(me, other, polite),
      part: () => {
        this.#part();
        this.#events.person();
      },
      said: (message) => this.#peer?.onMessage(now(), message),
      muteAsked: (by) => this.#events.muteAsked(by),
      askAgainLater: () => this.#signaling.askAgainLater(now()),
      end: (why) => this.#end(why),
    });
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
    return this.#stay.me !== null;
  }

  /** The other person, while one is there. */
  get other(): Participant | null {
    return this.#stay.other;
  }

  /** Whether this side may let people in and put them out. */
  get mayHost(): boolean {
    return this.#stay.me?.role === 'host';
  }

  get door(): DoorWord {
    return this.#stay.door;
  }

  get waiting(): readonly WaitingPerson[] {
    return this.#stay.waiting;
  }

  /** What keeps this side from coming in. */
  get entrance(): Entrance {
    return this.#signaling.entrance;
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

  tryPassword(password: string): void {
    this.#signaling.tryPassword(now(), password);
    this.#events.changed();
  }

  /** What hosts may say; the server decides who is one. */
  asHost(word: HostWord): void {
    this.#signaling.say(word);
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
    socket.onclose = ({ code }) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#signaling.onClosed(now(), code);
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
    this.#stay.onJoined(now(), you, people);
    this.#setReachable();
  }

  #meet(me: Participant, other: Participant, polite: boolean): void {
    this.#part();
    this.#takesKbps = undefined;
    this.#numbers += 1;
    this.#peer = new PeerLink(now(), this.#link, me.id, other.id, polite, !other.away, this.#numbers, {
      say: (payload) => this.#sayTo(other.id, payload),
      open: () => this.#open(),
      peer: (command) => this.#connection?.run(command),
      candidate: (candidate) => this.#connection?.addCandidate(candidate),
      proven: () => this.#connection?.prove(),
      control: (message) => this.#connection?.say(message),
      heard: (message) => this.#hear(message),
      end: (why) => this.#end(why),
    });
    for (const message of this.#said.values()) this.#peer.tell(message);
    this.#events.person();
  }

  #hear(message: ControlMessage): void {
    if (message.type === 'media_state') {
      this.#takesKbps = message.picture_kbps_max;
      this.#connection?.setTakes(this.#takesKbps);
    }
    this.#events.control(message);
  }

  /** What cannot be told now is said again when it can. */
  #sayTo(to: string, payload: PeerMessage): void {
    if (this.#stay.reachable) this.#signaling.say({ type: 'signal', to, payload });
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
    // Declared first: until it is made it is nobody's, and nothing says anything yet.
    let connection: Connection | null = null;
    try {
      this.#connection = connection = new Connection(this.#iceServers, this.#own, events);
      connection.setTakes(this.#takesKbps);
    } catch (error) {
      console.warn('RTCPeerConnection', error);
      this.#end('connection-failed');
    }
  }

  #close(): void {
    this.#connection?.close();
    this.#connection = null;
    for (const lane of Object.values(this.#events.lane)) lane.down();
  }

  #setReachable(): void {
    this.#peer?.setReachable(now(), this.#signaling.joined && this.#stay.reachable);
    this.#events.changed();
  }

  #tick(): void {
    const nowMs = now();
    this.#signaling.onTick(nowMs);
    this.#peer?.onTick(nowMs);
    if (this.up && this.connectedSinceMs === null) this.connectedSinceMs = Date.now();
    this.#stay.onTick(nowMs);
    this.#noticePlaceless(nowMs);
    this.#setReachable();
  }

  #noticePlaceless(nowMs: number): void {
    if (!this.takenOver || this.up) this.#placelessSince = null;
    else this.#placelessSince ??= nowMs;
    // Without somebody whose pictures may yet come back there is nothing to wait for.
    const patience = this.#peer?.wasUp ? PLACELESS_MAX_MS : 0;
    if (this.#placelessSince !== null && nowMs - this.#placelessSince >= patience) this.#end({ refused: 'replaced' });
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
