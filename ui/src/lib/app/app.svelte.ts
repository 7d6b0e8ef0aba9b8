/** The window's own state: what the engine says, what is open over it, and the deeds behind every button. */
import { getContext, setContext } from 'svelte';
import type { Backend, Drag } from '../backend/backend';
import { commandError } from '../backend/backend';
import type { AppCommand, AppState, CommandError, DeviceKind, DoorAsk, Levels, NoticeTopic, Problem, ReactionKind, ShareMode, TalkView } from '../bindings';
import { t } from '../text';
import { told } from '../text/told';
import { actionsFor, type Deeds } from './actions';
import { announcements, talkSaid } from './announce';
import { Figures } from './figures.svelte';
import { copyText } from './clipboard';
import { deviceNews } from './device-news';
import { offered, offerOf } from './files';
import { Group } from './group/group.svelte';
import type { Step } from './problems';
import { OwnName } from './own-name.svelte';
import { tellRecording } from './recording';
import type { RowId } from './settings';
import { named, NO_CALL, wayQuality, withQuality, withState } from './summary';
import { arrived, NO_TALK } from './talk';
import { TalkKey } from './talk-key';
import { Toasts } from './toasts.svelte';
import { Voice } from './voice.svelte';

export type SettingsPage = 'devices' | 'voice' | 'screen' | 'appearance' | 'keys' | 'network' | 'desktop' | 'you';
export type PanelPage = 'chat' | 'files' | 'people';
export type Overlay = { kind: 'settings'; page: SettingsPage; row?: RowId } | { kind: 'inspector' } | { kind: 'palette' } | { kind: 'shortcuts' };

/** Under this level the microphone counts as hearing nothing; pauses between words are not silence. */
const HEARS_LEVEL = 0.12;
const HEARS_FOR_MS = 2000;

const SILENCE: Levels = { microphone: 0, speaker: 0, people: [] };

export class App implements Deeds {
  readonly backend: Backend;
  readonly toasts = new Toasts();
  state: AppState;
  levels = $state.raw<Levels>(SILENCE);
  /** The microphone heard something in the last two seconds. */
  hears = $state(false);
  readonly figures: Figures;
  overlay = $state.raw<Overlay | null>(null);
  /** The last things to tell a screen reader. */
  readonly voice = new Voice();
  /** What is kept of a call of three and more. */
  readonly group = new Group({ look: (tiles) => void this.ask({ type: 'look', tiles }), news: (text) => this.#news(text) });
  /** The small and the large picture have changed places. */
  swapped = $state(false);
  /** The devices menu of the green room or the stage that is open. */
  devicesOpen = $state<DeviceKind | 'all' | null>(null);
  chat = $state.raw<TalkView>(NO_TALK);
  /** The side panel's page, while it is open. */
  panel = $state<PanelPage | null>(null);
  /** Messages that came while the chat was not open. */
  unread = $state(0);
  /** The person in the panel whose controls are open. */
  unfolded = $state<string | null>(null);
  /** Files are being dragged over the window. */
  dragging = $state(false);
  /** A message that is being written, while the panel is closed. */
  draft = '';
  readonly #talkKey = new TalkKey((down) => this.ask({ type: 'talk', down }));
  /** The window is small and on top of all others. */
  mini = $state(false);
  fullScreen = $state(false);
  summary = $state.raw(NO_CALL);
  /** A room is being made or found. */
  opening = $state(false);
  /** The paste field is to be gone to. */
  pasteWished = $state(false);
  readonly ownName = new OwnName((name) => this.send({ type: 'change_settings', patch: { name } }));

  constructor(backend: Backend, first: AppState) {
    this.backend = backend;
    this.figures = new Figures(backend);
    this.state = $state.raw(first);
  }

  #heardAt = -HEARS_FOR_MS;
  readonly actions = $derived.by(() => actionsFor(this.state, this, this.backend.can));

  /** Follows the backend; what changed between the first state and now is not missed. */
  async listen(): Promise<() => void> {
    // An event that comes while the first state is fetched is newer than that.
    const heard = { state: false, talk: false };
    const stop = await this.backend.listen({
      state: (next) => {
        heard.state = true;
        this.#take(next);
      },
      talk: (next) => {
        heard.talk = true;
        this.#read(next);
      },
      drag: (drag) => this.#drag(drag),
      open: (topic) => this.#open(topic),
      levels: (levels) => this.#hear(levels, performance.now()),
    });
    const [state, talk] = await Promise.all([this.backend.state(), this.backend.talk()]);
    if (!heard.state) this.#take(state);
    if (!heard.talk) this.chat = talk;
    return stop;
  }

  /** Follows the state alone: for a window beside the main one, which tells no news a second time. */
  async followState(): Promise<() => void> {
    let heard = false;
    const take = (next: AppState): void => {
      heard = true;
      if (next.phase === 'in_call' && this.state.phase !== 'in_call') this.figures.forget();
      this.state = next;
    };
    const stop = await this.backend.listen({ state: take });
    const state = await this.backend.state();
    if (!heard) take(state);
    return stop;
  }

  #take(next: AppState): void {
    const before = this.state;
    this.state = next;
    if (before.phase === 'in_call' && next.phase !== 'in_call') this.#callIsOver();
    this.voice.say(announcements(before, next));
    this.group.take(before, next, performance.now());
    for (const news of deviceNews(before, next)) this.toasts.show(news.text, news.kind);
    if (next.phase === 'in_call' && before.phase !== 'in_call') this.#callBegins();
    if (before.phase === 'in_call') this.#sum(next, Date.now());
    if (next.phase !== before.phase) this.devicesOpen = null;
    tellRecording(before, next, this.toasts, this.showRecording);
    if (next.phase === 'ended' || next.phase === 'home') this.levels = SILENCE;
    if (this.mini && next.phase !== 'in_call') this.setMini(false);
  }

  #sum({ phase, call }: AppState, nowMs: number): void {
    const quality = phase === 'in_call' && call?.state === 'connected' ? wayQuality(call.people) : null;
    this.summary = withQuality(withState(this.summary, call?.state, nowMs), quality, nowMs);
  }

