/** What people do, done in real Chromium against the simulated engine. */
import { describe, expect, test } from 'vitest';
import { by, fake, moveIn, open, over, page, phase, press, said } from './house';

moveIn();

const frames = (id: string) => by(id).getAttribute('data-frames').then(Number);
const commands = async () => (await fake(page, 'commands')).map((command) => command.type);
const attribute = (id: string, name: string, value: string) => page.locator(`[data-testid="${id}"][data-${name}="${value}"]`).waitFor();

describe('a call', () => {
  test('goes from home over the green room to the stage and ends', async () => {
    // One waits for five of these steps: long enough to be seen on a busy machine.
    await open('home', { query: '&slow=300' });
    await by('start-call').click();
    await phase('green_room');
    await by('link').waitFor();
    expect(await by('link').inputValue()).toContain('/r/');
    expect(await by('join').innerText()).toBe('Join with picture and sound');
    await by('join').click();
    await by('waiting').waitFor();
    await attribute('app', 'call', 'connected');
    await by('tile-remote').waitFor();
    expect(await by('person-name').innerText()).toBe('Grace Hopper');
    expect(await by('lock').getAttribute('data-secure')).toBe('true');
    await expect.poll(said).toContain('Connected.');
    await press('leave');
    await phase('ended');
    await by('go-home').click();
    await phase('home');
  });

  test('shows pictures that move, at the size of their tile', async () => {
    await open('call');
    await expect.poll(() => frames('tile-remote'), { timeout: 8000 }).toBeGreaterThan(2);
    const size = await by('tile-remote').evaluate((tile) => ({ width: Number((tile as HTMLElement).dataset['width']), height: Number((tile as HTMLElement).dataset['height']), box: tile.clientWidth }));
    expect(size.width).toBeGreaterThan(0);
    expect(size.width).toBeLessThanOrEqual(size.box);
    expect(size.height).toBe(Math.round((size.width * 9) / 16));
    const middle = await by('tile-remote').evaluate((tile) => {
      const probe = document.createElement('canvas');
      probe.width = probe.height = 1;
      const context = probe.getContext('2d');
      const canvas = tile as HTMLCanvasElement;
      context?.drawImage(canvas, canvas.width / 2, canvas.height / 2, 1, 1, 0, 0, 1, 1);
      return [...(context?.getImageData(0, 0, 1, 1).data ?? [])];
    });
    expect(middle[0]).toBeGreaterThan(90);
  });

  test('asks for no pictures while the window is hidden', async () => {
    await open('call');
    await expect.poll(() => frames('tile-remote'), { timeout: 8000 }).toBeGreaterThan(0);
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    const then = await frames('tile-remote');
    await page.waitForTimeout(1200);
    expect(await frames('tile-remote')).toBe(then);
  });

  test('tells afterwards what went wrong in it, and nothing when nothing did', async () => {
    await open('call');
    await fake(page, 'callState', 'reconnecting');
    await by('status-reconnecting').waitFor();
    await fake(page, 'callState', 'connected');
    await press('leave');
    expect(await by('went-wrong').innerText()).toContain('The connection broke once');
    await page.context().close();
    await open('ended');
    await by('ended').waitFor();
    expect(await by('went-wrong').count()).toBe(0);
  });

  test('ends when the other one leaves, and says so', async () => {
    await open('call');
    await fake(page, 'otherLeaves');
    await phase('ended');
    await page.getByRole('heading', { name: 'The other person left' }).waitFor();
    expect(await by('ended-message').count()).toBe(0);
    expect(await by('ended-duration').innerText()).toMatch(/^12 min/u);
    await by('call-again').click();
    await phase('green_room');
  });
});

describe('a pasted text', () => {
  test('without a link is told in place, and the field keeps the focus', async () => {
    await open('home');
    await by('link-input').fill('see you at noon');
    await by('link-input').press('Enter');
    expect(await by('link-input-error').innerText()).toContain('no Parley link');
    expect(await by('link-input').evaluate((field) => field === document.activeElement)).toBe(true);
    expect(await commands()).not.toContain('open_link');
    await by('link-input').fill('http://192.168.1.20:7788/r/abc#Zk1vQ0x3bW9wUXJzVHV2dw');
    expect(await by('link-input-error').count()).toBe(0);
    await by('open-link').click();
    await phase('green_room');
  });

  test('may be a whole message around the link', async () => {
    await open('home');
    await by('link-input').fill('Hi Ada, join me: https://call.example.org/r/abc#Zk1vQ0x3bW9wUXJzVHV2dw See you!');
    await by('open-link').click();
    await phase('green_room');
  });
});

