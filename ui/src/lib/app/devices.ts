/** What a device does, at a glance: in words, whether it counts as on, how loud. Pure. */
import type { AppState, DeviceKind, DeviceState, Levels, LocalView } from '../bindings';
import { t } from '../text';
import { listOf } from './problems';

export interface Glance {
  readonly name: string | null;
  readonly words: string;
  readonly on: boolean;
  readonly trouble: boolean;
  /** Null where there is nothing to measure now. */
  readonly level: number | null;
}

type Trouble = Extract<DeviceState, 'missing' | 'busy' | 'denied' | 'failed'>;

const isTrouble = (state: DeviceState): state is Trouble => state === 'missing' || state === 'busy' || state === 'denied' || state === 'failed';

export function deviceGlance(kind: DeviceKind, state: AppState, levels: Levels, hears: boolean): Glance {
  const { local } = state;
  const device = local[kind];
  const running = device === 'running';
  const trouble = isTrouble(device);
  const name = deviceName(kind, state);
  const base = { name, trouble, words: t.device.states[device], on: running || device === 'starting', level: null };
  switch (kind) {
    case 'camera':
      return local.camera_on ? base : { ...base, on: false, trouble: false, words: t.device.states.off };
    case 'microphone': {
      if (!running) return base;
      const words = local.muted ? t.device.muted : hears ? t.device.hears : t.device.noSound;
      return { ...base, on: !local.muted, words, level: levels.microphone };
    }
    case 'speaker': {
      if (trouble) return base;
      const level = local.speaker_test_playing ? levels.speaker : null;
      return { ...base, on: true, words: local.speaker_test_playing ? t.device.testing : t.device.test, level };
    }
  }
}

/** Why a device that is wanted gives nothing; null while it gives, and while it is switched off. */
export function whyNothing(kind: 'camera' | 'microphone', local: LocalView): string | null {
  if (kind === 'microphone') return isTrouble(local.microphone) ? t.device.noSoundBecause[local.microphone] : null;
  return local.camera_on && isTrouble(local.camera) ? t.preview[local.camera] : null;
}

/** The name of the one in use, else of the one that would be. */
function deviceName(kind: DeviceKind, state: AppState): string | null {
  const inUse = { camera: state.local.camera_name, microphone: state.local.microphone_name, speaker: state.local.speaker_name }[kind];
  if (inUse) return inUse;
  const list = listOf(state, kind);
  const chosen = list.find((device) => device.id === state.devices[kind]);
  return (chosen ?? list.find((device) => device.is_default) ?? list[0])?.name ?? null;
}
