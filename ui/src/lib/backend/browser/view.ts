/** From the parts of a guest's page to the state that the window draws. Pure. */
import type { AppState, CallState, CallView, EndedView, GroupView, ListenerView, LocalView, PartView, PersonView, Phase, PictureState, Problem, Quality, Settings, ShareView } from '../../bindings';
import { doorView, type DoorParts } from './door';
import type { Link } from './link';
import type { DeviceLists, LocalMedia } from './local-media';
import { sendsPicture } from './saving';
import type { MediaState } from './wire';

export interface CallParts extends DoorParts {
  readonly entered: boolean;
  readonly joined: boolean;
  readonly wasJoined: boolean;
  readonly takenOver: boolean;
  readonly serverAwayMs: number;
  readonly up: boolean;
  readonly connectedSinceMs: number | null;
  /** One's own id, while known. */
  readonly me: string | null;
  readonly other: { readonly id: string; readonly name: string; readonly away: boolean } | null;
  /** This side only listens. */
  readonly listens: boolean;
  /** Everybody else in a group. */
  readonly people?: readonly unknown[];
}

/** What there is beside a call of two. */
export interface GroupParts {
  readonly view: GroupView | null;
  readonly people: PersonView[];
  /** The tile that a host put large. */
  readonly spotlight: string | null;
  readonly listeners: ListenerView[];
  /** Of one's own raised hand. */
  readonly handPlace: number | null;
}

/** What is known of the other person beside the server's words. */
export interface Them {
  media: MediaState | null;
  hand: boolean;
  recording: boolean;
  videoSize: [number, number] | null;
  screenSize: [number, number] | null;
  quality: Quality;
  volume: number;
}

export const NOBODY: Them = { media: null, hand: false, recording: false, videoSize: null, screenSize: null, quality: 'unknown', volume: 100 };

export interface Parts {
  readonly phase: Phase;
  readonly link: Link;
  readonly call: CallParts;
  /** While it is more than a call of two. */
  readonly group: GroupParts | null;
  readonly them: Them;
  readonly ended: EndedView | null;
  /** A host asked for silence, by this name. */
  readonly muteAskedBy: string | null;
  readonly lists: DeviceLists;
  readonly local: LocalView;
  readonly share: ShareView;
  readonly problems: Problem[];
  readonly settings: Settings;
  /** Whether this side may speak. */
  readonly part: PartView;
}

export function callState(call: CallParts): CallState {
  // Whoever must come in anew may stand before the door again.
  if (!call.wasJoined || (call.entrance !== 'free' && !call.up)) return 'joining';
  if (!call.other && !call.people?.length) return 'waiting';
  if (call.up) return 'connected';
  return call.connectedSinceMs === null ? 'connecting' : 'reconnecting';
}

/** What of the call may be a problem. */
export const callSituation = (call: CallParts & { readonly group: { readonly cutOff: boolean } | null }, inCall: boolean) => ({
  inCall,
  up: call.up,
  reconnecting: inCall && callState(call) === 'reconnecting',
  takenOver: call.takenOver,
  cutOff: call.group?.cutOff ?? false,
  serverAwayMs: call.serverAwayMs,
  awayName: inCall && !call.group && call.other?.away ? call.other.name : null,
});

export function stateOf(parts: Parts): AppState {
  const { settings, lists } = parts;
  return {
    phase: parts.phase,
    call: callView(parts),
    devices: { ...lists, camera: settings.camera, microphone: settings.microphone, speaker: settings.speaker, news: [] },
    local: parts.local,
    share: parts.share,
    recording: { stage: 'off', since_ms: null, ended: null },
    problems: parts.problems,
    history: { calls: [], opened: null, fault: null },
    settings,
    folders: { received: '', recordings: '' },
    desktop: { refused_keys: [], autostart_fault: null, drawn_by_processor: false, update: { state: 'unknown', version: null, put_off: false } },
    network: { running: false, ways: [], sentences: [] },
    version: __PARLEY_VERSION__,
  };
}

function callView({ link, call, group, them, ended, phase, muteAskedBy, part, settings }: Parts): CallView {
  return {
    link: link.address,
    deep_link: link.deep,
    host: false,
    served_here: false,
    only_here: false,
    state: phase === 'ended' ? 'ended' : callState(call),
    signaling: call.takenOver ? 'taken_over' : call.serverAwayMs === 0 ? 'connected' : call.wasJoined ? 'reconnecting' : 'connecting',
    // Two do not connect without a proof; what goes through the server it could hear.
    end_to_end: call.connectedSinceMs !== null && !group?.view,
    me: call.me,
    part: phase !== 'in_call' ? 'speaks' : part,
    people: phase !== 'in_call' ? [] : group ? group.people : call.other ? [personView(call.other, them, !sendsPicture(settings.saving))] : [],
    listeners: phase === 'in_call' ? (group?.listeners ?? []) : [],
    hand_place: group?.handPlace ?? null,
    spotlight: phase === 'in_call' ? (group?.spotlight ?? null) : null,
    group: phase === 'in_call' ? (group?.view ?? null) : null,
    connected_since_ms: call.connectedSinceMs,
    past: null,
    door: doorView(call, muteAskedBy),
    ended,
  };
}

function personView(other: NonNullable<CallParts['other']>, them: Them, soundOnly: boolean): PersonView {
  return {
    id: other.id,
    name: other.name,
    host: false,
    microphone_on: them.media?.microphone_on ?? false,
    camera_on: them.media?.camera_on ?? false,
    away: other.away,
    hand_raised: them.hand,
    hand_place: them.hand ? 1 : null,
    recording: them.recording,
    picture: soundOnly && them.media?.camera_on ? 'saved' : pictureState(them.media?.camera_on, them.videoSize),
    video_size: them.videoSize,
    screen_on: them.media?.screen_on ?? false,
    screen: pictureState(them.media?.screen_on, them.screenSize),
    screen_size: them.screenSize,
    volume_pct: them.volume,
    takes_files: true,
    offences: null,
    stalled: false,
    quality: them.quality,
  };
}

const pictureState = (on: boolean | undefined, size: [number, number] | null): PictureState => (on ? (size ? 'flows' : 'waiting') : 'off');

type Source = LocalMedia['sources']['camera'];

/** What others are told of one's own devices. */
export function ownMedia({ microphone, camera }: LocalMedia['sources'], muted: boolean, share: ShareView['sharing'], most?: number): MediaState {
  const shares = share?.state === 'running';
  return {
    type: 'media_state',
    microphone_on: microphone.state === 'running' && !muted,
    camera_on: camera.state === 'running',
    screen_on: shares,
    screen_moves: shares && share.mode === 'motion',
    takes_screen: true,
    screen_sound_on: shares && share.sound,
    takes_screen_sound: true,
    takes_files: true,
    ...(most === undefined ? {} : { picture_kbps_max: most }),
  };
}

export function localView(own: { muted: boolean; talking: boolean; cameraOn: boolean; testing: boolean }, devices: boolean, camera: Source, microphone: Source, speaker: string): LocalView {
  const { width, height } = camera.track?.getSettings() ?? {};
  return {
    muted: own.muted || !devices,
    talking: own.talking,
    camera_on: own.cameraOn && devices,
    camera: camera.state,
    camera_name: camera.name,
    video_size: width && height ? [width, height] : null,
    microphone: microphone.state,
    microphone_name: microphone.name,
    speaker: 'running',
    speaker_name: speaker,
    speaker_test_playing: own.testing,
    echo_test: 'off',
  };
}
