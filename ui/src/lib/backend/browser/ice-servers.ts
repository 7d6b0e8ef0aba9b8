/** The servers that help to find a way, from the room's words to the browser's. What a server says is checked: a browser refuses all of them for one. Pure. */
import type { IceServerWord } from './wire';

/** More servers than these only slow gathering down. */
const STUN_MAX = 4;
const RELAYS_MAX = 6;
const NAME = /^[\w.-]{1,253}$/u;
const IPV6 = /^[\da-f:.]{2,45}$/iu;

/** As a browser wants them (RFC 7064, RFC 7065); without a host it is the one the page came from. */
export function iceServers(words: readonly IceServerWord[], host: string): RTCIceServer[] {
  const known = words.flatMap((word) => server(word, host));
  const relay = ({ username }: RTCIceServer) => username !== undefined;
  return [...known.filter((one) => !relay(one)).slice(0, STUN_MAX), ...known.filter(relay).slice(0, RELAYS_MAX)];
}

function server({ kind, host, port, transport = 'udp', credentials }: IceServerWord, reachedAt: string): RTCIceServer[] {
  const bare = (host ?? reachedAt).replace(/^\[|\]$/gu, '');
  const written = NAME.test(bare) ? bare : bare.includes(':') && IPV6.test(bare) ? `[${bare}]` : null;
  if (written === null || !Number.isInteger(port) || port < 1 || port > 65_535) return [];
  const where = `${written}:${port}`;
  if (kind === 'stun' && transport === 'udp') return [{ urls: [`stun:${where}`] }];
  if (kind !== 'turn' || !credentials) return [];
  const { username, credential } = credentials;
  if (transport === 'udp' || transport === 'tcp') return [{ urls: [`turn:${where}?transport=${transport}`], username, credential }];
  return transport === 'tls' ? [{ urls: [`turns:${where}?transport=tcp`], username, credential }] : [];
}
