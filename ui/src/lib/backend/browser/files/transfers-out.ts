/** What {@link Transfers} asks of whoever drives it: lanes, words, and a place for files. It decides nothing. */
import type { ChunkFrame, FileFrame } from './frames';
import type { Transfers } from './transfers';

export interface TransfersOut {
  /** On the lane. */
  say(frame: FileFrame): void;
  /** Through the server. */
  word(frame: FileFrame): void;
  chunk(frame: ChunkFrame): void;
  /** Asks for a part of an own file; comes back by {@link Transfers.onRead}. */
  read(id: string, turn: number, offset: number, bytes: number): void;
  /** Asks for the hash of all of an own file. */
  hash(id: string): void;
  keep(id: string, bytes: Uint8Array): void;
  /** All of it is there: comes back by {@link Transfers.onKept}. */
  complete(id: string, hash: string): void;
  release(id: string): void;
  /** Whether so many bytes more can be kept. */
  hasRoom(bytes: number): boolean;
}
