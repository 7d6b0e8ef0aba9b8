/**
 * Pictures over the loopback WebSocket. Owns the socket and the slots; opens again when it breaks; after a few openings
 * that never worked it hands every tile to the fallback. Does not draw and does not judge pictures.
 */
import type { FrameBridgeInfo } from '../bindings';
import { ackTile, closeTile, hello, openTile, readPicture } from './protocol';
import type { FrameSource, FrameTap, Picture, TileSize } from './source';

const RETRY_MS = [200, 500, 1000, 2000] as const;
/** Openings in a row that never got through before the fallback takes over. */
export const TRIES_MAX = 3;
/** A socket that neither opens nor fails by then is closed. */
const OPENING_MS = 3000;

/** What the bridge needs of the world; tests give their own. */
export interface BridgeWorld {
  info(): Promise<FrameBridgeInfo>;
  socket(url: string): WebSocket;
  later(run: () => void, ms: number): void;
  fallback(info: FrameBridgeInfo): FrameSource;
}

interface Slot {
  readonly tile: string;
  size: TileSize;
  readonly onPicture: (picture: Picture) => void;
  inner: FrameTap | null;
}

export class BridgeFrames implements FrameSource {
  readonly #world: BridgeWorld;
  readonly #slots = new Map<number, Slot>();
  #next = 1;
  #socket: WebSocket | null = null;
  #ready = false;
  #failures = 0;
  #worked = false;
  #fallback: FrameSource | null = null;
  #stopped = false;
  /** Messages that were no picture. */
  malformed = 0;

  constructor(world: BridgeWorld) {
    this.#world = world;
    void this.#connect();
  }

  open(tile: string, size: TileSize, onPicture: (picture: Picture) => void): FrameTap {
    const number = this.#next++;
    const slot: Slot = { tile, size, onPicture, inner: null };
    this.#slots.set(number, slot);
    this.#start(number, slot);
    return {
      resize: (wanted) => {
        slot.size = wanted;
        if (slot.inner) slot.inner.resize(wanted);
        else this.#send(openTile(number, tile, wanted));
      },
      ack: () => {
        if (slot.inner) slot.inner.ack();
        else if (this.#slots.has(number)) this.#send(ackTile(number));
      },
      close: () => {
        this.#slots.delete(number);
        if (slot.inner) slot.inner.close();
        else this.#send(closeTile(number));
      },
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.close();
    this.#fallback?.stop();
  }

  #start(number: number, slot: Slot): void {
    if (this.#fallback) slot.inner = this.#fallback.open(slot.tile, slot.size, slot.onPicture);
    else this.#send(openTile(number, slot.tile, slot.size));
  }

  #send(text: string): void {
    if (this.#ready) this.#socket?.send(text);
  }

  async #connect(): Promise<void> {
    let info: FrameBridgeInfo;
    try {
      info = await this.#world.info();
    } catch {
      this.#again();
      return;
    }
    if (this.#stopped) return;
    try {
      this.#listen(this.#world.socket(info.url), info);
    } catch {
      // A policy forbids the address: no later try will differ.
      this.#giveUp(info);
    }
  }

  #listen(socket: WebSocket, info: FrameBridgeInfo): void {
    this.#socket = socket;
    this.#world.later(() => {
      if (this.#socket === socket && !this.#ready) socket.close();
    }, OPENING_MS);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.#ready = true;
      socket.send(hello(info.token));
      for (const [number, slot] of this.#slots) this.#start(number, slot);
    };
    socket.onmessage = (event: MessageEvent) => this.#receive(event.data);
    socket.onclose = () => {
      this.#ready = false;
      this.#socket = null;
      if (this.#stopped) return;
      if (!this.#worked && ++this.#failures >= TRIES_MAX) this.#giveUp(info);
      else this.#again();
    };
  }

  #receive(message: unknown): void {
    const read = message instanceof ArrayBuffer ? readPicture(message) : null;
    if (!read) {
      this.malformed += 1;
      return;
    }
    this.#worked = true;
    this.#failures = 0;
    this.#slots.get(read.slot)?.onPicture(read.picture);
  }

  #again(): void {
    const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)] ?? 2000;
    this.#world.later(() => {
      if (!this.#stopped) void this.#connect();
    }, wait);
  }

  #giveUp(info: FrameBridgeInfo): void {
    this.#fallback = this.#world.fallback(info);
    for (const [number, slot] of this.#slots) this.#start(number, slot);
  }
}
