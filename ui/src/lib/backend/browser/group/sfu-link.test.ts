/** The connection to the SFU, in virtual time. */
import { beforeEach, expect, test } from 'vitest';
import { SfuLink } from './sfu-link';

let did: string[];
let link: SfuLink;
const done = () => did.splice(0);

beforeEach(() => {
  did = [];
  link = new SfuLink({ open: (number) => did.push(`open ${number}`), makeOffer: () => did.push('offer'), setAnswer: (sdp) => did.push(`set ${sdp}`), close: () => did.push('close') });
});

function negotiate(nowMs: number, number: number): void {
  link.onLocalOffer(nowMs, number, 'offer', [], []);
  expect(link.takeOffer(nowMs)).toEqual({ connection: number, sdp: 'offer' });
  link.onAnswer(nowMs, number, 'answer');
  expect(link.onAnswerSet(nowMs, number)).toBe(true);
}

/** When fresh ones are made within so long. */
function opened(fromMs: number, forMs: number): number[] {
  const at: number[] = [];
  for (let nowMs = fromMs; nowMs < fromMs + forMs; nowMs += 100) {
    link.onTick(nowMs);
    if (link.openIfDue(nowMs)) at.push(nowMs);
  }
  return at;
}

test('stands once it is answered and connected, and answers that nobody asked for are not set', () => {
  link.want(0);
  expect(link.openIfDue(0)).toBe(true);
  link.onAnswer(0, 1, 'too early');
  negotiate(0, 1);
  link.onAnswer(10, 1, 'again');
  expect([done(), link.up]).toEqual([['open 1', 'offer', 'set answer'], false]);
  link.onPhase(20, 1, 'connected');
  expect([link.up, link.negotiated, opened(20, 60_000)]).toEqual([true, true, []]);
});

test('what needs another offer waits for the answer to the last', () => {
  link.want(0);
  link.openIfDue(0);
  link.onLocalOffer(0, 1, 'offer', [], []);
  link.takeOffer(0);
  link.needsOffer(0, 1);
  expect(done()).toEqual(['open 1', 'offer']);
  link.onAnswer(0, 1, 'answer');
  link.onAnswerSet(0, 1);
  expect(done()).toEqual(['set answer', 'offer']);
});

test('one that is lost is followed by a fresh one at once, and carries media again only then', () => {
  link.want(0);
  link.openIfDue(0);
  negotiate(0, 1);
  link.onPhase(0, 1, 'connected');
  link.onPhase(10_000, 1, 'disconnected');
  expect([link.up, opened(10_000, 1900)]).toEqual([false, []]);
  expect(opened(11_900, 200)).toEqual([12_000]);
  negotiate(12_000, 2);
  link.onPhase(12_000, 1, 'connected');
  link.onClosed(12_100, 1, 'replaced');
  expect(link.up).toBe(false);
  link.onPhase(12_200, 2, 'connected');
  expect(link.up).toBe(true);
});

test('a server that does not answer is asked ever more rarely, and one that refuses not at once', () => {
  link.want(0);
  link.openIfDue(0);
  const made: number[] = [];
  for (let nowMs = 0; nowMs < 40_000; nowMs += 100) {
    link.onLocalOffer(nowMs, made.length + 1, 'offer', [], []);
    link.takeOffer(nowMs);
    link.onTick(nowMs);
    if (link.openIfDue(nowMs)) made.push(nowMs);
  }
  expect(made.map((at, index) => at - (made[index - 1] ?? 0))).toEqual([5000, 6100, 7100, 9100, 9100]);
  link.close();
  link.want(50_000);
  link.openIfDue(50_000);
  link.onClosed(50_000, made.length + 2, 'full');
  expect(opened(50_000, 2000)).toEqual([51_000]);
});

test('of what is sent in other sizes than were offered the newest connection tells, once it offered', () => {
  const camera = (width: number) => [{ mid: '1', source: 'camera' as const, on: false, layers: [{ rid: 'q', width, height: 90, kbps: 150 }] }];
  link.want(0);
  link.openIfDue(0);
  link.onPublished(1, camera(160));
  expect(link.publish).toEqual([]);
  link.onLocalOffer(0, 1, 'offer', camera(320), []);
  link.onPublished(2, camera(80));
  expect(link.publish).toEqual(camera(320));
  link.onPublished(1, camera(160));
  expect(link.publish).toEqual(camera(160));
});
