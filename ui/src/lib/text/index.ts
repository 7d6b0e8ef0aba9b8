/** What the window says, in the language in use: `t.home.start`, `t.said.joined({ name })`. Typed from `src/locales/en.json`. */
import { language } from './language.svelte';
import type { Text } from './shape';

/** Read it where it is shown, never once at the top of a module: the language may change at any time. */
export const t: Text = new Proxy({} as Text, { get: (_, section) => language.words[section as keyof Text] });
