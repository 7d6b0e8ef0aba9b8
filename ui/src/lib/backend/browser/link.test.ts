import { expect, test } from 'vitest';
import { standing, type Place } from './capabilities';
import { readLink } from './link';
import { fingerprintOf } from './sdp';

const ROOM = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYX';
const SECRET = 'AAECAwQFBgcICQoLDA0ODw';

test.each([
  [`https://call.example.org/r/${ROOM}#${SECRET}`, 'wss://call.example.org/api/v1/signal', `parley://join/call.example.org/${ROOM}#${SECRET}`],
  [`http://192.168.1.20:7788/r/${ROOM}#${SECRET}`, 'ws://192.168.1.20:7788/api/v1/signal', `parley://join/192.168.1.20:7788/${ROOM}#${SECRET}`],
  [`https://192.168.1.20:7788/r/${ROOM}#${SECRET}`, 'wss://192.168.1.20:7788/api/v1/signal', `parley://join/192.168.1.20:7788/${ROOM}?tls#${SECRET}`],
  [`http://call.example.org/r/${ROOM}/#${SECRET}`, 'ws://call.example.org/api/v1/signal', `parley://join/call.example.org/${ROOM}?plain#${SECRET}`],
])('the link %s leads to its server', (address, signal, deep) => {
  expect(readLink(address)).toMatchObject({ signal, deep, room: ROOM });
});

test('what the server lets a guest in by stands beside the secret', () => {
  const link = `https://call.example.org/r/${ROOM}#${SECRET}`;
  expect(readLink(link)?.invitation).toBeNull();
  expect(readLink(`${link}.a_b-c.d`)).toMatchObject({ invitation: 'a_b-c.d', address: `${link}.a_b-c.d` });
});

test.each([`/r/${ROOM}`, `/r/${ROOM}#`, `/r/${ROOM}#${SECRET}.`, `/r/${ROOM}#${SECRET}.<`, `/r/${ROOM}#AAEC`, `/r/${ROOM.slice(1)}#${SECRET}`, `/${ROOM}#${SECRET}`, `/r/${ROOM}#${SECRET}A`, `/r/%2e%2e#${SECRET}`])('%s is no whole link', (path) => {
  expect(readLink(`https://call.example.org${path}`)).toBeNull();
});

const ALL: Place = { secure: true, peerConnection: true, dataChannel: true, getUserMedia: true, getDisplayMedia: true, setSinkId: true, colours: true };

test('what a browser can do decides what a guest is offered', () => {
  expect(standing(ALL)).toBe('fine');
  expect(standing({ ...ALL, getDisplayMedia: false, setSinkId: false })).toBe('fine');
  expect(standing({ ...ALL, secure: false, getUserMedia: false })).toBe('listen-only');
  expect(standing({ ...ALL, peerConnection: false })).toBe('too-old');
  expect(standing({ ...ALL, getUserMedia: false })).toBe('too-old');
  expect(standing({ ...ALL, colours: false })).toBe('too-old');
});

test('a description has one fingerprint, or is refused', () => {
  const line = (hash: string, byte: string) => `a=fingerprint:${hash} ${Array(32).fill(byte).join(':')}\r\n`;
  expect(fingerprintOf(`v=0\r\n${line('sha-256', 'AB')}${line('sha-256', 'ab')}`)).toEqual(new Uint8Array(32).fill(0xab));
  for (const refused of ['v=0\r\n', line('sha-256', 'AB') + line('sha-256', 'AC'), line('sha-256', 'AB') + line('sha-1', 'AC'), 'a=fingerprint:sha-256 AB:CD\r\n', line('sha-256', 'AB') + 'x'.repeat(49_152)]) {
    expect(fingerprintOf(refused)).toBeNull();
  }
});
