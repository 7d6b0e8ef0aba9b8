/** The language in use, as one state of the window: what reads it is said again when it changes. */
import type { Language } from '../bindings';
import de from '../../locales/de.json';
import en from '../../locales/en.json';
import es from '../../locales/es.json';
import fr from '../../locales/fr.json';
import zh from '../../locales/zh.json';
import type { Text } from './shape';
import { ready } from './words';

export type Tag = Exclude<Language, 'system'>;

/** Each in its own words, so that whoever speaks it finds it. */
export const LANGUAGES: Readonly<Record<Tag, string>> = { en: 'English', de: 'Deutsch', es: 'Español', fr: 'Français', zh: '中文' };
export const SOURCES = { en, de, es, fr, zh } as const;

/** The first of the system's languages that Parley speaks, else English. */
export function spoken(choice: Language, system: readonly string[]): Tag {
  if (choice !== 'system') return choice;
  const known = system.map((tag) => tag.toLowerCase().split('-')[0] ?? '');
  return (known.find((tag) => tag in SOURCES) as Tag | undefined) ?? 'en';
}

const wordsOf = (tag: Tag): Text => ready(SOURCES[tag], tag) as unknown as Text;

let tag = $state<Tag>('en');
let words = $state.raw<Text>(wordsOf('en'));

export const language = {
  /** For `lang` and for `Intl`. */
  get tag(): Tag {
    return tag;
  },
  get words(): Text {
    return words;
  },
  /** Speaks this one from now on. */
  speak(choice: Language, system: readonly string[]): void {
    const next = spoken(choice, system);
    if (next === tag) return;
    words = wordsOf(next);
    tag = next;
  },
};
