/**
 * In how many sizes one's picture goes to the SFU: three from a browser that sends them well, else one. Pure. The names are the app's: q, h
 * and f, smallest first.
 */
import type { Layer } from '../wire';

interface Size {
  readonly rid: 'q' | 'h' | 'f';
  /** Of the whole picture's sides. */
  readonly part: number;
  readonly kbps: number;
}

const SIZES: readonly Size[] = [{ rid: 'q', part: 4, kbps: 150 }, { rid: 'h', part: 2, kbps: 500 }, { rid: 'f', part: 1, kbps: 1500 }];
const ALONE_KBPS = 1500;
const SCREEN_KBPS = 2500;
/** What is told of a picture whose size is not known yet. */
const USUAL = { width: 1280, height: 720 };

/** Chromium and what is built on it. */
export const sendsSimulcast = (agent: string): boolean => /Chrom(?:e|ium)\//u.test(agent);

/** For `addTransceiver`. Nothing goes before somebody watches. */
export const encodingsOf = (simulcast: boolean): RTCRtpEncodingParameters[] =>
  simulcast ? SIZES.map(({ rid, part, kbps }) => ({ rid, active: false, scaleResolutionDownBy: part, maxBitrate: kbps * 1000 })) : [{ active: false, maxBitrate: ALONE_KBPS * 1000 }];

export const screenEncodings = (): RTCRtpEncodingParameters[] => [{ active: false, maxBitrate: SCREEN_KBPS * 1000 }];

/** What the server is told of the camera's picture. */
export function layersOf(simulcast: boolean, size: Pick<MediaTrackSettings, 'width' | 'height'>): Layer[] {
  const { width = USUAL.width, height = USUAL.height } = size;
  if (!simulcast) return [{ rid: '', width, height, kbps: ALONE_KBPS }];
  return SIZES.map(({ rid, part, kbps }) => ({ rid, width: Math.floor(width / part), height: Math.floor(height / part), kbps }));
}

export const screenLayers = ({ width = USUAL.width, height = USUAL.height }: Pick<MediaTrackSettings, 'width' | 'height'>): Layer[] => [{ rid: '', width, height, kbps: SCREEN_KBPS }];

/** Which encodings are sent: those that somebody watches. One that has no name is wanted by any. */
export const wantedOf = (encodings: readonly RTCRtpEncodingParameters[], rids: readonly string[]): RTCRtpEncodingParameters[] =>
  encodings.map((one) => ({ ...one, active: one.rid ? rids.includes(one.rid) : rids.length > 0 }));
