/** The rows of the settings, which page each is on, how they are found, and what resetting a page means. Pure. */
import { ALL, type Capabilities } from '../backend/backend';
import type { AppCommand, AppState, DesktopSettings, SettingsPatch } from '../bindings';
import { t } from '../text';
import { LANGUAGES } from '../text/language.svelte';
import { keyWords } from './every-key';
import type { SettingsPage } from './app.svelte';

export type RowId = 'preview' | 'camera' | 'microphone' | 'speaker' | 'camera-size' | 'camera-rate' | 'echo-test' | 'echo' | 'noise' | 'gain' | 'screen-monitor' | 'screen-mode' | 'screen-rate' | 'screen-cursor' | 'screen-sound' | 'theme' | 'language' | 'mirror' | 'keys' | 'name' | 'server' | 'history' | 'folder' | 'record-allowed' | 'record-folder' | 'autostart' | 'tray' | 'notify' | 'updates' | 'muteKey' | 'talkKey' | 'relay-only' | 'proxy' | 'network-check' | 'saving' | 'kbps-max' | 'energy';

export interface Row {
  readonly id: RowId;
  readonly page: SettingsPage;
  /** What the search looks through. */
  readonly words: string;
}

export const PAGES: readonly SettingsPage[] = ['devices', 'voice', 'screen', 'appearance', 'keys', 'network', 'desktop', 'you'];

/** What only a backend has that can do this. */
const NEEDS: readonly [keyof Capabilities, readonly (SettingsPage | RowId)[]][] = [
  ['desktop', ['desktop', 'screen', 'server', 'history', 'folder', 'record-folder', 'energy', 'network-check', 'relay-only', 'proxy']],
  ['devices', ['devices', 'voice']],
  ['speakers', ['speaker']],
  ['echoTest', ['echo-test']],
];
const possible = (can: Capabilities, what: SettingsPage | RowId): boolean => !NEEDS.some(([need, of]) => !can[need] && of.includes(what));

/** The pages there are with this backend. */
export const pagesFor = (can: Capabilities): readonly SettingsPage[] => PAGES.filter((page) => possible(can, page));

/** As a fresh Parley has it. */
const PLAIN_DESKTOP: DesktopSettings = { autostart: false, stay_in_tray: false, notifications: true, look_for_updates: true, mute_key: '', talk_key: '' };

/** Every row, with the words it has in the language in use. */
function rows(): readonly Row[] {
  const s = t.settings;
  return [
    { id: 'preview', page: 'devices', words: s.preview },
    { id: 'camera', page: 'devices', words: t.device.kinds.camera },
    { id: 'microphone', page: 'devices', words: t.device.kinds.microphone },
    { id: 'speaker', page: 'devices', words: `${t.device.kinds.speaker} ${s.testSpeaker}` },
    { id: 'echo-test', page: 'devices', words: `${t.device.echo.start} ${t.device.echo.help}` },
    { id: 'camera-size', page: 'devices', words: `${s.cameraSize} ${s.cameraSizeHelp}` },
    { id: 'camera-rate', page: 'devices', words: `${s.cameraRate} ${s.cameraRateHelp}` },
    { id: 'echo', page: 'voice', words: `${s.echo} ${s.echoHelp}` },
    { id: 'noise', page: 'voice', words: `${s.noise} ${s.noiseHelp}` },
    { id: 'gain', page: 'voice', words: `${s.gain} ${s.gainHelp}` },
    { id: 'screen-monitor', page: 'screen', words: `${s.screenMonitor} ${s.screenMonitorHelp}` },
    { id: 'screen-mode', page: 'screen', words: `${s.screenMode} ${Object.values(t.share.modes).join(' ')}` },
    { id: 'screen-rate', page: 'screen', words: `${s.screenRate} ${s.screenRateHelp}` },
    { id: 'screen-cursor', page: 'screen', words: `${s.screenCursor} ${s.screenCursorHelp}` },
    { id: 'screen-sound', page: 'screen', words: `${t.share.sound} ${t.share.soundHelp}` },
    { id: 'theme', page: 'appearance', words: `${s.theme} ${Object.values(s.themes).join(' ')}` },
    { id: 'language', page: 'appearance', words: `${s.language} ${Object.values(LANGUAGES).join(' ')}` },
    { id: 'mirror', page: 'appearance', words: `${s.mirror} ${s.mirrorHelp}` },
    { id: 'keys', page: 'keys', words: keyWords() },
    { id: 'saving', page: 'network', words: `${s.saving} ${s.savingHelp} ${Object.values(s.savingModes).join(' ')}` },
    { id: 'kbps-max', page: 'network', words: `${s.kbpsMax} ${s.kbpsMaxHelp}` },
    { id: 'energy', page: 'network', words: `${s.energy} ${s.energyHelp}` },
    { id: 'network-check', page: 'network', words: `${s.networkCheck} ${s.networkCheckHelp}` },
    { id: 'relay-only', page: 'network', words: `${s.relayOnly} ${s.relayOnlyHelp}` },
    { id: 'proxy', page: 'network', words: `${s.proxy} ${s.proxyHelp}` },
    { id: 'autostart', page: 'desktop', words: `${s.autostart} ${s.autostartHelp}` },
    { id: 'tray', page: 'desktop', words: `${s.tray} ${s.trayHelp}` },
    { id: 'notify', page: 'desktop', words: `${s.notify} ${s.notifyHelp}` },
    { id: 'updates', page: 'desktop', words: `${s.updates} ${s.updatesHelp} ${t.update.look}` },
    { id: 'muteKey', page: 'desktop', words: s.muteKey },
    { id: 'talkKey', page: 'desktop', words: `${s.talkKey} ${s.keyHelp}` },
    { id: 'name', page: 'you', words: `${s.name} ${s.nameHelp}` },
    { id: 'server', page: 'you', words: `${s.server} ${s.serverHelp}` },
    { id: 'folder', page: 'you', words: `${s.folder} ${s.folderHelp}` },
    { id: 'history', page: 'you', words: `${s.history} ${s.historyHelp} ${s.keepChat} ${s.keepChatHelp} ${s.forgetAll}` },
    { id: 'record-allowed', page: 'you', words: `${s.recordAllowed} ${s.recordAllowedHelp}` },
    { id: 'record-folder', page: 'you', words: `${s.recordFolder} ${s.recordFolderHelp}` },
  ];
}

