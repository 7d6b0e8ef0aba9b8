/** The messages of docs/protocol.md as TypeScript sees them. What comes is data until it was looked at: unknown fields are left alone. */
import type { SdpType } from './negotiation';

export const VERSION = 1;

export interface Participant {
  readonly id: string;
  readonly name: string;
  readonly order: number;
  readonly away: boolean;
}

export interface IceServerWord {
  readonly kind: string;
  readonly host?: string;
  readonly port?: number;
  /** udp where it is not said; a later one that is not known is left out. */
  readonly transport?: string;
  readonly credentials?: { readonly username: string; readonly credential: string };
}

export type ServerMessage =
  | { type: 'ticket'; room: string; ticket: string; expires_in_s: number }
  | { type: 'joined'; you: string; room: string; resume_token: string; participants: Participant[]; ice_servers: IceServerWord[]; resumed: boolean }
  | { type: 'participant_joined'; participant: Participant }
  | { type: 'participant_away' | 'participant_back'; id: string }
  | { type: 'participant_left'; id: string; reason: string }
  | { type: 'resume_token'; resume_token: string }
  | { type: 'signal'; from: string; payload: PeerMessage }
  | { type: 'pong' | 'going_away' }
  | { type: 'error'; code: string; message: string; fatal: boolean };

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
}

export type ControlMessage =
  | MediaState
  | { type: 'hand'; raised: boolean }
  | { type: 'reaction'; reaction: string }
  | { type: 'recording'; state: string }
  | { type: 'may_record'; allowed: boolean }
  | { type: 'offer'; digest: string }
  | { type: 'bye' };

/** An object with a text under `key`, read from JSON; null when it is nothing of the kind. */
export function readTagged<T>(text: string, key: 'type' | 'kind'): T | null {
  try {
    const value: unknown = JSON.parse(text);
    const tagged = typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[key] === 'string';
    return tagged ? (value as T) : null;
  } catch {
    return null;
  }
}
