/** The deeds of the window whose order, or whose consequence, matters. */
import { describe, expect, test } from 'vitest';
import type { Backend, BackendEvents } from '../backend/backend';
import { HOME } from '../backend/fake/state';
import type { AppCommand, AppState } from '../bindings';
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

describe('a window beside the main one', () => {
  const inCall: AppState = { ...HOME, phase: 'in_call' };
  const follow = async (fetched: AppState, whileFetching: AppState | null) => {
    let events: Partial<BackendEvents> = {};
    const listen = (wanted: Partial<BackendEvents>) => {
      events = wanted;
      return Promise.resolve(() => {});
    };
    const state = () => {
      if (whileFetching) events.state?.(whileFetching);
      return Promise.resolve(fetched);
    };
    const app = new App({ listen, state } as Partial<Backend> as Backend, HOME);
    await app.followState();
    return app.state.phase;
  };

  test('does not miss what changed before it listened', async () => {
    expect(await follow(inCall, null)).toBe('in_call');
  });
  test('takes what it hears for newer than what it fetched', async () => {
    expect(await follow(HOME, inCall)).toBe('in_call');
  });
});
