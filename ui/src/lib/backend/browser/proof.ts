/**
 * The proof that both sides know the link's secret and see the same two certificates (docs/protocol.md, "The proof of fingerprints").
 * By a library and not by WebCrypto, which browsers keep from pages without TLS: those need the proof most.
 */
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { fromBase64Url, toBase64Url } from './base64';

/** Who says what to whom; ids as 16 raw bytes, fingerprints as 32. */
export interface Statement {
  readonly room: Uint8Array;
  readonly sender: Uint8Array;
  readonly receiver: Uint8Array;
  /** The sender came second. */
  readonly senderPolite: boolean;
  readonly senderFingerprint: Uint8Array;
  readonly receiverFingerprint: Uint8Array;
}

export function proofKey(secret: Uint8Array, room: Uint8Array): Uint8Array {
  return hkdf(sha256, secret, utf8ToBytes('parley/1'), concatBytes(utf8ToBytes('fingerprint proof'), room), 32);
}

export function prove(key: Uint8Array, it: Statement): Uint8Array {
  const lengthOf = (bytes: Uint8Array) => Uint8Array.of(bytes.length);
  const { senderFingerprint: own, receiverFingerprint: theirs } = it;
  const role = Uint8Array.of(it.senderPolite ? 1 : 0);
  const said = concatBytes(utf8ToBytes('parley/1 proof\0'), it.room, it.sender, it.receiver, role, lengthOf(own), own, lengthOf(theirs), theirs);
  return hmac(sha256, key, said);
}

export const macText = toBase64Url;

/** Whether `text` is this proof; takes the same time wherever it differs. */
export function isProof(text: string, expected: Uint8Array): boolean {
  const given = text.length <= 64 ? fromBase64Url(text) : null;
  if (given?.length !== expected.length) return false;
  return given.reduce((different, byte, at) => different | (byte ^ (expected[at] ?? 0)), 0) === 0;
}
