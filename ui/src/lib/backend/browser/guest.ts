/** A guest's page as a backend: one call of one link, over the browser's own RTCPeerConnection. Connects the parts; they decide. */
import type { AppCommand, AppState, CommandError, DoorAsk, EndedView, Problem } from '../../bindings';
import { t } from '../../text';
import type { Backend, BackendEvents, Capabilities } from '../backend';
import { BrowserWay } from './browser-way.svelte';
import { Call } from './call';
import { hasH264, standing, type Place } from './capabilities';
import type { OwnTracks } from './connection';
import { hostWord } from './door';
import { endOf } from './ended';
import { Everybody } from './group/everybody';
import type { Link } from './link';
import { Listening, LISTENING } from './listening';
import { LocalMedia } from './local-media';
import { Looks } from './looks';
import { openBeside, watchPage } from './page';
import { Picked } from './picked';
import { problemsOf } from './problems';
import { picturesMost, sendsPicture } from './saving';
import { ScreenShare } from './screen-share';
import { keepSettings, loadSettings, patched } from './settings';
import { Sound } from './sound';
import { NO_FRAMES, Streams } from './streams';
import { Talk } from './talk';
import { Theirs } from './theirs';
import { callSituation, localView, ownMedia, stateOf } from './view';
import type { ControlMessage } from './wire';

const LEVELS_EVERY_MS = 66;
const LOOK_EVERY_MS = 1000;
const STATE_EVERY_MS = 50;

