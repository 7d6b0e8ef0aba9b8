/** From a browser's getStats to the seconds of a call. Pure: two looks in, one second out. */
import type { Quality, StatsSample } from '../../bindings';

export interface Look {
  readonly atMs: number;
  readonly entries: readonly Record<string, unknown>[];
}

export const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function totals({ entries }: Look) {
  const sum = (type: string, key: string, kind?: string) => entries.filter((one) => one['type'] === type && (!kind || one['kind'] === kind)).reduce((all, one) => all + number(one[key]), 0);
  return {
    sent: sum('outbound-rtp', 'bytesSent'),
    received: sum('inbound-rtp', 'bytesReceived'),
    packets: sum('inbound-rtp', 'packetsReceived'),
    lost: sum('inbound-rtp', 'packetsLost'),
    framesSent: sum('outbound-rtp', 'framesSent', 'video'),
    framesReceived: sum('inbound-rtp', 'framesDecoded', 'video'),
    concealed: sum('inbound-rtp', 'concealedSamples', 'audio') - sum('inbound-rtp', 'silentConcealedSamples', 'audio'),
    samples: sum('inbound-rtp', 'totalSamplesReceived', 'audio'),
    delay: sum('inbound-rtp', 'jitterBufferDelay', 'audio'),
    emitted: sum('inbound-rtp', 'jitterBufferEmittedCount', 'audio'),
    encodeS: sum('outbound-rtp', 'totalEncodeTime', 'video'),
    decodeS: sum('inbound-rtp', 'totalDecodeTime', 'video'),
  };
}

/** One second of a call. `sinceMs`: since it was joined. */
export function sampleOf(before: Look, now: Look, sinceMs: number): StatsSample {
  const [a, b] = [totals(before), totals(now)];
  const seconds = Math.max(0.2, (now.atMs - before.atMs) / 1000);
  const rate = (from: number, to: number) => Math.max(0, Math.round(((to - from) * 8) / 1000 / seconds));
  const share = (part: number, whole: number) => (whole > 0 ? Math.min(100, Math.max(0, (part / whole) * 100)) : 0);
  const by = (part: number, count: number, unit: number) => (count > 0 ? (part / count) * unit : null);
  const pair = now.entries.find((one) => one['type'] === 'candidate-pair' && one['nominated'] === true && one['state'] === 'succeeded');
  const end = (key: 'localCandidateId' | 'remoteCandidateId') => now.entries.find((one) => one['id'] === pair?.[key]);
  const [own, other] = [end('localCandidateId'), end('remoteCandidateId')];
  const sizeOf = (type: string): [number, number] | null => {
    const picture = now.entries.find((one) => one['type'] === type && one['kind'] === 'video' && number(one['frameWidth']) > 0);
    return picture ? [number(picture['frameWidth']), number(picture['frameHeight'])] : null;
  };
  const remote = now.entries.filter((one) => one['type'] === 'remote-inbound-rtp');
  const relayed = own?.['candidateType'] === 'relay' || other?.['candidateType'] === 'relay';
  const protocol = text(own?.['relayProtocol'] ?? own?.['protocol']);
  const address = (one: Record<string, unknown> | undefined) => (one?.['address'] ? `${text(one['address'])}:${number(one['port'])}` : '');
  return {
    at_ms: Math.round(sinceMs),
    rtt_ms: pair?.['currentRoundTripTime'] === undefined ? null : Math.round(number(pair['currentRoundTripTime']) * 1000),
    estimate_kbps: pair?.['availableOutgoingBitrate'] === undefined ? null : Math.round(number(pair['availableOutgoingBitrate']) / 1000),
    sent_kbps: rate(a.sent, b.sent),
    received_kbps: rate(a.received, b.received),
    loss_in_pct: share(b.lost - a.lost, b.lost - a.lost + b.packets - a.packets),
    loss_out_pct: Math.max(0, ...remote.map((one) => number(one['fractionLost']) * 100)),
    fps_sent: Math.max(0, Math.round((b.framesSent - a.framesSent) / seconds)),
    fps_received: Math.max(0, Math.round((b.framesReceived - a.framesReceived) / seconds)),
    sent_size: sizeOf('outbound-rtp'),
    received_size: sizeOf('inbound-rtp'),
    jitter_buffer_ms: by(b.delay - a.delay, b.emitted - a.emitted, 1000),
    concealed_pct: share(b.concealed - a.concealed, b.samples - a.samples),
    jitter_ms: Math.max(0, ...now.entries.filter((one) => one['type'] === 'inbound-rtp').map((one) => number(one['jitter']) * 1000)),
    target_kbps: now.entries.filter((one) => one['type'] === 'outbound-rtp' && one['kind'] === 'video').reduce<number | null>((all, one) => (one['targetBitrate'] === undefined ? all : (all ?? 0) + Math.round(number(one['targetBitrate']) / 1000)), null),
    encode_ms: by(b.encodeS - a.encodeS, b.framesSent - a.framesSent, 1000),
    lines_max: null,
    decode_ms: by(b.decodeS - a.decodeS, b.framesReceived - a.framesReceived, 1000),
    cpu_pct: null,
    frozen: false,
    microphone_dbov: null,
    heard_dbov: null,
    people: [],
    sent_layers: [],
    pair: null,
    codecs: [...new Set(now.entries.filter((one) => one['type'] === 'codec').map((one) => text(one['mimeType']).replace(/^\w+\//u, '')))].filter((codec) => codec && codec !== 'rtx'),
    path: pair ? [relayed ? 'relayed' : 'direct', protocol.toUpperCase(), address(other)].filter(Boolean).join(', ') : null,
    drops: {},
  };
}

/** How good the way is, in three bars, after what people notice. */
export function qualityOf({ loss_in_pct, loss_out_pct, rtt_ms, concealed_pct }: StatsSample): Quality {
  const loss = Math.max(loss_in_pct, loss_out_pct);
  if (loss > 8 || (rtt_ms ?? 0) > 500 || concealed_pct > 10) return 'poor';
  return loss > 2 || (rtt_ms ?? 0) > 250 || concealed_pct > 3 ? 'fair' : 'good';
}
