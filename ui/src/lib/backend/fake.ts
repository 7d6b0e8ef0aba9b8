/** A small simulation of the engine: enough for every flow and picture of the window without a shell. */
import type { AppCommand, AppState, CallState, CommandError, DeviceKind, DoorAsk, EndCode, LocalView, ProblemCode, ShareMode, UpdateAsk, UpdateView } from '../bindings';
import { cameraRunning, chosen, namesOf, NO_ECHO_IN_CALL, unplugged, withVolume } from './fake/devices';
import { forgotten, opened, rated, withCall } from './fake/history';
import { asked } from './fake/door';
import { FakeFigures, levelsAt } from './fake/figures';
import { FakeFrames } from './fake/frames';
import { takers, withRoom, withPart } from './fake/group';
import { FakeTalk } from './fake/talk';
import { FakeRecording } from './fake/recording';
import { SCENARIOS } from './fake/scenarios';
import { CALL, CHECKED, DEVICES, GRACE, HOME, LOCAL_OFF, LOCAL_ON, NO_CHOICE, PROBLEMS, SCREENS, shapeOf, SYSTEM_ASKED } from './fake/state';
import { askedUpdate, withUpdate } from './fake/updates';
import type { FakeHands } from './fake/hands';
import { ALL, type Backend, type BackendEvents, type WindowView } from './backend';

/** `?fake=SCENARIO`; `&alone` keeps the other person from coming; `&slow=MS` stretches every step; `&calm` makes pictures rare; `&view=inspector` is its window. */
export function fakeBackend(query: URLSearchParams): Backend {
  const scenario = SCENARIOS[query.get('fake') ?? 'home'] ?? SCENARIOS['home'];
  if (!scenario) throw new Error('no scenario');
  return new FakeBackend(scenario(Date.now()), {
    view: query.get('view') === 'inspector' ? 'inspector' : 'app',
    talk: query.get('fake') === 'call-talk',
    alone: query.has('alone'),
    stepMs: Number(query.get('slow') ?? 250),
    periodMs: query.has('calm') ? 500 : 50,
  });
}

class FakeBackend implements Backend {
  readonly view: WindowView;
  readonly can = ALL;
  #state: AppState;
  #forgotten: AppState['history'] | null = null;
  #events: Partial<BackendEvents> | null = null;
  readonly #figures = new FakeFigures(() => ({ state: this.#state, ms: this.#ticks * 66 }));
  readonly #frames: FakeFrames;
  readonly #log: AppCommand[] = [];
  readonly #opened: string[] = [];
  readonly #asked: UpdateAsk[] = [];
  readonly #talk: FakeTalk;
  readonly #recording: FakeRecording;
  readonly #alone: boolean;
  readonly #stepMs: number;
  #ticks = 0;

  constructor(state: AppState, options: { view: WindowView; talk: boolean; alone: boolean; stepMs: number; periodMs: number }) {
    this.#state = state;
    this.view = options.view;
    this.#alone = options.alone;
    this.#stepMs = options.stepMs;
    this.#talk = new FakeTalk(options.talk, (talk) => this.#events?.talk?.(talk), (run) => this.#later(1, run));
    this.#recording = new FakeRecording(() => this.#state, (recording) => this.#set({ recording }), (run) => this.#later(1, run));
    this.#frames = new FakeFrames(options.periodMs, (tile) => shapeOf(this.#state, tile));
    (window as unknown as { parleyFake: FakeHands }).parleyFake = this.#hands();
  }

