/** Rooms of three and more in the simulation. Pure: from how one stands to how it stands next. */
import type { AppState, CallView, DoorAsk, GroupView, ListenerView, LayerFigures, PersonFigures, PersonView } from '../../bindings';
import { GRACE } from './state';

const NAMES = [
  'Grace Hopper', 'Alan Turing', 'Katherine Johnson', 'Konrad Zuse', 'Emmy Noether', 'Édouard Lucas', 'Mary Somerville', '华罗庚', 'Srinivasa Ramanujan', 'Hedwig Eva Maria Kiesler',
  'Ada Yonath', 'Bob', 'Chien-Shiung Wu', 'Dorothy Vaughan', 'Evelyn Boyd Granville', 'Frances Allen', 'Gladys West', 'Hypatia', 'Ida Rhodes', 'Joan Clarke', 'Karen Spärck Jones', 'Lise Meitner',
  'María Wonenburger', 'Niels Abel', 'Olga Ladyzhenskaya',
] as const;

/** So many others: every fifth without a picture, every third silent. */
export function others(count: number): PersonView[] {
  return Array.from({ length: count }, (_, i) => {
    const round = Math.floor(i / NAMES.length);
    const camera = i % 5 !== 3;
    return {
      ...GRACE,
      id: i === 0 ? GRACE.id : `p-${i + 1}`,
      name: `${NAMES[i % NAMES.length] ?? ''}${round ? ` ${round + 1}` : ''}`,
      host: i === 1,
      microphone_on: i % 3 !== 2,
      camera_on: camera,
      picture: camera ? 'flows' : 'off',
      video_size: !camera ? null : i % 7 === 5 ? [360, 640] : [640, 360],
    };
  });
}

/** So many who only listen. */
export const audience = (count: number, hands: readonly number[] = []): ListenerView[] =>
  Array.from({ length: count }, (_, i) => ({ id: `l-${i + 1}`, name: `${NAMES[(i * 7) % NAMES.length] ?? ''} ${i + 1}`, host: false, away: i % 40 === 39, hand_place: hands.indexOf(i) < 0 ? null : hands.indexOf(i) + 1, offences: null }));

const QUIET: GroupView = { up: true, speakers: [], short: false };

/** What a test, or a scenario, changes in a room. */
export interface RoomChange {
  /** So many others are there; those who were there stay who they were. */
  readonly others?: number;
  /** They are gone. */
  readonly gone?: readonly string[];
  readonly people?: Readonly<Record<string, Partial<PersonView>>>;
  readonly group?: Partial<GroupView> | null;
  readonly call?: Partial<CallView>;
}

export function withRoom(state: AppState, { others: count, gone = [], people = {}, group, call: change }: RoomChange): AppState {
  if (!state.call) return state;
  const before = state.call.people;
  const there = count === undefined ? before : others(count).map((one) => before.find(({ id }) => id === one.id) ?? one);
  const now = there.filter(({ id }) => !gone.includes(id)).map((one) => ({ ...one, ...people[one.id] }));
  const through = group === undefined ? (state.call.group ?? (now.length > 1 ? QUIET : null)) : group && { ...QUIET, ...state.call.group, ...group };
  return { ...state, call: { ...state.call, people: now, group: through, end_to_end: through === null, ...change } };
}

/** Somebody only listens from now on, or may speak. */
export function withPart(state: AppState, ask: DoorAsk): AppState {
  const { call } = state;
  if (call && ask.what === 'seen_part') return { ...state, call: { ...call, part: 'speaks' } };
  if (!call || ask.what !== 'set_listens') return state;
  const { id, listens } = ask;
  if (id === call.me) return { ...state, call: { ...call, part: listens ? 'listens' : 'let_speak' }, local: { ...state.local, muted: true, camera_on: false, camera: 'off' } };
  const [person, listener] = [call.people.find((one) => one.id === id), call.listeners.find((one) => one.id === id)];
  if (listens && person) return { ...state, call: { ...call, people: call.people.filter((one) => one !== person), listeners: [...call.listeners, { id, name: person.name, host: person.host, away: person.away, hand_place: person.hand_place, offences: person.offences }] } };
  if (!listens && listener) return { ...state, call: { ...call, people: [...call.people, { ...GRACE, id, name: listener.name, host: listener.host, microphone_on: false, camera_on: false, picture: 'off', video_size: null }], listeners: call.listeners.filter((one) => one !== listener) } };
  return state;
}

/** Whom files are offered to: of several, whoever is meant and can take them. */
export function takers(state: AppState, to: readonly string[]): readonly PersonView[] {
  const people = state.call?.people ?? [];
  return people.length > 1 ? people.filter((one) => one.takes_files && (!to.length || to.includes(one.id))) : [GRACE];
}

/** What came of each of the others in a second. */
export const figuresOf = (people: readonly PersonView[]): PersonFigures[] =>
  people.map((one, i) => ({
    id: one.id,
    picture: one.picture,
    layer: one.picture === 'flows' ? (i % 2 ? 'h' : 'q') : null,
    size: one.video_size,
    fps: one.picture === 'flows' ? 24 : 0,
    frozen: one.stalled,
    decode_ms: one.picture === 'flows' ? 1.2 : null,
    screen: one.screen,
    screen_size: one.screen_size,
    screen_fps: one.screen_on ? 4 : 0,
    jitter_buffer_ms: one.microphone_on ? 40 + i * 4 : null,
    concealed_pct: i % 4 === 3 ? 1.2 : 0,
    jitter_ms: 6,
  }));

/** What is sent of one's own picture to several. */
export const LAYERS: LayerFigures[] = [
  { layer: 'q', size: [320, 180], fps: 15, kbps: 148 },
  { layer: 'h', size: [640, 360], fps: 30, kbps: 492 },
  { layer: 'f', size: [1280, 720], fps: 30, kbps: 1460 },
];
