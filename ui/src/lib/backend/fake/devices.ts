/** Devices that come and go in the simulation. Pure: from a state to the next. */
import type { AppState, CommandError, DeviceKind, DeviceNews, LocalView } from '../../bindings';

const LISTS = { camera: 'cameras', microphone: 'microphones', speaker: 'speakers' } as const;

export const NO_ECHO_IN_CALL: CommandError = { code: 'not_now', message: 'In a call you cannot hear yourself: the others would hear it too.' };

/** The device of this name is pulled out; the next one takes its place. */
export function unplugged(state: AppState, kind: DeviceKind, name: string): Partial<AppState> {
  const list = state.devices[LISTS[kind]].filter((device) => device.name !== name);
  const next = list[0];
  if (!next) return {};
  const news: DeviceNews = { number: (state.devices.news.at(-1)?.number ?? 0) + 1, kind, event: 'unplugged', name: next.name, before: name };
  return {
    devices: { ...state.devices, [LISTS[kind]]: list, news: [...state.devices.news, news] },
    local: { ...state.local, [`${kind}_name`]: next.name },
  };
}

/** Somebody is played at another loudness. */
export function withVolume(state: AppState, id: string, percent: number): Partial<AppState> {
  const { call } = state;
  return { call: call && { ...call, people: call.people.map((person) => (person.id === id ? { ...person, volume_pct: percent } : person)) } };
}

/** A device is chosen: it is used at once. */
export function chosen(state: AppState, kind: DeviceKind, id: string | null): Partial<AppState> {
  const list = state.devices[LISTS[kind]];
  const name = (list.find((device) => device.id === id) ?? list[0])?.name ?? null;
  const { local } = state;
  const inUse = local[kind] === 'off' ? {} : { [kind]: 'running', [`${kind}_name`]: name };
  const seen = kind === 'camera' && local.camera_on && local.camera !== 'off' ? { video_size: [1280, 720] as [number, number] } : {};
  return { devices: { ...state.devices, [kind]: id }, settings: { ...state.settings, [kind]: id }, local: { ...local, ...inUse, ...seen } };
}

export function namesOf(state: AppState): Partial<LocalView> {
  const { devices } = state;
  const name = (list: typeof devices.cameras, id: string | null) => (list.find((device) => device.id === id) ?? list[0])?.name ?? null;
  return {
    camera_name: name(devices.cameras, devices.camera),
    microphone_name: name(devices.microphones, devices.microphone),
    speaker_name: name(devices.speakers, devices.speaker),
  };
}

export function cameraRunning(state: AppState): Partial<LocalView> {
  if (!state.devices.cameras.length) return { camera: 'missing' };
  if (state.problems.some((p) => p.code === 'camera_busy')) return { camera: 'busy' };
  return { camera: 'running', video_size: [1280, 720], camera_name: namesOf(state).camera_name ?? null };
}