export class GuestBackend implements Backend {
  readonly view = 'app';
  readonly can: Capabilities;
  readonly #link: Link;
  readonly way = new BrowserWay(() => this.#tellMedia());
  readonly #share = new ScreenShare({ changed: () => this.#change(), tracks: (picture, sound) => this.#onShared(picture, sound) });
  readonly #picked = new Picked();
  readonly #sound = new Sound();
  readonly #talk = new Talk(() => this.#call.other ?? { id: '', name: '' }, (id) => this.#call.people.find((one) => one.id === id)?.name ?? '', (ways) => this.#call.setFileWays(ways), (talk) => this.#events?.talk?.(talk));
  readonly #own: OwnTracks = { microphone: null, camera: null, screen: null, screen_sound: null };
  readonly #streams = new Streams();
  readonly #theirs = new Theirs(this.#streams, this.#sound);
  readonly #everybody = new Everybody(this.#streams, this.#sound, this.#theirs);
  readonly #media: LocalMedia;
  #settings = loadSettings();
  #local = { muted: false, talking: false, cameraOn: true, preview: false, testing: false };
  #call: Call;
  readonly #listening = new Listening();
  #ended: EndedView | null = null;
  #inCall = false;
  /** A host asked for silence, by this name, and the microphone was muted. */
  #muteAskedBy: string | null = null;
  #dismissed = new Set<Problem['code']>();
  #events: Partial<BackendEvents> | null = null;
  readonly #looks = new Looks();
  #told = '';
  #telling: ReturnType<typeof setTimeout> | undefined;

  constructor(link: Link, place: Place) {
    this.#link = link;
    const devices = standing(place) === 'fine';
    this.can = { home: false, desktop: false, devices, speakers: devices && place.setSinkId, share: devices && place.getDisplayMedia, echoTest: false, louder: false, video: hasH264() };
    this.#media = new LocalMedia(
      () => this.#settings,
      { changed: () => this.#change(), track: (kind, track) => this.#onOwn(kind, track) },
    );
    this.#call = this.#begin();
    void this.#media.look();
    setInterval(() => this.#tellLevels(), LEVELS_EVERY_MS);
    setInterval(() => void this.#takeLook(), LOOK_EVERY_MS);
    watchPage({ pressed: () => this.#sound.wake(), gone: () => this.#call.leave() });
  }

  state = () => Promise.resolve(this.#state());
  talk = () => Promise.resolve(this.#talk.now);
  pickFiles = () => this.#picked.ask();
  pickFolder = () => Promise.resolve(null);
  showFile = (id: string) => Promise.resolve(this.#talk.download(id));
  showRecording = () => Promise.resolve(false);
  openPrivacy = () => Promise.resolve(false);
  askUpdate = () => Promise.resolve();
  openInspector = () => Promise.resolve(false);
  setMini = () => Promise.resolve();
  openAddress = openBeside;
  setFullScreen = (on: boolean) => (on ? document.documentElement.requestFullscreen() : document.exitFullscreen());
  frames = () => NO_FRAMES;
  stream = (tile: string): MediaStream => this.#streams.of(tile);

  listen(events: Partial<BackendEvents>): Promise<() => void> {
    this.#events = events;
    const stop = events.drag ? this.#picked.listen((drag) => events.drag?.(drag)) : () => undefined;
    return Promise.resolve(() => {
      this.#events = null;
      stop();
    });
  }

  watch: Backend['watch'] = (figures) => this.#looks.watch(figures);

  async command(command: AppCommand): Promise<void> {
    const error = this.#carryOut(command);
    if (error) return Promise.reject(error);
    this.#change();
  }

  #carryOut(command: AppCommand): CommandError | null {
    this.#sound.wake();
    if (this.#listening.forbids(command)) return LISTENING;
    switch (command.type) {
      case 'join':
        return this.#join();
      case 'leave':
        return this.#leave();
      case 'set_muted':
        return this.#mute(command.muted);
      case 'toggle_muted':
        return this.#mute(!this.#local.muted);
      case 'set_camera_on':
        this.#local.cameraOn = command.on;
        return this.#devices();
      case 'set_preview':
        this.#local.preview = command.on;
        return this.#devices();
      case 'choose_device':
        this.#settings = { ...this.#settings, [command.kind]: command.id };
        keepSettings(this.#settings);
        if (command.kind === 'speaker') void this.#sound.setSpeaker(command.id);
        else this.#media.again(command.kind);
        return null;
      case 'refresh_devices':
        this.#dismissed.clear();
        for (const kind of ['camera', 'microphone'] as const) this.#media.again(kind);
        void this.#media.look();
        return null;
      case 'test_speaker':
        this.#local.testing = true;
        void this.#sound.test().finally(() => {
          this.#local.testing = false;
          this.#change();
        });
        return null;
      case 'set_volume':
        this.#everybody.setVolume(command.id, command.percent);
        if (!this.#call.group || command.id === this.#call.other?.id) this.#theirs.setVolume(command.percent);
        return null;
      case 'look':
        this.#call.look(command.tiles);
        return null;
      case 'change_settings':
        keepSettings((this.#settings = patched(this.#settings, command.patch)));
        if (command.patch.picture) this.#media.again('camera');
        if (command.patch.voice) this.#media.again('microphone');
        this.#call.tell({ type: 'may_record', allowed: this.#settings.recording.allowed });
        if (command.patch.saving) this.#devices();
        return null;
      case 'choose_share':
      case 'share':
        if (command.type === 'choose_share' && !command.on) return null;
        void this.#share.begin(command.type === 'share' ? (command.mode ?? this.#settings.screen.mode) : this.#settings.screen.mode, this.#call.group !== null || (this.#theirs.them.media?.takes_screen_sound ?? false));
        return null;
      case 'stop_sharing':
        this.#share.stop();
        return null;
      case 'door':
        return this.#atDoor(command.ask);
      case 'send_message':
        return this.#talk.write(command.text);
      case 'react':
        this.#call.react(command.reaction);
        this.#talk.reaction(null, command.reaction);
        return null;
      case 'raise_hand':
        this.#call.tell({ type: 'hand', raised: command.raised });
        this.#talk.raise(command.raised);
        return null;
      case 'offer_files':
        return this.#talk.offer(this.#picked.take(command.paths), this.#state().call, command.to);
      case 'decide_file':
        this.#talk.decide(command.id, command.accept);
        return null;
      case 'pause_file':
        this.#talk.pause(command.id, command.paused);
        return null;
      case 'cancel_file':
        this.#talk.cancel(command.id);
        return null;
      case 'dismiss_problem':
        if (command.code === 'internal' && this.#call.group) this.#call.group.cutOff = false;
        this.#dismissed.add(command.code);
        return null;
      case 'talk':
        if (command.down ? !this.#local.muted : !this.#local.talking) return null;
        this.#mute(!command.down);
        this.#local.talking = command.down;
        return null;
      default:
        // What only the app can do; the window does not offer it here.
        return null;
    }
  }

  #begin(): Call {
    this.#ended = null;
    this.#inCall = false;
    this.#muteAskedBy = null;
    this.#theirs.forget('');
    this.#talk.begin();
    const call: Call = new Call(this.#link, this.#own, {
      changed: () => {
        if (call === this.#call) this.#talk.setPeople(call.known);
        this.#followPart(call);
        this.#everybody.show(call);
        this.#change();
      },
      ended: (why) => call === this.#call && this.#finish(endOf(why, hasH264())),
      control: (message) => this.#hear(message),
      word: (from, message) => message.type === 'reaction' && this.#talk.reaction(from, message.reaction),
      track: (role, track) => this.#theirs.show(this.#call.other?.id ?? '', role, track),
      person: () => {
        this.#theirs.forget(this.#call.other?.id ?? '');
        this.#talk.newPerson();
      },
      directEnded: () => this.#theirs.end(),
      words: { ...this.#talk.words, pairedOff: (other) => (this.#talk.words.pairedOff(other), this.#theirs.setVolume(this.#everybody.volumeOf(other ?? '', call))) },
      muteAsked: (by) => this.#muteAsAsked(by.name),
      lane: this.#talk.lane,
      fileLanes: this.#talk.fileLanes,
    });
    call.tell({ type: 'may_record', allowed: this.#settings.recording.allowed });
    return call;
  }

  #join(): null {
    this.#inCall = true;
    this.#followPart(this.#call);
    this.#looks.begin();
    this.#devices();
    void this.#sound.setSpeaker(this.#settings.speaker);
    this.#call.enter(this.#settings.name);
    return null;
  }

  #leave(): null {
    if (this.#inCall) {
      this.#call.leave();
      this.#finish({ code: 'hung_up', message: 'You left the call.' });
    } else if (this.#ended) {
      this.#local.preview = true;
      this.#call = this.#begin();
      this.#devices();
    }
    return null;
  }

  #finish(end: Pick<EndedView, 'code' | 'message'>): void {
    const since = this.#call.connectedSinceMs;
    this.#ended = { ...end, seconds: since === null ? 0 : Math.round((Date.now() - since) / 1000) };
    this.#inCall = false;
    this.#local.preview = false;
    this.#listening.end(this.#local);
    this.#share.stop();
    this.#everybody.show(this.#call);
    this.#theirs.forget(this.#call.other?.id ?? '');
    this.#devices();
    this.#change();
  }

  #atDoor(ask: DoorAsk): null {
    if (ask.what === 'enter') this.#call.tryPassword(ask.password);
    if (ask.what === 'seen_mute') this.#muteAskedBy = null;
    if (ask.what === 'spotlight') this.#call.putInSpotlight(ask.tile);
    if (ask.what === 'seen_part') this.#listening.seen();
    // A guest who asks for the end of all only stays where they are.
    if (ask.what === 'end_for_all' && !this.#call.mayHost) return null;
    const word = hostWord(ask);
    if (word) this.#call.asHost(word);
    return ask.what === 'end_for_all' ? this.#leave() : null;
  }

  /** It is kept, and shown who asked. Whoever sits here may speak again whenever they like. */
  #muteAsAsked(by: string): void {
    if (!this.#inCall || !this.can.devices || this.#local.muted) return;
    this.#mute(true);
    this.#muteAskedBy = by;
    this.#change();
  }

  #mute(muted: boolean): null {
    this.#local.muted = muted;
    this.#local.talking = false;
    this.#muteAskedBy = null;
    this.#media.setMuted(muted);
    this.#tellMedia();
    return null;
  }

  /** Whoever becomes a listener, or is told that they will, has neither microphone nor camera and shares nothing; who may speak opens what they like, and their hand goes down. */
  #followPart(call: Call): void {
    if (call !== this.#call || this.#ended) return;
    if (!this.#listening.see({ listens: this.#inCall && call.listens, comes: call.comesToListen !== null && !call.wasJoined, inCall: this.#inCall }, this.#local)) return;
    this.#mute(this.#local.muted);
    if (call.listens) this.#share.stop();
    else if (this.#talk.now.hand_raised) void this.command({ type: 'raise_hand', raised: false });
    this.#devices();
  }

  /** Opens and closes what is wanted now. */
  #devices(): null {
    const open = this.can.devices && !this.#listening.shuts && (this.#inCall || this.#local.preview);
    this.#media.want('camera', open && this.#local.cameraOn && sendsPicture(this.#settings.saving));
    this.#media.want('microphone', open);
    this.#tellMedia();
    return null;
  }

  #onOwn(kind: 'camera' | 'microphone', track: MediaStreamTrack | null): void {
    this.#call.setTrack(kind, track);
    if (kind === 'camera') this.#streams.fill('self', track);
    else {
      this.#media.setMuted(this.#local.muted);
      this.#sound.hear('own', track);
    }
    this.#tellMedia();
  }

  #onShared(picture: MediaStreamTrack | null, sound: MediaStreamTrack | null): void {
    this.#call.setTrack('screen', picture);
    this.#call.setTrack('screen_sound', sound);
    this.#streams.fill('screen', picture);
    this.#tellMedia();
  }

  #hear(message: ControlMessage): void {
    this.#theirs.hear(message);
    if (message.type === 'reaction') this.#talk.reaction(this.#call.other?.id ?? '', message.reaction);
    else if (message.type === 'recording' && message.state !== 'off') this.#call.tell({ type: 'may_record', allowed: this.#settings.recording.allowed });
    this.#change();
  }

  #tellMedia(): void {
    this.#call.tell(ownMedia(this.#media.sources, this.#local.muted, this.#share.view, picturesMost(this.#settings.saving, this.way.heeded)));
  }

  #tellLevels(): void {
    const running = this.#media.sources.microphone.state === 'running';
    if (!running && !this.#inCall) return;
    const people = this.#everybody.levels(this.#call);
    this.#events?.levels?.({ microphone: this.#sound.level('own'), speaker: Math.max(this.#sound.level('voice'), ...people.map(({ level }) => level)), people });
  }

  async #takeLook(): Promise<void> {
    const call = this.#call;
    const taken = call.pc && this.#inCall ? await this.#looks.take(call.pc, (before, now) => this.#everybody.figures(call, before, now)).catch(() => null) : null;
    // Another call may have begun meanwhile.
    if (!taken || call !== this.#call) return;
    if (call.group) this.#everybody.look(call, taken);
    else call.setStalled(this.#theirs.look(call.other?.id ?? '', call.up, taken));
    this.#change();
  }

  #change(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      const state = this.#state();
      const text = JSON.stringify(state);
      if (text === this.#told) return;
      this.#told = text;
      this.#events?.state?.(state);
    }, STATE_EVERY_MS);
  }

  #state(): AppState {
    const call = this.#call;
    const { camera, microphone } = this.#media.sources;
    const speaker = this.#media.lists.speakers.find(({ id }) => id === this.#settings.speaker)?.name ?? t.guest.speaker;
    const local = localView(this.#local, this.can.devices, camera, microphone, speaker);
    const devices = { camera: this.can.devices && this.#local.cameraOn ? camera.state : 'off', microphone: this.can.devices ? microphone.state : 'off' } as const;
    const problems = problemsOf({ ...devices, ...callSituation(call, this.#inCall) });
    const there = new Set(problems.map(({ code }) => code));
    for (const code of this.#dismissed) if (!there.has(code)) this.#dismissed.delete(code);
    return stateOf({
      phase: this.#ended ? 'ended' : this.#inCall ? 'in_call' : 'green_room',
      link: this.#link,
      call,
      group: this.#everybody.parts(call, this.#talk.now.hand_raised),
      them: this.#theirs.them,
      ended: this.#ended,
      muteAskedBy: this.#muteAskedBy,
      part: this.#listening.part,
      lists: this.#media.lists,
      local,
      share: { sharing: this.#share.view, choice: null, stopped: this.#share.stopped, sound: 'possible' },
      problems: this.#ended ? [] : problems.filter(({ code }) => !this.#dismissed.has(code)),
      settings: this.#settings,
    });
  }
}
