/** Colours people can read: WCAG 2.2 AA, worked out from tokens.css itself, in both themes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const css = readFileSync(join(import.meta.dirname, '../../src/styles/tokens.css'), 'utf8');
const root = css.slice(0, css.indexOf('@media'));

function token(name: string, theme: 'light' | 'dark'): string {
  const value = new RegExp(`--${name}:\\s*([^;]+);`, 'u').exec(root)?.[1]?.trim();
  if (!value) throw new Error(`no token --${name}`);
  const pair = /^light-dark\((#\w+),\s*(#\w+)\)$/u.exec(value);
  const colour = pair ? pair[theme === 'light' ? 1 : 2] : value;
  if (!colour?.startsWith('#')) throw new Error(`--${name} is no plain colour: ${value}`);
  return colour;
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

const TEXT: [string, string[]][] = [
  ['text', ['background', 'surface', 'raised', 'hover', 'press', 'accent-wash', 'warn-wash', 'live-wash']],
  ['quiet', ['background', 'surface', 'raised', 'hover', 'warn-wash']],
  ['warn', ['background', 'surface', 'raised', 'warn-wash']],
  ['live', ['surface', 'live-wash']],
  ['accent', ['surface', 'raised']],
  ['on-accent', ['accent', 'accent-strong']],
  ['background', ['text']],
  ...Array.from({ length: 8 }, (_, i): [string, string[]] => ['on-avatar', [`avatar-${i}`]]),
];
const CONTROLS: [string, string[]][] = [
  ['edge', ['background', 'surface']],
  ['accent', ['background', 'surface', 'raised', 'accent-wash']],
  ['on-danger', ['danger']],
  ['thumb', ['accent', 'edge']],
  ['live', ['background', 'raised']],
];

const cases = (pairs: [string, string[]][]) => pairs.flatMap(([front, backs]) => backs.map((back) => [front, back] as const));

describe.each(['light', 'dark'] as const)('in %s', (theme) => {
  test.each(cases(TEXT))('text --%s reads on --%s', (front, back) => {
    expect(contrast(token(front, theme), token(back, theme))).toBeGreaterThanOrEqual(4.5);
  });
  test.each(cases(CONTROLS))('control --%s stands out on --%s', (front, back) => {
    expect(contrast(token(front, theme), token(back, theme))).toBeGreaterThanOrEqual(3);
  });
});

test('black on white is 21', () => expect(contrast('#000000', '#ffffff')).toBeCloseTo(21));
