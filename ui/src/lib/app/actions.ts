/** Everything a person can ask for now, with its key. Feeds the palette, the list of shortcuts and the keyboard. */
import { ALL, type Capabilities } from '../backend/backend';
import type { AppState, DoorAsk } from '../bindings';
import { t } from '../text';
import { LANGUAGES, type Tag } from '../text/language.svelte';
import type { SettingsPage } from './app.svelte';
import { comesToListen, isGroup, listens, nextToSpeak } from './group/members';
import type { Shortcut } from './keys';
import { pagesFor } from './settings';

/** What actions do; the app implements it. */
export interface Deeds {
  startCall(): void;
  focusPaste(): void;
  join(): void;
  leave(): void;
  setMuted(muted: boolean): void;
  setCameraOn(on: boolean): void;
  swap(): void;
  toggleLayout(): void;
  pin(key: string): void;
  share(): void;
  stopSharing(): void;
  startRecording(): void;
  stopRecording(): void;
  togglePanel(): void;
  toggleHand(): void;
  atDoor(ask: DoorAsk): void;
  pickFiles(): void;
  copyLink(): void;
  testSpeaker(): void;
  testEcho(on: boolean): void;
  showVolume(id: string): void;
  refreshDevices(): void;
  callAgain(): void;
  openDevices(): void;
  openSettings(page?: SettingsPage): void;
  setLanguage(language: AppState['settings']['language']): void;
  openPalette(): void;
  openShortcuts(): void;
  toggleFullScreen(): void;
  setMini(on: boolean): void;
  openInspector(): void;
  moveInspector(): void;
  setAppearance(appearance: AppState['settings']['appearance']): void;
}

export interface Action {
  readonly id: string;
  readonly label: string;
  readonly shortcut?: Shortcut;
  /** Another key that does the same, as other programs have it. */
  readonly also?: Shortcut;
  readonly run: () => void;
}

/** The actions that make sense in this state, most likely first; without those that the backend cannot do. */
export function actionsFor(state: AppState, deeds: Deeds, can: Capabilities = ALL): Action[] {
  const impossible = (id: string) => NEEDS.some(([need, ids]) => !can[need] && ids.includes(id));
  const all = [...placeActions(state, deeds), ...deviceActions(state, deeds), ...generalActions(deeds, can)];
  return all.filter(({ id }) => !impossible(id));
}

/** What each needs of the backend. */
const NEEDS: readonly [keyof Capabilities, readonly string[]][] = [
  ['home', ['back']],
  ['desktop', ['record', 'mini', 'inspector-window']],
  ['devices', ['mute', 'camera', 'devices', 'refresh']],
  ['share', ['share']],
  ['echoTest', ['test-echo']],
];

function placeActions(state: AppState, deeds: Deeds): Action[] {
  const link: Action[] = state.call?.link ? [{ id: 'copy-link', label: t.actions.copyLink, shortcut: { key: 'l' }, run: deeds.copyLink }] : [];
  switch (state.phase) {
    case 'home':
      return [
        { id: 'start-call', label: t.actions.startCall, shortcut: { key: 'n' }, run: deeds.startCall },
        { id: 'paste-link', label: t.actions.pasteLink, shortcut: { key: 'p' }, run: deeds.focusPaste },
      ];
    case 'green_room':
      return [
        { id: 'join', label: t.actions.join, shortcut: { key: 'j' }, run: deeds.join },
        ...link,
        { id: 'back', label: t.actions.back, run: deeds.leave },
      ];
    case 'in_call':
      return [
        ...link,
        ...seeingActions(state, deeds),
        ...(state.call?.people ?? []).map((person) => ({ id: `volume-${person.id}`, label: t.panel.volume({ name: person.name }), run: () => deeds.showVolume(person.id) })),
        { id: 'chat', label: t.actions.chat, shortcut: { key: 'c' }, run: deeds.togglePanel },
        { id: 'send-file', label: t.actions.sendFile, run: deeds.pickFiles },
        { id: 'hand', label: t.actions.hand, shortcut: { key: 'h' }, run: deeds.toggleHand },
        ...(listens(state.call) ? [] : [state.share.sharing
          ? { id: 'share', label: state.share.sharing.asking ? t.share.cancelSharing : t.actions.stopSharing, shortcut: { key: 's' }, run: deeds.stopSharing }
          : { id: 'share', label: t.actions.share, shortcut: { key: 's' }, run: () => deeds.share() }]),
        state.recording.stage === 'off'
          ? { id: 'record', label: t.actions.record, shortcut: { key: 'r' }, run: deeds.startRecording }
          : { id: 'record', label: t.actions.stopRecording, shortcut: { key: 'r' }, run: deeds.stopRecording },
        ...doorActions(state, deeds),
        { id: 'inspector', label: t.actions.inspector, shortcut: { key: 'i' }, run: deeds.openInspector },
        { id: 'inspector-window', label: t.actions.inspectorWindow, run: deeds.moveInspector },
        { id: 'mini', label: t.actions.mini, shortcut: { key: 'p' }, run: () => deeds.setMini(true) },
        { id: 'leave', label: t.actions.leave, run: deeds.leave },
      ];
    case 'ended':
      return [
        { id: 'call-again', label: t.actions.callAgain, run: deeds.callAgain },
        { id: 'back', label: t.actions.back, run: deeds.leave },
      ];
  }
}

