/** Named beginnings: `?fake=NAME`. Each is a whole state the real engine can be in. */
import type { AppState, CallView, EndCode, PersonView, Problem } from '../../bindings';
import { audience, withRoom, type RoomChange } from './group';
import { pastCalls, withCall } from './history';
import { recordingSince } from './recording';
import { CALL, GRACE, HOME, LOCAL_OFF, LOCAL_ON, NO_CHOICE, OPEN_DOOR, PROBLEMS, SETTINGS, SYSTEM_ASKED } from './state';

const START_MS = 754_000;

const greenRoom = (call: Partial<CallView> | null = {}): AppState => ({
  ...HOME,
  phase: 'green_room',
  call: call && { ...CALL, state: 'joining', ...call },
  local: LOCAL_ON,
});

const inCall = (call: Partial<CallView>, problems: Problem[] = []): AppState => ({
  ...HOME,
  phase: 'in_call',
  call: { ...CALL, ...call },
  local: LOCAL_ON,
  problems,
});

const connected = (nowMs: number, person: Partial<PersonView> = {}, problems: Problem[] = []): AppState =>
  inCall({ state: 'connected', end_to_end: true, people: [{ ...GRACE, ...person }], connected_since_ms: nowMs - START_MS }, problems);

const group = (nowMs: number, others: number, change: RoomChange = {}): AppState => withRoom(withRoom(connected(nowMs), { others }), change);

const ended = (code: EndCode, message: string, seconds: number): AppState => ({
  ...HOME,
  history: seconds > 0 ? withCall({ calls: [], opened: null, fault: null }, '0000000000000001', 0, seconds, code) : HOME.history,
  phase: 'ended',
  call: { ...CALL, state: 'ended', past: seconds > 0 ? '0000000000000001' : null, ended: { code, message, seconds } },
});

const sharing = (state: AppState): AppState => ({
  ...state,
  share: { ...state.share, sharing: { id: 'window:a1', kind: 'window', name: 'Notes on the Analytical Engine – Editor', mode: 'text', sound: false, state: 'running', size: [1180, 820], asking: false, asked: false } },
});

const withLocal = (state: AppState, local: Partial<AppState['local']>): AppState => ({ ...state, local: { ...state.local, ...local } });

