/** The next step each problem offers. Pure; the components carry the step out. */
import { ALL, type Capabilities } from '../backend/backend';
import type { AppCommand, AppState, DeviceKind, Problem, ProblemCode } from '../bindings';
import { t } from '../text';
import { hasPrivacyPages } from './platform';

export type StepDeed =
  | { do: 'command'; command: AppCommand }
  | { do: 'devices'; kind: DeviceKind }
  | { do: 'settings'; page: 'devices' | 'you'; row?: 'server' }
  | { do: 'privacy'; kind: 'camera' | 'microphone' }
  | { do: 'paste' }
  | { do: 'copy-link' }
  | { do: 'copy-details' };

export interface Step {
  readonly label: string;
  readonly deed: StepDeed;
}

const refresh: StepDeed = { do: 'command', command: { type: 'refresh_devices' } };

/** What to do about it: one button, always one that can work now. */
export function stepFor(problem: Problem, state: Pick<AppState, 'phase' | 'devices' | 'call'>, can: Capabilities = ALL): Step {
  const words = t.problem.steps;
  const others = (kind: DeviceKind) => listOf(state, kind).length > 1;
  const allow = (kind: 'camera' | 'microphone'): Step =>
    can.desktop && hasPrivacyPages ? { label: words.openSystem, deed: { do: 'privacy', kind } } : { label: words.tryAgain, deed: refresh };
  switch (problem.code) {
    case 'no_camera':
    case 'no_microphone':
    case 'no_speaker':
      return { label: words.lookAgain, deed: refresh };
    case 'camera_busy':
    case 'camera_lost':
      return others('camera') ? { label: words.chooseCamera, deed: { do: 'devices', kind: 'camera' } } : { label: words.tryAgain, deed: refresh };
    case 'microphone_lost':
      return others('microphone')
        ? { label: words.chooseMicrophone, deed: { do: 'devices', kind: 'microphone' } }
        : { label: words.tryAgain, deed: refresh };
    case 'camera_denied':
      return allow('camera');
    case 'microphone_denied':
      return allow('microphone');
    case 'microphone_silent':
      return { label: words.chooseMicrophone, deed: { do: 'devices', kind: 'microphone' } };
    case 'speaking_while_muted':
      return { label: words.unmute, deed: { do: 'command', command: { type: 'set_muted', muted: false } } };
    case 'server_unreachable':
      if (state.phase === 'in_call') return { label: words.leave, deed: { do: 'command', command: { type: 'leave' } } };
      if (!can.home) return { label: words.tryAgain, deed: refresh };
      // The server of a link one was sent is nobody's setting here.
      if (state.call && !state.call.host) return { label: words.pasteAgain, deed: { do: 'paste' } };
      return { label: words.checkServer, deed: { do: 'settings', page: 'you', row: 'server' } };
    case 'taken_over':
    case 'reconnecting':
      return { label: words.leave, deed: { do: 'command', command: { type: 'leave' } } };
    case 'other_away':
      return { label: words.copyLink, deed: { do: 'copy-link' } };
    case 'bad_link':
      return { label: words.pasteAgain, deed: { do: 'paste' } };
    case 'settings_reset':
      return { label: words.openSettings, deed: { do: 'settings', page: 'devices' } };
    case 'internal':
      return { label: words.copyDetails, deed: { do: 'copy-details' } };
  }
}

/** The server does not answer now, so that nobody enters and nobody comes; also after the banner that said so was dismissed. */
export const serverAway = ({ problems, call }: Pick<AppState, 'problems' | 'call'>): boolean =>
  call?.signaling === 'reconnecting' || (call?.signaling !== 'taken_over' && problems.some((problem) => problem.code === 'server_unreachable'));

/** Problems shown inside the preview of the green room rather than as a banner. */
export const IN_PREVIEW: ReadonlySet<ProblemCode> = new Set(['no_camera', 'camera_busy', 'camera_lost', 'camera_denied']);

export function listOf(state: Pick<AppState, 'devices'>, kind: DeviceKind): AppState['devices']['cameras'] {
  const { cameras, microphones, speakers } = state.devices;
  return { camera: cameras, microphone: microphones, speaker: speakers }[kind];
}
