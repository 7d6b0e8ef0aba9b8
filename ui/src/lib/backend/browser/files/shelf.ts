/**
 * The files themselves: those that go are read where the person picked them, those that come are kept as blobs (which browsers move
 * to disk) until they are downloaded. Hashes both with BLAKE3.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js';

const EDGE_BYTES = 64 * 1024;
const HASHED_AT_ONCE = 1 << 20;
/** What came is handed to the browser in pieces of so much, or of less where many files come at once: so much of all of them waits here. */
const PIECE_BYTES = 4 << 20;
const LOOSE_BYTES_MAX = 32 << 20;

/** What came waits in buffers of so much, however small the parts are that it comes in: each would cost hundreds of bytes of its own. */
const BUFFER_BYTES = 64 * 1024;

interface Coming {
  readonly blobs: Blob[];
  full: Uint8Array<ArrayBuffer>[];
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** Bytes of the buffer that are there. */
  filled: number;
  readonly hash: ReturnType<typeof blake3.create>;
}

const nothingCame = (): Coming => ({ blobs: [], full: [], buffer: new Uint8Array(BUFFER_BYTES), filled: 0, hash: blake3.create({}) });
const looseOf = ({ full, filled }: Coming): number => full.length * BUFFER_BYTES + filled;

export class Shelf {
  readonly #going = new Map<string, File>();
  readonly #coming = new Map<string, Coming>();
  readonly #whole = new Map<string, Blob>();
  #looseBytes = 0;
  readonly #pieceBytes: number;
  readonly #looseMax: number;

  /** How much of one file, and of all that come, waits at most before it is handed to the browser, in bytes. */
  constructor(pieceBytes = PIECE_BYTES, looseMax = LOOSE_BYTES_MAX) {
    this.#pieceBytes = pieceBytes;
    this.#looseMax = looseMax;
  }

  put(id: string, file: File): void {
    this.#going.set(id, file);
  }

  /** It goes under another name from now on. */
  move(from: string, to: string): void {
    const file = this.#going.get(from);
    this.#going.delete(from);
    if (file) this.#going.set(to, file);
  }

  /** Of which only equality means something: size, time of change, both ends. Null when it cannot be read. */
  async fingerprint(file: File): Promise<string | null> {
    const numbers = new TextEncoder().encode(`${file.size} ${file.lastModified} `);
    const ends = [file.slice(0, EDGE_BYTES), file.slice(Math.max(0, file.size - EDGE_BYTES))].map(bytesOf);
    const [first, last] = await Promise.all(ends).catch(() => []);
    return first && last ? bytesToHex(blake3(concatBytes(numbers, first, last))) : null;
  }

  async read(id: string, offset: number, bytes: number): Promise<Uint8Array | null> {
    const file = this.#going.get(id);
    if (!file) return null;
    const read = await bytesOf(file.slice(offset, offset + bytes)).catch(() => null);
    return read?.length === bytes ? read : null;
  }

  /** Of all of it; null when it cannot be read. */
  async hash(id: string): Promise<string | null> {
    const file = this.#going.get(id);
    if (!file) return null;
    const hash = blake3.create({});
    for (let at = 0; at < file.size; at += HASHED_AT_ONCE) {
      const part = await bytesOf(file.slice(at, at + HASHED_AT_ONCE)).catch(() => null);
      if (!part) return null;
      hash.update(part);
    }
    return bytesToHex(hash.digest());
  }

  keep(id: string, bytes: Uint8Array): void {
    const coming = this.#coming.get(id) ?? nothingCame();
    this.#coming.set(id, coming);
    coming.hash.update(bytes);
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + BUFFER_BYTES - coming.filled);
      coming.buffer.set(part, coming.filled);
      coming.filled += part.length;
      at += part.length;
      if (coming.filled < BUFFER_BYTES) break;
      coming.full.push(coming.buffer.slice());
      coming.filled = 0;
    }
    this.#looseBytes += bytes.length;
    if (looseOf(coming) >= this.#pieceBytes) this.#settle(coming);
    // The one of which most waits: of others there may be too little for a piece.
    else if (this.#looseBytes >= this.#looseMax) this.#settle([...this.#coming.values()].reduce((most, one) => (looseOf(one) > looseOf(most) ? one : most)));
  }

  /** All of it came; tells whether it is what was sent. */
  complete(id: string, hash: string): boolean {
    const coming = this.#coming.get(id) ?? nothingCame();
    this.#coming.delete(id);
    this.#settle(coming);
    if (bytesToHex(coming.hash.digest()) !== hash.toLowerCase()) return false;
    // No type: a browser must offer it as a file, and never open it as a page of ours.
    this.#whole.set(id, new Blob(coming.blobs, { type: 'application/octet-stream' }));
    return true;
  }

  release(id: string): void {
    this.#going.delete(id);
    const coming = this.#coming.get(id);
    if (coming) this.#looseBytes -= looseOf(coming);
    this.#coming.delete(id);
    this.#whole.delete(id);
  }

  /** Hands a file that came to the browser's downloads. */
  download(id: string, name: string): boolean {
    const blob = this.#whole.get(id);
    if (!blob) return false;
    const address = URL.createObjectURL(blob);
    const anchor = document.createElement('a');
    anchor.href = address;
    anchor.download = name;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    return true;
  }

  #settle(coming: Coming): void {
    const bytes = looseOf(coming);
    if (bytes) coming.blobs.push(new Blob([...coming.full, coming.buffer.subarray(0, coming.filled)]));
    this.#looseBytes -= bytes;
    coming.full = [];
    coming.filled = 0;
  }
}

const bytesOf = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer());
