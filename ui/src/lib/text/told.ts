/**
 * What the engine tells, in the language in use. Its messages are English and made of whole sentences; those that stand under
 * `sentences` in `en.json` are said in the language, with the names in them taken over. One that is not known there leaves the
 * whole message as it came. A test on the engine's side keeps its sentences and the file the same.
 */
import { t } from './index';
import { language, SOURCES } from './language.svelte';
import { namesIn, type Values } from './words';

type Key = keyof typeof SOURCES.en.sentences;

interface Pattern {
  readonly key: Key;
  readonly names: readonly string[];
  readonly form: RegExp;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/gu, '\\$&');

function pattern(key: Key): Pattern {
  const text = SOURCES.en.sentences[key];
  const form = text.split(/\{\w+\}/u).map(escaped).join('(.+)');
  return { key, names: namesIn(text), form: new RegExp(`^${form}(?:\\s+|$)`, 'u') };
}

/** Longest first, for one sentence may begin like another. */
const PATTERNS = (Object.keys(SOURCES.en.sentences) as Key[])
  .sort((a, b) => SOURCES.en.sentences[b].length - SOURCES.en.sentences[a].length)
  .map(pattern);

/** The message in the language in use, or as it came. */
export function told(message: string): string {
  if (language.tag === 'en') return message;
  return translated(message.trim())?.join(language.tag === 'zh' ? '' : ' ') ?? message;
}

function translated(message: string): string[] | null {
  if (message === '') return [];
  for (const { key, names, form } of PATTERNS) {
    const found = form.exec(message);
    const rest = found && translated(message.slice(found[0].length));
    if (rest) return [said(key, Object.fromEntries(names.map((name, i) => [name, found[i + 1] ?? '']))), ...rest];
  }
  return null;
}

function said(key: Key, values: Values): string {
  const words = t.sentences[key] as string | ((values: Values) => string);
  return typeof words === 'string' ? words : words(values);
}
