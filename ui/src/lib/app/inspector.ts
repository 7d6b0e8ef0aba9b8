/** From findings, events and figures to what the inspector shows. Pure. */
import type { Finding, InspectorView, StatsSample, TimelineEvent } from '../bindings';
import { t } from '../text';

export const NOTHING_FOUND: InspectorView = { findings: [], past: [], events: [], report: null };

/** Seconds that the graphs show. */
export const SECONDS_MAX = 300;

/** The last seconds with one more; a call that begins anew begins with nothing. */
export function remembered(samples: readonly StatsSample[], next: StatsSample): readonly StatsSample[] {
  const last = samples.at(-1);
  return last && next.at_ms < last.at_ms ? [next] : [...samples, next].slice(-SECONDS_MAX);
}

/** A finding as a sentence, with what was done about it. */
export function sentence(finding: Finding): string {
  const said = t.inspector.findings[finding.code];
  const found = typeof said === 'function' ? said({ value: Math.round(finding.value) }) : said;
  const lowers = finding.code === 'uplink_loss' || finding.code === 'low_bandwidth';
  return finding.lowered && lowers ? `${found} ${t.inspector.lowered}` : found;
}

/** An event in words; a trouble is told by what was found. */
export function happened(event: TimelineEvent): string {
  const said = t.inspector.happened[event.code];
  return typeof said === 'function' ? said({ detail: event.detail ?? '' }) : said;
}

export interface Graph {
  readonly id: 'rate' | 'estimate' | 'loss' | 'delay' | 'buffer' | 'fps' | 'codec' | 'cpu';
  readonly lines: readonly (readonly number[])[];
}

/** The graphs, on one time axis. */
export function graphs(samples: readonly StatsSample[]): readonly Graph[] {
  const line = (figure: (sample: StatsSample) => number | null) => samples.map((sample) => figure(sample) ?? 0);
  return [
    { id: 'rate', lines: [line((s) => s.sent_kbps), line((s) => s.received_kbps)] },
    { id: 'estimate', lines: [line((s) => s.estimate_kbps), line((s) => s.target_kbps)] },
    { id: 'loss', lines: [line((s) => s.loss_out_pct), line((s) => s.loss_in_pct)] },
    { id: 'delay', lines: [line((s) => s.rtt_ms), line((s) => s.jitter_ms)] },
    { id: 'buffer', lines: [line((s) => s.jitter_buffer_ms)] },
    { id: 'fps', lines: [line((s) => s.fps_sent), line((s) => s.fps_received)] },
    { id: 'codec', lines: [line((s) => s.encode_ms), line((s) => s.decode_ms)] },
    { id: 'cpu', lines: [line((s) => s.cpu_pct)] },
  ];
}

/** The points of a line in a box of this size; the newest second is at the right edge. */
export function points(line: readonly number[], top: number, width: number, height: number): string {
  const step = width / (SECONDS_MAX - 1);
  const from = width - (line.length - 1) * step;
  return line.map((value, at) => `${(from + at * step).toFixed(1)},${(height - (Math.min(value, top) / top) * height).toFixed(1)}`).join(' ');
}

/** Which second lies at a place across the box (0 to 1); null where there is none. */
export function secondAt(across: number, count: number): number | null {
  const at = Math.round(across * (SECONDS_MAX - 1)) - (SECONDS_MAX - count);
  return at >= 0 && at < count ? at : null;
}
