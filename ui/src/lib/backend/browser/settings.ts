/** What a guest chose, kept in this browser for the next call: the name above all. No link and no secret is kept. */
import type { Settings, SettingsPatch } from '../../bindings';

const KEY = 'parley-guest';

const PLAIN: Settings = {
  version: 1,
  network: { relay_only: false, proxy: '' },
  name: '',
  server: '',
  camera: null,
  microphone: null,
  speaker: null,
  picture: { resolution: 'p720', frame_rate: 30 },
  voice: { echo_cancellation: true, noise_suppression: true, gain_control: true },
  mirror: true,
  appearance: 'system',
  keep_history: false,
  keep_chat: false,
  desktop: { autostart: false, stay_in_tray: false, notifications: false, look_for_updates: false, mute_key: '', talk_key: '' },
  language: 'system',
  folders: { received: null, recordings: null },
  screen: { monitor: null, mode: 'text', frame_rate_max: 30, cursor: true, ask_each_time: true, remembered: null, sound: true },
  recording: { allowed: true },
  volumes: [],
};
const KEPT = ['name', 'camera', 'microphone', 'speaker', 'picture', 'voice', 'mirror', 'appearance', 'language', 'recording'] as const;

/** From what was kept; whatever is not understood is as in a fresh one. Pure. */
export function readSettings(kept: string | null): Settings {
  try {
    const read: unknown = JSON.parse(kept ?? '{}');
    if (typeof read !== 'object' || read === null) return PLAIN;
    const known = KEPT.flatMap((key) => {
      const value = (read as Record<string, unknown>)[key];
      const like = typeof value === typeof PLAIN[key] || (PLAIN[key] === null && typeof value === 'string');
      return like && value !== undefined ? [[key, value] as const] : [];
    });
    return { ...PLAIN, ...Object.fromEntries(known) };
  } catch {
    return PLAIN;
  }
}

export const patched = (settings: Settings, patch: SettingsPatch): Settings => ({ ...settings, ...Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) });

/** Private windows have no place to keep anything in; then it lasts as long as the page. */
export function loadSettings(): Settings {
  try {
    return readSettings(localStorage.getItem(KEY));
  } catch {
    return PLAIN;
  }
}

export function keepSettings(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(KEPT.map((key) => [key, settings[key]]))));
  } catch {
    // As above.
  }
}
