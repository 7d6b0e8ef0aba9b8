/** What is said waits until a server takes it: to everybody 64 KiB at once, of a listener 4 KiB a second; to one 256 KiB and 64 KiB. */
import { expect, test } from 'vitest';
import { WordKey } from './seal';
import { Words } from './words';

const counting = (length: number, first: number) => Uint8Array.from({ length }, (_, at) => first + at);
const ME = 'oKCgoKCgoKCgoKCgoKCgoA';

const SIZES = [100, 4_000, 16_000, 32_768];
const TO_ALL = { to: 'everybody', people: ['a', 'b', 'c'], burst: 65_536, perMs: 4.096 };
const TO_ONE = { to: 'one', people: ['a'], burst: 262_144, perMs: 65.536 };

test.each([TO_ALL, TO_ONE].flatMap((way) => SIZES.map((bytes) => ({ ...way, bytes }))))('thirty frames of $bytes bytes to $to are all said, and none too soon', ({ people, burst, perMs, bytes }) => {
  const words = new Words(new WordKey(counting(16, 0), counting(24, 0x10)), counting(8, 0x50));
  let [left, said, wanted] = [burst, 0, 0];
  for (let ms = 0; said < 30 && ms < 600_000; ms += 5) {
    left = Math.min(burst, left + perMs * 5);
    while (wanted - said < 8 && wanted < 30) {
      const frame = new Uint8Array(bytes).fill(wanted);
      for (const id of people) expect(words.sayFrame('chat', id, frame)).toBe(true);
      wanted += 1;
    }
    for (let next = words.nextFrame(ms, ME, 3); next; next = words.nextFrame(ms, ME, 3)) {
      expect(next.to).toBe(people.length === 1 ? 'a' : null);
      said += 1;
      left -= JSON.stringify(next.payload).length;
      expect(left, `${String(said)} said after ${String(ms)} ms`).toBeGreaterThanOrEqual(0);
    }
  }
  expect(said).toBe(30);
});
