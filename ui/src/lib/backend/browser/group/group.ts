/**
 * The call of three and more, decided without connections: how media is to flow, the connection to the SFU, who publishes what, who is seen
 * where, and what the people of a group tell each other. Owned by {@link Room}, beside the way to one person, which it never touches: what follows for
 * that one is told as `Follow`. As `parley-call/src/session/group`.
 */
import type { TileLook } from '../../../bindings';
import { SPEAKERS_MAX } from '../limits';
import type { Phase } from '../link-state';
import type { Roster } from '../roster';
import type { ControlMessage, Down, GroupMessage, GroupWord, MediaState, Participant, Publish, Source } from '../wire';
import { Lists } from './lists';
import { Members } from './members';
import { Offences } from './offences';
import { isOn, isSound, Publications } from './publications';
import { Carried, type Heard } from './carried';
import { SfuLink, type SfuLinkOut } from './sfu-link';
import { Spotlights, type Spotlight } from './spotlight';
import { Topology, type Mode } from './topology';
import { Watch } from './watch';
import { keyOf, Wishes, type Section } from './wishes';
import type { FrameKind, Words } from './words';

/** What follows for the way to one person: it ends; it is a call of two again, or of one; the server said nothing, so it is a call of two. */
export type Follow = 'end-direct' | 'over' | 'no-group';

/** The direct way there is, to one of them. */
export interface DirectWay {
  readonly other: string;
  readonly up: boolean;
  /** What comes of theirs. */
  readonly tracks: ReadonlySet<Source>;
  /** What they say that they send. */
  readonly media: MediaState | null;
}

export interface Around {
  /** One's own id, while in the room. */
  readonly me: string | null;
  /** This side only listens. */
  readonly listens: boolean;
  /** The server can be told things. */
  readonly joined: boolean;
  readonly link: DirectWay | null;
}

export interface GroupOut extends SfuLinkOut {
  say(word: GroupWord): void;
  /** Only these layers of one's own picture are wanted. */
  layersWanted(source: Source, rids: readonly string[]): void;
  heard(from: string, message: ControlMessage): void;
  frame(kind: FrameKind, from: string, frame: Uint8Array): void;
  /** Somebody can be written to by words: fresh lanes, over which what was not answered goes again. */
  wordsOpen(id: string): void;
  wordsClosed(id: string): void;
}

/** pair: a call of two, or alone. expected: came in, or came back, and will be told. back: directly from now on, as soon as that works. */
type Standing = 'pair' | 'expected' | 'sfu' | 'back';

/** The server says at once how media flows where it does not simply flow directly. */
export const TOPOLOGY_MAX_MS = 500;

export class Group {
  readonly members = new Members();
  readonly publications = new Publications();
  readonly wishes = new Wishes();
  readonly carried = new Carried();
  readonly watch = new Watch();
  readonly offences = new Offences();
  #spotlights = new Spotlights();
  speakers: readonly string[] = [];
  downs: readonly Down[] = [];
  #standing: Standing = 'pair';
  #expectedUntil = 0;
  #lists = new Lists();
  readonly #topology = new Topology();
  readonly #link: SfuLink;
  readonly #words: Words;
  readonly #roster: Roster;
  readonly #out: GroupOut;

  constructor(words: Words, roster: Roster, out: GroupOut) {
    this.#words = words;
    this.#roster = roster;
    this.#out = out;
    this.#link = new SfuLink(out);
  }

  /** Whether this is more than a call of two, or still becomes one again. */
  get inForce(): boolean {
    return this.#standing !== 'pair';
  }

  /** Whether media is to go through the SFU. */
  get isSfu(): boolean {
    return this.#standing === 'sfu';
  }

  /** Whether media can go through it now. */
  get up(): boolean {
    return this.#link.up;
  }

  /** Whether there is a connection to the SFU, or is to be one. */
  get wanted(): boolean {
    return this.#link.wanted;
  }

  /** Came into a room that is a group: how media flows is about to be told. */
  expect(nowMs: number): void {
    this.#standing = 'expected';
    this.#expectedUntil = nowMs + TOPOLOGY_MAX_MS;
  }

  /** Gives the mode, if the word counts. */
  takeTopology(mode: Mode, number: number, ready: readonly string[]): Mode | null {
    return this.#topology.take(mode, number, ready) ? mode : null;
  }