describe('the first run', () => {
  test('asks for a name before anything else', async () => {
    await open('first-run');
    await by('start-call').click();
    expect(await by('name-error').innerText()).toContain('name');
    expect(await commands()).not.toContain('start_call');
    await by('name').fill('Ada');
    await by('start-call').click();
    await phase('green_room');
  });
});

describe('the green room', () => {
  test('says how one would join', async () => {
    await open('green-room');
    await by('toggle-microphone').click();
    await expect.poll(() => by('join').innerText()).toBe('Join muted');
    await by('toggle-camera').click();
    await expect.poll(() => by('join').innerText()).toBe('Join muted, without picture');
    await page.keyboard.press('m');
    await expect.poll(() => by('join').innerText()).toBe('Join with sound only');
  });

  test('offers another camera when one is busy, and shows it', async () => {
    await open('green-room-busy');
    await by('problem-camera_busy').waitFor();
    await by('problem-step-camera_busy').click();
    await by('device-camera-cam-2').click();
    await by('tile-self').waitFor();
    await expect.poll(() => by('pill-camera').innerText()).toContain('Logitech BRIO');
    expect(await by('problem-camera_busy').count()).toBe(0);
  });

  test('finds devices that were plugged in later', async () => {
    await open('green-room-nothing');
    await by('problem-step-no_microphone').click();
    await by('tile-self').waitFor();
    await attribute('pill-microphone', 'state', 'running');
  });

  test('plays a test sound and says so', async () => {
    await open('green-room', { query: '&slow=400' });
    await by('toggle-speaker').click();
    await expect.poll(() => by('pill-speaker').innerText()).toContain('Playing');
    await expect.poll(() => by('pill-speaker').innerText(), { timeout: 8000 }).toContain('Click to test');
  });

  test('copies the link', async () => {
    await open('green-room');
    await by('copy-link').click();
    await expect.poll(() => by('toasts').innerText()).toContain('Link copied');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('/r/');
  });
});

describe('the keyboard', () => {
  test('is enough for a whole call, from the first page to the next one', async () => {
    await open('home', { query: '&slow=60' });
    const press = (key: string) => page.keyboard.press(key);
    const tabTo = async (id: string) => {
      for (let presses = 0; presses < 30; presses += 1) {
        if (await page.evaluate((wanted) => document.activeElement?.matches(`[data-testid="${wanted}"]`), id)) return;
        await press('Tab');
      }
      throw new Error(`${id} is not reached by Tab`);
    };
    await tabTo('start-call');
    await press('Enter');
    await phase('green_room');
    await tabTo('choose-microphone');
    await press('Enter');
    await by('menu-microphone').waitFor();
    await press('ArrowDown');
    await press('Enter');
    await page.locator('[data-testid="pill-microphone"]', { hasText: 'Built-in Microphone' }).waitFor();
    await tabTo('join');
    await press('Enter');
    await attribute('app', 'call', 'connected');
    await tabTo('mute');
    await press('Enter');
    await page.locator('[data-testid="mute"][aria-pressed="true"]').waitFor();
    await tabTo('leave');
    await press('Enter');
    await phase('ended');
    await tabTo('go-home');
    await press('Enter');
    await phase('home');
  });

  test('mutes, and a screen reader hears it once', async () => {
    await open('call');
    await page.keyboard.press('m');
    await page.locator('[data-testid="mute"][aria-pressed="true"]').waitFor();
    await expect.poll(said).toBe('You are muted.');
    await page.keyboard.press('m');
    await page.locator('[data-testid="mute"][aria-pressed="false"]').waitFor();
  });

  test('talks while space is held, only when muted', async () => {
    await open('call-muted');
    await page.keyboard.down('Space');
    await by('talking').waitFor();
    expect(await by('mute').getAttribute('aria-pressed')).toBe('false');
    await page.keyboard.up('Space');
    await page.locator('[data-testid="mute"][aria-pressed="true"]').waitFor();
  });

  test('still talks after the mute button was clicked', async () => {
    await open('call');
    await press('mute');
    await page.locator('[data-testid="mute"][aria-pressed="true"]').waitFor();
    await page.keyboard.down('Space');
    await by('talking').waitFor();
    await page.keyboard.up('Space');
    await page.locator('[data-testid="mute"][aria-pressed="true"]').waitFor();
  });

  test('finds every action in the palette', async () => {
    await open('call');
    await page.keyboard.press('Control+k');
    await by('palette-input').fill('camera');
    await page.keyboard.press('Enter');
    await page.locator('[data-testid="camera"][aria-pressed="true"]').waitFor();
    expect(await by('palette').count()).toBe(0);
    await page.keyboard.press('?');
    await by('shortcuts').waitFor();
    await page.keyboard.press('Escape');
    await by('shortcuts').waitFor({ state: 'detached' });
  });

  test('moves the small picture and swaps it with the large one', async () => {
    await open('call');
    await by('self-view').focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowLeft');
    await attribute('self-view', 'corner', 'top-left');
    await page.keyboard.press('Enter');
    await attribute('self-view', 'who', 'p-grace');
    await attribute('main-picture', 'who', 'self');
  });

  test('walks a menu and comes back to its button', async () => {
    await open('green-room');
    await by('choose-microphone').focus();
    await page.keyboard.press('Enter');
    await by('menu-microphone').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => by('pill-microphone').innerText()).toContain('Jabra');
    await by('choose-microphone').click();
    await page.keyboard.press('Escape');
    await by('menu-microphone').waitFor({ state: 'detached' });
    expect(await by('choose-microphone').evaluate((button) => button === document.activeElement)).toBe(true);
  });
});

