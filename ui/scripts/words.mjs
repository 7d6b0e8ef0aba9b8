// Writes src/lib/text/shape.ts, the type of the words, from src/locales/en.json: a key that is missing or a name that is wrong is then a type error.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const UI = join(import.meta.dirname, '..');
const CATEGORIES = new Set(['zero', 'one', 'two', 'few', 'many', 'other']);
const isPlural = (source) => 'other' in source && Object.keys(source).every((key) => CATEGORIES.has(key));
const namesIn = (text) => [...new Set([...text.matchAll(/\{(\w+)\}/gu)].map((match) => match[1]))];

function call(names, numbers) {
  return `(values: { ${names.map((name) => `${name}: ${numbers.has(name) ? 'number' : 'string | number'}`).join('; ')} }) => string`;
}

function shape(source, indent) {
  if (typeof source === 'string') {
    const names = namesIn(source);
    return names.length ? call(names, new Set()) : 'string';
  }
  if (isPlural(source)) return call(['count', ...namesIn(source.other).filter((name) => name !== 'count')], new Set(['count']));
  const rows = Object.entries(source).map(([key, inner]) => `${indent}  readonly ${key}: ${shape(inner, `${indent}  `)};\n`);
  return `{\n${rows.join('')}${indent}}`;
}

const en = JSON.parse(readFileSync(join(UI, 'src/locales/en.json'), 'utf8'));
const text = `/** Written by \`npm run words\` from src/locales/en.json. Not kept in the repository. */\nexport interface Text ${shape(en, '')}\n`;
const to = join(UI, 'src/lib/text/shape.ts');
// Untouched when nothing changed: what watches the sources would build again for nothing.
if (!existsSync(to) || readFileSync(to, 'utf8') !== text) writeFileSync(to, text);
