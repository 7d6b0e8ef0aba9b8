import { expect, test } from 'vitest';
import { language } from './language.svelte';
import { clock, colourIndex, duration, initials, percent, picture, rate } from './format';

test.each([
  [0, '0:00'],
  [7.9, '0:07'],
  [760, '12:40'],
  [3723, '1:02:03'],
  [-3, '0:00'],
])('%d seconds run as %s', (seconds, text) => expect(clock(seconds)).toBe(text));

test.each([
  [0, '0 sec'],
  [42.4, '42 sec'],
  [60, '1 min'],
  [760, '12 min 40 sec'],
  [3600, '1 hr'],
  [3725, '1 hr 2 min'],
])('%d seconds lasted %s', (seconds, text) => expect(duration(seconds)).toBe(text));

test.each([
  ['Ada', 'A'],
  ['Ada Lovelace', 'AL'],
  ['  ada  king  lovelace ', 'AL'],
  ['张伟', '张'],
  ['🦊 Fox', '🦊F'],
  ['', '?'],
])('the initials of "%s" are "%s"', (name, text) => expect(initials(name)).toBe(text));

test('rates, shares and pictures read naturally', () => {
  expect(rate(740.4)).toBe('740 kbit/s');
  expect(rate(1520)).toBe('1.5 Mbit/s');
  expect([0, 0.42, 9.96, 12.3].map(percent)).toEqual(['0%', '0.4%', '10.0%', '12%']);
  expect(picture([1280, 720], 29.7)).toBe('1280 × 720, 30 fps');
  expect(picture(null, 30)).toBeNull();
});

test('an id keeps its colour and ids spread over the colours', () => {
  expect(colourIndex('p-grace', 8)).toBe(colourIndex('p-grace', 8));
  const used = new Set(Array.from({ length: 64 }, (_, i) => colourIndex(`person-${i}`, 8)));
  expect(used.size).toBe(8);
});

test('numbers and times are written as the language writes them', () => {
  language.speak('de', []);
  expect([duration(760), percent(0.42), rate(1520), picture([1280, 720], 29.7)]).toEqual(['12 Min., 40 Sek.', '0,4\u00a0%', '1,5 Mbit/s', '1280 × 720, 30 fps']);
  language.speak('zh', []);
  expect([duration(760), percent(0.42), picture([1280, 720], 29.7)]).toEqual(['12分钟40秒', '0.4%', '1280 × 720，30 帧/秒']);
  language.speak('en', []);
});
