/** The five languages say the same things: same keys, same names in braces, every plural category; and none is a copy of the English. */
import { afterEach, describe, expect, test } from 'vitest';
import { t } from './index';
import { language, LANGUAGES, SOURCES, spoken, type Tag } from './language.svelte';
import { isPlural, namesIn, ready, type Source } from './words';

const TAGS = Object.keys(LANGUAGES) as Tag[];
const OTHERS = TAGS.filter((tag) => tag !== 'en');

/** Every text by its path: `home.facts.here`. */
function texts(source: Source, path = ''): Map<string, Source> {
  if (typeof source === 'string' || isPlural(source)) return new Map([[path, source]]);
  return new Map(Object.entries(source).flatMap(([key, inner]) => [...texts(inner, path ? `${path}.${key}` : key)]));
}

const BY_TAG = Object.fromEntries(TAGS.map((tag) => [tag, texts(SOURCES[tag])])) as Record<Tag, Map<string, Source>>;
const forms = (source: Source): string[] => (typeof source === 'string' ? [source] : Object.values(source).filter((form) => typeof form === 'string'));
const sorted = (names: Iterable<string>): string[] => [...names].sort();
const categories = (tag: Tag): string[] => sorted(new Intl.PluralRules(tag).resolvedOptions().pluralCategories);

afterEach(() => language.speak('en', []));

describe.each(OTHERS)('%s', (tag) => {
  test('has the keys of the English, no more, no fewer', () => expect(sorted(BY_TAG[tag].keys())).toEqual(sorted(BY_TAG.en.keys())));

  test('names in braces what the English names', () => {
    const wrong = [...BY_TAG[tag]].flatMap(([path, source]) => {
      const wanted = sorted(namesOf(BY_TAG.en.get(path) ?? ''));
      return forms(source).filter((form) => sorted(new Set([...namesIn(form), ...(isPlural(source) ? ['count'] : [])])).join() !== wanted.join()).map((form) => `${path}: ${form}`);
    });
    expect(wrong).toEqual([]);
  });

  test('is translated', () => {
    const copies = [...BY_TAG[tag]].filter(([path, source]) => !isSame(path) && JSON.stringify(source) === JSON.stringify(BY_TAG.en.get(path)) && SAME_IN[path]?.includes(tag) !== true);
    expect(copies.map(([path]) => path)).toEqual([]);
  });
});

test.each(TAGS)('%s has every plural category of its language, and a plural where the English has one', (tag) => {
  const wrong = [...BY_TAG[tag]].filter(([path, source]) => {
    if (isPlural(source) !== isPlural(BY_TAG.en.get(path) ?? '')) return true;
    return isPlural(source) && sorted(Object.keys(source)).join() !== categories(tag).join();
  });
  expect(wrong).toEqual([]);
});

/** Words that only the familiar form has. */
const FAMILIAR: Readonly<Partial<Record<Tag, RegExp>>> = {
  de: /(?<!\p{L})(?:du|dich|dir|dein(?:e[mnrs]?)?|(?:sende|warte|tritt|kopiere|gib|wähle|öffne|prüfe|schicke) (?:sie|ihn|es|zuerst|bis))(?!\p{L})/iu,
  es: /(?<!\p{L})(?:tú|tus?|ti|te|tienes|estás|puedes|quieres|únete|envíalo|cópialo|escribe|espera a|elige|abre|cierra)(?!\p{L})/iu,
  fr: /(?<!\p{L})(?:tu|toi|tes|te)(?!\p{L})/iu,
  zh: /您/u,
};

test.each(OTHERS)('%s addresses people in one form', (tag) => {
  const wrong = [...BY_TAG[tag]].flatMap(([path, source]) => forms(source).filter((form) => FAMILIAR[tag]?.test(form)).map((form) => `${path}: ${form}`));
  expect(wrong).toEqual([]);
});

test.each(TAGS)('%s has no empty text and no stray space or brace', (tag) => {
  const wrong = [...BY_TAG[tag]].flatMap(([path, source]) => forms(source).filter((form) => form.trim() === '' || form !== form.trim() || /[{}]/u.test(form.replace(/\{\w+\}/gu, ''))).map(() => path));
  expect(wrong).toEqual([]);
});

function namesOf(source: Source): Set<string> {
  return new Set([...forms(source).flatMap(namesIn), ...(isPlural(source) ? ['count'] : [])]);
}

/** Names, signs and formulas, which stay as they are in every language. */
const SAME = ['app.name', 'quality.none', 'settings.about', 'settings.serverPlaceholder', 'settings.proxyPlaceholder', 'settings.kbpsMaxRate', 'shortcuts.escape', 'shortcuts.ctrl', 'quality.size', 'said.message', 'share.size', 'share.full'];
const isSame = (path: string) => SAME.includes(path);
/** Words that two languages write alike. */
const SAME_IN: Readonly<Record<string, readonly Tag[]>> = {
  'panel.pages.chat': ['es'],
  'settings.themes.system': ['de'],
  'settings.languageSystem': ['de'],
  'settings.pages.you': ['es'],
  'settings.pages.desktop': ['de'],
  'problem.details': ['de'],
  'share.modes.text': ['de'],
};

describe('the words in use', () => {
  test('change with the language, at once', () => {
    expect(t.home.start).toBe('Start a call');
    language.speak('de', []);
    expect(t.home.start).toBe('Anruf starten');
    expect(t.said.joined({ name: 'Ada' })).toBe('Ada ist da.');
  });

  test('agree with the number', () => {
    expect([1, 2].map((count) => t.ended.interrupted({ count, time: '5 sec' }))).toEqual(['The connection broke once, for 5 sec.', 'The connection broke 2 times, 5 sec in all.']);
    language.speak('de', []);
    expect(t.problem.more({ count: 1 })).toBe('1 weiterer Hinweis');
    expect(t.problem.more({ count: 1200 })).toBe('1.200 weitere Hinweise');
  });

  test('leave a name alone that looks like a place for another', () => {
    const said = ready('{a} {b}', 'en');
    expect(typeof said === 'function' && said({ a: '{b}', b: '$&' })).toBe('{b} $&');
  });
});

test.each([
  ['system', ['de-AT', 'en'], 'de'],
  ['system', ['pt-BR', 'fr-CA', 'en'], 'fr'],
  ['system', ['zh-Hans-CN'], 'zh'],
  ['system', ['pt'], 'en'],
  ['system', [], 'en'],
  ['es', ['de'], 'es'],
] as const)('of %s and %j, %s is spoken', (choice, system, expected) => expect(spoken(choice, system)).toBe(expected));
