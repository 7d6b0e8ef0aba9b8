/** What a call tells whoever holds it. */
import type { LaneName, TrackRole } from './connection';
import type { FrameKind } from './group/words';
import type { LaneUser } from './lane';
import type { LinkEnd } from './peer-link';
import type { ControlMessage, Participant } from './wire';

export type CallEnd = LinkEnd | 'other-left' | 'other-lost' | 'not-parley' | { readonly refused: string };

export interface CallEvents {
  /** Something of {@link Call} changed. */
  changed(): void;
  ended(why: CallEnd): void;
  /** Of the person at the other end of the direct way. */
  control(message: ControlMessage): void;
  /** Of somebody in a group. */
  word(from: string, message: ControlMessage): void;
  track(role: TrackRole, track: MediaStreamTrack): void;
  /** Another person is there than before, or nobody. */
  person(): void;
  /** Nothing comes directly any more; in a group, people stay. */
  directEnded(): void;
  /** Whose words go which way: see `Room`. */
  words: WordsEvents;
  /** A host asks for silence. */
  muteAsked(by: Participant): void;
  lane: Record<LaneName, LaneUser>;
  /** Where the lanes of a connection for files lead, to one of a group. */
  fileLanes(id: string): Record<Exclude<LaneName, 'chat'>, LaneUser>;
}

/** How people of a group are written to. */
export interface WordsEvents {
  grouped(direct: string | null): void;
  open(id: string, say: (kind: FrameKind, frame: Uint8Array) => boolean): void;
  closed(id: string): void;
  came(kind: FrameKind, id: string, frame: Uint8Array): void;
  goesBack(): void;
  pairedOff(other: string | null): void;
}