/** Which picture is large: of two the one or the other, of more whom one likes. */
function seeingActions(state: AppState, deeds: Deeds): Action[] {
  const people = state.call?.people ?? [];
  if (people.length === 1 && !isGroup(state)) return [{ id: 'swap', label: t.actions.swap, shortcut: { key: 'x' }, run: deeds.swap }];
  if (people.length === 0) return [];
  return [
    { id: 'layout', label: t.actions.layout, shortcut: { key: 'g' }, run: deeds.toggleLayout },
    ...people.map(({ id, name }) => ({ id: `pin-${id}`, label: t.actions.pin({ name: name || t.chat.nameless }), run: () => deeds.pin(id) })),
  ];
}

/** What hosts do, from the palette: by keyboard, without opening the panel. */
function doorActions(state: AppState, deeds: Deeds): Action[] {
  const door = state.call?.door;
  if (!door?.may_host) return [];
  const [next, me] = [nextToSpeak(state.call), state.call?.me ?? null];
  return [
    ...(next ? [{ id: 'let-next-speak', label: t.listening.letOneSpeak({ name: next.name }), run: () => deeds.atDoor({ what: 'set_listens', id: next.id, listens: false }) }] : []),
    ...(me !== null && listens(state.call) ? [{ id: 'speak-myself', label: t.listening.speakMyself, run: () => deeds.atDoor({ what: 'set_listens', id: me, listens: false }) }] : []),
    ...(door.waiting.length ? [{ id: 'let-all-in', label: t.actions.letAllIn, run: () => door.waiting.forEach(({ id }) => deeds.atDoor({ what: 'admit', id })) }] : []),
    { id: 'lock', label: door.locked ? t.actions.unlockCall : t.actions.lockCall, run: () => deeds.atDoor({ what: 'lock', on: !door.locked }) },
    { id: 'lobby', label: door.lobby ? t.actions.lobbyOff : t.actions.lobbyOn, run: () => deeds.atDoor({ what: 'lobby', on: !door.lobby }) },
    { id: 'listen-from', label: door.listen_from ? t.listening.newcomersSpeak : t.listening.newcomersListen, run: () => deeds.atDoor({ what: 'listen_from', people: door.listen_from ? 0 : 1 }) },
    ...(state.call?.people.length ? [{ id: 'mute-all', label: t.actions.muteAll, run: () => deeds.atDoor({ what: 'ask_mute', id: null }) }] : []),
  ];
}

function deviceActions(state: AppState, deeds: Deeds): Action[] {
  const { muted, camera_on } = state.local;
  const always: Action[] = [
    { id: 'devices', label: t.actions.devices, shortcut: { key: 'd' }, run: deeds.openDevices },
    { id: 'refresh', label: t.actions.refresh, run: deeds.refreshDevices },
  ];
  if (state.phase !== 'in_call' && state.phase !== 'green_room') return always;
  if (listens(state.call) || comesToListen(state)) return [{ id: 'test-speaker', label: t.actions.testSpeaker, run: deeds.testSpeaker }, ...always];
  return [
    { id: 'mute', label: muted ? t.actions.unmute : t.actions.mute, shortcut: { key: 'm' }, run: () => deeds.setMuted(!muted) },
    {
      id: 'camera',
      label: camera_on ? t.actions.cameraOff : t.actions.cameraOn,
      shortcut: { key: 'v' },
      run: () => deeds.setCameraOn(!camera_on),
    },
    { id: 'test-speaker', label: t.actions.testSpeaker, run: deeds.testSpeaker },
    ...(state.phase === 'green_room' ? [{ id: 'test-echo', label: t.device.echo.start, run: () => deeds.testEcho(true) }] : []),
    ...always,
  ];
}

function generalActions(deeds: Deeds, can: Capabilities): Action[] {
  return [
    { id: 'full-screen', label: t.actions.fullScreen, shortcut: { key: 'f' }, also: { key: 'F11' }, run: deeds.toggleFullScreen },
    { id: 'settings', label: t.actions.settings, shortcut: { key: ',', mod: true }, run: () => deeds.openSettings() },
    ...pagesFor(can).map((page) => ({ id: `settings-${page}`, label: t.actions.settingsPage({ page: t.settings.pages[page] }), run: () => deeds.openSettings(page) })),
    { id: 'theme-dark', label: t.actions.themeDark, run: () => deeds.setAppearance('dark') },
    { id: 'theme-light', label: t.actions.themeLight, run: () => deeds.setAppearance('light') },
    { id: 'theme-system', label: t.actions.themeSystem, run: () => deeds.setAppearance('system') },
    { id: 'language-system', label: t.actions.languageSystem, run: () => deeds.setLanguage('system') },
    ...(Object.entries(LANGUAGES) as [Tag, string][]).map(([tag, own]) => ({ id: `language-${tag}`, label: t.actions.language({ language: own }), run: () => deeds.setLanguage(tag) })),
    { id: 'palette', label: t.palette.open, shortcut: { key: 'k', mod: true }, run: deeds.openPalette },
    { id: 'shortcuts', label: t.shortcuts.open, shortcut: { key: '?' }, run: deeds.openShortcuts },
  ];
}

/** Those whose words begin with or hold what was typed: whole beginnings first, then words' beginnings, then anywhere. */
export function matching(actions: readonly Action[], query: string): Action[] {
  const wanted = query.trim().toLocaleLowerCase();
  if (!wanted) return [...actions];
  const rank = (label: string): number => {
    const text = label.toLocaleLowerCase();
    if (text.startsWith(wanted)) return 0;
    if (text.split(/[\s:：]+/u).some((word) => word.startsWith(wanted))) return 1;
    return text.includes(wanted) ? 2 : 3;
  };
  return actions
    .map((action) => ({ action, at: rank(action.label) }))
    .filter(({ at }) => at < 3)
    .sort((a, b) => a.at - b.at)
    .map(({ action }) => action);
}
