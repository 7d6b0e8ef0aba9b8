/** The deeds of the window whose order, or whose consequence, matters. */
import { expect, test } from 'vitest';
import type { Backend } from '../backend/backend';
import { HOME } from '../backend/fake/state';
import type { AppCommand } from '../bindings';
import { App } from './app.svelte';

test('a release of the key to talk waits for its press', async () => {
  const done: AppCommand[] = [];
  const slowToPress = async (command: AppCommand) => {
    if (command.type === 'talk' && command.down) await new Promise((later) => setTimeout(later, 20));
    done.push(command);
  };
  const app = new App({ command: slowToPress } as Partial<Backend> as Backend, HOME);
  for (const down of [true, true, false, true, false]) app.talk(down);
  await expect.poll(() => done).toEqual([true, false, true, false].map((down) => ({ type: 'talk', down })));
});

test('a window that becomes small is not in full screen any more', async () => {
  const done = () => Promise.resolve();
  const app = new App({ setMini: done, setFullScreen: done } as Partial<Backend> as Backend, HOME);
  app.toggleFullScreen();
  await expect.poll(() => app.fullScreen).toBe(true);
  app.setMini(true);
  await expect.poll(() => app.mini).toBe(true);
  expect(app.fullScreen).toBe(false);
});
