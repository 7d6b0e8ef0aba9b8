/** What somebody meets who uses Parley for the first time, in a low window, with a device or a server missing, or with half a link. */
import { describe, expect, test } from 'vitest';
import { PAGES } from '../../src/lib/app/settings';
import { by, fake, moveIn, open, type OpenOptions, over, page, phase, press, said } from './house';

moveIn();

const LOW = { width: 640, height: 480 };
/** No window is smaller. */
const LEAST = { width: 480, height: 360 };
const FIRST = { width: 960, height: 640 };

/** Whole in the window, with nothing over it. */
const inSight = (id: string) =>
  by(id).evaluate((element) => {
    const box = element.getBoundingClientRect();
    const spots = [[0.5, 0.5], [0.1, 0.3], [0.9, 0.7]] as const;
    const inside = box.top >= 0 && box.left >= 0 && box.bottom <= window.innerHeight && box.right <= window.innerWidth;
    return inside && spots.every(([x, y]) => element.contains(document.elementFromPoint(box.left + x * box.width, box.top + y * box.height)));
  });
const seen = (id: string) => expect.poll(() => inSight(id), { message: id }).toBe(true);

/** Whether two things lie on each other. */
const overlap = (one: string, other: string) =>
  page.evaluate(
    ([a, b]) => {
      const [first, second] = [a, b].map((css) => document.querySelector(css)?.getBoundingClientRect());
      if (!first || !second) throw new Error(`${a} or ${b} is not there`);
      return first.left < second.right && second.left < first.right && first.top < second.bottom && second.top < first.bottom;
    },
    [one, other] as const,
  );
const apart = (one: string, other: string) => expect.poll(() => overlap(one, other), { message: `${one} ${other}` }).toBe(false);

describe('a low window', () => {
  test.each([LOW, FIRST, { width: 480, height: 640 }, LEAST])('of $width by $height keeps the link in sight under problems', async (size) => {
    await open('waiting', size);
    await fake(page, 'problem', 'server_unreachable', true);
    await fake(page, 'problem', 'no_speaker', true);
    await by('problem-no_speaker').waitFor();
    await seen('link');
    await seen('copy-link');
    await seen('leave');
  });

  test('keeps both ways into a call in sight under a problem', async () => {
    await open('home-server-unreachable', LOW);
    await by('problem-server_unreachable').waitFor();
    await seen('start-call');
    await seen('link-input');
    await seen('open-link');
  });

  test.each(PAGES)('shows the settings of the page "%s", beside every way to another one', async (name) => {
    await open('home', LOW);
    await page.keyboard.press('Control+,');
    await by(`page-${name}`).click();
    const rows = () => by('settings-rows').evaluate((part) => part.getBoundingClientRect().height);
    expect(await rows()).toBeGreaterThan(250);
    for (const id of ['settings-search', 'close-settings', ...PAGES.map((one) => `page-${one}`)]) await seen(id);
    await page.setViewportSize(LEAST);
    expect(await rows()).toBeGreaterThan(120);
  });

  test.each(['green-room', 'green-room-guest', 'green-room-first', 'green-room-nothing', 'green-room-busy', 'green-room-listener'])('has the button to join in "%s" without scrolling', async (scenario) => {
    for (const [size, locale] of [[FIRST, 'en-US'], [FIRST, 'de-DE'], [LOW, 'fr-FR']] as const) {
      await open(scenario, { ...size, locale });
      await seen('join');
      const below = () => by('green-room').evaluate((room) => room.scrollHeight - room.clientHeight);
      if (size === FIRST) expect(await below()).toBe(0);
      await page.context().close();
    }
    await open(scenario);
  });

  test.each([LOW, { width: 590, height: 800 }, { width: 480, height: 640 }, LEAST])('of $width by $height has the button to join in sight under problems that are wide enough to be read', async (size) => {
    for (const scenario of ['green-room', 'green-room-guest', 'green-room-nothing', 'green-room-server-away']) {
      await open(scenario, { ...size, locale: 'de-DE' });
      await fake(page, 'problem', 'no_microphone', true);
      const banner = by('green-room').locator('.banner').first();
      await banner.waitFor();
      await seen('join');
      expect(await banner.evaluate((one) => one.getBoundingClientRect().width)).toBeGreaterThan(Math.min(size.width - 80, 500));
      await page.context().close();
    }
    await open('green-room');
  });

  test.each([LOW, FIRST, { width: 480, height: 640 }, { width: 1280, height: 720 }])('of $width by $height shows the bar of a recording, toasts, the small picture and the chat beside each other', async (size) => {
    await open('call-recording', size);
    await fake(page, 'person', { recording: true });
    await by('recorded').waitFor();
    await apart('[data-testid=recorded]', '[data-testid=self-view]');
    await apart('[data-testid=recording]', '[data-testid=self-view]');
    await fake(page, 'unplug', 'microphone', 'Built-in Microphone');
    await by('toasts').locator('.toast').first().waitFor();
    await apart('.toast', '[data-testid=self-view]');
    await apart('.toast', '[data-testid=recorded]');
    await apart('.toast', '[data-testid=recording]');
    if (size.width < 900) return;
    await page.keyboard.press('c');
    await by('panel').waitFor();
    await apart('.toast', '[data-testid=panel]');
    await apart('[data-testid=recording]', '[data-testid=panel]');
  });

  test.each<[string, OpenOptions]>([['starting', FIRST], ['starting', LOW], ['busy', { ...LOW, locale: 'de-DE' }]])('says all of what the camera does in the small preview: %s %j', async (camera, options) => {
    await open('home', options);
    if (camera === 'busy') await fake(page, 'problem', 'camera_busy', true);
    await page.keyboard.press('Control+,');
    await by('preview').waitFor();
    if (camera === 'starting') await fake(page, 'local', { camera: 'starting' });
    await expect
      .poll(() =>
        by('preview').evaluate((preview) => {
          const around = preview.getBoundingClientRect();
          const words = [...preview.querySelectorAll('p, button')].map((one) => one.getBoundingClientRect());
          return words.length > 0 && words.every((one) => one.top >= around.top && one.bottom <= around.bottom && one.left >= around.left && one.right <= around.right);
        }),
      )
      .toBe(true);
  });
});

