/** What is heard: plays the other side on the chosen speaker, and measures both sides for the meters. */

const FLOOR_DB = 60;

/** From samples of -1 to 1 to a meter of 0 to 1, in decibels from -60 to 0. Pure. */
export function meter(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const level = Math.sqrt(sum / Math.max(1, samples.length));
  return level === 0 ? 0 : Math.min(1, Math.max(0, 1 + (20 * Math.log10(level)) / FLOOR_DB));
}

class Ear {
  readonly #source: MediaStreamAudioSourceNode;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(context: AudioContext, track: MediaStreamTrack) {
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }

  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return meter(this.#samples);
  }

  close(): void {
    this.#source.disconnect();
  }
}

/** Oneself, what comes directly, and each section of sound that comes from an SFU. */
type Heard = 'own' | 'voice' | 'screen' | `sfu ${string}`;

export class Sound {
  #context: AudioContext | null = null;
  readonly #ears = new Map<Heard, { track: MediaStreamTrack; ear: Ear }>();
  readonly #players = new Map<Heard, HTMLAudioElement>();
  #speaker: string | null = null;

  /** After a press: browsers let no page be heard before one. */
  wake(): void {
    void this.#context?.resume();
    for (const element of this.#players.values()) if (element.srcObject) void element.play().catch(() => undefined);
  }

  hear(who: Heard, track: MediaStreamTrack | null): void {
    const before = this.#ears.get(who);
    if (before?.track === track) return;
    before?.ear.close();
    this.#ears.delete(who);
    if (track) {
      this.#context ??= new AudioContext();
      this.#ears.set(who, { track, ear: new Ear(this.#context, track) });
    }
    if (who === 'own') return;
    const element = this.#player(who);
    element.srcObject = track ? new MediaStream([track]) : null;
    if (track) void element.play().catch(() => undefined);
  }

  level(who: Heard): number {
    return this.#ears.get(who)?.ear.level() ?? 0;
  }

  /** 0 to 100. */
  setVolume(percent: number, who: Heard = 'voice'): void {
    this.#player(who).volume = Math.min(1, percent / 100);
  }

  /** What comes by two ways is heard by one. */
  setSilent(who: Heard, silent: boolean): void {
    this.#player(who).muted = silent;
  }

  /** Forgets what is not among these: nothing of it comes any more. */
  keepOnly(heard: readonly Heard[]): void {
    for (const who of this.#players.keys()) if (!heard.includes(who)) {
      this.hear(who, null);
      this.#players.delete(who);
    }
  }

  async setSpeaker(id: string | null): Promise<void> {
    if (this.#speaker === id) return;
    this.#speaker = id;
    for (const element of this.#players.values()) if ('setSinkId' in element) await element.setSinkId(id ?? '').catch(() => undefined);
  }

  #player(who: Heard): HTMLAudioElement {
    const known = this.#players.get(who);
    if (known) return known;
    const element = player();
    if (this.#speaker && 'setSinkId' in element) void element.setSinkId(this.#speaker).catch(() => undefined);
    this.#players.set(who, element);
    return element;
  }

  /** Three soft notes on the chosen speaker. */
  async test(): Promise<void> {
    const context = (this.#context ??= new AudioContext());
    await context.resume();
    const to = context.createMediaStreamDestination();
    const element = player();
    if (this.#speaker && 'setSinkId' in element) await element.setSinkId(this.#speaker).catch(() => undefined);
    element.srcObject = to.stream;
    await element.play().catch(() => undefined);
    [523, 659, 784].forEach((pitch, at) => {
      const [tone, gain] = [context.createOscillator(), context.createGain()];
      const start = context.currentTime + at * 0.35;
      tone.frequency.value = pitch;
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(0.2, start + 0.05);
      gain.gain.exponentialRampToValueAtTime(0.001, start + 0.6);
      tone.connect(gain).connect(to);
      tone.start(start);
      tone.stop(start + 0.65);
    });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    element.srcObject = null;
  }
}

function player(): HTMLAudioElement {
  const element = new Audio();
  element.autoplay = true;
  return element;
}
