import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { beforeEach, expect, test } from 'vitest';
import type { Lane } from '../lane';
import { Files } from './files';
import { writeChunkFrame } from './frames';
import type { Mouth } from './mouth';

const NAMES: Record<string, string> = { ada: 'Ada', ben: 'Ben' };

let files: Files;
/** What was said to whom by word. */
let said: string[];
beforeEach(() => {
  said = [];
  files = new Files((id) => NAMES[id] ?? '', () => undefined);
});

const picked = (name: string) => ({ file: new File([name], name), source: `picked:${name}` });
const textOf = (bytes: Uint8Array) => (JSON.parse(new TextDecoder().decode(bytes)) as { type: string; id: string });
const open = (who: string) => files.wordsOpen(who, (frame) => said.push(`${who} ${textOf(frame).type}`) > 0);
const states = () => files.views(0).map((one) => `${one.name} ${one.with_name}: ${one.state}`);
const offerOf = (id: string, name: string) => new TextEncoder().encode(JSON.stringify({ type: 'offer', id, name, size: 3, fingerprint: '0'.repeat(64) }));
const ID = 'EBESExQVFhcYGRobHB0eHw';

/** Lanes that keep what is sent. */
function lanes(mouth: Mouth, sent: string[]) {
  const lane = (name: string) => ({ waiting: 0, send: (bytes: Uint8Array) => sent.push(`${name} ${name === 'files' ? textOf(bytes).type : ''}`.trim()) > 0 }) as unknown as Lane;
  return { files: () => mouth.lanes.files.up(lane('files')), chunks: () => mouth.lanes.chunks.up(lane('chunks')) };
}

test('each gets what is for them, over their own words and under their own ids', async () => {
  open('ada');
  open('ben');
  await files.offer([picked('plan'), picked('notes')], ['ada', 'ben']);
  expect(said).toEqual(['ada offer', 'ben offer', 'ada offer', 'ben offer']);
  expect(states()).toEqual(['plan Ada: offered', 'plan Ben: offered', 'notes Ada: offered', 'notes Ben: offered']);
  expect(files.views(0).map(({ path }) => path)).toEqual(['picked:plan', 'picked:plan', 'picked:notes', 'picked:notes']);
  files.cancel(files.views(0)[1]?.id ?? '');
  expect(said.at(-1)).toBe('ben cancel');
  expect(states()[1]).toBe('plan Ben: cancelled_here');
});

test('two may offer under one id, and each is answered', () => {
  open('ada');
  open('ben');
  files.onWord('ada', offerOf(ID, 'a'));
  files.onWord('ben', offerOf(ID, 'b'));
  files.onWord('nobody', offerOf(ID, 'c'));
  expect(states()).toEqual(['a Ada: asking', 'b Ben: asking']);
  const [one, other] = files.views(0);
  files.decide(one?.id ?? '', false);
  expect([said, states()]).toEqual([['ada refuse'], ['a Ada: declined', 'b Ben: asking']]);
  files.decide(other?.id ?? '', true);
  expect(files.ways).toEqual([{ participant: 'ben', wanted: true }]);
});

test('what was offered to nobody yet goes to whoever comes first', async () => {
  await files.offer([picked('plan')], []);
  expect([states(), files.ways]).toEqual([['plan : offered'], []]);
  const sent: string[] = [];
  const { files: up, chunks } = lanes(files.mouth(() => 'ada'), sent);
  up();
  expect(sent, 'not before both lanes are there').toEqual([]);
  chunks();
  expect([sent, states()]).toEqual([['files offer'], ['plan Ada: offered']]);
});

test('what comes before both lanes are there is taken once they are', () => {
  const sent: string[] = [];
  const mouth = files.mouth(() => 'ada');
  const { files: up, chunks } = lanes(mouth, sent);
  up();
  mouth.lanes.files.bytes(offerOf(ID, 'a'));
  expect(states()).toEqual([]);
  chunks();
  expect(states()).toEqual(['a Ada: asking']);
});

test('of two connections to one person the newest is used, and the other one again when that goes', async () => {
  const [first, second]: [string[], string[]] = [[], []];
  const [one, other] = [files.mouth(() => 'ada'), files.mouth(() => 'ada')];
  for (const [mouth, sent] of [[one, first], [other, second]] as const) {
    const { files: up, chunks } = lanes(mouth, sent);
    up();
    chunks();
  }
  await files.offer([picked('plan')], ['ada']);
  expect([first, second]).toEqual([[], ['files offer']]);
  one.lanes.files.bytes(offerOf(ID, 'a'));
  expect(states(), 'nothing is heard over the one before').toEqual(['plan Ada: offered']);
  other.lanes.files.down();
  other.lanes.chunks.down();
  expect(first).toEqual(['files offer']);
});

