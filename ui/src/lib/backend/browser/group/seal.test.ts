/** Sealed words of a group: those of docs/protocol.md, and what nobody else may do with them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TELL_BYTES_MAX, WordKey, type Heading } from './seal';

const counting = (length: number, first: number) => Uint8Array.from({ length }, (_, at) => first + at);
const KEY = new WordKey(counting(16, 0), counting(24, 0x10));
const [ADA, BEN] = [new Uint8Array(16).fill(0xa0), new Uint8Array(16).fill(0xb0)];
const heading = (to: Uint8Array | null): Heading => ({ sender: ADA, to, stream: counting(8, 0x50), number: 7 });
const WORDS = new TextEncoder().encode('\0{"type":"bye"}');
const EXAMPLE = { stream: 'UFFSU1RVVlc', number: 7, to_one: true, sealed: 'cB3DIAgb9pkQwhD8UoHFOMmbfHmSl1oM9RnLkKA7Tw' };

test('the example that the app seals is sealed the same here', () => {
  expect(KEY.seal(heading(BEN), WORDS)).toEqual(EXAMPLE);
  expect(KEY.open(ADA, BEN, EXAMPLE)?.words).toEqual(WORDS);
  const page = readFileSync(join(import.meta.dirname, '../../../../../../docs/protocol.md'), 'utf8');
  const written = page.split('```json\n').find((block) => block.startsWith('{"stream"'));
  // The page has it once the app's half is there.
  if (written) expect(JSON.parse(written.split('```')[0] ?? '')).toEqual(EXAMPLE);
});

test.each([['everybody', null], ['one', BEN]])('whoever has the link reads what is said to %s, and nobody else', (_, to) => {
  const told = KEY.seal(heading(to), WORDS);
  expect(KEY.open(ADA, BEN, told)).toMatchObject({ stream: EXAMPLE.stream, number: 7, words: WORDS });
  expect(KEY.open(BEN, BEN, told), 'told as somebody else’s').toBeNull();
  expect(new WordKey(counting(16, 0), counting(24, 0x11)).open(ADA, BEN, told), 'another room').toBeNull();
  expect(new WordKey(counting(16, 1), counting(24, 0x10)).open(ADA, BEN, told), 'another link').toBeNull();
  expect(KEY.open(ADA, new Uint8Array(16).fill(0xc0), told) === null).toBe(to !== null);
});

test('nothing of a sealed word can be changed', () => {
  const changes: object[] = [{ number: 8 }, { number: -1 }, { number: 1e300 }, { number: '7' }, { stream: 'AAAAAAAAAAA' }, { stream: '' }, { to_one: false }, { to_one: 1 }, { sealed: '' }, { sealed: 'AAAA' }, { sealed: 5 }];
  for (const change of changes) expect(KEY.open(ADA, BEN, { ...EXAMPLE, ...change }), JSON.stringify(change)).toBeNull();
  for (const nonsense of [null, 5, 'x', [], {}]) expect(KEY.open(ADA, BEN, nonsense)).toBeNull();
});

test('what no server would pass on is not sealed', () => {
  expect(KEY.seal(heading(null), new Uint8Array(TELL_BYTES_MAX))).toBeNull();
  const longest = new Uint8Array(32 * 1024 + 1).fill(7);
  expect(KEY.open(ADA, BEN, KEY.seal(heading(null), longest))?.words).toEqual(longest);
});
