import { expect, test } from 'vitest';
import type { AppCommand } from '../../bindings';
import { Listening } from './listening';

const open = () => ({ muted: false, cameraOn: true });
const shut = { muted: true, cameraOn: false };

test('whoever becomes a listener is muted without a picture, and nothing opens by itself when they may speak', () => {
  const [listening, now] = [new Listening(), open()];
  expect([listening.see(false, now), now, listening.part]).toEqual([false, open(), 'speaks']);
  expect([listening.see(true, now), now, listening.part]).toEqual([true, shut, 'listens']);
  expect(listening.see(true, now)).toBe(false);
  expect([listening.see(false, now), now, listening.part]).toEqual([true, shut, 'let_speak']);
  now.muted = false;
  listening.see(false, now);
  expect(listening.part).toBe('speaks');
  listening.end(now);
  expect(now, 'as they chose since').toEqual({ muted: false, cameraOn: false });
});

test('a listener opens nothing, and closes what they like', () => {
  const listening = new Listening();
  const forbids = () => [{ type: 'set_muted', muted: false }, { type: 'toggle_muted' }, { type: 'set_camera_on', on: true }, { type: 'set_muted', muted: true }, { type: 'leave' }].map((one) => listening.forbids(one as AppCommand));
  expect(forbids()).toEqual([false, false, false, false, false]);
  listening.see(true, open());
  expect(forbids()).toEqual([true, true, true, false, false]);
});

test('another call begins as this one did, where one listened to its end', () => {
  const [listening, now] = [new Listening(), open()];
  listening.see(true, now);
  listening.end(now);
  expect([now, listening.part]).toEqual([open(), 'speaks']);
});
