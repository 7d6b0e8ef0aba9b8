/** Small habits of the window, kept by the browser. Losing them hurts nobody, so failures are silent. */
const PREFIX = 'parley.';

export function kept(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // Not allowed here: the default comes back next time.
  }
}
