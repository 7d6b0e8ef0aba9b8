import { expect, test } from 'vitest';
import type { Sound } from './sound';
import type { Streams } from './streams';
import { Theirs } from './theirs';

/** What is heard, by whether it is silent. */
function ears() {
  const silent = new Map<string, boolean>();
  const sound = { hear: () => undefined, setVolume: () => undefined, setSilent: (who: string, is: boolean) => void silent.set(who, is) };
  const streams = { fill: () => undefined, keepOnly: () => undefined };
  return { silent, theirs: new Theirs(streams as unknown as Streams, sound as unknown as Sound) };
}

const media = (screen_on: boolean, screen_sound_on: boolean) => ({ type: 'media_state', microphone_on: true, camera_on: false, screen_on, screen_sound_on }) as const;

test('what their computer plays is heard from the word that it is shared to the word that it is not', () => {
  const { silent, theirs } = ears();
  for (const [screen, sound, expected] of [
    [false, false, true],
    [true, true, false],
    [false, false, true],
    [true, false, true],
    [true, true, false],
    [false, true, true],
  ] as const) {
    theirs.hear(media(screen, sound));
    expect(silent.get('screen'), `${screen} ${sound}`).toBe(expected);
  }
  expect(silent.get('voice'), 'their voice goes on').toBeUndefined();
  // Of whoever comes next nothing is known yet.
  theirs.end();
  expect(silent.get('screen')).toBe(false);
});
