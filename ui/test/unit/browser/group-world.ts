/** Rooms of guests in virtual time: a server that passes media on, and people without connections. Signals arrive at once, media after a tick. */
import { toBase64Url } from '../../../src/lib/backend/browser/base64';
import type { DirectWay } from '../../../src/lib/backend/browser/group/group';
import { WordKey } from '../../../src/lib/backend/browser/group/seal';
import { Words } from '../../../src/lib/backend/browser/group/words';
import { Room } from '../../../src/lib/backend/browser/room';
import type { Way } from '../../../src/lib/backend/browser/stay';
import type { Down, GroupWord, MediaState, Participant, Publication, ServerMessage, Source } from '../../../src/lib/backend/browser/wire';

const KEY = new WordKey(new Uint8Array(16).fill(1), new Uint8Array(24).fill(2));
const MEDIA: MediaState = { type: 'media_state', microphone_on: true, camera_on: true };
const SECTIONS = [{ mid: '2', sound: true }, { mid: '3', sound: true }, { mid: '4', sound: false }, { mid: '5', sound: false }];
export const TICK_MS = 250;

export class Side {
  readonly id: string;
  readonly room: Room;
  way: Way | null = null;
  other: string | null = null;
  /** What happened, in words. */
  readonly did: string[] = [];
  readonly heard: string[] = [];
  /** Connections for files. */
  readonly pairs = new Map<string, { up: boolean; number: number }>();
  offered: { connection: number; publish: Publication[] } | null = null;
  downs: Down[] = [];
  joined = false;
  /** Of the SFU's connection; 0 while there is none. */
  connection = 0;
  readonly #world: World;

  constructor(world: World, number: number) {
    this.#world = world;
    this.id = toBase64Url(new Uint8Array(16).fill(number));
    this.room = new Room(new Words(KEY, new Uint8Array(8).fill(number)), () => this.way, {
      meet: (_, other) => {
        this.way = { connected: false, up: false, wasUp: false };
        this.other = other.id;
        this.did.push('meet');
      },
      part: () => {
        this.way = this.other = null;
        this.did.push('part');
      },
      said: () => undefined,
      muteAsked: () => undefined,
      askAgainLater: () => undefined,
      end: (why) => this.did.push(`end ${why}`),
      say: (word) => this.#world.onWord(this, word),
      open: (connection) => {
        this.connection = connection;
        this.did.push(`open ${connection}`);
      },
      makeOffer: () => {
        const publish = (['microphone', 'camera'] as const).map((source, mid) => ({ mid: String(mid), source, on: false }));
        world.later(() => this.room.group.onLocalOffer(world.nowMs, this.connection, 'sdp', publish, SECTIONS));
      },
      setAnswer: () => {
        const { connection } = this;
        world.later(() => {
          this.room.group.onAnswerSet(world.nowMs, connection);
          if (world.reachable) this.room.group.onPhase(world.nowMs, connection, 'connected');
        });
      },
      close: () => {
        this.connection = 0;
        this.did.push('close');
      },
      layersWanted: () => undefined,
      heard: (from, message) => this.heard.push(`${world.nameOf(from)} ${message.type}`),
      frame: (kind, from, frame) => this.heard.push(`${world.nameOf(from)} ${kind === 'chat' ? 'writes' : 'offers'} ${new TextDecoder().decode(frame)}`),
      openPair: (_, other, polite, number, made) => {
        this.pairs.set(other.id, { up: false, number });
        this.did.push(`pair ${world.nameOf(other.id)} ${number}`);
        // Whoever came second offers; else that is asked for.
        if (polite || made) world.signalOfPair(this, other.id, polite);
      },
      closePair: (id) => {
        const { number = 0 } = this.pairs.get(id) ?? {};
        this.pairs.delete(id);
        return number;
      },
      pairSaid: (id, about) => world.onPair(this, id, about.kind === 'description'),
      pairReachable: () => undefined,
      pairUp: (id) => this.pairs.get(id)?.up ?? false,
      wordsOpen: () => undefined,
      wordsClosed: () => undefined,
      grouped: (direct) => this.did.push(direct === null ? 'grouped' : 'grouped beside'),
      goesBack: () => this.did.push('goes back'),
      pairedOff: () => this.did.push('paired off'),
    });
    this.room.group.members.ownMedia = MEDIA;
  }