  goThroughSfu(nowMs: number): void {
    const before = this.#standing;
    this.#standing = 'sfu';
    if (before === 'sfu') return;
    this.#connect(nowMs, before);
    for (const id of this.#roster.ids) this.welcome(id);
  }

  goBack(nowMs: number): void {
    if (!this.inForce) return;
    const before = this.#standing;
    this.#standing = 'back';
    if (before === 'expected' && this.#link.wanted) this.#connect(nowMs, before);
  }

  /**
   * It is a call of two again, or of one: nothing goes through the SFU any more. Who is large is kept until {@link settleForTwo}: a server
   * that began anew says nothing of a group before a third one is back.
   */
  end(): void {
    this.#standing = 'pair';
    this.#link.close();
    this.publications.forget();
    this.carried.renew();
    this.members.clear();
    this.watch.clear();
    this.offences.clear();
    this.#lists = new Lists();
    this.speakers = this.downs = [];
  }

  /** It really is a call of two, or of one: nobody of the group before may come back to it. */
  settleForTwo(): void {
    if (!this.inForce) this.#spotlights = new Spotlights();
  }

  /** Somebody is there who may have missed what was said. */
  welcome(id: string): void {
    this.members.welcome(id, this.#roster.get(id)?.listens);
    this.#spotlights.welcome(id);
    this.#lists.wishesChanged();
    this.#words.forgetFrames(id);
    this.#out.wordsOpen(id);
  }

  /** Somebody is gone for good. */
  forget(id: string): void {
    const known = this.members.get(id) !== undefined;
    this.members.forget(id);
    this.#topology.forget(id);
    this.offences.forget(id);
    this.#spotlights.forget(id);
    this.#words.forgetFrames(id);
    this.speakers = this.speakers.filter((one) => one !== id);
    this.downs = this.downs.filter(({ participant }) => participant !== id);
    this.#lists.wishesChanged();
    if (known) this.#out.wordsClosed(id);
  }

  look(tiles: readonly TileLook[]): void {
    this.wishes.look(tiles);
    this.#lists.wishesChanged();
  }

  /** A host wants this large for everybody, or nothing any more. */
  putInSpotlight(target: Spotlight | null): void {
    if (this.inForce) this.#spotlights.put(target);
  }

  /** Who is large for everybody. */
  spotlight = (me: Participant | null): Spotlight | null => this.#spotlights.shown(me, this.#roster);

  /** A frame of the chat or about files; tells whether it is on its way. */
  sayFrame = (kind: FrameKind, to: string, frame: Uint8Array): boolean => this.inForce && this.#roster.has(to) && this.#words.sayFrame(kind, to, frame);

  onMessage(nowMs: number, me: string | null, message: GroupMessage): void {
    switch (message.type) {
      case 'participant_ready':
        return this.#topology.onReady(message.id, message.number);
      case 'told':
        return this.#onTold(nowMs, me, message.from, message.payload);
    }
    if (!this.inForce) return;
    switch (message.type) {
      case 'sfu_answer':
        return this.#link.onAnswer(nowMs, message.connection, message.sdp);
      case 'sfu_closed':
        return this.#link.onClosed(nowMs, message.connection, message.reason);
      case 'publications':
        if (this.publications.take(message.list, me)) this.#lists.wishesChanged();
        return;
      case 'layers_wanted':
        return this.#out.layersWanted(message.source, message.rids);
      case 'downs':
        this.downs = message.list;
        return;
      case 'speakers':
        this.speakers = message.list.slice(0, SPEAKERS_MAX);
        return;
      case 'offences':
        if (this.#roster.has(message.id)) this.offences.take(message.id, message.list, message.kicks);
    }
  }

  onUnavailable = (nowMs: number): void => this.#link.onUnavailable(nowMs);
  onLocalOffer = (nowMs: number, connection: number, sdp: string, publish: readonly Publish[], receive: readonly Section[]): void => this.#link.onLocalOffer(nowMs, connection, sdp, publish, receive);
  onPublished = (connection: number, publish: readonly Publish[]): void => this.#link.onPublished(connection, publish);
  onFailed = (nowMs: number, connection: number): void => this.#link.onFailed(nowMs, connection);
  needsOffer = (nowMs: number, connection: number): void => this.#link.needsOffer(nowMs, connection);
  onPhase = (nowMs: number, connection: number, phase: Phase): void => this.#link.onPhase(nowMs, connection, phase);

  onAnswerSet(nowMs: number, connection: number): void {
    if (!this.#link.onAnswerSet(nowMs, connection)) return;
    this.wishes.setSections(this.#link.receive);
    this.#lists.forgetWishes();
  }

  /** What the browser plays; `renewed`: another connection than before carries it. */
  onHeard(nowMs: number, list: readonly Heard[], renewed: boolean): void {
    if (renewed) this.carried.renew();
    this.carried.see(nowMs, list, this.publications);
  }

  /** Carries out what follows from the new state, and from time. */
  settle(nowMs: number, around: Around): Follow | null {
    if (!this.inForce) {
      // Whoever came into a room that was a group, when it was one of two again, is ready like the other one.
      if (around.joined && this.#topology.mode === 'direct' && around.link?.up) this.#sayReady();
      return null;
    }
    this.#speak(nowMs, around);
    if (this.#standing === 'expected' && nowMs >= this.#expectedUntil) return 'no-group';
    this.#link.onTick(nowMs);
    if (around.joined && this.#link.openIfDue(nowMs)) this.publications.expect();
    const offer = around.joined ? this.#link.takeOffer(nowMs) : null;
    if (offer) {
      const publish = this.#publish(around);
      this.#lists.offered(publish);
      this.#out.say({ type: 'sfu_offer', ...offer, publish });
    }
    this.#lookAfterPictures(nowMs);
    if (around.joined && this.#link.negotiated) this.#lists.tell(nowMs, this.#publish(around), () => this.wishes.list(this.#roster, this.publications), (word) => this.#out.say(word));
    return this.#judge(around);
  }

  /** Whether somebody's media is to be taken from the SFU, where both ways bring it. */
  takesFromSfu(who: string, source: Source, direct: DirectWay | null): boolean {
    const alsoDirect = direct?.other === who && direct.up && direct.tracks.has(source);
    return this.#link.up && this.carried.came(who, source, this.downs) && (this.isSfu || !alsoDirect);
  }

  #connect(nowMs: number, before: Standing): void {
    // What the SFU told while the server was away is not told again, but to a fresh connection.
    if (before === 'expected' && this.#link.wanted) this.#link.renew(nowMs);
    else this.#link.want(nowMs);
  }

  #onTold(nowMs: number, me: string | null, from: string, payload: unknown): void {
    if (me === null || !this.#roster.has(from)) return;
    const word = this.#words.hear(nowMs, me, from, payload, (id) => this.#roster.has(id));
    if (word && word.is !== 'control') this.#out.frame(word.is, from, word.frame);
    else if (word?.message.type === 'spotlight') this.#spotlights.hear(from, word.message, this.#roster);
    else if (word && this.members.hear(from, word.message)) this.#out.heard(from, word.message);
  }

  /** Says to the others what they do not know, as far as that may be said now. */
  #speak(nowMs: number, { me, joined, listens }: Around): void {
    if (me === null || !joined) return;
    this.members.listens = listens;
    while (this.#words.maySay(nowMs)) {
      const next = this.members.nextWord(nowMs) ?? this.#spotlights.nextWord(nowMs);
      if (!next) break;
      const payload = this.#words.say(nowMs, me, next.to, next.message);
      if (payload) this.#tell(next.to, payload);
    }
    const nextFrame = () => this.#words.nextFrame(nowMs, me, this.#roster.everybody.length);
    for (let next = nextFrame(); next; next = nextFrame()) this.#tell(next.to, next.payload);
  }

  #tell(to: string | null, payload: object): void {
    this.#out.say({ type: 'tell', ...(to === null ? {} : { to }), payload });
  }

  /** What this side sends, in the sections that were offered last; a listener sends nothing. */
  #publish({ listens }: Around): Publish[] {
    if (listens) return [];
    return this.#link.publish.map((one) => ({ ...one, on: isOn(this.members.ownMedia, one.source) }));
  }

  #lookAfterPictures(nowMs: number): void {
    const pictures = new Map<string, boolean>();
    for (const { participant, source, state } of this.downs) {
      if (isSound(source) || state !== 'flows' || !this.wishes.has(participant, source)) continue;
      const mid = this.carried.sectionOf(participant, source, this.publications, this.downs);
      pictures.set(keyOf(participant, source), mid !== null && this.carried.flows(nowMs, mid));
    }
    // A shared screen that stands still sends nothing: only cameras are asked for anew for it.
    for (const key of this.watch.look(nowMs, new Map([...pictures].filter(([key]) => key.startsWith('camera '))))) this.#lists.beginAnew(key);
  }

  #sayReady(): void {
    const number = this.#topology.say();
    if (number !== null) this.#out.say({ type: 'topology_ready', number });
  }

  /** Whether this side is ready for what the server wants, and what follows once others are too. */
  #judge({ joined, link }: Around): Follow | null {
    if (this.#standing === 'back' && this.#roster.ids.length === 0) return 'over';
    const ready = this.#standing === 'sfu' ? this.#isReadyForSfu(link) : this.#standing === 'back' && link !== null && this.#isReadyForDirect(link);
    if (ready && joined) this.#sayReady();
    if (link === null || !this.#topology.areReady(link.other)) return null;
    if (this.#standing === 'sfu') return 'end-direct';
    return this.#standing === 'back' ? 'over' : null;
  }

  /** Everything that comes directly comes through the SFU too, as far as it is wanted. */
  #isReadyForSfu(link: DirectWay | null): boolean {
    if (!this.#link.up || !this.publications.told) return false;
    if (link === null) return true;
    return [...link.tracks].every((source) => !isOn(link.media, source) || !this.#isWanted(link.other, source) || this.carried.came(link.other, source, this.downs));
  }

  /** Sound always is; a picture while it has a section and this side's way carries it. */
  #isWanted(who: string, source: Source): boolean {
    const paused = this.downs.some((one) => one.participant === who && one.source === source && one.state === 'paused');
    return isSound(source) || (this.wishes.has(who, source) && !paused);
  }

  /** Everything that is sent comes directly. */
  #isReadyForDirect(link: DirectWay): boolean {
    return link.up && this.publications.on(link.other).every((source) => link.tracks.has(source));
  }
}