  #news(text: string): void {
    this.voice.say([text]);
    this.toasts.show(text, 'news');
  }

  #read(next: TalkView): void {
    const before = this.chat;
    this.chat = next;
    const fresh = arrived(before, next);
    const offers = offered(before.transfers, next.transfers);
    if (this.panel !== 'chat') this.unread += fresh.length;
    if (this.panel !== 'files') this.unread += offers.length;
    this.voice.say(talkSaid(before, next, named(this.state.call), this.voice.anew));
  }

  #hear(levels: Levels, nowMs: number): void {
    this.levels = levels;
    if (levels.microphone > HEARS_LEVEL) this.#heardAt = nowMs;
    this.hears = nowMs - this.#heardAt < HEARS_FOR_MS;
    this.group.hear(levels, this.state, nowMs);
  }

  #callBegins(): void {
    this.summary = NO_CALL;
    this.figures.forget();
    this.swapped = false;
    this.unread = 0;
    this.draft = '';
    this.panel = null;
  }

  #callIsOver(): void {
    this.voice.hush();
    this.toasts.settle();
  }

  /** Asks the engine; an error comes back as a value. */
  async ask(command: AppCommand): Promise<CommandError | null> {
    try {
      await this.backend.command(command);
      return null;
    } catch (thrown) {
      return commandError(thrown, t.toast.failed);
    }
  }

  /** Asks the engine; an error becomes a toast. */
  async send(command: AppCommand): Promise<boolean> {
    const error = await this.ask(command);
    if (error) this.toasts.show(told(error.message) || t.toast.failed, 'warn');
    return !error;
  }

  startCall = (): void => {
    if (!this.#named() || this.opening) return;
    this.opening = true;
    void this.ownName.saved.then(() => this.send({ type: 'start_call' })).finally(() => (this.opening = false));
  };

  /** Opens what was pasted; tells what is wrong with it, or null. That the name is missing is told where the name goes. */
  async openLink(text: string): Promise<string | null> {
    if (!this.#named()) return null;
    this.opening = true;
    await this.ownName.saved;
    const error = await this.ask({ type: 'open_link', text });
    this.opening = false;
    return error ? told(error.message) : null;
  }

  join = (): void => {
    if (this.#named()) void this.ownName.saved.then(() => this.send({ type: 'join' }));
  };

  callAgain = (): void => {
    const link = this.state.call?.link;
    void this.send({ type: 'leave' }).then((left) => {
      if (left) void this.send(link ? { type: 'open_link', text: link } : { type: 'start_call' });
    });
  };

  leave = (): void => void this.send({ type: 'leave' });
  setMuted = (muted: boolean): void => void this.send({ type: 'set_muted', muted });
  setCameraOn = (on: boolean): void => void this.send({ type: 'set_camera_on', on });
  /** Without an id as the settings say: at once, or after asking. */
  share = (id: string | null = null, mode: ShareMode | null = null, sound: boolean | null = null): void =>
    void this.send({ type: 'share', id, mode, sound });
  stopSharing = (): void => void this.send({ type: 'stop_sharing' });
  startRecording = (): void => void this.send({ type: 'start_recording' });
  stopRecording = (): void => void this.send({ type: 'stop_recording' });
  allowRecording = (allowed: boolean): void => void this.send({ type: 'change_settings', patch: { recording: { allowed } } });
  /** In a call; it counts for all later ones too. */
  refuseRecording = (): void => {
    this.allowRecording(false);
    this.toasts.show(t.recording.refused, 'good', () => this.allowRecording(true));
  };
  showRecording = (): void => this.#shows(this.backend.showRecording(), t.files.notShown);
  chooseShare = (on: boolean): void => void this.send({ type: 'choose_share', on });
  testSpeaker = (): void => void this.send({ type: 'test_speaker' });
  testEcho = (on: boolean): void => void this.send({ type: 'test_echo', on });
  setVolume = (id: string, percent: number, settled: boolean): void => void this.send({ type: 'set_volume', id, percent, settled });
  /** Opens the place where somebody's volume is set, with the focus on it. */
  showVolume = (id: string): void => {
    this.unfolded = id;
    this.openPanel('people');
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-testid="volume-${CSS.escape(id)}"]`)?.focus());
  };
  refreshDevices = (): void => void this.send({ type: 'refresh_devices' });
  setAppearance = (appearance: AppState['settings']['appearance']): void => void this.send({ type: 'change_settings', patch: { appearance } });
  setLanguage = (language: AppState['settings']['language']): void => void this.send({ type: 'change_settings', patch: { language } });

  /** Tells whether it was taken; if not, why is in a toast. */
  sendMessage = (text: string): Promise<boolean> => this.send({ type: 'send_message', text });
  react = (reaction: ReactionKind): void => void this.send({ type: 'react', reaction });
  atDoor = (ask: DoorAsk): void => void this.send({ type: 'door', ask });
  raiseHand = (raised: boolean): void => void this.send({ type: 'raise_hand', raised });

  openPanel = (page: PanelPage | null): void => {
    this.panel = page;
    if (page) this.unread = 0;
  };
  togglePanel = (): void => this.openPanel(this.panel === 'chat' ? null : 'chat');
  toggleHand = (): void => this.raiseHand(!this.chat.hand_raised);

  pickFiles = (): void => {
    this.backend.pickFiles().then(
      (paths) => this.#offer(paths),
      () => this.toasts.show(t.files.noPicker, 'warn'),
    );
  };
  /** A folder the person chose, or nothing. */
  pickFolder = (): Promise<string | null> =>
    this.backend.pickFolder().catch(() => {
      this.toasts.show(t.settings.folderNoPicker, 'warn');
      return null;
    });
  decideFile = (id: string, accept: boolean): void => void this.send({ type: 'decide_file', id, accept });
  pauseFile = (id: string, paused: boolean): void => void this.send({ type: 'pause_file', id, paused });
  cancelFile = (id: string): void => void this.send({ type: 'cancel_file', id });
  showFile = (id: string): void => this.#shows(this.backend.showFile(id), t.files.notShown);

  #offer(paths: readonly string[]): void {
    if (!paths.length || this.state.phase !== 'in_call') return;
    this.openPanel('files');
    const offer = offerOf(this.state, this.group.filesTo, paths);
    void (typeof offer === 'string' ? this.toasts.show(offer, 'warn') : this.send(offer));
  }

  #drag(drag: Drag): void {
    this.dragging = drag.over && this.state.phase === 'in_call';
    this.#offer(drag.dropped);
  }

  /** Where a clicked notification leads. The shell has brought the window. */
  #open(topic: NoticeTopic): void {
    if (topic === 'call' || this.state.phase !== 'in_call') return;
    if (this.mini) this.setMini(false);
    this.overlay = null;
    this.openPanel(topic);
  }

  openAddress = (address: string): void => this.#shows(this.backend.openAddress(address), t.chat.notOpened);

  /** What the system was asked to show; a toast says when it does not. */
  #shows(asked: Promise<boolean>, otherwise: string): void {
    const sorry = () => this.toasts.show(otherwise, 'warn');
    asked.then((shown) => shown || sorry(), sorry);
  }

  swap = (): void => void (this.swapped = !this.swapped);
  toggleLayout = (): void => this.group.toggleLayout();
  pin = (key: string): void => this.group.pin(key);
  openPalette = (): void => void (this.overlay = { kind: 'palette' });
  openShortcuts = (): void => void (this.overlay = { kind: 'shortcuts' });
  openSettings = (page: SettingsPage = 'devices', row?: RowId): void => void (this.overlay = { kind: 'settings', page, row });
  focusPaste = (): void => void (this.pasteWished = true);

  openDevices = (): void => {
    if (this.state.phase === 'in_call') this.devicesOpen = 'all';
    else this.openSettings('devices');
  };

  copyLink = (): void => {
    const link = this.state.call?.link;
    if (!link) return;
    void copyText(link).then((copied) => this.toasts.show(copied ? t.link.copied : t.link.copyFailed, copied ? 'good' : 'warn'));
  };

  toggleFullScreen = (): void => {
    const on = !this.fullScreen;
    this.backend.setFullScreen(on).then(
      () => (this.fullScreen = on),
      () => this.toasts.show(t.toast.failed, 'warn'),
    );
  };

  /** The key to talk went down or came up. */
  talk = (down: boolean): void => this.#talkKey.move(down);

  openInspector = (): void => void (this.overlay = { kind: 'inspector' });

  /** From over the call into a window of its own. */
  moveInspector = (): void => {
    const sorry = () => this.toasts.show(t.toast.failed, 'warn');
    this.backend.openInspector(t.inspector.title).then((opened) => {
      if (!opened) return sorry();
      if (this.overlay?.kind === 'inspector') this.overlay = null;
    }, sorry);
  };

  setMini = (on: boolean): void => {
    this.backend.setMini(on).then(
      () => {
        this.mini = on;
        if (on) this.fullScreen = false;
      },
      () => this.toasts.show(t.toast.failed, 'warn'),
    );
  };

  /** Does what a problem's button says. */
  step(step: Step, problem: Problem): void {
    const { deed } = step;
    switch (deed.do) {
      case 'command':
        return void this.send(deed.command);
      case 'devices':
        if (this.state.phase === 'in_call') this.devicesOpen = 'all';
        else if (this.state.phase === 'green_room') this.devicesOpen = deed.kind;
        else this.openSettings('devices');
        return;
      case 'settings':
        return this.openSettings(deed.page, deed.row);
      case 'privacy':
        return void this.backend.openPrivacy(deed.kind).then((opened) => opened || this.toasts.show(t.toast.failed, 'warn'));
      case 'paste':
        return void this.#pasteAnother(problem);
      case 'copy-link':
        return this.copyLink();
      case 'copy-details':
        return void this.copyDetails(problem);
    }
  }

  async copyDetails(problem: Problem): Promise<void> {
    const copied = await copyText(`${problem.code}: ${problem.message}\n${problem.detail ?? ''}`.trim());
    this.toasts.show(copied ? t.problem.detailsCopied : t.toast.failed, copied ? 'good' : 'warn');
  }

  async #pasteAnother({ code }: Problem): Promise<void> {
    await this.send({ type: 'dismiss_problem', code });
    if (this.state.phase !== 'home') await this.send({ type: 'leave' });
    this.focusPaste();
  }

  #named = (): boolean => this.ownName.given(this.state.settings.name);
}

const KEY = Symbol('app');
export const provideApp = (app: App): App => setContext(KEY, app);
export const useApp = (): App => getContext<App>(KEY);
