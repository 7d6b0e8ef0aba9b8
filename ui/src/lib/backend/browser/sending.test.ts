import { expect, test } from 'vitest';
import { sendingOf } from './sending';

const kbps = (takes: number | undefined, sharing: boolean) => {
  const { camera, screen } = sendingOf(takes, sharing, 720);
  return [camera.active ? camera.maxBitrate / 1000 : 0, screen.maxBitrate / 1000];
};

test('whoever says nothing of it gets all that the way carries, in full size', () => {
  expect(sendingOf(undefined, true, 1080)).toEqual({
    camera: { active: true, maxBitrate: 2_500_000, scaleResolutionDownBy: 1 },
    screen: { active: true, maxBitrate: 4_000_000, scaleResolutionDownBy: 1 },
  });
});

test('whoever wants no pictures gets none of the camera, and of a screen what reading takes', () => {
  expect([kbps(0, false), kbps(0, true)]).toEqual([[0, 300], [0, 300]]);
});

test('a limit goes to the camera, and to a screen first while there is one', () => {
  expect(kbps(300, false)[0]).toBe(300);
  expect([kbps(300, true), kbps(1000, true), kbps(20_000, true)]).toEqual([[60, 240], [150, 850], [2500, 4000]]);
  expect(kbps(10, true)).toEqual([60, 60]);
});

test('fewer bits come in a smaller picture, which is never made larger than it is', () => {
  const lines = (takes: number, of: number) => of / sendingOf(takes, false, of).camera.scaleResolutionDownBy;
  expect([100, 300, 600, 1500, 2500].map((takes) => lines(takes, 1080))).toEqual([270, 360, 540, 720, 1080]);
  expect([100, 300, 600, 1500, 2500].map((takes) => lines(takes, 360))).toEqual([270, 360, 360, 360, 360]);
  expect(sendingOf(100, false, undefined).camera.scaleResolutionDownBy).toBe(1);
});
