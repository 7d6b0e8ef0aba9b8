/** Words and names of others, freed of what shows nothing and changes how the rest reads. Pure. As `parley-proto/src/chat.rs`. */

const TEXT_CHARS_MAX = 4000;
/** Control characters, and the directional marks of Unicode (UAX #9). */
const HIDDEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

const visible = (text: string, kept: string): string => text.replace(HIDDEN, (mark) => (kept.includes(mark) ? mark : ''));

/** A message as it is shown; null when nothing is left, or too much. */
export function presentable(text: string): string | null {
  const shown = visible(text, '\n\t').trim();
  return shown && [...shown].length <= TEXT_CHARS_MAX ? shown : null;
}

const NAME_CHARS_MAX = 64;

/** Somebody's name as it is shown: on one line, and not too long. */
export const shownName = (name: string): string => [...visible(name, '').trim()].slice(0, NAME_CHARS_MAX).join('');

const FORBIDDEN = /[/\\:*?"<>|]/gu;
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])$/iu;
const PARTIAL = /\.parley-(part|journal)$/u;
const NAME_BYTES_MAX = 200;
const bytesOf = (text: string): number => new TextEncoder().encode(text).length;
const reserved = (name: string): boolean => RESERVED.test((name.split('.')[0] ?? '').trimEnd());

/** Whether a name can be a file's on every system, and is nothing but a name. */
export function isHarmless(name: string): boolean {
  return name !== '' && bytesOf(name) <= NAME_BYTES_MAX && !/^ |[. ]$/u.test(name) && name === visible(name, '') && name === name.replace(FORBIDDEN, '') && !reserved(name) && !PARTIAL.test(name);
}

/** The harmless name that is nearest to a file's own. */
export function harmless(name: string): string {
  let plain = visible(name, '').replace(FORBIDDEN, '_').replace(/^ +|[. ]+$/gu, '');
  const dot = plain.lastIndexOf('.');
  const ending = dot > 0 && bytesOf(plain.slice(dot)) <= NAME_BYTES_MAX / 4 ? plain.slice(dot) : '';
  let stem = [...plain.slice(0, plain.length - ending.length)];
  while (bytesOf(stem.join('') + ending) >= NAME_BYTES_MAX) stem = stem.slice(0, -1);
  plain = stem.join('').replace(/[. ]+$/u, '') + ending;
  if (reserved(plain) || PARTIAL.test(plain)) plain = `_${plain}_`;
  return plain || 'file';
}
