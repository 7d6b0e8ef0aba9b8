/** How every window of Parley looks and speaks: by the settings, and by what the system has. */
import { language } from '../text/language.svelte';
import type { App } from './app.svelte';
import { themeFor } from './theme';

/** Call while the window's component is set up. A window beside the call has no picture in it, so that it is not dark for one. */
export function dress(app: App, besideCall = false): void {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  let systemDark = $state(dark.matches);
  let systemLanguages = $state.raw(navigator.languages);
  dark.addEventListener('change', () => (systemDark = dark.matches));
  window.addEventListener('languagechange', () => (systemLanguages = navigator.languages));

  $effect(() => {
    document.documentElement.dataset['theme'] = themeFor(app.state.settings.appearance, systemDark, besideCall ? 'home' : app.state.phase);
  });

  $effect(() => {
    language.speak(app.state.settings.language, systemLanguages);
    document.documentElement.lang = language.tag;
  });
}
