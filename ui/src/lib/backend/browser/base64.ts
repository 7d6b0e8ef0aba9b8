/** URL-safe base64 without padding (RFC 4648, section 5): how ids, secrets and proofs travel. */

export function fromBase64Url(text: string): Uint8Array | null {
  if (!/^[\w-]*$/u.test(text)) return null;
  try {
    return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** A fresh id: 16 random bytes. */
export const freshId = (): string => toBase64Url(crypto.getRandomValues(new Uint8Array(16)));
