import { describe, expect, test } from 'vitest';
import type { MessageView } from '../bindings';
import { pieces } from '../text/links';
import { arrived, grouped, NO_TALK, unanswered } from './talk';

const message = (id: string, author: string | null, at_ms: number): MessageView => ({ id, author, name: author ?? '', text: id, at_ms, delivery: 'delivered' });

describe('links in a text', () => {
  test.each([
    ['see https://example.org/a?b=c#d, now', ['https://example.org/a?b=c#d']],
    ['(https://en.wikipedia.org/wiki/Call_(band))', ['https://en.wikipedia.org/wiki/Call_(band)']],
    ['HTTP://EXAMPLE.ORG. https://münchen.de!', ['HTTP://EXAMPLE.ORG', 'https://münchen.de']],
    ['javascript:alert(1) file:///etc/passwd ftp://a.b mailto:a@b', []],
    ['https:// https://. <b>http://a</b>', ['http://a']],
    ['nothing', []],
  ])('%s', (text, links) => {
    const found = pieces(text);
    expect(found.flatMap((piece) => piece.link ?? [])).toEqual(links);
    expect(found.map((piece) => piece.text).join('')).toBe(text);
  });
});

test('messages of one author within a minute stand together', () => {
  const list = [message('a', null, 0), message('b', null, 59_999), message('c', null, 60_000), message('d', 'p', 60_001), message('e', null, 60_002)];
  expect(grouped(list).map((group) => group.messages.map((one) => one.id).join(''))).toEqual(['ab', 'c', 'd', 'e']);
});

test('only what others wrote since is new', () => {
  const before = { ...NO_TALK, messages: [message('a', 'p', 0)] };
  const now = { ...NO_TALK, messages: [message('a', 'p', 0), message('b', null, 1), message('c', 'p', 2)] };
  expect(arrived(before, now).map((one) => one.id)).toEqual(['c']);
});

test('that nobody answered is said once', () => {
  const overdue = { ...message('a', null, 0), delivery: 'not_delivered' as const };
  const before = { ...NO_TALK, messages: [{ ...overdue, delivery: 'sending' as const }, message('b', null, 1)] };
  const now = { ...NO_TALK, messages: [overdue, message('b', null, 1)] };
  expect(unanswered(before, now).map((one) => one.id)).toEqual(['a']);
  expect(unanswered(now, now)).toEqual([]);
});
