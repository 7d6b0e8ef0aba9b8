/** What is said when devices come and go. */
import { expect, test } from 'vitest';
import { HOME } from '../backend/fake/state';
import type { AppState, DeviceNews } from '../bindings';
import { deviceNews } from './device-news';

const with_ = (...news: DeviceNews[]): AppState => ({ ...HOME, devices: { ...HOME.devices, news } });
const unplugged: DeviceNews = { number: 1, kind: 'microphone', event: 'unplugged', name: 'Built-in', before: 'Jabra' };
const back: DeviceNews = { number: 2, kind: 'microphone', event: 'switched', name: 'Jabra', before: 'Built-in' };
const more: DeviceNews = { number: 3, kind: 'camera', event: 'added', name: 'BRIO', before: null };

test('each piece of news is told once, whatever else changes', () => {
  const told = (before: AppState, now: AppState) => deviceNews(before, now).map((one) => one.text);
  expect(told(with_(), with_(unplugged))).toEqual(['Microphone Jabra was unplugged. Using Built-in now.']);
  expect(told(with_(unplugged), with_(unplugged))).toEqual([]);
  expect(told(with_(unplugged), with_(unplugged, back, more))).toEqual(['Microphone: using Jabra now.', 'Camera BRIO was plugged in.']);
  // The oldest fell out.
  expect(told(with_(unplugged, back), with_(back, more))).toEqual(['Camera BRIO was plugged in.']);
  expect(deviceNews(with_(), with_(unplugged))[0]?.kind).toBe('warn');
});