  state = () => Promise.resolve(this.#state);
  talk = () => Promise.resolve(this.#talk.now);
  pickFiles = () => Promise.resolve(['/home/ada/plan.pdf']);
  pickFolder = () => Promise.resolve('/home/ada/From calls');

  showFile(id: string): Promise<boolean> {
    this.#opened.push(id);
    return Promise.resolve(true);
  }

  openPrivacy = (kind: string) => this.openAddress(`privacy:${kind}`);

  showRecording(): Promise<boolean> {
    this.#opened.push(this.#state.recording.ended?.path ?? '');
    return Promise.resolve(true);
  }

  openAddress(address: string): Promise<boolean> {
    this.#opened.push(address);
    return Promise.resolve(true);
  }

  frames = () => this.#frames;
  listen(events: Partial<BackendEvents>): Promise<() => void> {
    this.#events = events;
    const levels = setInterval(() => this.#tick(), 66);
    return Promise.resolve(() => clearInterval(levels));
  }

  watch = this.#figures.watch;
  openInspector(): Promise<boolean> {
    this.#opened.push('inspector');
    return Promise.resolve(true);
  }

  askUpdate(ask: UpdateAsk): Promise<void> {
    this.#asked.push(ask);
    const { now, then } = askedUpdate(this.#state.desktop.update, ask);
    this.#update(now);
    this.#later(2, () => this.#update(then));
    return Promise.resolve();
  }

  setMini = () => Promise.resolve();
  async setFullScreen(on: boolean): Promise<void> {
    await (on ? document.documentElement.requestFullscreen() : document.exitFullscreen());
  }

  command(command: AppCommand): Promise<void> {
    this.#log.push(command);
    const error = this.#carryOut(command);
    return error ? Promise.reject(error) : Promise.resolve();
  }

  #carryOut(command: AppCommand): CommandError | null {
    switch (command.type) {
      case 'start_call':
        return this.#enterGreenRoom(true);
      case 'open_link':
        if (!/[^\s]+#[\w-]{16,}/u.test(command.text)) return { code: 'bad_link', message: 'This is not a Parley link. A link looks like https://host/r/room#secret.' };
        return this.#enterGreenRoom(false);
      case 'join':
        if (this.#state.phase !== 'green_room') return { code: 'not_now', message: 'There is no call to join.' };
        return this.#join();
      case 'leave':
        return this.#leave();
      case 'set_muted':
        this.#local({ muted: command.muted, talking: false });
        if (!command.muted) this.#problem('speaking_while_muted', false);
        return null;
      case 'toggle_muted':
        this.#local({ muted: !this.#state.local.muted, talking: false });
        return null;
      case 'talk':
        if (command.down ? this.#state.local.muted : this.#state.local.talking) this.#local({ muted: !command.down, talking: command.down });
        return null;
      case 'save_report':
        return this.#figures.saved();
      case 'hand_over':
      case 'look':
      case 'tell_desktop':
      case 'tell_update':
        return null;
      case 'set_camera_on':
        this.#local(command.on ? { camera_on: true, ...cameraRunning(this.#state) } : { camera_on: false, camera: 'off', video_size: null });
        return null;
      case 'choose_device':
        return this.#choose(command.kind, command.id);
      case 'refresh_devices':
        return this.#refresh();
      case 'test_speaker':
        this.#local({ speaker_test_playing: true });
        this.#later(4, () => this.#local({ speaker_test_playing: false }));
        return null;
      case 'test_echo':
        return this.#testEcho(command.on);
      case 'check_network':
        this.#set({ network: { running: true, ways: [], sentences: [] } });
        this.#later(1, () => this.#set({ network: CHECKED }));
        return null;
      case 'set_volume':
        this.#set(withVolume(this.#state, command.id, command.percent));
        return null;
      case 'change_settings':
        return this.#change(command.patch);
      case 'set_preview':
        if (this.#state.phase !== 'in_call') this.#preview(command.on);
        return null;
      case 'offer_files':
        return this.#talk.offer(command.paths, takers(this.#state, command.to));
      case 'decide_file':
        return this.#talk.decide(command.id, command.accept);
      case 'pause_file':
        return this.#talk.pause(command.id, command.paused);
      case 'cancel_file':
        return this.#talk.file(command.id, { state: 'cancelled_here' });
      case 'send_again':
      case 'forget_unfinished':
        return this.#talk.unfinished(command.id, command.type === 'send_again');
      case 'open_past_chat':
        return this.#set({ history: opened(this.#state.history, command.id) });
      case 'send_message':
        return this.#talk.say(command.text);
      case 'react':
        return this.#talk.react(null, command.reaction);
      case 'raise_hand':
        return this.#talk.hand(command.raised);
      case 'choose_share':
        this.#share({ choice: command.on ? { ...NO_CHOICE, sources: [...SCREENS] } : null });
        return null;
      case 'share':
        return this.#begin(command.id ?? this.#state.settings.screen.monitor, command.mode ?? this.#state.settings.screen.mode, command.sound ?? this.#state.settings.screen.sound);
      case 'stop_sharing':
        this.#share({ sharing: null, stopped: null });
        return null;
      case 'start_recording':
        return this.#recording.begin();
      case 'stop_recording':
        return this.#recording.end('stopped');
      case 'dismiss_problem':
        this.#problem(command.code, false);
        return null;
      case 'rate_call':
        return this.#set({ history: rated(this.#state.history, command.id, command.stars) });
      case 'forget_calls':
        this.#forgotten = this.#state.history;
        return this.#set({ history: forgotten(this.#state.history, command.id) });
      case 'door':
        return this.#atTheDoor(command.ask);
      case 'take_back_call':
        if (this.#forgotten) this.#set({ history: this.#forgotten });
        return null;
    }
  }

  #atTheDoor(ask: DoorAsk): null {
    const { call } = this.#state;
    if (call) this.#set({ call: { ...call, door: asked(call.door, ask) } });
    if (ask.what === 'enter' && this.#state.call?.door.entrance === 'free') this.#callState('waiting');
    this.#set(withPart(this.#state, ask));
    if (ask.what === 'spotlight') this.#set(withRoom(this.#state, { call: { spotlight: ask.tile } }));
    if (ask.what === 'admit') this.#later(1, () => this.#person({}));
    if (ask.what === 'remove' && call && call.people.length > 1) this.#set(withRoom(this.#state, { gone: [ask.id] }));
    else if (ask.what === 'remove') this.#nobody();
    return ask.what === 'end_for_all' ? this.#leave() : null;
  }

  #begin(id: string | null, mode: ShareMode, sound: boolean): CommandError | null {
    if (this.#state.phase !== 'in_call') return { code: 'not_now', message: 'There is no call to share in.' };
    const screen = SCREENS.find((one) => one.id === id);
    if (screen) this.#share({ choice: null, stopped: null, sharing: { ...screen, mode, sound, state: 'running', asking: false, asked: false } });
    else if (id === SYSTEM_ASKED.id) this.#share({ choice: null, stopped: null, sharing: { ...SYSTEM_ASKED, mode, sound } });
    else this.#share({ choice: { ...NO_CHOICE, sources: [...SCREENS] }, stopped: null });
    return null;
  }

  #share(change: Partial<AppState['share']>): void {
    this.#set({ share: { ...this.#state.share, ...change } });
  }

  #enterGreenRoom(host: boolean): null {
    this.#set({ phase: 'green_room', call: null, problems: this.#state.problems.filter((p) => p.code !== 'bad_link') });
    this.#preview(true);
    this.#later(1, () => {
      if (this.#state.phase === 'green_room') this.#set({ call: { ...CALL, host } });
    });
    return null;
  }

  #join(): null {
    this.#set({ phase: 'in_call', call: { ...(this.#state.call ?? CALL), state: 'joining' } });
    this.#later(1, () => this.#callState('waiting'));
    if (this.#alone) return null;
    this.#later(6, () => {
      this.#person({ quality: 'unknown', video_size: null });
      this.#callState('connecting');
    });
    this.#later(9, () => {
      if (this.#state.phase !== 'in_call') return;
      this.#person({});
      this.#set({ call: this.#state.call && { ...this.#state.call, connected_since_ms: Date.now() } });
      this.#callState('connected');
    });
    return null;
  }

  #leave(): null {
    if (this.#state.phase === 'in_call') this.#end('hung_up', 'You left the call.');
    else {
      this.#set({ phase: 'home', call: null, problems: [] });
      this.#preview(false);
    }
    return null;
  }

  #end(code: EndCode, message: string): void {
    if (this.#state.recording.stage !== 'off') this.#recording.end('call_ended');
    const call = this.#state.call ?? CALL;
    const seconds = call.connected_since_ms === null ? 0 : Math.round((Date.now() - call.connected_since_ms) / 1000);
    const began = call.connected_since_ms;
    const past = began === null || !this.#state.settings.keep_history ? null : began.toString(16).padStart(16, '0');
    if (past && began !== null) this.#set({ history: withCall(this.#state.history, past, began, seconds, code) });
    this.#set({ phase: 'ended', call: { ...call, past, state: 'ended', ended: { code, message, seconds } }, problems: [] });
    this.#local(LOCAL_OFF);
  }

  #choose(kind: DeviceKind, id: string | null): null {
    this.#set(chosen(this.#state, kind, id));
    if (kind === 'camera') this.#problem('camera_busy', false);
    return null;
  }

  #refresh(): null {
    const found = !this.#state.devices.cameras.length;
    if (!found) return null;
    this.#set({ devices: DEVICES, problems: [] });
    this.#preview(true);
    return null;
  }

