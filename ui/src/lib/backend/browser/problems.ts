/** What a guest should know now, most urgent first, in the words of the page. Pure. */
import type { Problem, ProblemCode } from '../../bindings';
import type { DeviceState } from '../../bindings';
import { t } from '../../text';

export interface Situation {
  readonly camera: DeviceState;
  readonly microphone: DeviceState;
  /** In the room or on the way into it. */
  readonly inCall: boolean;
  readonly up: boolean;
  readonly reconnecting: boolean;
  readonly takenOver: boolean;
  /** The server ended the connection for what this page sent; a fresh one follows. */
  readonly cutOff: boolean;
  readonly serverAwayMs: number;
  readonly awayName: string | null;
}

/** Before that, what is away may be back before anybody reads about it. */
const AWAY_TOLD_MS = 4000;

export function problemsOf(now: Situation): Problem[] {
  const words = t.guest.problems;
  const found: [ProblemCode, string][] = [];
  if (now.reconnecting) found.push(['reconnecting', 'Picture and sound stopped coming. Parley is looking for another way to the other side.']);
  if (now.takenOver) found.push(['taken_over', 'Your place in this room was taken over from another window or computer. The call here goes on, but once it breaks off it does not come back.']);
  else if (now.serverAwayMs > AWAY_TOLD_MS) {
    const callGoesOn = 'The connection to the server was lost. The call goes on; Parley is connecting again.';
    found.push(['server_unreachable', now.up ? callGoesOn : 'The server does not answer. It may be down, or your connection to the internet is. Parley keeps trying.']);
  } else if (now.awayName !== null) {
    found.push(['other_away', `${now.awayName} lost the connection to the server. The call goes on.`]);
  }
  if (now.cutOff) found.push(['internal', words.cutOff]);
  if (now.microphone === 'denied') found.push(['microphone_denied', words.microphoneDenied]);
  if (now.microphone === 'missing') found.push(['no_microphone', 'No microphone was found, so nobody can hear you. Plug one in.']);
  if (now.microphone === 'busy' || now.microphone === 'failed') found.push(['microphone_lost', 'The microphone stopped or was unplugged. Plug it in again, or choose another one.']);
  if (now.camera === 'denied') found.push(['camera_denied', words.cameraDenied]);
  if (now.camera === 'missing') found.push(['no_camera', 'No camera was found. Plug one in, or go on without a picture.']);
  if (now.camera === 'busy') found.push(['camera_busy', words.cameraBusy]);
  if (now.camera === 'failed') found.push(['camera_lost', 'The camera stopped or was unplugged. Plug it in again, or choose another one.']);
  return found.map(([code, message]) => ({ code, message, detail: null }));
}
