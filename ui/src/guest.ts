/** Opens a guest's page: the same window as the app's, over the browser's own calls. Carries nothing of the shell. */
import { mount } from 'svelte';
import App from './App.svelte';
import { App as AppModel } from './lib/app/app.svelte';
import { lookAround, standing } from './lib/backend/browser/capabilities';
import { GuestBackend } from './lib/backend/browser/guest';
import { readLink } from './lib/backend/browser/link';
import { t } from './lib/text';
import { language } from './lib/text/language.svelte';
import GuestNotice from './screens/GuestNotice.svelte';
import './styles/tokens.css';
import './styles/base.css';
import './styles/guest.css';

async function start(target: HTMLElement): Promise<void> {
  language.speak('system', navigator.languages);
  document.documentElement.lang = language.tag;
  // What a browser shows that does not get this far.
  target.textContent = '';
  const place = lookAround();
  const link = readLink(location.href);
  if (!link || standing(place) === 'too-old') {
    mount(GuestNotice, { target, props: { why: link ? 'too-old' : 'bad-link', deep: link?.deep ?? null } });
    return;
  }
  // Another link pasted over this one is another call.
  window.addEventListener('hashchange', () => location.reload());
  const backend = new GuestBackend(link, place);
  const first = await backend.state();
  language.speak(first.settings.language, navigator.languages);
  const app = new AppModel(backend, first);
  await app.listen();
  mount(App, { target, props: { app } });
}

const target = document.getElementById('app');
if (target) {
  start(target).catch((thrown: unknown) => {
    console.error(thrown);
    target.textContent = t.app.failed;
    target.setAttribute('role', 'alert');
  });
}