test('what is known of the connection lies over the banners, whole', async () => {
  await open('call-poor', { width: 1280, height: 720 });
  await fake(page, 'problem', 'microphone_silent', true);
  await by('problem-microphone_silent').waitFor();
  await over('quality');
  const figures = page.locator('#quality-figures');
  await expect.poll(() => figures.evaluate((element) => getComputedStyle(element).opacity)).toBe('1');
  expect(
    await by('problem-dismiss-microphone_silent').evaluate((button) => {
      const box = button.getBoundingClientRect();
      const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      return hit?.closest('#quality-figures') !== null;
    }),
  ).toBe(true);
});

describe('a device that is not there', () => {
  test('is not shown as on, and its button tells why', async () => {
    await open('call');
    const shows = async (id: string) => ({ kind: await by(id).getAttribute('data-kind'), tip: await by(id).getAttribute('data-tip') });
    expect(await shows('mute')).toEqual({ kind: 'picture', tip: 'Mute (M)' });
    await fake(page, 'local', { camera: 'missing', microphone: 'missing', video_size: null });
    await expect.poll(() => shows('mute')).toEqual({ kind: 'trouble', tip: 'No microphone found' });
    expect(await shows('camera')).toEqual({ kind: 'trouble', tip: 'No camera found' });
    const heard = await by('mute').getAttribute('aria-describedby');
    expect(await page.locator(`[id="${heard}"]`).textContent()).toBe('No microphone found');
    await page.keyboard.press('v');
    await expect.poll(() => shows('camera')).toEqual({ kind: 'off', tip: 'Turn camera on (V)' });
  });
});

describe('a server that does not answer', () => {
  test('is what the card says too, while entering and while waiting', async () => {
    await open('joining');
    expect(await by('status-joining').innerText()).toContain('Entering the call');
    await fake(page, 'problem', 'server_unreachable', true);
    await expect.poll(() => by('status-joining').innerText()).toBe('You enter the call as soon as the server answers.');
    await page.context().close();
    await open('waiting');
    await fake(page, 'problem', 'server_unreachable', true);
    await expect.poll(() => by('waiting').innerText()).toContain('until the server answers again');
    expect(await by('waiting').innerText()).not.toContain('as soon as they open it');
  });

  test('of somebody else leads to another link, not to one’s own server', async () => {
    await open('green-room-guest');
    await fake(page, 'problem', 'server_unreachable', true);
    expect(await by('problem-step-server_unreachable').innerText()).toBe('Paste another link');
    await by('problem-step-server_unreachable').click();
    await phase('home');
    await expect.poll(() => by('link-input').evaluate((field) => field === document.activeElement)).toBe(true);
  });

  test('of one’s own leads to its setting', async () => {
    await open('green-room-making');
    await fake(page, 'problem', 'server_unreachable', true);
    await expect.poll(() => by('making-room').innerText()).toContain('The server has not answered yet.');
    await by('problem-step-server_unreachable').click();
    await expect.poll(() => by('server').evaluate((field) => field === document.activeElement)).toBe(true);
  });
});

describe('a link that was damaged on its way', () => {
  test('is called so, and before a name is asked for', async () => {
    await open('first-run');
    await by('link-input').fill('https://call.example.org/r/k3v9-tq2m-x7pd#Zk1vQ0x3bW9wUXJzV');
    await by('open-link').click();
    expect(await by('link-input-error').innerText()).toContain('damaged');
    expect(await by('name-error').count()).toBe(0);
    await by('link-input').fill('https://call.example.org/r/k3v9-tq2m-x7pd#Zk1vQ0x3bW9wUXJzVHV2dw');
    await by('open-link').click();
    await by('name-error').waitFor();
  });
});

