/** From a browser's getStats to what comes of each person in a group, and what goes of one's own picture. Pure: two looks in, one second out. */
import type { LayerFigures, PersonFigures, PictureState, StatsSample } from '../../../bindings';
import { number, text, type Look } from '../figures';

/** By which tracks somebody comes. */
export interface Coming {
  readonly id: string;
  readonly picture: PictureState;
  readonly layer: string | null;
  readonly camera: string | null;
  readonly screen: PictureState;
  readonly shared: string | null;
  readonly voice: string | null;
}

type Entry = Record<string, unknown>;
const NOTHING: Entry = {};

export function groupFigures(before: Look, now: Look, people: readonly Coming[]): Pick<StatsSample, 'people' | 'sent_layers'> {
  const seconds = Math.max(0.2, (now.atMs - before.atMs) / 1000);
  const pair = (is: (one: Entry) => boolean): [Entry, Entry] => [before.entries.find(is) ?? NOTHING, now.entries.find(is) ?? NOTHING];
  const track = (id: string | null) => pair((one) => one['type'] === 'inbound-rtp' && id !== null && one['trackIdentifier'] === id);
  return { people: people.map((one) => personFigures(one, seconds, track)), sent_layers: layerFigures(before, now, seconds) };
}

function personFigures({ id, picture, layer, camera, screen, shared, voice }: Coming, seconds: number, track: (id: string | null) => [Entry, Entry]): PersonFigures {
  const [seen, seenScreen, heard] = [track(camera), track(shared), track(voice)];
  const fps = (of: [Entry, Entry]) => Math.round(grown(of, 'framesDecoded') / seconds);
  const decoded = grown(seen, 'framesDecoded');
  const emitted = grown(heard, 'jitterBufferEmittedCount');
  const samples = grown(heard, 'totalSamplesReceived');
  const concealed = grown(heard, 'concealedSamples') - grown(heard, 'silentConcealedSamples');
  return {
    id,
    picture,
    layer,
    size: sizeIn(seen[1]),
    fps: fps(seen),
    frozen: picture === 'stalled',
    decode_ms: decoded > 0 ? (grown(seen, 'totalDecodeTime') / decoded) * 1000 : null,
    screen,
    screen_size: sizeIn(seenScreen[1]),
    screen_fps: fps(seenScreen),
    jitter_buffer_ms: emitted > 0 ? (grown(heard, 'jitterBufferDelay') / emitted) * 1000 : null,
    concealed_pct: samples > 0 ? Math.min(100, Math.max(0, (concealed / samples) * 100)) : 0,
    jitter_ms: number(heard[1]['jitter']) * 1000,
  };
}

/** Smallest first. */
function layerFigures(before: Look, now: Look, seconds: number): LayerFigures[] {
  const layers = now.entries.filter((one) => one['type'] === 'outbound-rtp' && one['kind'] === 'video' && text(one['rid']) !== '' && one['active'] !== false);
  const figures = layers.map((one): LayerFigures => {
    const of: [Entry, Entry] = [before.entries.find((was) => was['id'] === one['id']) ?? NOTHING, one];
    return { layer: text(one['rid']), size: sizeIn(one), fps: Math.round(grown(of, 'framesSent') / seconds), kbps: Math.round((grown(of, 'bytesSent') * 8) / 1000 / seconds) };
  });
  return figures.filter(({ kbps }) => kbps > 0).sort((a, b) => (a.size?.[0] ?? 0) - (b.size?.[0] ?? 0));
}

const grown = ([before, now]: [Entry, Entry], key: string): number => Math.max(0, number(now[key]) - number(before[key]));

function sizeIn(one: Entry): [number, number] | null {
  const [width, height] = [number(one['frameWidth']), number(one['frameHeight'])];
  return width && height ? [width, height] : null;
}