/** The rows to show: the page's, or with a search those of every page that hold all its words. */
export function rowsFor(page: SettingsPage, query: string, can: Capabilities = ALL): readonly Row[] {
  const there = rows().filter((row) => possible(can, row.page) && possible(can, row.id));
  const wanted = query.trim().toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  if (!wanted.length) return there.filter((row) => row.page === page);
  return there.filter((row) => {
    const text = `${row.words} ${t.settings.pages[row.page]}`.toLocaleLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** What resetting a page asks, and what takes it back. The name stays: there is no better one. */
export function resetCommands(page: SettingsPage, state: AppState): { reset: AppCommand[]; undo: AppCommand[] } {
  const { settings, devices } = state;
  const change = (to: SettingsPatch, back: SettingsPatch): { reset: AppCommand[]; undo: AppCommand[] } => ({
    reset: [{ type: 'change_settings', patch: to }],
    undo: [{ type: 'change_settings', patch: back }],
  });
  switch (page) {
    case 'devices': {
      const kinds = ['camera', 'microphone', 'speaker'] as const;
      const picture = change({ picture: { resolution: 'p720', frame_rate: 30 } }, { picture: settings.picture });
      return {
        reset: [...picture.reset, ...kinds.map((kind) => ({ type: 'choose_device', kind, id: null }) as const)],
        undo: [...picture.undo, ...kinds.map((kind) => ({ type: 'choose_device', kind, id: devices[kind] }) as const)],
      };
    }
    case 'voice':
      return change({ voice: { echo_cancellation: true, noise_suppression: true, gain_control: true } }, { voice: settings.voice });
    case 'screen':
      return change({ screen: { monitor: null, mode: 'text', frame_rate_max: 30, cursor: true, ask_each_time: false, remembered: null, sound: false } }, { screen: settings.screen });
    case 'appearance':
      return change(
        { appearance: 'system', language: 'system', mirror: true },
        { appearance: settings.appearance, language: settings.language, mirror: settings.mirror },
      );
    // To read only.
    case 'keys':
      return { reset: [], undo: [] };
    case 'network':
      return change(
        { network: { relay_only: false, proxy: '' }, saving: { mode: 'off', kbps_max: null, energy: false } },
        { network: settings.network, saving: settings.saving },
      );
    case 'desktop':
      return change({ desktop: PLAIN_DESKTOP }, { desktop: settings.desktop });
    case 'you':
      return change(
        { server: '', folders: { received: null, recordings: null }, keep_history: true, keep_chat: false },
        {
          server: settings.server,
          folders: settings.folders,
          keep_history: settings.keep_history,
          keep_chat: settings.keep_chat,
        },
      );
  }
}
