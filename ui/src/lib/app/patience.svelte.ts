/** Tells when something has gone on long enough to need words. */

/** Three seconds: after that, silence feels like a fault. */
export const WORDS_AFTER_MS = 3000;

/** Becomes true when `what` has stayed the same, and not null, for three seconds. Call while a component is set up. */
export function slowly(what: () => string | null): { readonly slow: boolean } {
  let slow = $state(false);
  $effect(() => {
    slow = false;
    if (what() === null) return;
    const timer = setTimeout(() => (slow = true), WORDS_AFTER_MS);
    return () => clearTimeout(timer);
  });
  return {
    get slow() {
      return slow;
    },
  };
}
