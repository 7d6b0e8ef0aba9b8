/** The pictures of the tiles as the browser's streams: one a tile, the same object as long as the page lives, for a <video> follows its tracks by itself. */
import type { FrameSource } from '../../frames/source';

/** Pictures come as streams here, and not as frames. */
export const NO_FRAMES: FrameSource = { open: () => ({ resize: () => undefined, ack: () => undefined, close: () => undefined }), stop: () => undefined };

export class Streams {
  readonly #streams = new Map<string, MediaStream>();

  of(tile: string): MediaStream {
    const known = this.#streams.get(tile) ?? new MediaStream();
    this.#streams.set(tile, known);
    return known;
  }

  /** Forgets all but these: of others nothing comes any more. */
  keepOnly(tiles: readonly string[]): void {
    for (const tile of this.#streams.keys()) if (!tiles.includes(tile)) {
      this.fill(tile, null);
      this.#streams.delete(tile);
    }
  }

  track(tile: string): MediaStreamTrack | undefined {
    return this.of(tile).getTracks()[0];
  }

  /** Makes `track` the only one of a tile. */
  fill(tile: string, track: MediaStreamTrack | null): void {
    const stream = this.of(tile);
    for (const old of stream.getTracks()) if (old !== track) stream.removeTrack(old);
    if (track && !stream.getTracks().includes(track)) {
      stream.addTrack(track);
      // The browser tells of its own tracks only, not of those that a page adds.
      stream.dispatchEvent(new Event('addtrack'));
    }
  }
}
