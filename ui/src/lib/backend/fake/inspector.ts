/** What the simulation's inspector finds in a bad call. Pure values. */
import type { InspectorView, PersonView, StatsSample } from '../../bindings';

const AT_MS = Date.UTC(2026, 10, 22, 14, 2, 0);

export const FOUND: InspectorView = {
  findings: [
    { code: 'uplink_loss', bad: true, since_ms: AT_MS, until_ms: null, value: 8.2, worst: 14, lowered: true, message: 'Your uplink loses 8 % of what you send.' },
    { code: 'high_round_trip', bad: false, since_ms: AT_MS + 20_000, until_ms: null, value: 412, worst: 412, lowered: false, message: 'What is said takes long.' },
  ],
  past: [{ code: 'jitter', bad: false, since_ms: AT_MS - 90_000, until_ms: AT_MS - 60_000, value: 71, worst: 88, lowered: false, message: 'Packets come unevenly.' }],
  events: [
    { at_ms: AT_MS - 120_000, code: 'joined', detail: null },
    { at_ms: AT_MS - 110_000, code: 'person_came', detail: 'Grace Hopper' },
    { at_ms: AT_MS - 109_000, code: 'connected', detail: null },
    { at_ms: AT_MS, code: 'trouble_began', detail: 'uplink_loss' },
    { at_ms: AT_MS + 2000, code: 'picture_size', detail: '640 x 360' },
  ],
  report: null,
};

export const MORE_FIGURES: Pick<
  StatsSample,
  'jitter_ms' | 'target_kbps' | 'encode_ms' | 'lines_max' | 'decode_ms' | 'cpu_pct' | 'frozen' | 'microphone_dbov' | 'heard_dbov' | 'people' | 'sent_layers' | 'pair' | 'codecs'
> = {
  jitter_ms: 12,
  target_kbps: 1500,
  encode_ms: 9.4,
  lines_max: null,
  decode_ms: 3.1,
  cpu_pct: 64,
  frozen: false,
  microphone_dbov: -32,
  heard_dbov: -28,
  people: [],
  sent_layers: [],
  pair: { own: '192.168.1.20:50312', other: '203.0.113.7:61822', own_type: 'host', other_type: 'srflx', relay: null, over_tcp: false },
  codecs: ['Opus, 48 kHz', 'H.264'],
};

const LATELY_S = 240;

/** Four minutes up to that moment: they went well, and got worse in the last of them if they are bad now. */
export function lately(person: PersonView, nowMs: number): StatsSample[] {
  const wave = (at: number, every: number) => 1 + 0.12 * Math.sin(at / every) * Math.sin(at / 3.1);
  return Array.from({ length: LATELY_S }, (_, at) => {
    const now = at < LATELY_S - 60 ? { ...person, quality: 'good' as const } : person;
    const second = secondOf(now, nowMs - (LATELY_S - at) * 1000);
    const moved = (value: number | null, every: number) => value && value * wave(at, every);
    return {
      ...second,
      rtt_ms: moved(second.rtt_ms, 5),
      sent_kbps: moved(second.sent_kbps, 7) ?? 0,
      received_kbps: moved(second.received_kbps, 11) ?? 0,
      loss_in_pct: moved(second.loss_in_pct, 3) ?? 0,
      fps_received: moved(second.fps_received, 13) ?? 0,
      encode_ms: moved(second.encode_ms, 9),
      cpu_pct: moved(second.cpu_pct, 15),
    };
  });
}

/** The figures of a second with that person. */
export function secondOf(person: PersonView, atMs: number): StatsSample {
  const bad = { good: 0, unknown: 0, fair: 1, poor: 3 }[person.quality];
  return {
    ...MORE_FIGURES,
    at_ms: atMs,
    rtt_ms: 24 + bad * 90,
    estimate_kbps: 2500 - bad * 700,
    sent_kbps: 1480 - bad * 380,
    received_kbps: 1520 - bad * 400,
    loss_in_pct: bad * 3.1,
    loss_out_pct: bad * 1.4,
    fps_sent: 30,
    fps_received: 30 - bad * 6,
    sent_size: [1280, 720],
    received_size: person.video_size,
    jitter_buffer_ms: 40 + bad * 45,
    concealed_pct: bad * 2,
    path: 'direct, UDP, 192.168.1.30:50014 to 192.168.1.31:50730',
    drops: {},
  };
}
