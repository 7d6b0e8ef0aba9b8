/**
 * Who is in the room and by which way media flows, decided without connections: {@link Stay} for two, {@link Group} for three and more, and
 * which of them is in force. As `parley-call/src/session/stay/grouping.rs`.
 *
 * A direct way that was up is kept when a group begins, and ends only once both are ready for the SFU. While there is a group, a direct way
 * that fails ends nothing but itself.
 */
import { Group, TOPOLOGY_MAX_MS, type DirectWay, type GroupOut } from './group/group';
import { Pairs, type FileWay, type PairsAround, type PairsOut } from './group/pairs';
import type { Words } from './group/words';
import { Missing } from './missing';
import { Roster } from './roster';
import { Stay, type StayOut, type Way } from './stay';
import type { GroupMessage, Participant, ServerMessage } from './wire';

export interface RoomOut extends StayOut, GroupOut, PairsOut {
  /** More than two are here now; `direct` is whom the direct way leads to, if it is kept. */
  grouped(direct: string | null): void;
  /** Media goes directly again, as soon as that works. */
  goesBack(): void;
  /** It is a call of two again, or of one: with this person. */
  pairedOff(other: string | null): void;
}

const GROUP_MESSAGES: readonly ServerMessage['type'][] = ['topology', 'participant_ready', 'sfu_answer', 'sfu_closed', 'publications', 'layers_wanted', 'downs', 'speakers', 'told', 'offences'] satisfies GroupMessage['type'][];
const isOfGroup = (message: ServerMessage): message is GroupMessage => GROUP_MESSAGES.includes(message.type);

export class Room {
  readonly roster = new Roster();
  readonly stay: Stay;
  readonly group: Group;
  /** Who may come back to it. */
  readonly missing = new Missing();
  readonly #pairs: Pairs;
  #joined = false;
  /** A third one is there: until then the server says that it is a group, or it is none. */
  #thirdUntil: number | null = null;
  /** Who was met at the two ends of the direct way: one's own id. */
  #metAs: string | null = null;
  readonly #way: () => Way | null;
  readonly #out: RoomOut;

  constructor(words: Words, way: () => Way | null, out: RoomOut) {
    this.#way = way;
    this.#out = out;
    this.stay = new Stay(way, {
      meet: (me, other, polite) => {
        this.#metAs = me.id;
        out.meet(me, other, polite);
      },
      part: () => out.part(),
      said: (message) => out.said(message),
      muteAsked: (by) => out.muteAsked(by),
      askAgainLater: () => out.askAgainLater(),
      end: (why) => out.end(why),
    });
    this.group = new Group(words, this.roster, out);
    this.#pairs = new Pairs(out);
  }

  /** Everybody else: in a call of two the one that media says. */
  get people(): readonly Participant[] {
    if (this.group.inForce) return this.roster.everybody;
    return this.stay.other ? [this.stay.other] : [];
  }

  /** Whether this side only listens: nothing of it is sent. */
  get listens(): boolean {
    return this.stay.me?.listens ?? false;
  }

