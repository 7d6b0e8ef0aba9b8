/** The settings of somebody who chose nothing yet, for backends without an engine that has its own. A pure value. */
import type { Settings } from '../bindings';

export const PLAIN_SETTINGS: Settings = {
  version: 1,
  name: '',
  server: '',
  camera: null,
  microphone: null,
  speaker: null,
  picture: { resolution: 'p720', frame_rate: 30 },
  voice: { echo_cancellation: true, noise_suppression: true, gain_control: true },
  mirror: true,
  appearance: 'system',
  keep_history: false,
  keep_chat: false,
  desktop: { autostart: false, stay_in_tray: false, notifications: false, look_for_updates: false, mute_key: '', talk_key: '' },
  language: 'system',
  folders: { received: null, recordings: null },
  screen: { monitor: null, mode: 'text', frame_rate_max: 30, cursor: true, ask_each_time: false, remembered: null, sound: false },
  recording: { allowed: true },
  network: { relay_only: false, proxy: '' },
  saving: { mode: 'off', kbps_max: null, energy: false },
  volumes: [],
};
