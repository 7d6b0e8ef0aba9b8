/** What is read out of session descriptions, and nothing more. Pure. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** As on the wire (docs/protocol.md, "Limits"). */
const SDP_CHARS_MAX = 48 * 1024;
const FINGERPRINT = /^a=fingerprint:(\S+) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31})\s*$/u;

/** The one sha-256 fingerprint of a description, 32 bytes; null when there is none, two, or one of another hash function. */
export function fingerprintOf(sdp: string): Uint8Array | null {
  if (sdp.length > SDP_CHARS_MAX) return null;
  const found = new Set<string>();
  for (const line of sdp.split(/[\r\n]+/u)) {
    if (!/fingerprint:/iu.test(line)) continue;
    const [, hash, digest] = FINGERPRINT.exec(line) ?? [];
    if (hash?.toLowerCase() !== 'sha-256' || !digest) return null;
    found.add(digest.toUpperCase());
  }
  const [only] = found;
  return found.size === 1 && only ? Uint8Array.from(only.split(':'), (hex) => parseInt(hex, 16)) : null;
}

export const ufragsOf = (sdp: string): string[] => [...sdp.matchAll(/^a=ice-ufrag:(\S+)/gmu)].map((found) => found[1] ?? '');

/** What an offer is announced by over a proven connection. */
export const digestOf = (sdp: string): string => bytesToHex(sha256(utf8ToBytes(sdp)));
