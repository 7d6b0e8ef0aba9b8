/**
 * Words between the people of a group, sealed so that the server that passes them on can neither read nor make them (docs/protocol.md,
 * "Words in a group"). Pure. By a library and not by WebCrypto, which browsers keep from pages without TLS. As `parley-call/src/seal.rs`.
 */
import { gcm } from '@noble/ciphers/aes.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { fromBase64Url, toBase64Url } from '../base64';

export interface Heading {
  /** Who says it: 16 raw bytes. */
  readonly sender: Uint8Array;
  /** To whom; null for everybody. */
  readonly to: Uint8Array | null;
  /** 8 bytes, others for each session. */
  readonly stream: Uint8Array;
  /** Counts up in a stream; never the same twice. */
  readonly number: number;
}

/** A word on its way. */
export interface SealedWord {
  readonly stream: string;
  readonly number: number;
  readonly to_one?: true;
  readonly sealed: string;
}

export interface Opened {
  readonly stream: string;
  readonly number: number;
  readonly words: Uint8Array;
}

/** As on the wire (docs/protocol.md, "Groups"): what a server passes on. */
export const TELL_BYTES_MAX = 48 * 1024;
const STREAM_BYTES = 8;
const EVERYBODY = new Uint8Array(16);

export class WordKey {
  readonly #secret: Uint8Array;
  readonly #room: Uint8Array;

  constructor(secret: Uint8Array, room: Uint8Array) {
    this.#secret = secret;
    this.#room = room;
  }

  /** Null if it would be larger than a server passes on. */
  seal({ sender, to, stream, number }: Heading, words: Uint8Array): SealedWord | null {
    if (words.length > TELL_BYTES_MAX) return null;
    const sealed = gcm(this.#streamKey(sender, stream), nonce(number), to ?? EVERYBODY).encrypt(words);
    const word: SealedWord = { stream: toBase64Url(stream), number, ...(to ? { to_one: true } : {}), sealed: base64Of(sealed) };
    return JSON.stringify(word).length <= TELL_BYTES_MAX ? word : null;
  }

  /** What `me` was told of `from`; null if it was not sealed by somebody with the link as a word of theirs to here. */
  open(from: Uint8Array, me: Uint8Array, told: unknown): Opened | null {
    const { stream: name, number, to_one = false, sealed: text } = (typeof told === 'object' && told !== null ? told : {}) as Partial<Record<keyof SealedWord, unknown>>;
    if (typeof name !== 'string' || typeof text !== 'string' || name.length > 16 || text.length > TELL_BYTES_MAX || typeof to_one !== 'boolean') return null;
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) return null;
    const [stream, sealed] = [fromBase64Url(name), fromBase64Url(text)];
    if (stream?.length !== STREAM_BYTES || !sealed) return null;
    try {
      const words = gcm(this.#streamKey(from, stream), nonce(number), to_one ? me : EVERYBODY).decrypt(sealed);
      return { stream: name, number, words };
    } catch {
      return null;
    }
  }

  #streamKey(sender: Uint8Array, stream: Uint8Array): Uint8Array {
    return hkdf(sha256, this.#secret, utf8ToBytes('parley/1'), concatBytes(utf8ToBytes('group words'), this.#room, sender, stream), 32);
  }
}

/** Four zero bytes and the number. */
function nonce(number: number): Uint8Array {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setBigUint64(4, BigInt(number));
  return bytes;
}

/** In parts: a browser takes only so many arguments. */
function base64Of(bytes: Uint8Array): string {
  const PART = 3 * 4096;
  const parts = Array.from({ length: Math.ceil(bytes.length / PART) }, (_, at) => toBase64Url(bytes.subarray(at * PART, (at + 1) * PART)));
  return parts.join('');
}