  onJoined(nowMs: number, you: string, people: readonly Participant[]): void {
    const me = people.find(({ id }) => id === you);
    if (!me) return this.#out.askAgainLater();
    const others = people.filter(({ id }) => id !== you);
    for (const gone of this.roster.reset(others)) {
      this.missing.note(nowMs, gone);
      this.group.forget(gone);
    }
    for (const id of this.roster.ids) this.missing.forget(id);
    if (this.group.inForce) {
      this.stay.comeIn(me);
      this.group.expect(nowMs);
      const { other } = this.stay;
      if (other && !this.roster.has(other.id) && !this.#way()?.up) this.stay.drop();
      return this.#agree();
    }
    // Two of whom one listens are a group too.
    const listening = people.some(({ listens }) => listens);
    if (others.length < 2 && !listening) return this.stay.onJoined(nowMs, you, people);
    // A newcomer to a group meets nobody directly.
    this.stay.comeIn(me);
    this.#thirdUntil = nowMs + TOPOLOGY_MAX_MS;
    this.#agree();
  }

  onRoom(nowMs: number, message: ServerMessage): void {
    this.#notePeople(message);
    if (message.type === 'file_signal') this.#pairs.onMessage(nowMs, this.#aroundPairs(), message.from, message.about);
    else if (message.type === 'topology') this.#onTopology(nowMs, message);
    else if (isOfGroup(message)) this.group.onMessage(nowMs, this.stay.me?.id ?? null, message);
    else if (this.group.inForce) this.#onRoomOfGroup(nowMs, message);
    else if (message.type === 'participant_joined' && message.participant.id !== this.stay.me?.id && (this.roster.present > 1 || message.participant.listens || this.listens)) this.#thirdUntil = nowMs + TOPOLOGY_MAX_MS;
    else this.stay.onRoom(nowMs, message);
  }

  /** The direct way came to its end. Of a group, that ends nothing else: tells whether it is one. */
  onWayEnded(): boolean {
    if (this.group.inForce) this.stay.drop();
    return this.group.inForce;
  }

  /** With whom files are to move, or may. */
  wishFileWays(nowMs: number, ways: readonly FileWay[]): void {
    this.#pairs.wish(nowMs, ways);
  }

  /** A connection for files came to its end by itself. */
  onPairEnded(nowMs: number, id: string): void {
    this.#pairs.onEnded(nowMs, id);
  }

  /** Time passed, or something changed. */
  settle(nowMs: number, joined: boolean, link: DirectWay | null): void {
    this.#joined = joined;
    this.missing.onTick(nowMs);
    if (this.#thirdUntil !== null && nowMs >= this.#thirdUntil) {
      // It is a call of two after all.
      this.#thirdUntil = null;
      if (!this.group.inForce) this.stay.meetOne(nowMs, this.roster.everybody);
    }
    const follow = this.group.settle(nowMs, { me: this.stay.me?.id ?? null, listens: this.listens, joined, link });
    if (follow === 'end-direct') this.stay.drop();
    else if (follow) {
      this.group.end();
      this.#out.pairedOff(this.stay.other?.id ?? this.roster.ids[0] ?? null);
      if (follow === 'no-group') this.stay.meetOne(nowMs, this.roster.everybody);
    }
    if (this.#isOfTwo) this.group.settleForTwo();
    if (!this.group.inForce) this.stay.onTick(nowMs);
    this.#pairs.settle(nowMs, this.#aroundPairs());
  }

  /** No group, and not about to be one again. */
  get #isOfTwo(): boolean {
    return !this.group.inForce && this.#thirdUntil === null && this.roster.ids.length < 2 && this.missing.ids.length === 0;
  }

  #aroundPairs(): PairsAround {
    const { stay, missing, roster } = this;
    return { me: this.group.inForce ? stay.me : null, own: stay.me?.id ?? null, missing, unsettled: this.#thirdUntil !== null, joined: this.#joined, roster, direct: this.#way()?.up ? (stay.other?.id ?? null) : null };
  }

  #onTopology(nowMs: number, { mode, number, ready }: Extract<GroupMessage, { type: 'topology' }>): void {
    const taken = this.group.takeTopology(mode, number, ready);
    if (taken === null) return;
    this.#thirdUntil = null;
    if (taken === 'sfu') this.#goThroughSfu(nowMs);
    else this.#goBack(nowMs);
  }

  #goThroughSfu(nowMs: number): void {
    const { other, me } = this.stay;
    const kept = other !== null && this.#way()?.wasUp === true && this.#metAs === me?.id && this.roster.has(other.id);
    const began = !this.group.inForce;
    if (began) this.#out.grouped(kept ? other.id : null);
    this.group.goThroughSfu(nowMs);
    if (other && !kept) this.stay.drop();
    this.#agree();
  }

  #goBack(nowMs: number): void {
    // What does not fit who is there is followed by another word.
    if (this.roster.ids.length > 1) return;
    this.group.goBack(nowMs);
    if (this.group.inForce) this.#out.goesBack();
    const [other] = this.roster.everybody;
    if (!other) return;
    if (this.stay.other && this.stay.other.id !== other.id) this.stay.drop();
    this.stay.meetOne(nowMs, [other]);
  }

  #onRoomOfGroup(nowMs: number, message: ServerMessage): void {
    switch (message.type) {
      case 'participant_joined':
        if (this.roster.has(message.participant.id)) this.group.welcome(message.participant.id);
        return this.#agree();
      case 'participant_back':
        this.#agree();
        if (this.roster.has(message.id)) this.group.welcome(message.id);
        return;
      case 'participant_away':
        return this.#agree();
      case 'participant_left':
        if (this.stay.other?.id === message.id) this.stay.drop();
        return;
      case 'mute_asked': {
        // Only from somebody who is there: it is shown who asked.
        const by = this.roster.get(message.by);
        if (by) this.#out.muteAsked(by);
        return;
      }
      case 'error':
        if (message.code === 'sfu_unavailable') this.group.onUnavailable(nowMs);
        return;
      case 'signal':
      case 'door':
      case 'at_the_door':
      case 'role_changed':
      case 'listens_changed':
        this.stay.onRoom(nowMs, message);
    }
  }

  /** Keeps who is there up to date, in calls of two as well. */
  #notePeople(message: ServerMessage): void {
    switch (message.type) {
      case 'participant_joined':
        if (message.participant.id === this.stay.me?.id) return;
        this.missing.forget(message.participant.id);
        return this.roster.add(message.participant);
      case 'participants':
        for (const one of message.list) {
          this.missing.forget(one.id);
          if (one.id !== this.stay.me?.id) this.roster.add(one);
        }
        return;
      case 'listens_changed':
        return this.roster.setListens(message.id, message.listens);
      case 'participant_left':
        this.missing.forget(message.id);
        this.roster.remove(message.id);
        return this.group.forget(message.id);
      case 'participant_away':
      case 'participant_back':
        return this.roster.setAway(message.id, message.type === 'participant_away');
      case 'role_changed':
        return this.roster.setRole(message.id, message.role);
    }
  }

  #agree(): void {
    const { other } = this.stay;
    if (other) this.stay.agree(this.roster.get(other.id));
  }
}
