/** What is said to everybody waits until a server takes it: 64 KiB at once, of a listener 4 KiB a second. */
import { expect, test } from 'vitest';
import { WordKey } from './seal';
import { Words } from './words';

const counting = (length: number, first: number) => Uint8Array.from({ length }, (_, at) => first + at);
const ME = 'oKCgoKCgoKCgoKCgoKCgoA';

test.each([100, 4_000, 16_000, 32_768])('thirty frames of %i bytes to everybody are all said, and none too soon', (bytes) => {
  const words = new Words(new WordKey(counting(16, 0), counting(24, 0x10)), counting(8, 0x50));
  const people = ['a', 'b', 'c'];
  let [left, said, wanted] = [65_536, 0, 0];
  for (let ms = 0; said < 30 && ms < 600_000; ms += 5) {
    left = Math.min(65_536, left + 4.096 * 5);
    while (wanted - said < 8 && wanted < 30) {
      const frame = new Uint8Array(bytes).fill(wanted);
      for (const id of people) expect(words.sayFrame('chat', id, frame)).toBe(true);
      wanted += 1;
    }
    for (let next = words.nextFrame(ms, ME, people.length); next; next = words.nextFrame(ms, ME, people.length)) {
      expect(next.to).toBeNull();
      said += 1;
      left -= JSON.stringify(next.payload).length;
      expect(left, `${String(said)} said after ${String(ms)} ms`).toBeGreaterThanOrEqual(0);
    }
  }
  expect(said).toBe(30);
});
