/** Which backend the app's own window has. Apart from the port, so that a guest's page carries neither of these. */
import type { Backend } from './backend';

/** The backend for this page: the shell where there is one, else the simulation. */
export async function chooseBackend(): Promise<Backend> {
  if ('__TAURI_INTERNALS__' in window) return (await import('./tauri')).tauriBackend();
  return (await import('./fake')).fakeBackend(new URLSearchParams(location.search));
}
