import { expect, test } from 'vitest';
import type { AppCommand } from '../../bindings';
import { Listening, type Switches } from './listening';

const open = () => ({ muted: false, cameraOn: true });
const shut = { muted: true, cameraOn: false };
const inCall = (one: Listening, listens: boolean, now: Switches) => one.see({ listens, comes: false, inCall: true }, now);

test('whoever becomes a listener is muted without a picture, and nothing opens by itself when they may speak', () => {
  const [listening, now] = [new Listening(), open()];
  expect([inCall(listening, false, now), now, listening.part]).toEqual([false, open(), 'speaks']);
  expect([inCall(listening, true, now), now, listening.part]).toEqual([true, shut, 'listens']);
  expect(inCall(listening, true, now)).toBe(false);
  expect([inCall(listening, false, now), now, listening.part]).toEqual([true, shut, 'let_speak']);
  now.muted = false;
  inCall(listening, false, now);
  expect(listening.part).toBe('speaks');
  listening.end(now);
  expect(now, 'as they chose since').toEqual({ muted: false, cameraOn: false });
});

test('a listener opens nothing, and closes what they like', () => {
  const listening = new Listening();
  const forbids = () => [{ type: 'set_muted', muted: false }, { type: 'toggle_muted' }, { type: 'set_camera_on', on: true }, { type: 'set_muted', muted: true }, { type: 'leave' }].map((one) => listening.forbids(one as AppCommand));
  expect(forbids()).toEqual([false, false, false, false, false]);
  inCall(listening, true, open());
  expect(forbids()).toEqual([true, true, true, false, false]);
});

test('another call begins as this one did, where one listened to its end', () => {
  const [listening, now] = [new Listening(), open()];
  inCall(listening, true, now);
  listening.end(now);
  expect([now, listening.part]).toEqual([open(), 'speaks']);
});

test('who is told before the call that they will listen goes in with everything closed, and opens it themselves', () => {
  const before = (listening: Listening, now: Switches) => listening.see({ listens: false, comes: true, inCall: false }, now);
  const unmute: AppCommand = { type: 'set_muted', muted: false };
  const [listening, now] = [new Listening(), open()];
  expect([before(listening, now), now, listening.part, listening.forbids(unmute)]).toEqual([true, shut, 'speaks', true]);
  // On the way in, perhaps before a door; then they may speak after all.
  listening.see({ listens: false, comes: true, inCall: true }, now);
  expect([now, listening.forbids(unmute)]).toEqual([shut, false]);
  inCall(listening, false, now);
  expect([now, listening.part]).toEqual([shut, 'speaks']);
  listening.end(now);
  expect(now, 'as it is since').toEqual(shut);
});

test('who listened as they were told begins another call as they chose before', () => {
  const [listening, now] = [new Listening(), open()];
  for (const inCall of [false, true]) listening.see({ listens: false, comes: true, inCall }, now);
  inCall(listening, true, now);
  expect(listening.part).toBe('listens');
  listening.end(now);
  expect(now).toEqual(open());
});
