/** The messages of docs/protocol.md as TypeScript sees them. What comes becomes one of them in `reader.ts`. */
import type { OffenceView } from '../../bindings';
import type { SdpType } from './negotiation';

export const VERSION = 1;

export interface Participant {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly order: number;
  readonly away: boolean;
  /** Only hears, sees, writes and raises a hand. */
  readonly listens: boolean;
}

export type Role = 'host' | 'guest';

/** Why whoever came in now would only listen. */
export type ComesToListen = 'asked' | 'full' | 'many';

/** Somebody in the lobby. */
export interface WaitingPerson {
  readonly id: string;
  readonly name: string;
}

/** How the door of a room stands. */
export interface DoorWord {
  readonly locked: boolean;
  readonly lobby: boolean;
  readonly password: boolean;
  /** From so many people on whoever comes listens; 0: nobody. */
  readonly listen_from: number;
}

/** What a host asks of the server. */
export type HostWord =
  | { type: 'admit' | 'refuse' | 'remove'; id: string }
  | { type: 'set_door'; locked?: boolean; lobby?: boolean; listen_from?: number }
  | { type: 'set_listens'; id: string; listens: boolean }
  | { type: 'set_password'; password?: string }
  | { type: 'ask_mute'; id?: string }
  | { type: 'end_for_all' };

export interface IceServerWord {
  readonly kind: string;
  readonly host?: string;
  readonly port: number;
  /** udp where it is not said; a later one that is not known is left out. */
  readonly transport?: string;
  readonly credentials?: { readonly username: string; readonly credential: string };
}

export type ServerMessage =
  | { type: 'ticket'; room: string; ticket: string; expires_in_s: number; listens: ComesToListen | null }
  | { type: 'joined'; you: string; room: string; resume_token: string; participants: Participant[]; ice_servers: IceServerWord[] }
  | { type: 'participants'; list: Participant[] }
  | { type: 'participant_joined'; participant: Participant }
  | { type: 'participant_away' | 'participant_back'; id: string }
  | { type: 'participant_left'; id: string; reason: 'left' | 'lost' | 'removed' }
  | { type: 'resume_token'; resume_token: string }
  | { type: 'signal'; from: string; payload: PeerMessage }
  /** On the wire a signal too, of the kind `files`: about a connection for files in a group. */
  | { type: 'file_signal'; from: string; about: PeerMessage }
  | ({ type: 'door' } & DoorWord)
  | { type: 'at_the_door'; people: WaitingPerson[] }
  | { type: 'role_changed'; id: string; role: Role }
  | { type: 'listens_changed'; id: string; listens: boolean }
  | { type: 'mute_asked'; by: string }
  | { type: 'waiting' | 'pong' | 'going_away' }
  | { type: 'error'; code: string; fatal: boolean }
  | GroupMessage;

/** What only clients of groups are told. */
export type GroupMessage =
  | { type: 'topology'; mode: 'direct' | 'sfu'; number: number; ready: string[] }
  | { type: 'participant_ready'; id: string; number: number }
  | { type: 'sfu_answer'; connection: number; sdp: string }
  | { type: 'sfu_closed'; connection: number; reason: string }
  | { type: 'publications'; list: Publication[] }
  | { type: 'layers_wanted'; source: Source; rids: string[] }
  | { type: 'downs'; list: Down[] }
  | { type: 'speakers'; list: string[] }
  | { type: 'told'; from: string; payload: unknown }
  | { type: 'offences'; id: string; list: OffenceView[]; kicks: number };

/** What only clients of groups say. */
export type GroupWord =
  | { type: 'topology_ready'; number: number }
  | { type: 'sfu_offer'; connection: number; sdp: string; publish: readonly Publish[] }
  | { type: 'publish'; publish: readonly Publish[] }
  | { type: 'subscribe'; downs: readonly Wish[] }
  | { type: 'tell'; to?: string; payload: object };

export type Source = 'microphone' | 'camera' | 'screen' | 'screen_sound';

/** One encoding of a picture. */
export interface Layer {
  /** Empty where there is one only. */
  readonly rid: string;
  readonly width: number;
  readonly height: number;
  readonly kbps: number;
}

/** One track that a client sends to the SFU. */
export interface Publish {
  readonly mid: string;
  readonly source: Source;
  readonly on: boolean;
  readonly layers?: readonly Layer[];
}

/** One track that others may see or hear. */
export interface Publication {
  /** Not 0; every packet of it carries it as its one contributing source. */
  readonly number: number;
  readonly participant: string;
  readonly source: Source;
  readonly on: boolean;
  readonly layers: readonly Layer[];
}

/** What a client wants in one of its sections. */
export interface Wish {
  readonly mid: string;
  readonly participant: string;
  readonly source: Source;
  readonly width: number;
  readonly height: number;
  readonly priority: number;
}

/** What became of a wish. */
export interface Down {
  readonly mid: string;
  readonly participant: string;
  readonly source: Source;
  readonly state: 'flows' | 'waiting' | 'paused' | 'absent';
  readonly rid: string | null;
}

interface Numbers {
  connection?: number;
  to_connection?: number;
}

export interface CandidateWord {
  kind: 'candidate';
  candidate: string;
  sdp_mid?: string | null;
  sdp_mline_index?: number | null;
  username_fragment?: string | null;
}

export type PeerWord =
  | { kind: 'description'; sdp_type: SdpType; sdp: string }
  | CandidateWord
  | { kind: 'proof'; mac: string }
  | { kind: 'restart' };

export type PeerMessage = PeerWord & Numbers;

/** How such a message travels that is about a connection for files in a group. */
export interface FilesWord {
  kind: 'files';
  about: PeerMessage;
}

export interface MediaState {
  type: 'media_state';
  microphone_on: boolean;
  camera_on: boolean;
  screen_on?: boolean;
  screen_moves?: boolean;
  takes_screen?: boolean;
  screen_sound_on?: boolean;
  takes_screen_sound?: boolean;
  /** Also in a group. */
  takes_files?: boolean;
  /** In kbit/s. */
  picture_kbps_max?: number;
}

/** Whom a host puts large for everybody; nobody any more where nobody is named. */
export interface SpotlightWord {
  type: 'spotlight';
  participant?: string;
  /** Their screen. */
  screen?: boolean;
}

export type ControlMessage =
  | MediaState
  | SpotlightWord
  | { type: 'hand'; raised: boolean }
  | { type: 'reaction'; reaction: string }
  | { type: 'recording'; state: string }
  | { type: 'may_record'; allowed: boolean }
  | { type: 'offer'; digest: string }
  | { type: 'bye' };
