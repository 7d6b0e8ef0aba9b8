import { expect, test } from 'vitest';
import { miniWindow, type MiniShell } from './mini';

const SIZES = { mini: 320, least: 480 };

/** A window that is what it was last told. */
class Shell implements MiniShell<number> {
  size = 1280;
  onTop = false;
  refuses = false;

  setFullscreen = () => Promise.resolve();
  setMinSize = () => (this.refuses ? Promise.reject(new Error('not now')) : Promise.resolve());
  innerSize = () => Promise.resolve(this.size);

  setSize(size: number): Promise<void> {
    this.size = size;
    return Promise.resolve();
  }

  setAlwaysOnTop(on: boolean): Promise<void> {
    this.onTop = on;
    return Promise.resolve();
  }
}

const wide = (shell: Shell) => [shell.size, shell.onTop];

test('however often it is asked to be small, it comes back to the size it had', async () => {
  const shell = new Shell();
  const setMini = miniWindow(() => shell, SIZES);
  await Promise.all([setMini(true), setMini(true)]);
  await setMini(true);
  expect(wide(shell)).toEqual([320, true]);
  await setMini(false);
  expect(wide(shell)).toEqual([1280, false]);

  shell.size = 900;
  await setMini(false);
  expect(wide(shell), 'an old size is no more').toEqual([900, false]);
  await setMini(true);
  await setMini(false);
  expect(wide(shell)).toEqual([900, false]);
});

test('a switch that failed can be made again', async () => {
  const shell = new Shell();
  const setMini = miniWindow(() => shell, SIZES);
  shell.refuses = true;
  await expect(setMini(true)).rejects.toThrow('not now');
  shell.refuses = false;
  await setMini(true);
  expect(wide(shell)).toEqual([320, true]);
  await setMini(false);
  expect(wide(shell)).toEqual([1280, false]);
});
