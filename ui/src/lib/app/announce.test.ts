import { describe, expect, test } from 'vitest';
import type { ReactionKind, TalkView, TransferView } from '../bindings';
import { others } from '../backend/fake/group';
import { talkSaid } from './announce';
import { NO_TALK } from './talk';
import { Voice } from './voice.svelte';

const sent = (states: readonly TransferView['state'][]): TalkView => ({
  ...NO_TALK,
  transfers: states.map((state, i) => ({ id: `f${i}`, sending: true, with: `p-${i}`, with_name: `P ${i}`, name: 'plan.pdf', size: 10, moved: 0, bytes_per_s: 0, state, paused_here: false, fault: null, path: null })),
});
const reacted = (kinds: readonly ReactionKind[]): TalkView => ({ ...NO_TALK, reactions: kinds.map((reaction, i) => ({ number: i + 1, author: `p-${i}`, reaction })) });

describe('of a file for many', () => {
  const people = others(4);

  test('the end is said once, with how many have it', () => {
    const begun = sent(['moving', 'moving', 'moving', 'moving']);
    const half = sent(['done', 'done', 'declined', 'moving']);
    const over = sent(['done', 'done', 'declined', 'failed']);
    expect(talkSaid(begun, half, people)).toEqual([]);
    expect(talkSaid(half, over, people)).toEqual(['plan.pdf: 2 of 4 people have it']);
    expect(talkSaid(over, over, people)).toEqual([]);
  });

  test('that went to a few each end is said', () => {
    expect(talkSaid(sent(['moving', 'moving']), sent(['done', 'moving']), people)).toEqual(['plan.pdf is complete.']);
  });
});

describe('what a room applauds', () => {
  test('is said of the first in a while where there are many, and of each where there are few', () => {
    const many = others(12);
    const voice = new Voice();
    const at = (nowMs: number) => (what: string) => voice.anew(what, nowMs);
    const two = talkSaid(NO_TALK, reacted(['party', 'party', 'heart']), many, at(0));
    expect(two.length).toBe(2);
    expect(talkSaid(NO_TALK, reacted(['party']), many, at(3999))).toEqual([]);
    expect(talkSaid(NO_TALK, reacted(['party']), many, at(4000)).length).toBe(1);
    expect(talkSaid(NO_TALK, reacted(['party', 'party']), others(5), at(4001)).length).toBe(2);
  });
});