/** Every scenario, given the time now. */
export const SCENARIOS: Record<string, (nowMs: number) => AppState> = {
  home: () => HOME,
  'home-history': (now) => ({ ...HOME, history: pastCalls(now) }),
  'home-update': () => ({ ...HOME, desktop: { ...HOME.desktop, update: { state: 'ready', version: '1.4.0', put_off: false } } }),
  'first-run': () => ({ ...HOME, settings: { ...SETTINGS, name: '' } }),
  'home-server-unreachable': () => ({
    ...HOME,
    settings: { ...SETTINGS, server: 'https://call.example.org' },
    problems: [PROBLEMS.server_unreachable],
  }),
  'home-busy': () => ({ ...HOME, problems: [PROBLEMS.settings_reset] }),
  'green-room': () => greenRoom(),
  'green-room-guest': () => greenRoom({ host: false }),
  'green-room-listener': () => greenRoom({ host: false, door: { ...OPEN_DOOR, may_host: false, comes_to_listen: 'many' } }),
  'green-room-making': () => greenRoom(null),
  'green-room-first': () => ({ ...greenRoom(), settings: { ...SETTINGS, name: '' } }),
  'green-room-server-away': () => ({ ...greenRoom(null), problems: [PROBLEMS.server_unreachable] }),
  'green-room-busy': () => ({
    ...withLocal(greenRoom(), { camera: 'busy', video_size: null }),
    problems: [PROBLEMS.camera_busy],
  }),
  'green-room-nothing': () => ({
    ...withLocal(greenRoom(), { ...LOCAL_OFF, camera: 'missing', microphone: 'missing', speaker: 'missing' }),
    devices: { ...HOME.devices, cameras: [], microphones: [], speakers: [] },
    problems: [PROBLEMS.no_camera, PROBLEMS.no_microphone, PROBLEMS.no_speaker],
  }),
  joining: () => inCall({ state: 'joining', signaling: 'connecting' }),
  'joining-server-away': () => inCall({ state: 'joining', signaling: 'connecting' }, [PROBLEMS.server_unreachable]),
  waiting: () => inCall({ state: 'waiting' }),
  'waiting-server-away': () => inCall({ state: 'waiting', signaling: 'reconnecting' }, [PROBLEMS.server_unreachable, PROBLEMS.no_speaker]),
  'waiting-guest': () => inCall({ state: 'waiting', host: false, served_here: false }),
  lobby: () => inCall({ state: 'joining', host: false, served_here: false, door: { ...OPEN_DOOR, may_host: false, entrance: 'lobby' } }),
  'password-needed': () => inCall({ state: 'joining', host: false, served_here: false, door: { ...OPEN_DOOR, may_host: false, entrance: 'password_needed' } }),
  'waiting-lobby': () => inCall({ state: 'waiting', door: { ...OPEN_DOOR, lobby: true, waiting: [{ id: 'w-eve', name: 'Eve Adams' }, { id: 'w-bob', name: 'Bob' }] } }),
  connecting: () => inCall({ state: 'connecting', people: [{ ...GRACE, video_size: null, quality: 'unknown' }] }),
  call: (now) => connected(now),
  'call-talk': (now) => connected(now, { hand_raised: true }),
  'call-mute-asked': (now) => {
    const state = withLocal(connected(now), { muted: true });
    return { ...state, call: state.call && { ...state.call, host: false, door: { ...OPEN_DOOR, may_host: false, mute_asked_by: GRACE.name } } };
  },
  'call-muted': (now) => withLocal(connected(now, { microphone_on: false }), { muted: true }),
  'call-camera-off': (now) => connected(now, { camera_on: false, video_size: null }),
  'call-both-off': (now) => withLocal(connected(now, { camera_on: false, video_size: null }), { camera_on: false, camera: 'off', video_size: null }),
  'call-portrait': (now) => connected(now, { video_size: [480, 640] }),
  'call-poor': (now) => connected(now, { quality: 'poor' }),
  'call-fair': (now) => connected(now, { quality: 'fair' }),
  'call-screen': (now) => connected(now, { screen_on: true, screen: 'flows', screen_size: [1920, 1080] }),
  'call-sharing': (now) => sharing(connected(now)),
  'call-both-share': (now) => sharing(connected(now, { screen_on: true, screen: 'flows', screen_size: [1920, 1080] })),
  'call-share-stopped': (now) => ({ ...connected(now), share: { sharing: null, choice: null, stopped: 'window_closed', sound: 'possible' } }),
  'call-share-fault': (now) => ({ ...connected(now), share: { sharing: null, choice: { ...NO_CHOICE, fault: 'denied' }, stopped: null, sound: 'no_server' } }),
  'call-share-wayland': (now) => ({ ...connected(now), share: { sharing: null, choice: { ...NO_CHOICE, system_asks: true }, stopped: null, sound: 'possible' } }),
  'call-share-asking': (now) => ({ ...connected(now), share: { sharing: SYSTEM_ASKED, choice: null, stopped: null, sound: 'possible' } }),
  'call-recording': (now) => ({ ...connected(now), recording: recordingSince(now - START_MS) }),
  'call-recorded': (now) => connected(now, { recording: true }),
  'speaking-muted': (now) => withLocal(connected(now, {}, [PROBLEMS.speaking_while_muted]), { muted: true }),
  'camera-lost': (now) => withLocal(connected(now, {}, [PROBLEMS.camera_lost]), { camera: 'failed', video_size: null }),
  reconnecting: (now) =>
    inCall({ state: 'reconnecting', end_to_end: true, people: [{ ...GRACE, quality: 'unknown' }], connected_since_ms: now - START_MS }, [PROBLEMS.reconnecting]),
  away: (now) => connected(now, { away: true }, [PROBLEMS.other_away]),
  'server-lost': (now) => {
    const state = connected(now, {}, [PROBLEMS.server_unreachable]);
    return { ...state, call: state.call && { ...state.call, signaling: 'reconnecting' } };
  },
  'call-deaf': (now) => withLocal(connected(now, {}, [PROBLEMS.no_microphone, PROBLEMS.no_camera]), { camera: 'missing', microphone: 'missing', video_size: null }),
  'group-3': (now) => group(now, 2),
  'group-5': (now) => group(now, 4, { group: { speakers: [GRACE.id] } }),
  'group-12': (now) => group(now, 11, { group: { speakers: ['p-2'] } }),
  'group-49': (now) => group(now, 48, { group: { speakers: ['p-7'] } }),
  'group-100': (now) => group(now, 99),
  // Everything that a tile can tell.
  'group-trouble': (now) =>
    group(now, 7, {
      group: { short: true, speakers: [GRACE.id] },
      people: {
        'p-2': { hand_raised: true, hand_place: 1 },
        'p-3': { picture: 'paused' },
        'p-5': { stalled: true, picture: 'stalled' },
        'p-6': { away: true, quality: 'unknown' },
        'p-7': { hand_raised: true, hand_place: 2, recording: true },
      },
    }),
  'group-screen': (now) => group(now, 7, { group: { speakers: ['p-2'] }, people: { [GRACE.id]: { screen_on: true, screen: 'flows', screen_size: [1920, 1080] } } }),
  // Two speak, hundreds listen: as a host sees it, and as one of them.
  'large-room': (now) => group(now, 2, { call: { listeners: audience(300, [6, 2]), door: { ...OPEN_DOOR, listen_from: 1 } } }),
  'large-room-few': (now) => group(now, 2, { call: { listeners: audience(24, [6, 2]), door: { ...OPEN_DOOR, listen_from: 20 } } }),
  listening: (now) => withLocal(group(now, 2, { call: { part: 'listens', host: false, listeners: audience(12, [4]), door: { ...OPEN_DOOR, may_host: false, listen_from: 1 } } }), { ...LOCAL_OFF, speaker: 'running', muted: true }),
  'may-speak': (now) => withLocal(group(now, 2, { call: { part: 'let_speak', host: false, listeners: audience(12), door: { ...OPEN_DOOR, may_host: false, listen_from: 1 } } }), { camera_on: false, camera: 'off', video_size: null, muted: true }),
  ended: () => ended('hung_up', 'You left the call.', 754),
  'ended-early': () => ended('hung_up', 'You left the call.', 0),
  'ended-left': () => ended('other_left', 'The other person left the call.', 754),
  'ended-failed': () =>
    ended('connection_failed', 'Picture and sound could not find a way between you two. One of the networks may block them: try another network, then open the link again.', 0),
  'ended-server': () => ({ ...ended('server_unreachable', "The server's name could not be found. Check its address and your connection to the internet.", 0), settings: { ...SETTINGS, server: 'https://call.example.org' } }),
  'ended-unsafe': () =>
    ended('not_genuine', 'Somebody may be listening in: the other side could not prove that the connection is really theirs. The call was stopped before any picture or sound was sent. Send each other a fresh link by another way.', 0),
  'all-problems': (now) => ({ ...connected(now), problems: Object.values(PROBLEMS) }),
};