test('what is with who left is over, and what is with nobody at all waits', async () => {
  open('ada');
  open('ben');
  await files.offer([picked('plan')], ['ada', 'ben']);
  files.setPeople([]);
  expect(states()).toEqual(['plan Ada: offered', 'plan Ben: offered']);
  files.setPeople(['ben']);
  expect([states(), files.ways]).toEqual([['plan Ada: failed', 'plan Ben: offered'], [{ participant: 'ben', wanted: false }]]);
  // They are back after all, and can be offered more.
  files.setPeople(['ada', 'ben']);
  await files.offer([picked('notes')], ['ada']);
  expect(states()).toEqual(['plan Ada: failed', 'plan Ben: offered', 'notes Ada: offered']);
});

test('words that find no room are said once there is some, the newest of each file', async () => {
  let room = false;
  files.wordsOpen('ada', (frame) => room && said.push(`ada ${textOf(frame).type}`) > 0);
  await files.offer([picked('plan'), picked('notes')], ['ada']);
  files.cancel(files.views(0)[0]?.id ?? '');
  files.onTick(0);
  expect(said).toEqual([]);
  room = true;
  files.onTick(20);
  expect(said).toEqual(['ada cancel', 'ada offer']);
});

test('a call that is over takes nothing and says nothing any more', async () => {
  open('ada');
  const offer = files.offer([picked('plan')], ['ada']);
  files.close();
  await offer;
  files.onWord('ada', offerOf(ID, 'a'));
  expect([said, states()]).toEqual([[], []]);
});

test.each(['ada', 'ben'])('what is offered after everybody left is for whoever comes next: %s', async (next) => {
  open('ada');
  files.setPeople(['ada']);
  await files.offer([picked('plan')], []);
  files.wordsClosed('ada');
  files.setPeople([]);
  await files.offer([picked('notes')], []);
  await files.offer([picked('more')], []);
  files.cancel(files.views(0)[2]?.id ?? '');
  expect(states(), 'what was with who left waits').toEqual(['plan Ada: offered', 'notes : offered', 'more : cancelled_here']);
  said = [];
  open(next);
  files.setPeople([next]);
  expect(said).toEqual(next === 'ada' ? ['ada offer', 'ada offer'] : ['ben offer', 'ben cancel']);
  const name = NAMES[next];
  expect(states()).toEqual([next === 'ada' ? 'plan Ada: offered' : 'plan Ada: failed', `notes ${name}: offered`, `more ${name}: cancelled_here`]);
});

/** A file of theirs comes, whole. */
async function comesFrom(who: string): Promise<void> {
  const mouth = files.mouth(() => who);
  const { files: up, chunks } = lanes(mouth, []);
  up();
  chunks();
  mouth.lanes.files.bytes(offerOf(ID, 'kept'));
  files.decide(files.views(0).at(-1)?.id ?? '', true);
  const bytes = Uint8Array.of(1, 2, 3);
  mouth.lanes.chunks.bytes(writeChunkFrame({ is: 'chunk', id: ID, offset: 0, stampMs: 0, bytes }));
  mouth.lanes.files.bytes(new TextEncoder().encode(JSON.stringify({ type: 'sent', id: ID, hash: bytesToHex(blake3(bytes)) })));
  await Promise.resolve();
  mouth.lanes.files.down();
}

test.each([false, true])('a file that came is kept however many come and go, and offer something: %s', async (offers) => {
  await comesFrom('ada');
  expect(states()).toEqual(['kept Ada: done']);
  for (let n = 0; n < 1000; n += 1) {
    open(`p-${n}`);
    files.setPeople([`p-${n}`]);
    if (offers) files.onWord(`p-${n}`, offerOf(ID, 'x'));
    files.wordsClosed(`p-${n}`);
  }
  expect(states()[0]).toBe('kept Ada: done');
  // No more people than twice a room are remembered.
  expect(states().length).toBe(offers ? 300 : 1);
});

test('once both lanes are there a file is offered over them, and no more by word', async () => {
  open('ada');
  await files.offer([picked('plan')], ['ada']);
  const sent: string[] = [];
  const { files: up, chunks } = lanes(files.mouth(() => 'ada'), sent);
  up();
  chunks();
  expect([said, sent]).toEqual([['ada offer'], ['files offer']]);
});

test('nothing but an offer begins something with somebody', () => {
  open('ada');
  for (const type of ['cancel', 'received', 'pause']) files.onWord('ada', new TextEncoder().encode(JSON.stringify({ type, id: ID })));
  expect([states(), said]).toEqual([[], []]);
  files.onWord('ada', offerOf(ID, 'a'));
  files.decide(files.views(0)[0]?.id ?? '', false);
  expect([states(), said]).toEqual([['a Ada: declined'], ['ada refuse']]);
});