  get link(): DirectWay | null {
    if (!this.way || this.other === null) return null;
    // Who asks for no pictures gets none.
    const tracks = new Set<Source>(!this.way.up ? [] : this.room.group.soundOnly ? ['microphone'] : ['microphone', 'camera']);
    return { other: this.other, up: this.way.up, tracks, media: this.way.up ? MEDIA : null };
  }

  /** Who is large for everybody, on this side. */
  get lit(): string | null {
    const shown = this.room.group.spotlight(this.room.stay.me);
    return shown && this.#world.nameOf(shown.participant);
  }

  /** With whom there is a connection for files that stands. */
  get paired(): readonly string[] {
    return [...this.pairs].filter(([, { up }]) => up).map(([id]) => this.#world.nameOf(id));
  }

  /** Whose voice and picture come, by whichever way. */
  get hears(): readonly string[] {
    const direct = this.link?.up ? [this.link.other] : [];
    const { group } = this.room;
    const through = group.up ? this.#world.sides.filter(({ id }) => id !== this.id && group.carried.came(id, 'microphone', group.downs)).map(({ id }) => id) : [];
    return [...new Set([...direct, ...through])].map((id) => this.#world.nameOf(id)).sort();
  }
}

export class World {
  nowMs = 0;
  sides: Side[] = [];
  /** The SFU can be reached. */
  reachable = true;
  /** What each asked for last. */
  readonly asked = new Map<string, Extract<GroupWord, { type: 'subscribe' }>>();
  /** Who only listens. */
  readonly listeners = new Set<string>();
  #mode: 'direct' | 'sfu' = 'direct';
  #topology = 0;
  #ready = new Set<string>();
  #numbers = 0;
  #made = 0;
  #later: (() => void)[] = [];
  #pairSinceMs: number | null = null;
  readonly #names = new Map<string, string>();

  nameOf = (id: string): string => this.#names.get(id) ?? '?';
  later = (run: () => void): void => void this.#later.push(run);

  come(name: string, listens = false): Side {
    const side = new Side(this, (this.#made += 1));
    if (listens) this.listeners.add(side.id);
    this.#names.set(side.id, name);
    this.sides.push(side);
    this.#enter(side);
    for (const one of this.sides) if (one !== side) one.room.onRoom(this.nowMs, { type: 'participant_joined', participant: this.#participant(side) });
    if (this.sides.length === 3) this.#say('sfu');
    return side;
  }

  /** A host makes somebody a listener, or lets them speak. */
  setListens(side: Side, listens: boolean): void {
    if (listens) this.listeners.add(side.id);
    else this.listeners.delete(side.id);
    this.#all({ type: 'listens_changed', id: side.id, listens });
  }

  leave(side: Side): void {
    side.joined = false;
    this.sides = this.sides.filter((one) => one !== side);
    this.#all({ type: 'participant_left', id: side.id, reason: 'left' });
    this.#publications();
    if (this.sides.length === 2 && this.#mode === 'sfu') this.#pairSinceMs = this.nowMs;
  }

  /** Somebody says something about a connection for files: that it is there, or an offer for it. */
  signalOfPair(from: Side, to: string, isOffer: boolean): void {
    const { number = 0 } = from.pairs.get(to) ?? {};
    const about = isOffer ? { kind: 'description' as const, sdp_type: 'offer' as const, sdp: 'sdp', connection: number } : { kind: 'restart' as const, connection: number };
    this.later(() => this.sides.find(({ id }) => id === to)?.room.onRoom(this.nowMs, { type: 'file_signal', from: from.id, about }));
  }

  /** An offer makes both stand; to who only asks for one it is made. */
  onPair(side: Side, from: string, isOffer: boolean): void {
    if (!isOffer) return this.signalOfPair(side, from, true);
    for (const one of [side.pairs.get(from), this.sides.find(({ id }) => id === from)?.pairs.get(side.id)]) if (one) one.up = true;
  }

  /** The two can reach each other directly. */
  connect(...two: Side[]): void {
    for (const side of two) if (side.way) side.way = { connected: true, up: true, wasUp: true };
  }

  /** The server lost everything that it told. */
  comeBack(side: Side): void {
    this.#enter(side);
    side.room.onRoom(this.nowMs, { type: 'topology', mode: this.#mode, number: this.#topology, ready: [...this.#ready] });
  }

  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      this.nowMs += TICK_MS;
      for (const run of this.#later.splice(0)) run();
      if (this.#pairSinceMs !== null && this.nowMs >= this.#pairSinceMs + 3000) {
        this.#pairSinceMs = null;
        this.#say('direct');
      }
      for (const side of this.sides) {
        this.#carry(side);
        side.room.settle(this.nowMs, side.joined, side.link);
      }
    }
  }

  onWord(side: Side, word: GroupWord): void {
    switch (word.type) {
      case 'topology_ready':
        if (word.number !== this.#topology) return;
        this.#ready.add(side.id);
        return this.#all({ type: 'participant_ready', id: side.id, number: word.number }, side);
      case 'sfu_offer':
        side.offered = { connection: word.connection, publish: word.publish.map(({ source, on }) => ({ number: (this.#numbers += 1), participant: side.id, source, on, layers: [] })) };
        side.downs = [];
        this.later(() => side.room.onRoom(this.nowMs, { type: 'sfu_answer', connection: word.connection, sdp: 'sdp' }));
        return this.#publications();
      case 'publish':
        if (side.offered) {
          const { publish } = side.offered;
          const numberOf = (source: Source) => publish.find((one) => one.source === source)?.number ?? (this.#numbers += 1);
          side.offered.publish = word.publish.map(({ source, on }) => ({ number: numberOf(source), participant: side.id, source, on, layers: [] }));
        }
        return this.#publications();
      case 'subscribe':
        this.asked.set(side.id, word);
        side.downs = word.downs.map(({ mid, participant, source }) => ({ mid, participant, source, state: 'flows', rid: null }));
        return side.room.onRoom(this.nowMs, { type: 'downs', list: side.downs });
      case 'tell':
        // As JSON, as it travels.
        for (const one of this.sides) if (one !== side && (word.to === undefined || word.to === one.id)) one.room.onRoom(this.nowMs, { type: 'told', from: side.id, payload: JSON.parse(JSON.stringify(word.payload)) });
    }
  }

  #enter(side: Side): void {
    side.joined = true;
    side.room.onJoined(this.nowMs, side.id, this.sides.map((one) => this.#participant(one)));
    if (this.#topology > 0 && this.#mode === 'sfu' && this.sides.length > 3) side.room.onRoom(this.nowMs, { type: 'topology', mode: 'sfu', number: this.#topology, ready: [...this.#ready] });
  }

  #participant = ({ id }: Side): Participant => {
    const order = Array.from(this.#names.keys()).indexOf(id);
    // Whoever began the call is host.
    return { id, name: this.nameOf(id), role: order === 0 ? 'host' : 'guest', order, away: false, listens: this.listeners.has(id) };
  };

  #say(mode: 'direct' | 'sfu'): void {
    this.#mode = mode;
    this.#topology += 7;
    this.#ready.clear();
    this.#all({ type: 'topology', mode, number: this.#topology, ready: [] });
  }

  #publications(): void {
    const list = this.sides.flatMap(({ offered }) => offered?.publish ?? []);
    for (const side of this.sides) side.room.onRoom(this.nowMs, { type: 'publications', list: list.filter(({ participant }) => participant !== side.id) });
  }

  /** What each section of somebody's plays now. */
  #carry(side: Side): void {
    if (!side.room.group.up) return;
    const of = (participant: string, source: Source) => this.sides.find(({ id }) => id === participant)?.offered?.publish.find((one) => one.source === source && one.on)?.number ?? null;
    const voices = this.sides.filter(({ id }) => id !== side.id).map(({ id }) => of(id, 'microphone'));
    const sounds = SECTIONS.filter(({ sound }) => sound).map(({ mid }, at) => ({ mid, sound: true, number: voices[at] ?? null, at: this.nowMs }));
    const pictures = side.downs.map(({ mid, participant, source }) => ({ mid, sound: false, number: of(participant, source), at: this.nowMs }));
    side.room.group.onHeard(this.nowMs, [...sounds, ...pictures], false);
  }

  #all(message: ServerMessage, but?: Side): void {
    for (const side of this.sides) if (side !== but) side.room.onRoom(this.nowMs, message);
  }
}
