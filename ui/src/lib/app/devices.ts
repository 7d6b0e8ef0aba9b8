/** What a device does, at a glance: in words, whether it counts as on, how loud. Pure. */
import type { AppState, DeviceKind, Levels } from '../bindings';
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

const TROUBLE = new Set(['missing', 'busy', 'denied', 'failed']);

export function deviceGlance(kind: DeviceKind, state: AppState, levels: Levels, hears: boolean): Glance {
  const { local } = state;
  const device = local[kind];
  const running = device === 'running';
  const trouble = TROUBLE.has(device);
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

/** The name of the one in use, else of the one that would be. */
function deviceName(kind: DeviceKind, state: AppState): string | null {
  const inUse = { camera: state.local.camera_name, microphone: state.local.microphone_name, speaker: state.local.speaker_name }[kind];
  if (inUse) return inUse;
  const list = listOf(state, kind);
  const chosen = list.find((device) => device.id === state.devices[kind]);
  return (chosen ?? list.find((device) => device.is_default) ?? list[0])?.name ?? null;
}
