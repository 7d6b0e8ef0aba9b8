/** Opens the window: finds the backend, asks for the first state, mounts the app. */
import { mount } from 'svelte';
import App from './App.svelte';
import { chooseBackend } from './lib/backend/backend';
import { App as AppModel } from './lib/app/app.svelte';
import { t } from './lib/text';
import './styles/tokens.css';
import './styles/base.css';

async function start(target: HTMLElement): Promise<void> {
  try {
    const backend = await chooseBackend();
    const app = new AppModel(backend, await backend.state());
    await app.listen();
    mount(App, { target, props: { app } });
  } catch (thrown) {
    console.error(thrown);
    target.textContent = t.app.failed;
    target.setAttribute('role', 'alert');
  }
}

const target = document.getElementById('app');
if (target) void start(target);
