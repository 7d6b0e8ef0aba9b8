/** Pictures by the custom scheme, one request each: slower than the socket, there when the socket cannot be. */
import { readPicture, schemeAddress } from './protocol';
import type { FrameSource, FrameTap, Picture, TileSize } from './source';

/** How long to wait when there was nothing new, or the answer was an error. */
const PAUSE_MS = 33;
const ERROR_PAUSE_MS = 500;

export class SchemeFrames implements FrameSource {
  readonly #token: string;
  readonly #windows: boolean;
  #next = 1;
  #stopped = false;

  constructor(token: string, windows: boolean) {
    this.#token = token;
    this.#windows = windows;
  }

  open(tile: string, size: TileSize, onPicture: (picture: Picture) => void): FrameTap {
    const slot = this.#next++;
    let wanted = size;
    let open = true;
    let acknowledged: (() => void) | null = null;
    const loop = async () => {
      let last = -1;
      while (open && !this.#stopped) {
        const picture = await this.#fetch(slot, tile, wanted);
        if (!open) return;
        if (picture === 'error' || picture === null || picture.number === last) {
          await pause(picture === 'error' ? ERROR_PAUSE_MS : PAUSE_MS);
          continue;
        }
        last = picture.number;
        const drawn = new Promise<void>((resolve) => (acknowledged = resolve));
        onPicture(picture);
        await drawn;
      }
    };
    void loop();
    return {
      resize: (next) => (wanted = next),
      ack: () => acknowledged?.(),
      close: () => {
        open = false;
        acknowledged?.();
      },
    };
  }

  stop(): void {
    this.#stopped = true;
  }

  async #fetch(slot: number, tile: string, size: TileSize): Promise<Picture | null | 'error'> {
    try {
      const answer = await fetch(schemeAddress(this.#windows, slot, tile, size, this.#token));
      if (answer.status === 204) return null;
      if (!answer.ok) return 'error';
      return readPicture(await answer.arrayBuffer())?.picture ?? null;
    } catch {
      return 'error';
    }
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
