/** What the other person shows, says and is known by: their tracks go to the tiles and to the speaker. One for the page; emptied when somebody else comes. */
import type { TrackRole } from './connection';
import { qualityOf } from './figures';
import { sizeOf, type Taken } from './looks';
import type { Sound } from './sound';
import type { Streams } from './streams';
import { NOBODY, type Them } from './view';
import type { ControlMessage } from './wire';

/** A picture that should come and does not for so many looks stands still. */
const STALLED_LOOKS = 3;

export class Theirs {
  them: Them = { ...NOBODY };
  #still = 0;
  readonly #streams: Streams;
  readonly #sound: Sound;

  constructor(streams: Streams, sound: Sound) {
    this.#streams = streams;
    this.#sound = sound;
  }

  show(id: string, role: TrackRole, track: MediaStreamTrack): void {
    if (role === 'camera') this.#streams.fill(id, track);
    else if (role === 'screen') this.#streams.fill(`screen:${id}`, track);
    else this.#sound.hear(role === 'microphone' ? 'voice' : 'screen', track);
  }

  hear(message: ControlMessage): void {
    if (message.type === 'media_state') this.them.media = message;
    else if (message.type === 'hand') this.them.hand = message.raised;
    else if (message.type === 'recording') this.them.recording = message.state === 'on';
  }

  setVolume(percent: number): void {
    this.them.volume = Math.min(100, percent);
    this.#sound.setVolume(this.them.volume);
  }

  /** Tells whether what should come does not. */
  look(id: string, up: boolean, { sample, look }: Taken): boolean {
    this.them.quality = up ? qualityOf(sample) : 'unknown';
    this.them.videoSize = sizeOf(this.#streams.track(id), look);
    this.them.screenSize = sizeOf(this.#streams.track(`screen:${id}`), look);
    const lacks = up && this.them.media?.camera_on === true && sample.received_kbps === 0;
    this.#still = lacks ? this.#still + 1 : 0;
    return this.#still >= STALLED_LOOKS;
  }

  /** Whoever was there is gone; `id` is who is there now, if anybody. */
  forget(id: string): void {
    this.them = { ...NOBODY };
    this.silence(id);
    this.setVolume(this.them.volume);
  }

  /** Nothing of theirs is shown or heard any more. */
  silence(id: string): void {
    const tiles = id ? [id, `screen:${id}`] : [];
    for (const tile of tiles) this.#streams.fill(tile, null);
    this.#streams.keepOnly(['self', 'screen', ...tiles]);
    for (const who of ['voice', 'screen'] as const) this.#sound.hear(who, null);
  }
}
