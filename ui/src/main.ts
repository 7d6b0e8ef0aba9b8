/** Opens the window: finds the backend, asks for the first state, mounts the app. */
import { mount } from 'svelte';
import App from './App.svelte';
import InspectorWindow from './InspectorWindow.svelte';
import { chooseBackend } from './lib/backend/choose';
import { App as AppModel } from './lib/app/app.svelte';
import { t } from './lib/text';
import { language } from './lib/text/language.svelte';
import './styles/tokens.css';
import './styles/base.css';

async function start(target: HTMLElement): Promise<void> {
  try {
    language.speak('system', navigator.languages);
    const backend = await chooseBackend();
    const first = await backend.state();
    // Before anything is drawn: nobody sees another language flash by.
    language.speak(first.settings.language, navigator.languages);
    const app = new AppModel(backend, first);
    const beside = backend.view === 'inspector';
    await (beside ? app.followState() : app.listen());
    mount(beside ? InspectorWindow : App, { target, props: { app } });
  } catch (thrown) {
    console.error(thrown);
    target.textContent = t.app.failed;
    target.setAttribute('role', 'alert');
  }
}

const target = document.getElementById('app');
if (target) void start(target);
