import { expect, test } from 'vitest';
import { qualityOf, sampleOf } from './figures';
import { listed, stateOf } from './local-media';
import { readSettings } from './settings';
import { iceServers } from './ice-servers';
import { meter } from './sound';

test('two looks at what a browser counts are one second of a call', () => {
  const at = (bytes: number, packets: number, lost: number) => [
    { type: 'inbound-rtp', kind: 'video', bytesReceived: bytes, packetsReceived: packets, packetsLost: lost, framesDecoded: packets / 10, totalDecodeTime: packets / 2000, frameWidth: 640, frameHeight: 360, jitter: 0.004 },
    { type: 'outbound-rtp', kind: 'audio', bytesSent: bytes / 10 },
    { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.042, localCandidateId: 'l', remoteCandidateId: 'r' },
    { id: 'l', candidateType: 'host', protocol: 'udp' },
    { id: 'r', candidateType: 'host', address: '192.0.2.1', port: 5000 },
    { type: 'codec', mimeType: 'video/H264' },
    { type: 'codec', mimeType: 'video/rtx' },
  ];
  const sample = sampleOf({ atMs: 0, entries: at(0, 0, 0) }, { atMs: 1000, entries: at(125_000, 300, 3) }, 5000);
  expect(sample).toMatchObject({ at_ms: 5000, received_kbps: 1000, sent_kbps: 100, fps_received: 30, decode_ms: 5, rtt_ms: 42, received_size: [640, 360], path: 'direct, UDP, 192.0.2.1:5000', codecs: ['H264'] });
  expect(sample.loss_in_pct).toBeCloseTo(0.99, 1);
  expect(qualityOf(sample)).toBe('good');
  expect(qualityOf({ ...sample, loss_out_pct: 5 })).toBe('fair');
  expect(qualityOf({ ...sample, rtt_ms: 900 })).toBe('poor');
});

test('devices are listed once, and only those a person can tell apart', () => {
  const device = (kind: MediaDeviceKind, deviceId: string, label: string) => ({ kind, deviceId, label });
  const lists = listed([device('audioinput', 'default', 'Default - Mic'), device('audioinput', 'a', 'Mic'), device('videoinput', '', ''), device('audiooutput', 'communications', 'x'), device('videoinput', 'v', 'Cam')]);
  expect(lists).toEqual({ cameras: [{ id: 'v', name: 'Cam', is_default: true }], microphones: [{ id: 'a', name: 'Mic', is_default: true }], speakers: [] });
});

test.each([['NotAllowedError', 'denied'], ['NotFoundError', 'missing'], ['NotReadableError', 'busy'], ['TypeError', 'failed']])('a browser’s %s is "%s"', (name, state) => {
  expect(stateOf(Object.assign(new Error(''), { name }))).toBe(state);
});

test('what was kept and is not understood is as in a fresh browser', () => {
  const plain = readSettings(null);
  for (const kept of ['', 'null', '[]', '{', '{"name":5,"server":"https://evil"}']) expect(readSettings(kept)).toEqual(plain);
  expect(readSettings('{"name":"Bob","camera":"v","voice":3}')).toMatchObject({ name: 'Bob', camera: 'v', voice: plain.voice });
  for (const kept of ['{"picture":{}}', '{"picture":{"resolution":"p9000","frame_rate":30}}', '{"picture":{"resolution":"p720","frame_rate":1e9}}', '{"appearance":"pink"}', '{"language":"xx"}', '{"voice":{"echo_cancellation":1}}']) expect(readSettings(kept), kept).toEqual(plain);
  expect(readSettings('{"picture":{"resolution":"p360","frame_rate":15},"language":"de"}')).toMatchObject({ picture: { resolution: 'p360', frame_rate: 15 }, language: 'de' });
});

test('servers for candidates are at the page’s own host where they name none', () => {
  const credentials = { username: 'u', credential: 'c' };
  const words = [
    { kind: 'stun', port: 3478 },
    { kind: 'turn', host: '2001:db8::1', port: 3478, credentials },
    { kind: 'turn', port: 443, transport: 'tls', credentials },
    { kind: 'turn', port: 443, transport: 'pigeon', credentials },
    { kind: 'turn', port: 1 },
    { kind: 'carrier-pigeon', port: 1 },
    { kind: 'stun', host: 'x?transport=tcp', port: 3478 },
    { kind: 'stun', host: '', port: 3478 },
    { kind: 'stun', port: 0 },
    { kind: 'stun', port: 3.5 },
    { kind: 'stun', host: ':::x', port: 1 },
  ];
  expect(iceServers(words, 'call.example.org')).toEqual([
    { urls: ['stun:call.example.org:3478'] },
    { urls: ['turn:[2001:db8::1]:3478?transport=udp'], username: 'u', credential: 'c' },
    { urls: ['turns:call.example.org:443?transport=tcp'], username: 'u', credential: 'c' },
  ]);
  const many = Array.from({ length: 20 }, (_, at) => ({ kind: 'stun', port: at + 1 }));
  expect(iceServers(many, 'call.example.org').length).toBe(4);
});

test('a meter goes from silence to as loud as it gets', () => {
  expect(meter(new Float32Array(64))).toBe(0);
  expect(meter(new Float32Array(64).fill(1))).toBe(1);
  expect(meter(new Float32Array(64).fill(0.0316))).toBeCloseTo(0.5, 2);
});
