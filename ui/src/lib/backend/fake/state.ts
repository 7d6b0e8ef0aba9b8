/** States for the simulation to start from. Pure values. */
import type { AppState, CallView, DevicesView, DoorView, LocalView, NetworkCheckView, PersonView, Problem, ScreenView, Settings, ShareChoice, SharingView } from '../../bindings';
import { PLAIN_SETTINGS } from '../plain-settings';
import { NO_RECORDING } from './recording';
import { NO_UPDATE } from './updates';

export const LINK = 'http://192.168.1.20:7788/r/k3v9-tq2m-x7pd#Zk1vQ0x3bW9wUXJzVHV2dw';

export const SETTINGS: Settings = {
  ...PLAIN_SETTINGS,
  name: 'Ada Lovelace',
  keep_history: true,
  desktop: { ...PLAIN_SETTINGS.desktop, notifications: true, look_for_updates: true, talk_key: 'F9' },
};

/** Somebody chooses, and there is nothing yet. */
export const NO_CHOICE: ShareChoice = { looked: true, sources: [], fault: null, system_asks: false };

/** The system shows its own dialog. */
export const SYSTEM_ASKED: SharingView = { id: 'portal:', kind: 'monitor', name: null, mode: 'text', sound: false, state: 'starting', size: null, asking: true, asked: true };

export const DEVICES: DevicesView = {
  cameras: [
    { id: 'cam-1', name: 'Integrated Camera', is_default: true },
    { id: 'cam-2', name: 'Logitech BRIO', is_default: false },
  ],
  microphones: [
    { id: 'mic-1', name: 'Built-in Microphone', is_default: true },
    { id: 'mic-2', name: 'Jabra Evolve2 65', is_default: false },
  ],
  speakers: [
    { id: 'spk-1', name: 'Built-in Speakers', is_default: true },
    { id: 'spk-2', name: 'Jabra Evolve2 65', is_default: false },
  ],
  camera: null,
  microphone: null,
  speaker: null,
  news: [],
};

export const LOCAL_OFF: LocalView = {
  muted: false,
  talking: false,
  camera_on: true,
  camera: 'off',
  camera_name: null,
  video_size: null,
  microphone: 'off',
  microphone_name: null,
  speaker: 'off',
  speaker_name: null,
  speaker_test_playing: false,
  echo_test: 'off',
};

export const LOCAL_ON: LocalView = {
  ...LOCAL_OFF,
  camera: 'running',
  camera_name: 'Integrated Camera',
  video_size: [1280, 720],
  microphone: 'running',
  microphone_name: 'Built-in Microphone',
  speaker: 'running',
  speaker_name: 'Built-in Speakers',
};

export const GRACE: PersonView = {
  id: 'p-grace',
  name: 'Grace Hopper',
  host: false,
  microphone_on: true,
  camera_on: true,
  away: false,
  hand_raised: false,
  hand_place: null,
  recording: false,
  picture: 'flows',
  video_size: [1280, 720],
  screen_on: false,
  screen: 'off',
  screen_size: null,
  volume_pct: 100,
  takes_files: true,
  offences: null,
  stalled: false,
  quality: 'good',
};

export const OPEN_DOOR: DoorView = { may_host: true, entrance: 'free', locked: false, lobby: false, password: false, listen_from: 0, waiting: [], comes_to_listen: null, mute_asked_by: null };

export const CALL: CallView = {
  link: LINK,
  deep_link: 'parley://join/192.168.1.20:7788/k3v9-tq2m-x7pd#Zk1vQ0x3bW9wUXJzVHV2dw',
  host: true,
  served_here: true,
  only_here: false,
  state: 'joining',
  signaling: 'connected',
  end_to_end: false,
  me: 'p-ada',
  part: 'speaks',
  people: [],
  listeners: [],
  hand_place: null,
  spotlight: null,
  group: null,
  connected_since_ms: null,
  past: null,
  door: OPEN_DOOR,
  ended: null,
};

export const HOME: AppState = {
  phase: 'home',
  call: null,
  devices: DEVICES,
  local: LOCAL_OFF,
  share: { sharing: null, choice: null, stopped: null, sound: 'possible' },
  recording: NO_RECORDING,
  problems: [],
  history: { calls: [], opened: null, fault: null },
  settings: SETTINGS,
  folders: { received: '/home/ada/Downloads', recordings: '/home/ada/Videos' },
  desktop: { refused_keys: [], autostart_fault: null, drawn_by_processor: false, update: NO_UPDATE },
  network: { running: false, ways: [], sentences: [] },
  version: '0.1.0',
};

