/** Numbers and times as people read them. Pure functions; nothing here knows the clock. */

/** A running call's time: `0:07`, `12:40`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = String(whole % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

/** A length of time in words: `42 s`, `12 min 40 s`, `1 h 2 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  const minutes = Math.floor((whole % 3600) / 60);
  return minutes ? `${Math.floor(whole / 3600)} h ${minutes} min` : `${Math.floor(whole / 3600)} h`;
}

/** A bit rate: `740 kbit/s`, `1.5 Mbit/s`. */
export function rate(kbps: number): string {
  return kbps < 1000 ? `${Math.round(kbps)} kbit/s` : `${(kbps / 1000).toFixed(1)} Mbit/s`;
}

/** A share: `0 %`, `0.4 %`, `12 %`. */
export function percent(value: number): string {
  return value > 0 && value < 10 ? `${value.toFixed(1)} %` : `${Math.round(value)} %`;
}

/** A size of a picture with its frame rate: `1280 × 720, 30 fps`. */
export function picture(size: readonly [number, number] | null, fps: number): string | null {
  return size ? `${size[0]} × ${size[1]}, ${Math.round(fps)} fps` : null;
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
