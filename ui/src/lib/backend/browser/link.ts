/** The link that a guest came by, read from the page's address. The secret stays here: browsers send no fragment. */
import { fromBase64Url } from './base64';

export interface Link {
  /** As it was sent, with its secret. */
  readonly address: string;
  /** The same for the installed app. */
  readonly deep: string;
  /** Where signaling is: `ws://` or `wss://`. */
  readonly signal: string;
  /** The server's name alone, for STUN. */
  readonly host: string;
  readonly room: string;
  readonly roomBytes: Uint8Array;
  readonly secret: Uint8Array;
  /** What the server lets this guest in by, where the link carries such a thing. */
  readonly invitation: string | null;
}

const ROOM_BYTES = 24;
const SECRET_BYTES = 16;
/** Hosts whose deep link means no TLS: one's own machine and network. */
const NEAR = /^localhost$|^(?:127|10)(?:\.\d{1,3}){3}$|^(?:192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2}$|^::1$|^f[cd][0-9a-f]{2}:|^fe[89ab][0-9a-f]:|\.local$/iu;

/** Reads `http(s)://HOST/r/ROOM#SECRET` or `#SECRET.INVITATION`; null when a part is missing or damaged. */
export function readLink(address: string): Link | null {
  const url = new URL(address);
  const room = /^\/r\/([\w-]+)\/?$/u.exec(url.pathname)?.[1] ?? '';
  const [, secretText = '', invitation = null] = /^#([^.]*)(?:\.([\w.-]{1,2048}))?$/u.exec(url.hash) ?? [];
  const fragment = url.hash.slice(1);
  const roomBytes = fromBase64Url(room);
  const secret = fromBase64Url(secretText);
  if (roomBytes?.length !== ROOM_BYTES || secret?.length !== SECRET_BYTES) return null;
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/gu, '');
  const near = NEAR.test(host);
  const hint = secure && near ? '?tls' : !secure && !near ? '?plain' : '';
  return {
    address: `${url.origin}/r/${room}#${fragment}`,
    deep: `parley://join/${url.host}/${room}${hint}#${fragment}`,
    signal: `${secure ? 'wss' : 'ws'}://${url.host}/api/v1/signal`,
    host: url.hostname,
    room,
    roomBytes,
    secret,
    invitation,
  };
}
