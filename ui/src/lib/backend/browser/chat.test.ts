import { expect, test } from 'vitest';
import { Chat } from './chat';
import { harmless, isHarmless, presentable } from './presentable';

const GRACE = { id: 'grace', name: 'Grace' };

/** Two people and what is on the way between them. */
class Two {
  readonly one = new Chat();
  readonly other = new Chat();
  readonly way: Record<'there' | 'back', Uint8Array[]> = { there: [], back: [] };
  #ids = 0;

  up(): this {
    this.one.laneUp((bytes) => this.way.there.push(bytes) > 0);
    this.other.laneUp((bytes) => this.way.back.push(bytes) > 0);
    return this;
  }

  says(text: string, nowMs = 0): string | null {
    this.#ids += 1;
    return this.one.write(`id-${this.#ids}`, text, nowMs, 0);
  }

  carry(): this {
    while (this.way.there.length || this.way.back.length) {
      for (const bytes of this.way.there.splice(0)) this.other.onBytes(bytes, GRACE, 0);
      for (const bytes of this.way.back.splice(0)) this.one.onBytes(bytes, GRACE, 0);
    }
    return this;
  }

  get shown(): string[] {
    return this.other.messages.map(({ text }) => text);
  }
}

test('messages arrive once and in order, and the author learns it', () => {
  const two = new Two().up();
  for (let at = 0; at < 100; at += 1) two.says(`message ${at}`);
  expect(two.way.there.length).toBe(32);
  two.carry();
  expect(two.shown).toEqual(Array.from({ length: 100 }, (_, at) => `message ${at}`));
  expect(two.one.messages.every(({ delivery }) => delivery === 'delivered')).toBe(true);
});

test('what was not answered is said again over the next connection, and shown once', () => {
  const two = new Two().up();
  two.says('one');
  two.says('two');
  for (const bytes of two.way.there.splice(0, 1)) two.other.onBytes(bytes, GRACE, 0);
  two.way.there = [];
  two.way.back = [];
  two.one.laneDown();
  two.other.laneDown();
  two.says('three');
  two.up().carry();
  expect(two.shown).toEqual(['one', 'two', 'three']);
});

test('a message without an answer is told so, and may still arrive', () => {
  const two = new Two();
  two.says('are you there?');
  expect(two.one.onTick(14_999)).toBe(false);
  expect(two.one.onTick(15_000)).toBe(true);
  expect(two.one.messages[0]?.delivery).toBe('not_delivered');
  two.up().carry();
  expect(two.one.messages[0]?.delivery).toBe('delivered');
});

test('nothing, or too much of it, is no message', () => {
  const two = new Two();
  expect([two.says('  \u202e '), two.says('x'.repeat(4001)), two.says('x'.repeat(4000))]).toEqual(['empty', 'empty', null]);
  for (let at = 0; at < 255; at += 1) two.says('x');
  expect(two.says('x')).toBe('too-many');
});

test('what others write is text without marks that change how it reads', () => {
  expect(presentable(' a\u202eb\u0007\n<b>c</b>\t ')).toBe('ab\n<b>c</b>');
  const garbage = ['', '{', '[]', '{"type":"text"}', '{"type":"text","id":"x","text":1}', '{"type":"sing","id":"x"}'];
  const chat = new Chat();
  for (const text of garbage) chat.onBytes(new TextEncoder().encode(text), GRACE, 0);
  chat.onBytes(Uint8Array.of(0xff, 0xfe), GRACE, 0);
  expect(chat.messages).toEqual([]);
});

test('a name of a file is nothing but a name on every system', () => {
  for (const name of ['plan.pdf', 'a b', 'über.txt', '写真.png']) expect(isHarmless(name), name).toBe(true);
  for (const name of ['', '../x', 'a/b', 'a\\b', 'c:x', 'x.', 'x ', ' x', 'con', 'LPT1.txt', 'a\u202eb', 'x'.repeat(201), 'x.parley-part']) {
    expect(isHarmless(name), name).toBe(false);
    expect(isHarmless(harmless(name)), harmless(name)).toBe(true);
  }
  expect(harmless(`${'x'.repeat(300)}.pdf`)).toMatch(/x\.pdf$/u);
});

test('what was begun with one goes on in a group, to everybody, and on with whoever is left', () => {
  const chat = new Chat();
  const sent: Record<string, string[]> = { direct: [], ada: [], ben: [] };
  const lane = (name: string) => (bytes: Uint8Array) => (sent[name] ?? []).push(new TextDecoder().decode(bytes)) > 0;
  const answer = (id: string, who?: string) => chat.onBytes(new TextEncoder().encode(JSON.stringify({ type: 'delivered', id })), GRACE, 0, who);
  chat.laneUp(lane('direct'));
  chat.write('one', 'for ada', 0, 0);
  chat.laneDown();
  chat.grouped('ada');
  for (const who of ['ada', 'ben']) chat.laneUp(lane(who), who);
  expect([sent['ada']?.length, sent['ben']], 'only who it was for').toEqual([1, []]);
  answer('one', 'ada');
  chat.write('two', 'for both', 0, 0);
  answer('two', 'ada');
  expect(chat.messages.map(({ delivery }) => delivery)).toEqual(['delivered', 'sending']);
  chat.left('ben');
  expect(chat.messages.map(({ delivery }) => delivery)).toEqual(['delivered', 'delivered']);
  chat.pairedOff('ada');
  chat.write('three', 'for ada again', 0, 0);
  sent['direct'] = [];
  chat.laneUp(lane('direct'));
  expect(sent['direct'].map((text) => (JSON.parse(text) as { id: string }).id)).toEqual(['three']);
});
