// The proof of fingerprints (docs/protocol.md) by WebCrypto, written from the document alone.

const utf8 = new TextEncoder()

export function fromBase64Url(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
}

export function toBase64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/**
 * Removes fingerprints of other hash functions: the proof covers the sha-256 one alone, so the connection must be checked
 * against that one alone.
 */
export function withoutOtherFingerprints(sdp) {
  return sdp.replace(/^a=fingerprint:(?!sha-256 ).*\r?\n/gim, '')
}

/** The one sha-256 fingerprint of a description; throws when there is none or more than one. */
export function fingerprintOf(sdp) {
  const found = new Set([...sdp.matchAll(/^a=fingerprint:sha-256 ([0-9A-Fa-f:]+)/gm)].map((m) => m[1].toUpperCase()))
  if (found.size !== 1) throw new Error(`expected one fingerprint, found ${found.size}`)
  return Uint8Array.from([...found][0].split(':'), (hex) => parseInt(hex, 16))
}

/** proof({ secret, room, sender, receiver, polite, senderSdp, receiverSdp }) -> base64url */
export async function proof({ secret, room, sender, receiver, polite, senderSdp, receiverSdp }) {
  const roomBytes = fromBase64Url(room)
  const material = await crypto.subtle.importKey('raw', fromBase64Url(secret), 'HKDF', false, ['deriveKey'])
  const key = await crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: utf8.encode('parley/1'), info: join(utf8.encode('fingerprint proof'), roomBytes) },
    material,
    { name: 'HMAC', hash: 'SHA-256', length: 256 },
    false,
    ['sign'],
  )
  const mine = fingerprintOf(senderSdp)
  const theirs = fingerprintOf(receiverSdp)
  const text = join(
    utf8.encode('parley/1 proof\0'),
    roomBytes,
    fromBase64Url(sender),
    fromBase64Url(receiver),
    [polite ? 1 : 0],
    [mine.length],
    mine,
    [theirs.length],
    theirs,
  )
  return toBase64Url(new Uint8Array(await crypto.subtle.sign('HMAC', key, text)))
}

function join(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}
