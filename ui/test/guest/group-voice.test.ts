/** What is heard while a call of two becomes a group and one of two again: a tone, from one guest in a real Chromium to another, sample by sample. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { come, sees } from './pages';
import { World } from './world';

const world = new World();
beforeAll(() => world.start({ sfu: true }));
afterEach(() => world.rest());
afterAll(() => world.stop());

/** In place of the microphone: a tone so loud, or silence. */
const microphone = (gain: number) => `{
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => {
    if (!wish.audio) return ask(wish);
    const context = new AudioContext();
    const [tone, loud, out] = [context.createOscillator(), context.createGain(), context.createMediaStreamDestination()];
    loud.gain.value = ${gain};
    tone.connect(loud).connect(out);
    tone.start();
    const pictures = wish.video ? (await ask({ video: wish.video })).getVideoTracks() : [];
    return new MediaStream([...out.stream.getAudioTracks(), ...pictures]);
  };
}`;

/** Runs where sound is made, so that a busy page misses none of it: how long nothing was heard between two times that something was. */
const EAR = `registerProcessor('ear', class extends AudioWorkletProcessor {
  constructor() {
    super();
    [this.quiet, this.longest, this.heard] = [0, 0, 0];
    this.port.onmessage = () => {
      this.port.postMessage([this.longest, this.heard]);
      [this.longest, this.heard] = [0, 0];
    };
  }
  process([input]) {
    const samples = input[0] ?? [];
    let peak = 0;
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
    const ms = 128000 / sampleRate;
    if (peak < 0.02) this.quiet += ms;
    else {
      this.longest = Math.max(this.longest, this.quiet);
      this.quiet = 0;
      this.heard += ms;
    }
    return true;
  }
});`;

/** Hears what the page's players play, as they are muted and not. */
const LISTENING = `{
  const context = new AudioContext();
  const ear = context.audioWorklet.addModule(URL.createObjectURL(new Blob([${JSON.stringify(EAR)}], { type: 'text/javascript' }))).then(() => new AudioWorkletNode(context, 'ear'));
  window.heard = async () => {
    const { port } = await ear;
    return new Promise((resolve) => {
      port.onmessage = ({ data }) => resolve(data);
      port.postMessage(null);
    });
  };
  const Real = Audio;
  window.Audio = function () {
    const player = new Real();
    const loud = context.createGain();
    void ear.then((node) => loud.connect(node).connect(context.destination));
    let source = null;
    const of = (name) => Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, name);
    const watch = (name, see) => Object.defineProperty(player, name, { get: () => of(name).get.call(player), set: (value) => (of(name).set.call(player, value), see(value)) });
    watch('muted', (muted) => (loud.gain.value = muted ? 0 : 1));
    watch('srcObject', (stream) => {
      source?.disconnect();
      source = stream && context.createMediaStreamSource(stream);
      source?.connect(loud);
    });
    return player;
  };
}`;

/** The longest silence since this was last asked, and for how long something was heard, in milliseconds. */
const heard = (page: Page) => page.evaluate(() => (window as unknown as { heard(): Promise<[number, number]> }).heard());
const passes = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function listener(link: string, name: string): Promise<Page> {
  // The ear is no script of the page's own, which its policy would ask for.
  const { page } = await world.guest(link, { bypassCSP: true }, `${microphone(0.3)};${LISTENING}`);
  await page.locator('[data-testid="name"]').fill(name);
  await page.locator('[data-testid="join"]').click();
  return page;
}

/**
 * In three runs, two of them on a machine with much else to do: 0 to 12 ms without sound while the group begins, 9 to 29 ms when two are left, of
 * what is measured here (steps of 3 ms). The aim is 100 (issue 6).
 */
const GAP_MAX_MS = 100;

test('a voice is heard on while a call of two becomes a group, and one of two again', async () => {
  const link = await world.room();
  const two = [await listener(link, 'Ada'), await listener(link, 'Ben')] as const;
  const [ada, ben] = two;
  for (const page of two) await sees(page, 1, 5);
  await passes(2000);
  for (const page of two) await heard(page);
  /** Neither missed more of the other. */
  const goesOn = async (when: string) => {
    for (const page of two) {
      const [longest, sound] = await heard(page);
      expect(longest, when).toBeLessThan(GAP_MAX_MS);
      expect(sound, when).toBeGreaterThan(2000);
    }
  };
  await passes(3000);
  await goesOn('while nobody comes');
  // Who comes says nothing: only the other one's tone is heard.
  const eve = await come(world, link, 'Eve', microphone(0));
  for (const page of [ada, ben, eve]) await sees(page, 2, 5);
  await passes(3000);
  await goesOn('while a third one comes');
  await eve.close();
  await sees(ada, 1, 5);
  await passes(8000);
  await goesOn('when that one is gone');
  // That silence is heard where there is some.
  await ada.keyboard.press('m');
  await passes(700);
  await ada.keyboard.press('m');
  await passes(1500);
  const [[silent], [other]] = [await heard(ben), await heard(ada)];
  expect(silent).toBeGreaterThan(300);
  expect(other).toBeLessThan(GAP_MAX_MS);
});