  #change(patch: Partial<AppState['settings']>): CommandError | null {
    if (patch.server && !/^https?:\/\/[^\s/]+$/u.test(patch.server)) {
      return { code: 'bad_server', message: 'This is no server address.' };
    }
    const { received, recordings } = patch.folders ?? this.#state.settings.folders;
    const folders = { received: received ?? HOME.folders.received, recordings: recordings ?? HOME.folders.recordings };
    this.#set({ settings: { ...this.#state.settings, ...patch }, folders });
    return null;
  }

  #testEcho(on: boolean): CommandError | null {
    if (on && this.#state.phase === 'in_call') return NO_ECHO_IN_CALL;
    this.#local({ echo_test: on ? 'recording' : 'off' });
    const step = (from: LocalView['echo_test'], to: LocalView['echo_test']) => this.#state.local.echo_test === from && this.#local({ echo_test: to });
    if (on) this.#later(4, () => step('recording', 'playing'));
    if (on) this.#later(8, () => step('playing', 'off'));
    return null;
  }

  #preview(on: boolean): void {
    const { muted, camera_on } = this.#state.local;
    if (!on) this.#local({ ...LOCAL_OFF, muted, camera_on });
    else if (this.#state.devices.cameras.length) {
      const busy = this.#state.problems.some((p) => p.code === 'camera_busy');
      const camera = camera_on && !busy ? {} : { camera: busy ? ('busy' as const) : ('off' as const), video_size: null };
      this.#local({ ...LOCAL_ON, ...namesOf(this.#state), ...camera, muted, camera_on });
    }
  }

  #callState(state: CallState): void {
    if (this.#state.phase !== 'in_call' || !this.#state.call) return;
    const problems = this.#state.problems.filter((p) => p.code !== 'reconnecting');
    if (state === 'reconnecting') problems.unshift(PROBLEMS.reconnecting);
    this.#set({ call: { ...this.#state.call, state, end_to_end: state !== 'joining' && this.#state.call.group === null }, problems });
  }

  #person(change: Partial<typeof GRACE>): void {
    if (this.#state.call) this.#set({ call: { ...this.#state.call, people: [{ ...GRACE, ...change }, ...this.#state.call.people.slice(1)] } });
  }

  #nobody(): void {
    if (this.#state.call) this.#set({ call: { ...this.#state.call, state: 'waiting', people: [] } });
  }

  #problem(code: ProblemCode, there: boolean): void {
    const others = this.#state.problems.filter((p) => p.code !== code);
    this.#set({ problems: there ? [PROBLEMS[code], ...others] : others });
  }

  #local(change: Partial<LocalView>): void {
    this.#set({ local: { ...this.#state.local, ...change } });
  }

  #update(update: Partial<UpdateView>): void {
    this.#set({ desktop: withUpdate(this.#state.desktop, update) });
  }

  #set(change: Partial<AppState>): null {
    this.#state = { ...this.#state, ...change };
    this.#events?.state?.(this.#state);
    return null;
  }

  #later(steps: number, run: () => void): void {
    setTimeout(run, steps * this.#stepMs);
  }

  #tick(): void {
    const { local, call } = this.#state;
    this.#ticks += 1;
    if (local.microphone === 'running') this.#events?.levels?.(levelsAt(this.#ticks, call?.people ?? []));
  }

  #hands(): FakeHands {
    return {
      problem: (code, there) => this.#problem(code, there),
      callState: (state) => this.#callState(state),
      otherLeaves: () => this.#end('other_left', 'The other person left the call.'),
      local: (change) => this.#local(change),
      unplug: (kind, name) => this.#set(unplugged(this.#state, kind, name)),
      share: (change) => this.#share(change),
      recordingEnds: (why) => void this.#recording.end(why),
      person: (change) => (change ? this.#person(change) : this.#nobody()),
      room: (change) => void this.#set(withRoom(this.#state, change)),
      door: (change) => this.#state.call && void this.#set({ call: { ...this.#state.call, door: { ...this.#state.call.door, ...change } } }),
      speak: (language) => void this.#change({ language }),
      watched: () => this.#figures.watched,
      commands: () => this.#log,
      opened: () => this.#opened,
      message: (text) => this.#talk.came(text),
      answers: (on) => (on ? this.#talk.answers() : void (this.#talk.silent = true)),
      offered: (name, size) => this.#talk.offered(name, size),
      file: (id, change) => void this.#talk.file(id, change),
      drag: (drag) => this.#events?.drag?.(drag),
      clicked: (topic) => this.#events?.open?.(topic),
      reaction: (kind) => void this.#talk.react(GRACE.id, kind),
      hand: (raised) => this.#person({ hand_raised: raised }),
      update: (change) => this.#update(change),
      asked: () => this.#asked,
    };
  }
}
