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
/** Less than this is no picture. */
const PICTURE_MIN_KBPS = 60;
const SCREEN_KBPS = 2500;
/** What is told of a picture whose size is not known yet. */
const USUAL = { width: 1280, height: 720 };

/** Chromium and what is built on it. */
export const sendsSimulcast = (agent: string): boolean => /Chrom(?:e|ium)\//u.test(agent);

/** For `addTransceiver`. Nothing goes before somebody watches. */
export const encodingsOf = (simulcast: boolean): RTCRtpEncodingParameters[] =>
  simulcast ? SIZES.map(({ rid, part, kbps }) => ({ rid, active: false, scaleResolutionDownBy: part, maxBitrate: kbps * 1000 })) : [{ active: false, maxBitrate: ALONE_KBPS * 1000 }];

export const screenEncodings = (): RTCRtpEncodingParameters[] => [{ active: false, maxBitrate: SCREEN_KBPS * 1000 }];

/** What the server is told of the camera's picture: what takes no more than `mostKbps`, where data is saved, and the smallest always. */
export function layersOf(simulcast: boolean, size: Pick<MediaTrackSettings, 'width' | 'height'>, mostKbps = Infinity): Layer[] {
  const { width = USUAL.width, height = USUAL.height } = size;
  if (!simulcast) return [{ rid: '', width, height, kbps: aloneKbps(mostKbps) }];
  return SIZES.filter(({ kbps }, at) => at === 0 || kbps <= mostKbps).map(({ rid, part, kbps }) => ({ rid, width: Math.floor(width / part), height: Math.floor(height / part), kbps }));
}

export const screenLayers = ({ width = USUAL.width, height = USUAL.height }: Pick<MediaTrackSettings, 'width' | 'height'>): Layer[] => [{ rid: '', width, height, kbps: SCREEN_KBPS }];

/** What a camera's picture takes that comes in one size. */
export const aloneKbps = (mostKbps = Infinity): number => Math.max(PICTURE_MIN_KBPS, Math.min(ALONE_KBPS, mostKbps));

/** Which encodings are sent: those that somebody watches. One that has no name is wanted by any, and takes so much as is said here. */
export const wantedOf = (encodings: readonly RTCRtpEncodingParameters[], rids: readonly string[], kbps?: number): RTCRtpEncodingParameters[] =>
  encodings.map((one) => (one.rid ? { ...one, active: rids.includes(one.rid) } : { ...one, active: rids.length > 0, ...(kbps === undefined ? {} : { maxBitrate: kbps * 1000 }) }));
