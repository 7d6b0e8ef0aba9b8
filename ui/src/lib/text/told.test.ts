/** The engine's English messages, said in the language in use. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PROBLEMS } from '../backend/fake/state';
import { language } from './language.svelte';
import { told } from './told';

beforeEach(() => language.speak('de', []));
afterEach(() => language.speak('en', []));

test.each([
  ['one sentence', 'The server does not answer in time. It may be down, or your connection to the internet is. Parley keeps trying.', 'Der Server antwortet nicht rechtzeitig. Vielleicht ist er ausgefallen, oder Ihre Internetverbindung. Parley versucht es weiter.'],
  ['the longer of two that begin alike', 'The connection to the server was lost. Parley is connecting again.', 'Die Verbindung zum Server ist abgerissen. Parley verbindet sich neu.'],
  ['a name', 'Ada (Lab. 2) lost the connection to the server. The call goes on.', 'Ada (Lab. 2) hat die Verbindung zum Server verloren. Der Anruf läuft weiter.'],
  ['a path with dots', 'Your settings could not be read, so Parley starts with fresh ones. The old file was kept as /home/a/settings. x.json.', 'Ihre Einstellungen ließen sich nicht lesen, darum beginnt Parley mit neuen. Die alte Datei liegt unter /home/a/settings. x.json.'],
  ['a name that looks like a place for one', '{what} lost the connection to the server. The call goes on.', '{what} hat die Verbindung zum Server verloren. Der Anruf läuft weiter.'],
  ['the way of a call', 'direct, UDP, 10.0.0.1:5 to [fe80::1]:6', 'direkt, UDP, 10.0.0.1:5 an [fe80::1]:6'],
  ['the way over a relay', 'relay, TLS, 192.0.2.1:5 to [fe80::1]:6', 'Relais, TLS, 192.0.2.1:5 an [fe80::1]:6'],
  ['something new, left as it is', 'The moon is full. Parley keeps trying.', 'The moon is full. Parley keeps trying.'],
])('%s', (_, english, german) => expect(told(english)).toBe(german));

test('English stays untouched, and Chinese takes no space between sentences', () => {
  language.speak('en', []);
  expect(told('There is no call to join.')).toBe('There is no call to join.');
  language.speak('zh', []);
  expect(told('The connection to the server was lost. Parley keeps trying.')).toBe('与服务器的连接已断开。Parley 会继续尝试。');
});

test('a long hostile message takes no time', () => {
  const message = `${'a lost the connection to the server. The call goes on. '.repeat(2000)}and no more`;
  const began = performance.now();
  told(message);
  expect(performance.now() - began).toBeLessThan(500);
});

test.each(Object.values(PROBLEMS))('the simulation says what the engine says: $code', ({ message }) => expect(told(message)).not.toBe(message));
