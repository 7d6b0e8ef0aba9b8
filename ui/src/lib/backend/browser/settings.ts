/** What a guest chose, kept in this browser for the next call: the name above all. No link and no secret is kept. */
import type { Settings, SettingsPatch } from '../../bindings';
import { LANGUAGES } from '../../text/language.svelte';
import { PLAIN_SETTINGS } from '../plain-settings';

const KEY = 'parley-guest';

/** A browser asks by itself what is to be shared, and gives the sound with it. */
const PLAIN: Settings = { ...PLAIN_SETTINGS, screen: { ...PLAIN_SETTINGS.screen, ask_each_time: true, sound: true } };
const KEPT = ['name', 'camera', 'microphone', 'speaker', 'picture', 'voice', 'mirror', 'appearance', 'language', 'recording', 'saving'] as const;
/** Of what has only so many values, those that it may have. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = { resolution: ['p360', 'p720', 'p1080'], appearance: ['system', 'light', 'dark'], language: ['system', ...Object.keys(LANGUAGES)], mode: ['off', 'low_data', 'audio_only'], kbps_max: [null, 300, 600, 1200, 2500] };
const NAME_CHARS_MAX = 64;

/** Whether a value can stand where `plain` does. */
function fits(key: string, value: unknown, plain: unknown): boolean {
  const few = VALUES[key];
  if (few) return few.includes(value);
  if (plain === null) return value === null || typeof value === 'string';
  if (typeof value !== typeof plain || value === null) return false;
  if (typeof plain !== 'object') return typeof value !== 'number' || (value >= 1 && value <= 60);
  return Object.entries(plain).every(([part, like]) => fits(part, (value as Record<string, unknown>)[part], like));
}

/** From what was kept; whatever is not understood is as in a fresh one. Pure. */
export function readSettings(kept: string | null): Settings {
  try {
    const read: unknown = JSON.parse(kept ?? '{}');
    if (typeof read !== 'object' || read === null) return PLAIN;
    const known = KEPT.flatMap((key) => {
      const value = (read as Record<string, unknown>)[key];
      return value !== undefined && fits(key, value, PLAIN[key]) ? [[key, value] as const] : [];
    });
    const settings: Settings = { ...PLAIN, ...Object.fromEntries(known) };
    return { ...settings, name: settings.name.slice(0, NAME_CHARS_MAX) };
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
