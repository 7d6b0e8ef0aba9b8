/** The messages of docs/protocol.md as TypeScript sees them. What comes becomes one of them in `reader.ts`. */
import type { SdpType } from './negotiation';

export const VERSION = 1;

export interface Participant {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly order: number;
  readonly away: boolean;
}

export type Role = 'host' | 'guest';

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
}

/** What a host asks of the server. */
export type HostWord =
  | { type: 'admit' | 'refuse' | 'remove'; id: string }
  | { type: 'set_door'; locked?: boolean; lobby?: boolean }
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
  | { type: 'ticket'; room: string; ticket: string; expires_in_s: number }
  | { type: 'joined'; you: string; room: string; resume_token: string; participants: Participant[]; ice_servers: IceServerWord[] }
  | { type: 'participant_joined'; participant: Participant }
  | { type: 'participant_away' | 'participant_back'; id: string }
  | { type: 'participant_left'; id: string; reason: 'left' | 'lost' | 'removed' }
  | { type: 'resume_token'; resume_token: string }
  | { type: 'signal'; from: string; payload: PeerMessage }
  | ({ type: 'door' } & DoorWord)
  | { type: 'at_the_door'; people: WaitingPerson[] }
  | { type: 'role_changed'; id: string; role: Role }
  | { type: 'mute_asked'; by: string }
  | { type: 'waiting' | 'pong' | 'going_away' }
  | { type: 'error'; code: string; fatal: boolean };

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

export interface MediaState {
  type: 'media_state';
  microphone_on: boolean;
  camera_on: boolean;
  screen_on?: boolean;
  screen_moves?: boolean;
  takes_screen?: boolean;
  screen_sound_on?: boolean;
  takes_screen_sound?: boolean;
  /** In kbit/s. */
  picture_kbps_max?: number;
}

export type ControlMessage =
  | MediaState
  | { type: 'hand'; raised: boolean }
  | { type: 'reaction'; reaction: string }
  | { type: 'recording'; state: string }
  | { type: 'may_record'; allowed: boolean }
  | { type: 'offer'; digest: string }
  | { type: 'bye' };
