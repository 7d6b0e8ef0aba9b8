/**
 * One's own camera and microphone, and the devices there are. Opens what is wanted, one request after the other, and tells in the
 * words of the state what each does. A muted microphone is a disabled track, a camera that is off is closed.
 */
import type { CameraSettings, DeviceState, DeviceView, VoiceSwitches } from '../../bindings';

export type Captured = 'camera' | 'microphone';

export interface Wish {
  camera: string | null;
  microphone: string | null;
  picture: CameraSettings;
  voice: VoiceSwitches;
}

interface Source {
  state: DeviceState;
  track: MediaStreamTrack | null;
  name: string | null;
}

export interface LocalMediaEvents {
  changed(): void;
  /** Another track than before, or none. */
  track(kind: Captured, track: MediaStreamTrack | null): void;
}

const HEIGHTS = { p360: 360, p720: 720, p1080: 1080 } as const;
/** What browsers call them that do not say more before they are allowed. */
const KINDS = { audioinput: 'microphones', audiooutput: 'speakers', videoinput: 'cameras' } as const;

export type DeviceLists = Record<'cameras' | 'microphones' | 'speakers', DeviceView[]>;

/** A browser's error, in the words of the state. */
export function stateOf(error: unknown): DeviceState {
  const name = error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing';
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy';
  return 'failed';
}

/** What a browser lists, without the doubles that stand for "the default". Pure. */
export function listed(devices: readonly Pick<MediaDeviceInfo, 'kind' | 'deviceId' | 'label'>[]): DeviceLists {
  const lists: DeviceLists = { cameras: [], microphones: [], speakers: [] };
  for (const { kind, deviceId, label } of devices) {
    if (!deviceId || !label || deviceId === 'default' || deviceId === 'communications') continue;
    const list = lists[KINDS[kind]];
    list.push({ id: deviceId, name: label, is_default: list.length === 0 });
  }
  return lists;
}

export class LocalMedia {
  readonly sources: Record<Captured, Source> = { camera: off(), microphone: off() };
  lists: DeviceLists = { cameras: [], microphones: [], speakers: [] };
  readonly #events: LocalMediaEvents;
  readonly #wish: () => Wish;
  #queue: Promise<unknown> = Promise.resolve();
  #wanted: Record<Captured, boolean> = { camera: false, microphone: false };
  /** With which wish each was opened. */
  #opened: Partial<Record<Captured, string>> = {};
  #askedTogether = false;

  constructor(wish: () => Wish, events: LocalMediaEvents) {
    this.#wish = wish;
    this.#events = events;
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.look(true));
  }

  /** Opens or closes; what is asked twice is done once. */
  want(kind: Captured, on: boolean): void {
    if (this.#wanted[kind] === on) return;
    this.#wanted[kind] = on;
    this.#later(kind);
  }

  /** Opens again what is wanted: another device was chosen, or one that failed may work now. */
  again(kind: Captured): void {
    if (this.#wanted[kind]) this.#later(kind);
  }

  setMuted(muted: boolean): void {
    const { track } = this.sources.microphone;
    if (track) track.enabled = !muted;
  }

  async look(mend = false): Promise<void> {
    if (!navigator.mediaDevices) return;
    this.lists = listed(await navigator.mediaDevices.enumerateDevices());
    this.#events.changed();
    if (!mend) return;
    for (const kind of ['camera', 'microphone'] as const) if (this.#wanted[kind] && !this.sources[kind].track) this.#later(kind);
  }

  #later(kind: Captured): void {
    this.#queue = this.#queue.then(() => this.#settle(kind)).catch((error: unknown) => console.warn(kind, error));
  }

  async #settle(kind: Captured): Promise<void> {
    const source = this.sources[kind];
    const wish = JSON.stringify(kind === 'camera' ? this.#video() : this.#audio());
    if (this.#wanted[kind] && source.track && this.#opened[kind] === wish) return;
    source.track?.stop();
    if (!this.#wanted[kind]) return this.#set(kind, off());
    if (!navigator.mediaDevices) return this.#set(kind, { ...off(), state: 'denied' });
    if (source.state !== 'running') this.#set(kind, { ...off(), state: 'starting' });
    if (await this.#together()) return;
    this.#opened[kind] = wish;
    try {
      const stream = await navigator.mediaDevices.getUserMedia(kind === 'camera' ? { video: this.#video() } : { audio: this.#audio() });
      const [track] = stream.getTracks();
      if (!track) throw new Error('no track');
      this.#take(kind, track);
      await this.look();
    } catch (error) {
      this.#set(kind, { ...off(), state: stateOf(error) });
    }
  }

  /** Both in one question of the browser's, the first time; where that fails each is asked for by itself. */
  async #together(): Promise<boolean> {
    const { camera, microphone } = this.#wanted;
    if (this.#askedTogether || !camera || !microphone) return false;
    this.#askedTogether = true;
    for (const kind of ['camera', 'microphone'] as const) this.#set(kind, { ...off(), state: 'starting' });
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: this.#video(), audio: this.#audio() });
      this.#opened = { camera: JSON.stringify(this.#video()), microphone: JSON.stringify(this.#audio()) };
      for (const track of stream.getTracks()) this.#take(track.kind === 'video' ? 'camera' : 'microphone', track);
      await this.look();
      return true;
    } catch {
      return false;
    }
  }

  #take(kind: Captured, track: MediaStreamTrack): void {
    if (!this.#wanted[kind]) return track.stop();
    track.onended = () => this.sources[kind].track === track && this.#set(kind, { ...off(), state: 'failed' });
    this.#set(kind, { state: 'running', track, name: track.label || null });
  }

  #set(kind: Captured, source: Source): void {
    const before = this.sources[kind].track;
    this.sources[kind] = source;
    // One that was opened beside another would keep its device, and its light on, for ever.
    if (before !== source.track) before?.stop();
    if (before !== source.track) this.#events.track(kind, source.track);
    this.#events.changed();
  }

  #video(): MediaTrackConstraints {
    const { camera, picture } = this.#wish();
    const height = HEIGHTS[picture.resolution];
    return { ...(camera ? { deviceId: { ideal: camera } } : {}), height: { ideal: height }, width: { ideal: (height * 16) / 9 }, frameRate: { ideal: picture.frame_rate } };
  }

  #audio(): MediaTrackConstraints {
    const { microphone, voice } = this.#wish();
    return { ...(microphone ? { deviceId: { ideal: microphone } } : {}), echoCancellation: voice.echo_cancellation, noiseSuppression: voice.noise_suppression, autoGainControl: voice.gain_control };
  }
}

const off = (): Source => ({ state: 'off', track: null, name: null });
