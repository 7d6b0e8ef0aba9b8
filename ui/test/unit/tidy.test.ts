/** House rules a machine can check: tokens only, words in one place, small files, ports kept. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');
const files = (readdirSync(SRC, { recursive: true }) as string[]).filter((name) => /\.(svelte|ts|css)$/u.test(name)).map((name) => join(SRC, name));
const name = (path: string) => relative(SRC, path);
const components = files.filter((path) => path.endsWith('.svelte'));
const styleOf = (text: string) => /<style>([\s\S]*)<\/style>/u.exec(text)?.[1] ?? '';
const markupOf = (text: string) => text.replace(/<script[\s\S]*?<\/script>/u, '').replace(/<style>[\s\S]*<\/style>/u, '').replace(/<!--[\s\S]*?-->/gu, '');

describe.each(components.map((path) => [name(path), readFileSync(path, 'utf8')]))('%s', (_, text) => {
  test('takes colours, sizes and times from the tokens', () => {
    const style = styleOf(text).replace(/@(media|container)[^{]*/gu, '');
    expect(style.match(/#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(|\b\d*\.?\d+(px|rem|em|ms|s)\b/giu) ?? []).toEqual([]);
  });
  test('has no inline style, which the policy forbids', () => expect(markupOf(text)).not.toMatch(/\sstyle="/u));
  test('holds no words of its own', () => {
    const said = markupOf(text).match(/>\s*[A-Z][a-z]+[\w ,.’]*\s*</gu) ?? [];
    const labelled = markupOf(text).match(/(aria-label|title|placeholder|label)="[^"]+"/gu) ?? [];
    expect([...said, ...labelled]).toEqual([]);
  });
  test('is under 300 lines', () => expect(text.split('\n').length).toBeLessThanOrEqual(300));
});

test('no module keeps words: they are read where they are shown, for the language may change', () => {
  const keeping = files.filter((path) => path.endsWith('.ts') && /^(?:export )?const [^\n]*=(?!>)(?![^\n]*=>)[^\n]*\bt\.[a-z]/mu.test(readFileSync(path, 'utf8')));
  expect(keeping.map(name)).toEqual([]);
});

test('every word is said somewhere', () => {
  const code = files.filter((path) => /\.(svelte|ts)$/u.test(path) && !/(\.test|shape)\.ts$/u.test(path)).map((path) => readFileSync(path, 'utf8')).join('\n');
  const en = JSON.parse(readFileSync(join(SRC, 'locales/en.json'), 'utf8')) as object;
  const paths = (words: object, above: string): string[] =>
    Object.entries(words).flatMap(([key, inner]) => (typeof inner === 'string' || 'other' in inner ? [`${above}.${key}`] : paths(inner as object, `${above}.${key}`)));
  // By its whole path, by a path above it with brackets, or from a short name for the path above it.
  const said = (path: string) => {
    const [above = '', key = ''] = [path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1)];
    return code.includes(path) || code.includes(`${above}[`) || code.includes(`(${above})`) || (new RegExp(`= \\{?${above};`, 'u').test(code) && new RegExp(`\\b\\w+\\.${key}\\b`, 'u').test(code));
  };
  // The tray and notifications are said by the engine's side.
  const outside = (path: string) => path.startsWith('t.desktop.');
  expect(paths(en, 't').filter((path) => !outside(path) && !said(path))).toEqual([]);
});

test('no file grows beyond 400 lines', () => {
  const long = files.filter((path) => !path.endsWith('.test.ts') && !path.endsWith('bindings.ts') && !path.endsWith('shape.ts') && readFileSync(path, 'utf8').split('\n').length > 400);
  expect(long.map(name)).toEqual([]);
});

test('only the Tauri backend names Tauri', () => {
  const naming = files.filter((path) => /from '@tauri-apps/u.test(readFileSync(path, 'utf8')));
  expect(naming.map(name)).toEqual(['lib/backend/tauri.ts']);
});

test('every module says what it is', () => {
  const silent = files.filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !/^\/[/*]/u.test(readFileSync(path, 'utf8')));
  expect(silent.map(name)).toEqual([]);
});

test('every token in use exists, and every token is used', () => {
  const all = files.map((path) => readFileSync(path, 'utf8')).join('\n');
  const tokens = readFileSync(join(SRC, 'styles/tokens.css'), 'utf8');
  const defined = new Set([...tokens.matchAll(/^\s+--([\w-]+):/gmu)].map((match) => match[1]));
  const used = new Set([...all.matchAll(/(?:var\(|['"])--([\w-]+)/gu)].map((match) => match[1]).filter((token) => token !== 'level'));
  expect([...used].filter((token) => !defined.has(token))).toEqual([]);
  expect([...defined].filter((token) => !used.has(token))).toEqual([]);
});
