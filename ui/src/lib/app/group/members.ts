/** Everybody in a group as its tiles show them: the others, their screens, oneself. Pure: from the state to what is drawn and said. */
import type { AppState, ListenerView, PersonView, PictureState } from '../../bindings';
import { t } from '../../text';
import { tileOf } from '../../tile-name';
import { named } from '../summary';
import { SELF } from './speaking';

/** How what somebody sends gets here, as far as it is worth a word. */
export type Way = 'fine' | 'away' | 'stalled' | 'weak' | 'saved' | 'waiting';

export interface Member {
  /** Another one for each tile: `self`, a person's id, `screen:` and the id. */
  readonly key: string;
  readonly id: string;
  readonly screen: boolean;
  readonly name: string;
  readonly host: boolean;
  readonly microphoneOn: boolean;
  readonly cameraOn: boolean;
  /** Whether there is a picture to show. */
  readonly shows: boolean;
  readonly portrait: boolean;
  /** Their place in the order of raised hands; null while theirs is down. */
  readonly hand: number | null;
  readonly recording: boolean;
  readonly way: Way;
  /** Nobody else: for oneself there is none. */
  readonly person: PersonView | null;
}

/** From three people on there is a grid, and wherever somebody only listens, who has no tile. */
export const isGroup = ({ phase, call }: AppState): boolean => phase === 'in_call' && call !== null && (call.people.length >= 2 || call.listeners.length > 0 || listens(call));

/** Whether this side only listens. */
export const listens = (call: AppState['call']): boolean => call?.part === 'listens';

/** Whether one is told, before the call, that one will only listen. */
export const comesToListen = ({ phase, call }: AppState): boolean => phase === 'green_room' && (call?.door.comes_to_listen ?? null) !== null;

/** How many are in the call, oneself among them. */
export const headcount = (call: AppState['call']): number => named(call).length + 1;

export function memberOf(person: PersonView): Member {
  return {
    key: person.id,
    id: person.id,
    screen: false,
    name: person.name || t.chat.nameless,
    host: person.host,
    microphoneOn: person.microphone_on,
    cameraOn: person.camera_on,
    // What is paused would be an old picture.
    shows: person.camera_on && !rests(person.picture) && person.picture !== 'off',
    portrait: tall(person.video_size),
    hand: person.hand_raised ? (person.hand_place ?? 0) : null,
    recording: person.recording,
    way: wayOf(person, person.camera_on ? person.picture : 'off'),
    person,
  };
}

export const screenOf = (person: PersonView): Member => ({
  ...memberOf(person),
  key: tileOf(person.id, true),
  screen: true,
  shows: !rests(person.screen),
  portrait: true,
  way: wayOf(person, person.screen),
});

export function selfOf(state: AppState, handRaised: boolean): Member {
  const { local, settings, call } = state;
  return {
    key: SELF,
    id: SELF,
    screen: false,
    name: settings.name || t.stage.you,
    host: call?.door.may_host ?? false,
    microphoneOn: !local.muted,
    cameraOn: local.camera_on && local.camera === 'running',
    shows: local.camera_on && local.camera === 'running',
    portrait: tall(local.video_size),
    hand: handRaised ? (call?.hand_place ?? 0) : null,
    recording: false,
    way: 'fine',
    person: null,
  };
}

const rests = (picture: PictureState): boolean => picture === 'paused' || picture === 'saved';
const tall = (size: readonly [number, number] | null): boolean => size !== null && size[0] < size[1];

function wayOf(person: PersonView, picture: PictureState): Way {
  if (person.away) return 'away';
  if (person.stalled || picture === 'stalled') return 'stalled';
  if (picture === 'paused') return 'weak';
  if (picture === 'saved') return 'saved';
  return picture === 'waiting' || picture === 'unwatched' ? 'waiting' : 'fine';
}

/** What a screen reader hears of a tile: who it is, and everything that is drawn on it. */
export function spelled(member: Member, speaks: boolean, pinned: boolean, lit = false): string {
  const name = member.key === SELF ? t.panel.yourself({ name: member.name }) : member.screen ? t.share.from({ name: member.name }) : member.name;
  const states = [
    pinned ? t.group.pinned : '',
    lit ? t.group.spotlit : '',
    speaks ? t.group.speaks : '',
    member.screen || member.microphoneOn ? '' : t.group.muted,
    member.screen || member.cameraOn ? '' : t.panel.pictureOff,
    member.screen || member.hand === null ? '' : handWords(member.hand),
    member.way === 'fine' ? '' : t.group.ways[member.way],
    member.recording ? t.group.records : '',
  ];
  return [name, ...states.filter(Boolean)].join(', ');
}

/** A raised hand, with its place where there is one. */
export const handWords = (place: number): string => (place > 0 ? t.group.handAt({ place }) : t.group.hand);

interface Raised {
  readonly id: string;
  readonly name: string;
  readonly hand: number | null;
  readonly screen?: boolean;
}

/** Raised hands, the first first. */
export const hands = <One extends Raised>(members: readonly One[]): readonly One[] => members.filter((one) => one.hand !== null && one.screen !== true).sort((a, b) => (a.hand || Infinity) - (b.hand || Infinity));

/** Somebody who only listens, as far as their hand goes. */
export const raisedOf = ({ id, name, hand_place }: ListenerView): Raised => ({ id, name: name || t.chat.nameless, hand: hand_place });

/** Whoever raised their hand first of those who listen, for the host to let speak. */
export const nextToSpeak = (call: AppState['call']): Raised | null => hands((call?.listeners ?? []).map(raisedOf))[0] ?? null;
