/** Who is told what of oneself, where many come at once. */
import { expect, test } from 'vitest';
import { Members } from './members';

const words = (members: Members, nowMs: number): (string | null)[] => {
  const to: (string | null)[] = [];
  for (let next = members.nextWord(nowMs); next && to.length < 999; next = members.nextWord(nowMs)) to.push(`${next.message.type} ${next.to ?? 'all'}`);
  return to;
};

test('a newcomer is told by itself, and hundreds who come together by a few words to everybody', () => {
  const members = new Members();
  members.ownHand = true;
  members.welcome('ada');
  expect(words(members, 0)).toEqual(['media_state all', 'hand all']);
  members.welcome('ben');
  expect(words(members, 10)).toEqual(['media_state ben', 'hand ben']);
  const said: (string | null)[] = [];
  // Within three seconds, one each 10 ms.
  for (let n = 0; n < 300; n += 1) {
    members.welcome(`listener ${n}`, true);
    said.push(...words(members, 1000 + n * 10));
  }
  said.push(...words(members, 5000));
  // A handful each, then two words twice a second.
  expect(said.length).toBeLessThanOrEqual(30);
  expect(said.slice(-2)).toEqual(['media_state all', 'hand all']);
  expect(words(members, 6000)).toEqual([]);
});

test('a listener tells hundreds of listeners nothing of its devices, and all of them of its hand by one word', () => {
  const members = new Members();
  members.listens = true;
  members.welcome('host');
  for (let n = 0; n < 50; n += 1) members.welcome(`listener ${n}`, true);
  expect(words(members, 0)).toEqual(['media_state host']);
  members.ownHand = true;
  expect(words(members, 100)).toEqual(['hand all']);
  for (let n = 50; n < 90; n += 1) members.welcome(`listener ${n}`, true);
  expect(words(members, 2000)).toEqual(['hand all']);
});