describe('the pointer', () => {
  test('drags the small picture to the nearest corner', async () => {
    await open('call');
    const box = await by('self-view').boundingBox();
    if (!box) throw new Error('no small picture');
    await page.mouse.move(box.x + 50, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(300, 200, { steps: 4 });
    await page.mouse.move(120, 140, { steps: 4 });
    await page.mouse.up();
    await attribute('self-view', 'corner', 'top-left');
  });

  test('swaps by double click', async () => {
    await open('call');
    await by('self-view').dblclick();
    await attribute('self-view', 'who', 'p-grace');
  });

  test('at rest lets the controls fade, and brings them back', async () => {
    await open('call');
    await page.mouse.move(400, 300);
    await attribute('stage', 'chrome', 'hidden');
    await page.mouse.move(420, 320);
    await attribute('stage', 'chrome', 'shown');
  });
});

describe('problems', () => {
  test('keep the controls, and their button mends them', async () => {
    await open('call-muted');
    await fake(page, 'problem', 'speaking_while_muted', true);
    await by('problem-step-speaking_while_muted').click();
    await by('problem-speaking_while_muted').waitFor({ state: 'detached' });
    expect(await by('mute').getAttribute('aria-pressed')).toBe('false');
  });

  test('can be dismissed, and copied with their details', async () => {
    await open('all-problems');
    await by('problem-dismiss-no_camera').click();
    await by('problem-no_camera').waitFor({ state: 'detached' });
    await by('problem-camera_busy').getByText('Details').click();
    await by('problem-camera_busy').getByLabel('Copy details').click();
    await expect.poll(() => by('toasts').innerText()).toContain('Details copied');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('EBUSY');
  });

  test('of the connection are said, put into words when slow, and taken back', async () => {
    await open('call');
    await fake(page, 'callState', 'reconnecting');
    await by('status-reconnecting').waitFor();
    await expect.poll(said).toContain('Reconnecting');
    await expect.poll(() => by('status-reconnecting').innerText(), { timeout: 8000 }).toContain('you can wait or leave');
    await fake(page, 'callState', 'connected');
    await by('status-reconnecting').waitFor({ state: 'detached' });
    await expect.poll(said).toContain('Connected again.');
  });
});

describe('a screen reader', () => {
  test('hears who comes, mutes and goes, once each and in the language in use', async () => {
    await open('waiting');
    const heard = (words: string) => expect.poll(said).toContain(words);
    expect(await by('said').getAttribute('role')).toBe('status');
    await fake(page, 'person', {});
    await heard('Grace Hopper joined.');
    await fake(page, 'person', { microphone_on: false });
    await heard('Grace Hopper muted.');
    await fake(page, 'speak', 'fr');
    await fake(page, 'person', { microphone_on: true });
    await heard('Grace Hopper a rétabli son micro.');
    await fake(page, 'person', null);
    await expect.poll(said).toContain('Grace Hopper a quitté l’appel.');
  });
});

describe('the language', () => {
  test('is the system’s, is chosen in the settings, and changes at once, numbers too', async () => {
    await open('call-poor', { locale: 'de-DE' });
    const lang = () => page.evaluate(() => document.documentElement.lang);
    expect(await lang()).toBe('de');
    expect(await by('quality').innerText()).toBe('Schlecht');
    // Figures come while somebody looks.
    await over('quality');
    await expect.poll(() => page.locator('#quality-figures').textContent()).toContain('9,3');
    await page.keyboard.press('Control+,');
    await by('page-appearance').click();
    await by('language').selectOption('es');
    await expect.poll(lang).toBe('es');
    await page.getByRole('heading', { name: 'Apariencia' }).waitFor();
    await by('close-settings').click();
    expect(await by('quality').innerText()).toBe('Mala');
    expect(await by('leave').getAttribute('aria-label')).toBe('Salir');
  });
  test('is chosen from the palette, and what the engine says is said in it', async () => {
    await open('home-server-unreachable');
    await page.keyboard.press('Control+k');
    await by('palette-input').fill('deutsch');
    await page.keyboard.press('Enter');
    await page.getByText('Der Server antwortet nicht rechtzeitig.').waitFor();
    await by('link-input').fill('https://example.org/r/abc');
    await by('open-link').click();
    expect(await by('link-input-error').innerText()).toContain('Der Teil nach # fehlt.');
  });
});

describe('the settings', () => {
  test('change at once, are found by searching, and can be reset and taken back', async () => {
    await open('home');
    await page.keyboard.press('Control+,');
    await by('page-appearance').click();
    await by('theme-light').check();
    await expect.poll(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe('light');
    await by('reset-page').click();
    await expect.poll(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
    await page.getByText('Undo').click();
    await expect.poll(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe('light');
    await by('settings-search').fill('noise');
    await by('noise').uncheck();
    await by('settings-search').fill('');
    await by('page-voice').click();
    expect(await by('noise').isChecked()).toBe(false);
    await page.keyboard.press('Escape');
    await by('settings').waitFor({ state: 'detached' });
  });

  test('say what is wrong with a server address', async () => {
    await open('home');
    await by('open-settings').click();
    await by('page-you').click();
    await by('server').fill('not an address');
    await by('server').press('Tab');
    await by('server-error').waitFor();
    await by('server').fill('https://call.example.org');
    await by('server').press('Tab');
    await by('server-error').waitFor({ state: 'detached' });
  });

  test('open the devices for the page that shows them, and close them after', async () => {
    await open('home');
    await by('open-settings').click();
    await by('tile-self').waitFor();
    await by('close-settings').click();
    await by('settings').waitFor({ state: 'detached' });
    const previews = (await fake(page, 'commands')).filter((command) => command.type === 'set_preview');
    expect(previews.map((command) => 'on' in command && command.on)).toEqual([true, false]);
  });

  test('change the device during a call', async () => {
    await open('call');
    await page.keyboard.press('d');
    await by('device-speaker-spk-2').click();
    await page.locator('[data-testid="device-speaker-spk-2"][aria-checked="true"]').waitFor();
    await page.keyboard.press('Escape');
    await by('menu-devices').waitFor({ state: 'detached' });
  });
});

describe('at twice the size', () => {
  test.each(['home', 'first-run', 'green-room', 'green-room-nothing', 'call', 'waiting', 'ended-failed'])('"%s" loses nothing sideways', async (scenario) => {
    // A window of 960x600 at 200 % zoom has this many CSS pixels; German has the longest words.
    await open(scenario, { width: 480, height: 300, locale: 'de-DE' });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(480);
    const primary = { home: 'start-call', 'first-run': 'start-call', 'green-room': 'join', 'green-room-nothing': 'join', call: 'leave', waiting: 'copy-link', 'ended-failed': 'call-again' }[scenario];
    await by(primary ?? '').scrollIntoViewIfNeeded();
    const box = await by(primary ?? '').boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= 480 && box.y + box.height <= 301).toBe(true);
  });
});

describe('beside picture and sound', () => {
  test('people write to each other, and see what is new and what arrived', async () => {
    await open('call');
    await page.keyboard.press('c');
    await by('panel').waitFor();
    await by('chat-empty').waitFor();
    await page.keyboard.type('Hello Grace');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('see http://example.org/a. And m, v, c are letters here');
    await page.keyboard.press('Enter');
    await page.locator('[data-testid="message"][data-delivery="delivered"]').waitFor();
    expect(await by('message').innerText()).toContain('Hello Grace\nsee');
    expect(await by('message-field').inputValue()).toBe('');
    expect((await commands()).filter((type) => type !== 'set_preview')).toEqual(['send_message']);
    await by('message').getByRole('link').click();
    expect(await fake(page, 'opened')).toEqual(['http://example.org/a']);

    await page.keyboard.press('Escape');
    await by('panel').waitFor({ state: 'detached' });
    await fake(page, 'message', 'First <img src=x onerror=alert(1)>');
    await fake(page, 'message', 'Second');
    expect(await by('unread').innerText()).toBe('2');
    await expect.poll(said).toContain('Grace Hopper: Second');
    await press('panel-button');
    expect(await by('unread').count()).toBe(0);
    expect(await page.locator('.message img').count()).toBe(0);
    expect(await by('message').allInnerTexts()).toContain('First <img src=x onerror=alert(1)>');
  });

  test('a message that nobody answers says so, and that it arrived after all', async () => {
    await open('call');
    await page.keyboard.press('c');
    await fake(page, 'answers', false);
    await page.keyboard.type('Anybody there?');
    await page.keyboard.press('Enter');
    await by('undelivered').waitFor();
    await expect.poll(() => by('said').innerText()).toContain('not delivered');
    await fake(page, 'answers', true);
    await page.locator('[data-testid="message"][data-delivery="delivered"]').waitFor();
    expect(await by('undelivered').count()).toBe(0);
  });

  test('an emoji goes where the cursor is, and a half-written message survives the panel', async () => {
    await open('call');
    await page.keyboard.press('c');
    await page.keyboard.type('ab');
    await page.keyboard.press('ArrowLeft');
    await by('emoji').click();
    await by('emoji-menu').getByRole('menuitem').first().click();
    expect(await by('message-field').inputValue()).toBe('a🙂b');
    await by('panel-close').click();
    await press('panel-button');
    expect(await by('message-field').inputValue()).toBe('a🙂b');
    await by('tab-people').click();
    expect(await by('person-row').count()).toBe(2);
  });

  test('hands are raised and reactions rise', async () => {
    await open('call');
    await page.keyboard.press('h');
    await expect.poll(said).toContain('Your hand is up.');
    await press('react');
    expect(await by('hand').innerText()).toContain('Lower hand');
    await by('react-party').click();
    await attribute('reaction', 'kind', 'party');
    await fake(page, 'reaction', 'heart');
    await attribute('reaction', 'kind', 'heart');
    await fake(page, 'hand', true);
    await by('person-hand').waitFor();
    await expect.poll(said).toContain('Grace Hopper raised a hand.');
    expect((await commands()).filter((type) => type !== 'set_preview')).toEqual(['raise_hand', 'react']);
    await by('reaction').first().waitFor({ state: 'detached' });
  });

  test('files are picked, dropped, accepted, paused and given up', async () => {
    await open('call', { query: '&slow=150' });
    await fake(page, 'offered', 'report.pdf', 2_000_000);
    expect(await by('unread').innerText()).toBe('1');
    await expect.poll(said).toContain('offers you a file: report.pdf');
    await press('panel-button');
    await by('tab-files').click();
    await by('accept-file').click();
    await attribute('file', 'state', 'done');
    await by('show-file').click();
    expect((await fake(page, 'opened')).length).toBe(1);

    await by('send-file').click();
    await attribute('file', 'state', 'moving');
    expect(await by('file-says').first().innerText()).toContain('1.2 MB of 48.3 MB, 2.3 MB/s');
    await by('pause-file').click();
    await attribute('file', 'state', 'paused');
    await by('pause-file').click();
    await attribute('file', 'state', 'moving');
    await by('cancel-file').click();
    await attribute('file', 'state', 'cancelled_here');

    await by('panel-close').click();
    await fake(page, 'drag', { over: true, dropped: [] });
    await by('drop-zone').waitFor();
    await fake(page, 'drag', { over: false, dropped: ['/tmp/dropped.txt'] });
    await by('drop-zone').waitFor({ state: 'detached' });
    expect(await by('file').first().innerText()).toContain('dropped.txt');
  });

  test('a file that did not arrive in an earlier call is sent again, or forgotten', async () => {
    await open('call-talk', { query: '&slow=150' });
    await press('panel-button');
    await by('tab-files').click();
    expect(await by('unfinished-file').innerText()).toContain('For Grace Hopper');
    await by('send-again').click();
    await by('unfinished').waitFor({ state: 'detached' });
    expect(await by('file').first().innerText()).toContain('holiday pictures.zip');
    expect((await commands()).filter((type) => type !== 'set_preview')).toEqual(['send_again']);
  });
});
