/**
 * One stay in a room, done: owns the WebSocket and the clock, and connects {@link Signaling} and {@link Room}, which decide, with the
 * connections: {@link Direct} to one person and {@link SfuLine} to the server. Tells whoever holds it what changed.
 */
import type { TileLook } from '../../bindings';
import type { CallEnd, CallEvents } from './call-events';
import type { OwnTracks, TrackRole } from './connection';
import { Direct, type Lasting } from './direct';
import { FileLines } from './file-lines';
import type { DirectWay } from './group/group';
import { iceServers } from './ice-servers';
import type { Link } from './link';
import { Signaling, type Entrance } from './signaling';
import { WordKey } from './group/seal';
import type { Group } from './group/group';
import { sendsSimulcast } from './group/simulcast';
import { SfuLine } from './group/sfu-line';
import type { FileWay } from './group/pairs';
import { spotlightOf, tileOf } from './group/spotlight';
import { Words } from './group/words';
import { Placeless } from './placeless';
import { Room } from './room';
import type { ComesToListen, DoorWord, HostWord, IceServerWord, Participant, PeerMessage, WaitingPerson } from './wire';

const TICK_MS = 250;
const STREAM_BYTES = 8;

export class Call {
  readonly #link: Link;
  readonly #events: CallEvents;
  readonly #own: OwnTracks;
  readonly #signaling: Signaling;
  readonly #room: Room;
  readonly #direct: Direct;
  readonly #sfu: SfuLine;
  readonly #fileLines: FileLines;
  readonly #clock: ReturnType<typeof setInterval>;
  #socket: WebSocket | null = null;
  #iceServers: RTCIceServer[] = [];
  readonly #placeless = new Placeless();
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
          this.#room.onRoom(now(), message);
          // Who may speak from now on has sections to be made.
          if (message.type === 'listens_changed' && !this.#room.listens) this.#sfu.setTrack('microphone');
          this.#settle();
        },
        lost: () => this.#setReachable(),
        refused: (code) => (this.up ? this.#signaling.askAgainLater(now()) : this.#end({ refused: code })),
        putOut: (code) => this.#end({ refused: code }),
        notParley: () => this.#end('not-parley'),
      },
      Math.random,
    );
    this.#direct = new Direct(link, own, {
      changed: () => this.#settle(),
      say: (to, payload) => this.#sayTo(to, payload),
      control: (message) => this.#events.control(message),
      track: (role, track) => this.#events.track(role, track),
      ended: (why) => this.#room.onWayEnded() || this.#end(why),
      lane: events.lane,
    });
    const words = new Words(new WordKey(link.secret, link.roomBytes), crypto.getRandomValues(new Uint8Array(STREAM_BYTES)));
    this.#sfu = new SfuLine(own, sendsSimulcast(navigator.userAgent), () => !this.#room.listens, {
      localOffer: (connection, sdp, publish, receive) => this.#inGroup((group) => group.onLocalOffer(now(), connection, sdp, publish, receive)),
      answerSet: (connection) => this.#inGroup((group) => group.onAnswerSet(now(), connection)),
      published: (connection, publish) => this.#inGroup((group) => group.onPublished(connection, publish)),
      needsOffer: (connection) => this.#inGroup((group) => group.needsOffer(now(), connection)),
      failed: (connection) => this.#inGroup((group) => group.onFailed(now(), connection)),
      phase: (connection, phase) => this.#inGroup((group) => group.onPhase(now(), connection, phase)),
      heard: (list, renewed) => this.#inGroup((group) => group.onHeard(now(), list, renewed)),
    });
    this.#fileLines = new FileLines(link, {
      changed: () => this.#settle(),
      say: (to, about) => this.#signaling.say({ type: 'signal', to, payload: { kind: 'files', about } }),
      ended: (id) => {
        this.#room.onPairEnded(now(), id);
        this.#settle();
      },
      lanes: (id) => events.fileLanes(id),
    });
    const lines = this.#fileLines;
    this.#room = new Room(words, () => this.#direct.peer, {
      meet: (me, other, polite) => {
        this.#direct.meet(me, other, polite);
        // Of a group, everybody is known already.
        if (!this.#room.group.inForce) this.#events.person();
      },
      part: () => {
        this.#direct.part();
        if (this.#room.group.inForce) this.#events.directEnded();
        else this.#events.person();
      },
      said: (message) => this.#direct.peer?.onMessage(now(), message),
      muteAsked: (by) => this.#events.muteAsked(by),
      askAgainLater: () => this.#signaling.askAgainLater(now()),
      end: (why) => this.#end(why),
      say: (word) => this.#signaling.say(word),
      open: (number) => this.#openSfu(number),
      makeOffer: () => this.#sfu.makeOffer(),
      setAnswer: (sdp) => this.#sfu.setAnswer(sdp),
      close: () => this.#sfu.close(),
      layersWanted: (source, rids) => this.#sfu.setWanted(source, rids),
      heard: (from, message) => this.#events.word(from, message),
      frame: (kind, from, frame) => this.#events.words.came(kind, from, frame),
      openPair: (me, other, polite, number, made) => lines.openPair(me, other, polite, number, made),
      closePair: (id) => lines.closePair(id),
      pairSaid: (id, about) => lines.pairSaid(id, about),
      pairReachable: (id, reachable) => lines.pairReachable(id, reachable),
      pairUp: (id) => lines.pairUp(id),
      wordsOpen: (id) => this.#events.words.open(id, (kind, frame) => this.#room.group.sayFrame(kind, id, frame)),
      wordsClosed: (id) => this.#events.words.closed(id),
      grouped: (direct) => this.#events.words.grouped(direct),
      goesBack: () => this.#events.words.goesBack(),
      pairedOff: (other) => this.#events.words.pairedOff(other),
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
    return this.#room.stay.me !== null;
  }

  /** Everybody else. */
  get people(): readonly Participant[] {
    return this.#room.people;
  }

  /** Everybody else, and who may come back to a server that began anew. */
  get known(): readonly string[] {
    return [...this.people.map(({ id }) => id), ...this.#room.missing.ids];
  }

  /** What goes beyond a call of two; null for one. */
  get group(): Group | null {
    return this.#room.group.inForce ? this.#room.group : null;
  }

  /** One's own id, while known. */
  get me(): string | null {
    return this.#room.stay.me?.id ?? null;
  }

  /** The direct way there is. */
  get direct(): DirectWay | null {
    return this.#direct.way;
  }

  /** Whom the direct way leads to, while there is somebody. */
  get other(): Participant | null {
    return this.#room.stay.other;
  }

  /** Whether this side only listens. */
  get listens(): boolean {
    return this.#room.listens;
  }

  /** Whether this side may let people in and put them out. */
  get mayHost(): boolean {
    return this.#room.stay.me?.role === 'host';
  }

  get door(): DoorWord {
    return this.#room.stay.door;
  }

  get waiting(): readonly WaitingPerson[] {
    return this.#room.stay.waiting;
  }

  /** Whom a host put large for everybody, as the window calls the tile. */
  get spotlight(): string | null {
    const shown = this.group?.spotlight(this.#room.stay.me) ?? null;
    return shown && tileOf(shown);
  }

  /** What keeps this side from coming in. */
  get entrance(): Entrance {
    return this.#signaling.entrance;
  }

  /** Why whoever comes in now would only listen. */
  get comesToListen(): ComesToListen | null {
    return this.#signaling.comesToListen;
  }

  /** Media can flow, by one way or another. */
  get up(): boolean {
    return (this.#direct.peer?.up ?? false) || this.#room.group.up;
  }

  /** What most comes over now. */
  get pc(): RTCPeerConnection | null {
    return (this.#room.group.up ? this.#sfu.pc : null) ?? this.#direct.pc;
  }

  /** What comes from the SFU in this section. */
  sfuTrack = (mid: string): MediaStreamTrack | null => this.#sfu.track(mid);

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

  /** A host puts a tile large for everybody, or none any more. The others look whether it is one. */
  putInSpotlight(tile: string | null): void {
    if (this.mayHost) this.#room.group.putInSpotlight(tile === null ? null : spotlightOf(tile));
    this.#settle();
  }

  /** Leaves for good; says so to the other side where it can. */
  leave(): void {
    this.#direct.leave();
    this.#signaling.leave();
    this.#stop();
  }

  setTrack(role: TrackRole, track: MediaStreamTrack | null): void {
    this.#own[role] = track;
    this.#direct.setTrack(role, track);
    this.#sfu.setTrack(role);
  }

  /** With whom files are to move, or may. */
  setFileWays(ways: readonly FileWay[]): void {
    if (this.#over) return;
    this.#room.wishFileWays(now(), ways);
    this.#settle();
  }

  /** What the window shows, and how large. */
  look(tiles: readonly TileLook[]): void {
    this.#room.group.look(tiles);
    this.#settle();
  }

  /** Lasting words: to this person, and again whenever it may not have been heard. */
  tell(message: Lasting): void {
    this.#direct.tell(message);
    const { members } = this.#room.group;
    if (message.type === 'media_state') members.ownMedia = message;
    else if (message.type === 'hand') members.ownHand = message.raised;
    else members.allow(message.allowed);
    this.#settle();
  }

  /** What means something only now: to everybody. */
  react(reaction: string): void {
    const { group } = this.#room;
    if (group.isSfu || (group.inForce && !this.#direct.peer?.up)) group.members.react(reaction);
    else this.#direct.peer?.tellNow({ type: 'reaction', reaction });
    this.#settle();
  }

  /** Whether what should come comes. */
  setStalled(stalled: boolean): void {
    const { peer } = this.#direct;
    if (peer) peer.stalled = stalled;
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
    this.#direct.setIceServers(this.#iceServers);
    this.#fileLines.setIceServers(this.#iceServers);
    this.#room.onJoined(now(), you, people);
    this.#settle();
  }

  #openSfu(number: number): void {
    try {
      this.#sfu.open(number, this.#iceServers);
    } catch (error) {
      console.warn('RTCPeerConnection', error);
      // From inside of what decides: it finishes first.
      queueMicrotask(() => this.#inGroup((group) => group.onFailed(now(), number)));
    }
  }

  #inGroup(run: (group: Group) => void): void {
    if (this.#over) return;
    run(this.#room.group);
    this.#settle();
  }

  /** What follows from anything that changed. */
  #settle(): void {
    if (this.#over) return;
    this.#room.settle(now(), this.#signaling.joined, this.direct);
    this.#setReachable();
  }

  /** What cannot be told now is said again when it can. */
  #sayTo(to: string, payload: PeerMessage): void {
    if (this.#room.stay.reachable) this.#signaling.say({ type: 'signal', to, payload });
  }

  #setReachable(): void {
    this.#direct.peer?.setReachable(now(), this.#signaling.joined && this.#room.stay.reachable);
    this.#events.changed();
  }

  #tick(): void {
    const nowMs = now();
    this.#signaling.onTick(nowMs);
    this.#direct.peer?.onTick(nowMs);
    this.#fileLines.onTick(nowMs);
    if (this.up && this.connectedSinceMs === null) this.connectedSinceMs = Date.now();
    if (this.#placeless.isOver(nowMs, this.takenOver, this.up, this.#direct.peer?.wasUp ?? false)) this.#end({ refused: 'replaced' });
    this.#settle();
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
    this.#sfu.close();
    this.#fileLines.close();
    this.#direct.part();
  }
}

const now = (): number => performance.now();
