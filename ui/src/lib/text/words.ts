/**
 * From a language's JSON to what components read: a text with `{name}` in it becomes a function of its names, an object of plural
 * categories becomes a function of `count`. Pure; which language is spoken is decided in `language.svelte.ts`.
 */

/** Values for the names in braces. Numbers are written as the language writes them. */
export type Values = Readonly<Record<string, string | number>>;
/** A text, texts under names, or one text a plural category (CLDR). */
export type Source = string | { readonly [key: string]: Source };
export type Said = string | ((values: Values) => string) | { readonly [key: string]: Said };

const CATEGORIES = new Set(['zero', 'one', 'two', 'few', 'many', 'other']);
const NAME = /\{(\w+)\}/gu;

/** Whether an object is one text a plural category: they are never mixed with other keys. */
export function isPlural(source: Source): source is Readonly<Record<string, string>> {
  return typeof source === 'object' && 'other' in source && Object.keys(source).every((key) => CATEGORIES.has(key));
}

/** The names in braces, each once. */
export const namesIn = (text: string): string[] => [...new Set([...text.matchAll(NAME)].map((match) => match[1] ?? ''))];

/** The words of one language, ready to be said. */
export function ready(source: Source, language: string): Said {
  if (typeof source === 'string') return namesIn(source).length ? (values) => fill(source, values, language) : source;
  if (isPlural(source)) {
    const rules = new Intl.PluralRules(language);
    return (values) => fill(source[rules.select(Number(values['count']))] ?? source['other'] ?? '', values, language);
  }
  return Object.fromEntries(Object.entries(source).map(([key, inner]) => [key, ready(inner, language)]));
}

function fill(text: string, values: Values, language: string): string {
  return text.replace(NAME, (whole, name: string) => {
    const value = values[name];
    return typeof value === 'number' ? value.toLocaleString(language) : (value ?? whole);
  });
}
