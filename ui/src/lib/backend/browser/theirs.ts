/**
 * What the person at the other end of the direct way shows, says and is known by: their tracks go to the tiles and to the speaker, but those
 * that come through an SFU too. One for the page; emptied when somebody else comes.
 */
import { tileOf } from '../../tile-name';
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
  #id = '';
  readonly #tracks = new Map<TrackRole, MediaStreamTrack>();
  #covered: ReadonlySet<TrackRole> = new Set();
  readonly #streams: Streams;
  readonly #sound: Sound;

  constructor(streams: Streams, sound: Sound) {
    this.#streams = streams;
    this.#sound = sound;
  }

  show(id: string, role: TrackRole, track: MediaStreamTrack): void {
    this.#id = id;
    this.#tracks.set(role, track);
    if (!this.#covered.has(role)) this.#put(role, track);
  }

  /** These come by another way, and are taken from there. */
  cover(roles: ReadonlySet<TrackRole>): void {
    const before = this.#covered;
    this.#covered = roles;
    for (const [role, track] of this.#tracks) {
      if (roles.has(role) === before.has(role)) continue;
      // A tile goes over to the other way's picture by itself; a voice must not be heard twice.
      if (!roles.has(role)) this.#put(role, track);
      else if (role === 'microphone' || role === 'screen_sound') this.#put(role, null);
    }
  }

  #put(role: TrackRole, track: MediaStreamTrack | null): void {
    if (role === 'camera') this.#streams.fill(this.#id, track);
    else if (role === 'screen') this.#streams.fill(tileOf(this.#id, true), track);
    else this.#sound.hear(role === 'microphone' ? 'voice' : 'screen', track);
  }

  hear(message: ControlMessage): void {
    if (message.type === 'media_state') {
      this.them.media = message;
      // With its picture: the sound that is still on its way, and what is invented after it, belong to nothing any more.
      this.#sound.setSilent('screen', !(message.screen_on && message.screen_sound_on));
    } else if (message.type === 'hand') this.them.hand = message.raised;
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
    this.them.screenSize = sizeOf(this.#streams.track(tileOf(id, true)), look);
    const lacks = up && this.them.media?.camera_on === true && sample.received_kbps === 0;
    this.#still = lacks ? this.#still + 1 : 0;
    return this.#still >= STALLED_LOOKS;
  }

  /** Whoever was there is gone, and nothing of theirs is shown or heard any more; `id` is who is there now, if anybody. */
  forget(id: string): void {
    this.end();
    const tiles = id ? [id, tileOf(id, true)] : [];
    for (const tile of tiles) this.#streams.fill(tile, null);
    this.#streams.keepOnly(['self', 'screen', ...tiles]);
  }

  /** Nothing comes of them directly any more; by another way they may still be there. */
  end(): void {
    for (const role of this.#tracks.keys()) if (!this.#covered.has(role)) this.#put(role, null);
    this.#tracks.clear();
    // Whom the next direct way leads to may be somebody else.
    this.them = { ...NOBODY };
    this.setVolume(this.them.volume);
    for (const who of ['voice', 'screen'] as const) this.#sound.hear(who, null);
    this.#sound.setSilent('screen', false);
  }
}
