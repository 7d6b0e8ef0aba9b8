/** The page itself, as a browser treats it: when it may sound, when it goes away, how it opens another. */

export interface PageEvents {
  /** Pressed, somewhere. */
  pressed(): void;
  /** It goes away. */
  gone(): void;
}

export function watchPage({ pressed, gone }: PageEvents): void {
  // Before a first press browsers let no page measure sound.
  for (const press of ['pointerdown', 'keydown']) window.addEventListener(press, pressed, { passive: true });
  // A page that goes away says so: nobody waits for it.
  window.addEventListener('pagehide', gone);
  // One that a browser kept and shows again has left its call.
  window.addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
}

/** Beside this one. With `noopener` a browser never tells what came of it. */
export function openBeside(address: string): Promise<boolean> {
  window.open(address, '_blank', 'noopener,noreferrer');
  return Promise.resolve(true);
}
