/**
 * How much of one's pictures a guest sends: no more than the other side asks for (`picture_kbps_max`). The browser's own estimate decides
 * below that. Pure. As `as_taken`, `pictures` and the sizes of `parley-call/src/peer/ladder.rs`.
 */

/** In the words of RTCRtpEncodingParameters. */
export interface Sending {
  readonly active: boolean;
  /** In bits a second. */
  readonly maxBitrate: number;
  readonly scaleResolutionDownBy: number;
}

const CAMERA_MAX_KBPS = 2500;
const SCREEN_MAX_KBPS = 4000;
/** Less than this is no picture. */
const PICTURE_MIN_KBPS = 60;
/** What a screen gets of somebody who wants no pictures of the camera: enough to read. */
const SCREEN_ALONE_KBPS = 300;
/** What the camera keeps beside a screen, unless there is hardly room for the screen itself. */
const CAMERA_BESIDE_SCREEN_KBPS = 150;
const BESIDE_MIN_KBPS = 500;
/** The lines of the smaller sizes, and the rate that the next larger one needs, in kbit/s. */
const STEPS: readonly (readonly [belowKbps: number, lines: number])[] = [[220, 270], [450, 360], [800, 540], [2200, 720]];

/**
 * `takesKbps`: what the other side takes of pictures, in kbit/s; undefined where it does not say, zero for nothing of the camera.
 * `lines`: of the camera's picture as it is, where that is known.
 */
export function sendingOf(takesKbps: number | undefined, sharing: boolean, lines: number | undefined): Record<'camera' | 'screen', Sending> {
  if (takesKbps === undefined) return { camera: whole(CAMERA_MAX_KBPS), screen: whole(SCREEN_MAX_KBPS) };
  if (takesKbps === 0) return { camera: { ...whole(PICTURE_MIN_KBPS), active: false }, screen: whole(SCREEN_ALONE_KBPS) };
  const beside = takesKbps < BESIDE_MIN_KBPS ? PICTURE_MIN_KBPS : CAMERA_BESIDE_SCREEN_KBPS;
  const screen = Math.min(SCREEN_MAX_KBPS, Math.max(PICTURE_MIN_KBPS, takesKbps - beside));
  const camera = Math.min(CAMERA_MAX_KBPS, Math.max(PICTURE_MIN_KBPS, sharing ? takesKbps - screen : takesKbps));
  const [, most = lines ?? 0] = STEPS.find(([belowKbps]) => camera < belowKbps) ?? [];
  return { camera: { ...whole(camera), scaleResolutionDownBy: lines && most ? Math.max(1, lines / most) : 1 }, screen: whole(screen) };
}

const whole = (kbps: number): Sending => ({ active: true, maxBitrate: kbps * 1000, scaleResolutionDownBy: 1 });