describe('the end of a call', () => {
  test('that nobody came to is no success', async () => {
    await open('waiting');
    await press('leave');
    await page.getByRole('heading', { name: 'You left before the call began' }).waitFor();
    expect(await by('ended').locator('.lucide-check').count()).toBe(0);
  });

  test('leaves nothing on the screen that was told in the call', async () => {
    await open('call');
    await fake(page, 'unplug', 'microphone', 'Built-in Microphone');
    await fake(page, 'person', { hand_raised: true });
    await expect.poll(said).toContain('raised a hand');
    await expect.poll(() => by('toasts').innerText()).toContain('unplugged');
    await press('leave');
    await phase('ended');
    await expect.poll(said).toBe('');
    await expect.poll(() => by('toasts').locator('.toast').count()).toBe(0);
  });

  test('is judged as the history judges it', async () => {
    await open('call-fair');
    await page.waitForTimeout(1500);
    await press('leave');
    // The simulation's history calls every call good.
    expect(await by('ended-quality').innerText()).toBe('Good');
  });
});

test('a screen that has no name is named once', async () => {
  await open('call');
  await page.keyboard.press('s');
  await fake(page, 'share', { choice: { looked: true, fault: null, system_asks: false, sources: [{ id: 'monitor:screen', kind: 'monitor', name: 'screen', size: [1920, 1080], is_primary: true }] } });
  await expect.poll(() => page.locator('.card').allInnerTexts()).toEqual(['Screen 1\n1920 × 1080']);
});

test.each([LOW, FIRST])('with the chat open, a window of $width by $height can still be muted and left', async (size) => {
  await open('call', size);
  await page.keyboard.press('c');
  await by('panel').waitFor();
  await seen('message-field');
  await seen('mute');
  await seen('leave');
});

test('the inspector does not call a call good in which nobody is heard', async () => {
  await open('call-deaf');
  await page.keyboard.press('i');
  await expect.poll(() => by('findings').innerText()).toContain('nobody can hear you');
  expect(await by('findings').innerText()).not.toContain('Nothing is wrong');
});

test('a name that is missing is asked for once, where it goes', async () => {
  await open('first-run');
  await by('link-input').fill('https://call.example.org/r/abc#Zk1vQ0x3bW9wUXJzVHV2dw');
  await by('open-link').click();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-testid'));
  await expect.poll(focused).toBe('name');
  expect([await by('name-error').count(), await by('link-input-error').count()]).toEqual([1, 0]);
  await by('link-input').focus();
  await by('start-call').click();
  await expect.poll(focused).toBe('name');
});

test('a click on a notification of a message leads to the chat', async () => {
  await open('call');
  await press('mini-window');
  await by('mini').waitFor();
  await fake(page, 'clicked', 'chat');
  await by('message-field').waitFor();
  await by('panel-close').click();
  await fake(page, 'clicked', 'call');
  expect(await by('panel').count()).toBe(0);
  await fake(page, 'clicked', 'files');
  await page.locator('[data-testid="panel"][data-page="files"]').waitFor();
});

test('the inspector moves into a window of its own, and figures come only while somebody looks', async () => {
  await open('call-poor');
  expect(await fake(page, 'watched')).toBe(false);
  await page.keyboard.press('i');
  await expect.poll(() => fake(page, 'watched')).toBe(true);
  await expect.poll(() => by('graph-rate').innerText()).toMatch(/^\d+ \/ \d+$/u);
  await by('inspector-window').click();
  await by('inspector').waitFor({ state: 'detached' });
  expect(await fake(page, 'opened')).toEqual(['inspector']);
  await expect.poll(() => fake(page, 'watched')).toBe(false);
  await by('quality').focus();
  await expect.poll(() => fake(page, 'watched')).toBe(true);
  await page.context().close();

  await open('call-poor', { query: '&view=inspector' });
  // A window of its own opens with the minutes before it.
  await expect.poll(() => page.locator('.graphs polyline').first().evaluate((line) => (line as SVGPolylineElement).points.numberOfItems)).toBeGreaterThan(100);
  await expect.poll(() => by('findings').innerText()).toContain('Your uplink loses');
  await by('save-report').click();
  await expect.poll(() => by('report-saved').innerText()).toContain('parley-report');
  await fake(page, 'otherLeaves');
  await expect.poll(() => by('findings').innerText()).toContain('The call is over');
  expect(await by('ended').count()).toBe(0);
});

test('after a call that the own server spoiled, its address is one click away, and nobody is sent there otherwise', async () => {
  await open('ended-server');
  await by('check-server').click();
  await expect.poll(() => by('server').evaluate((field) => field === document.activeElement)).toBe(true);
  await page.context().close();
  await open('ended-failed');
  await by('go-home').waitFor();
  expect(await by('check-server').count()).toBe(0);
});
