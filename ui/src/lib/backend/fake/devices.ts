/** Devices that come and go in the simulation. Pure: from a state to the next. */
import type { AppState, DeviceKind, DeviceNews } from '../../bindings';

const LISTS = { camera: 'cameras', microphone: 'microphones', speaker: 'speakers' } as const;

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
