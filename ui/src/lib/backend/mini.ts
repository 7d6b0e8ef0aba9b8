/** The shell's window as the mini window, and back. */

/** What is asked of the shell's window; a size is whatever the shell takes for one. */
export interface MiniShell<Size> {
  setFullscreen(on: boolean): Promise<void>;
  innerSize(): Promise<Size>;
  setMinSize(size: Size): Promise<void>;
  setSize(size: Size): Promise<void>;
  setAlwaysOnTop(on: boolean): Promise<void>;
}

/** The mini window's size, and the least of the ordinary one. */
export interface Sizes<Size> {
  readonly mini: Size;
  readonly least: Size;
}

/** Switches the window; one switch after the other, and none that is made already. */
export function miniWindow<Size>(window: () => MiniShell<Size>, sizes: Sizes<Size>): (on: boolean) => Promise<void> {
  let mini = false;
  /** Its size when it was an ordinary window. */
  let before: Size | null = null;
  let last: Promise<unknown> = Promise.resolve();

  async function shrink(shell: MiniShell<Size>): Promise<void> {
    await shell.setFullscreen(false);
    // What is there after a switch that failed halfway is no size to come back to.
    before ??= await shell.innerSize();
    await shell.setMinSize(sizes.mini);
    await shell.setSize(sizes.mini);
    await shell.setAlwaysOnTop(true);
    mini = true;
  }

  async function grow(shell: MiniShell<Size>): Promise<void> {
    await shell.setAlwaysOnTop(false);
    if (before) await shell.setSize(before);
    await shell.setMinSize(sizes.least);
    before = null;
    mini = false;
  }

  return (on) => {
    const done = last.then(() => {
      if (on === mini) return;
      return on ? shrink(window()) : grow(window());
    });
    last = done.catch(() => undefined);
    return done;
  };
}
