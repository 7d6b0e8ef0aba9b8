/** Sharing one's screen: the browser asks what, and shows that it is shared. Owns the tracks. */
import type { ShareMode, SharingView } from '../../bindings';

export interface ScreenShareEvents {
  changed(): void;
  tracks(picture: MediaStreamTrack | null, sound: MediaStreamTrack | null): void;
}

export class ScreenShare {
  view: SharingView | null = null;
  stopped: 'failed' | null = null;
  readonly #events: ScreenShareEvents;
  #tracks: MediaStreamTrack[] = [];
  #turn = 0;

  constructor(events: ScreenShareEvents) {
    this.#events = events;
  }

  async begin(mode: ShareMode, sound: boolean): Promise<void> {
    this.stop();
    const turn = ++this.#turn;
    const view = (this.view = { id: 'display', kind: 'monitor' as const, name: null, mode, sound, state: 'starting', size: null, asking: true, asked: true });
    this.#events.changed();
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: mode === 'motion' ? 30 : 15 } }, audio: sound });
      const [picture] = stream.getVideoTracks();
      const [heard] = stream.getAudioTracks();
      if (turn !== this.#turn || !picture) {
        for (const track of stream.getTracks()) track.stop();
        if (turn === this.#turn) throw new Error('no picture');
        return;
      }
      this.#tracks = stream.getTracks();
      picture.contentHint = mode === 'motion' ? 'motion' : 'detail';
      picture.onended = () => {
        if (turn !== this.#turn) return;
        // The person pressed the browser's own button.
        this.stop();
      };
      const { width, height, displaySurface } = picture.getSettings();
      const kind = displaySurface === 'monitor' ? 'monitor' : 'window';
      this.view = { ...view, kind, name: null, sound: heard !== undefined, state: 'running', asking: false, size: width && height ? [width, height] : null };
      this.#events.tracks(picture, heard ?? null);
      this.#events.changed();
    } catch (error) {
      if (turn !== this.#turn) return;
      // A dialog that was closed is an answer and no fault.
      this.stopped = error instanceof Error && error.name === 'NotAllowedError' ? null : 'failed';
      this.view = null;
      this.#events.changed();
    }
  }

  stop(): void {
    this.#turn += 1;
    this.stopped = null;
    for (const track of this.#tracks) track.stop();
    const shared = this.#tracks.length > 0;
    this.#tracks = [];
    this.view = null;
    if (shared) this.#events.tracks(null, null);
    this.#events.changed();
  }
}