/** What a connection test finds where a firewall stops UDP. */
export const CHECKED: NetworkCheckView = {
  running: false,
  ways: [
    { way: 'server', works: true, ms: 41 },
    { way: 'udp', works: false, ms: null },
    { way: 'ipv6', works: null, ms: null },
    { way: 'relay_udp', works: false, ms: null },
    { way: 'relay_tcp', works: null, ms: null },
    { way: 'relay_tls', works: true, ms: 97 },
  ],
  sentences: [
    'Calls work through the relay only, which adds delay.',
    'A firewall stops UDP. To get better calls, have UDP port 3478 to the server opened.',
    'There is no IPv6 here, which is no problem.',
  ],
};

export const SCREENS: readonly ScreenView[] = [
  { id: 'monitor:eDP-1', kind: 'monitor', name: 'eDP-1', size: [2560, 1440], is_primary: true },
  { id: 'monitor:HDMI-1', kind: 'monitor', name: 'HDMI-1', size: [1920, 1080], is_primary: false },
  { id: 'window:a1', kind: 'window', name: 'Notes on the Analytical Engine – Editor', size: [1180, 820], is_primary: false },
  { id: 'window:b2', kind: 'window', name: 'Terminal', size: [800, 600], is_primary: false },
  { id: 'window:c3', kind: 'window', name: '', size: [640, 480], is_primary: false },
];

/** The size of the picture behind a tile; nothing while there is none. */
export function shapeOf({ local, call }: AppState, tile: string): [number, number] | null {
  if (tile === 'self') return local.video_size;
  if (tile.startsWith('choice:')) return SCREENS.find((screen) => tile === `choice:${screen.id}`)?.size ?? null;
  if (tile.startsWith('screen:')) return call?.people.find((person) => tile === `screen:${person.id}`)?.screen_size ?? null;
  return call?.people.find((person) => person.id === tile)?.video_size ?? null;
}

export const PROBLEMS: Record<Problem['code'], Problem> = {
  no_camera: { code: 'no_camera', message: 'No camera was found. Plug one in, or go on without a picture.', detail: null },
  camera_busy: {
    code: 'camera_busy',
    message: 'Another program is using the camera. Close it, or choose another camera; Parley keeps trying.',
    detail: 'VIDIOC_S_FMT /dev/video0: EBUSY (16)',
  },
  camera_lost: { code: 'camera_lost', message: 'The camera stopped or was unplugged. Plug it in again, or choose another one.', detail: 'VIDIOC_DQBUF /dev/video0: ENODEV (19)' },
  camera_denied: { code: 'camera_denied', message: "Parley may not use the camera. Allow it in the system's privacy settings.", detail: null },
  no_microphone: { code: 'no_microphone', message: 'No microphone was found, so nobody can hear you. Plug one in.', detail: null },
  microphone_lost: { code: 'microphone_lost', message: 'The microphone stopped or was unplugged. Plug it in again, or choose another one.', detail: null },
  microphone_denied: { code: 'microphone_denied', message: "Parley may not use the microphone. Allow it in the system's privacy settings.", detail: null },
  microphone_silent: {
    code: 'microphone_silent',
    message: "Your microphone gives no sound at all, so nobody can hear you. It may be switched off at the device or in the system's sound settings; or choose another one.",
    detail: 'Built-in Microphone',
  },
  no_speaker: { code: 'no_speaker', message: 'No speaker or headphones work, so you hear nothing. Plug some in, or choose others.', detail: null },
  speaking_while_muted: { code: 'speaking_while_muted', message: 'You are muted, and nobody hears you. Unmute to speak.', detail: null },
  taken_over: {
    code: 'taken_over',
    message: 'Your place in this room was taken over from another window or computer. The call here goes on, but once it breaks off it does not come back.',
    detail: null,
  },
  server_unreachable: {
    code: 'server_unreachable',
    message: 'The server does not answer in time. It may be down, or your connection to the internet is. Parley keeps trying.',
    detail: 'connect 203.0.113.7:443: timed out after 10 s',
  },
  reconnecting: { code: 'reconnecting', message: 'Picture and sound stopped coming. Parley is looking for another way to the other side.', detail: null },
  other_away: { code: 'other_away', message: 'Grace Hopper lost the connection to the server. The call goes on.', detail: null },
  bad_link: { code: 'bad_link', message: 'The last part of the link, after the #, is missing, incomplete or damaged. Ask for the whole link again.', detail: 'POST /api/v1/rooms/k3v9/tickets: 404' },
  settings_reset: { code: 'settings_reset', message: 'Your settings could not be read, so Parley starts with fresh ones. The old file was kept as /home/ada/.config/parley/settings.json.broken.', detail: '~/.config/parley/settings.json.broken' },
  internal: { code: 'internal', message: 'A part of Parley failed. Starting Parley again may help.', detail: 'thread "audio" ended: ring closed' },
};
