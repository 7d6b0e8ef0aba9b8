/** Numbers and times as people read them, in the language in use. Nothing here knows the clock. */
import { t } from './index';
import { language } from './language.svelte';

const number = (value: number, options: Intl.NumberFormatOptions): string => value.toLocaleString(language.tag, options);
const unit = (value: number, name: string): string => number(value, { style: 'unit', unit: name, maximumFractionDigits: 0 });

/** A running call's time: `0:07`, `12:40`, `1:02:03`. The same in every language. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = String(whole % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

/** A length of time in words: `42 sec`, `12 min 40 sec`, `1 hr 2 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] =
    whole < 3600
      ? [[Math.floor(whole / 60), 'minute'], [whole % 60, 'second']]
      : [[Math.floor(whole / 3600), 'hour'], [Math.floor((whole % 3600) / 60), 'minute']];
  const told = parts.filter(([value]) => value > 0).map(([value, name]) => unit(value, name));
  return told.length ? new Intl.ListFormat(language.tag, { type: 'unit', style: 'narrow' }).format(told) : unit(0, 'second');
}

/** A past moment: the time if it was today, the weekday too if it was in the last six days, else the date. */
export function moment(ms: number, nowMs: number): string {
  const [at, now] = [new Date(ms), new Date(nowMs)];
  const time = { hour: 'numeric', minute: '2-digit' } as const;
  if (at.toDateString() === now.toDateString()) return at.toLocaleTimeString(language.tag, time);
  const SIX_DAYS_MS = 6 * 86_400_000;
  if (nowMs - ms < SIX_DAYS_MS) return at.toLocaleString(language.tag, { weekday: 'long', ...time });
  const year = at.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return at.toLocaleDateString(language.tag, { day: 'numeric', month: 'long', year });
}

/** A moment of the day, as the language writes it: `14:05`, `2:05 PM`. */
export function timeOfDay(ms: number): string {
  return new Date(ms).toLocaleTimeString(language.tag, { hour: 'numeric', minute: '2-digit' });
}

/** A short length of time: `24 ms`. */
export const milliseconds = (value: number): string => unit(Math.round(value), 'millisecond');

/** A share of 100 in whole steps: `80%`, `80 %`. */
export const wholePercent = (value: number): string => unit(value, 'percent');

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** An amount of data: `512 byte`, `1.4 MB`. Thousands, as file managers and disks count. */
export function bytes(value: number): string {
  const step = Math.min(BYTE_UNITS.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  const shown = value / 1000 ** step;
  return number(shown, { style: 'unit', unit: BYTE_UNITS[step] ?? 'byte', maximumFractionDigits: step > 0 && shown < 100 ? 1 : 0 });
}

/** A bit rate: `740 kbit/s`, `1.5 Mbit/s`. The units are international. */
export function rate(kbps: number): string {
  const mega = kbps >= 1000;
  const digits = mega ? 1 : 0;
  return `${number(mega ? kbps / 1000 : kbps, { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${mega ? 'Mbit/s' : 'kbit/s'}`;
}

/** A share of a hundred: `0%`, `0.4%`, `12%`. */
export function percent(value: number): string {
  const digits = value > 0 && value < 10 ? 1 : 0;
  return number(value / 100, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A size of a picture with its frame rate: `1280 × 720, 30 fps`. Pixels are counted without separators, as everywhere. */
export function picture(size: readonly [number, number] | null, fps: number): string | null {
  return size ? t.quality.size({ width: String(size[0]), height: String(size[1]), rate: Math.round(fps) }) : null;
}

/** Up to two initials, for people without a picture: `Ada Lovelace` is `AL`, `Ada` is `A`. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = (word: string | undefined) => Array.from(word ?? '')[0]?.toLocaleUpperCase() ?? '';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return first(words[0]) + first(last) || '?';
}

/** Which of `count` colours an id gets: always the same one, on every machine (FNV-1a). */
export function colourIndex(id: string, count: number): number {
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash % count;
}
