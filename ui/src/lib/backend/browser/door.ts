/** The call's door as a guest's page has it: what the person asks there, in the server's words, and how it is shown. Pure. */
import type { DoorAsk, DoorView } from '../../bindings';
import type { Entrance } from './signaling';
import type { ComesToListen, DoorWord, HostWord, WaitingPerson } from './wire';

/** What is sent for it; null for what is no business of the server's. */
export function hostWord(ask: DoorAsk): HostWord | null {
  switch (ask.what) {
    case 'admit':
    case 'refuse':
    case 'remove':
      return { type: ask.what, id: ask.id };
    case 'lock':
      return { type: 'set_door', locked: ask.on };
    case 'lobby':
      return { type: 'set_door', lobby: ask.on };
    case 'listen_from':
      return { type: 'set_door', listen_from: ask.people };
    case 'set_listens':
      return { type: 'set_listens', id: ask.id, listens: ask.listens };
    case 'set_password':
      return { type: 'set_password', ...(ask.password === null ? {} : { password: ask.password }) };
    case 'ask_mute':
      return { type: 'ask_mute', ...(ask.id === null ? {} : { id: ask.id }) };
    case 'end_for_all':
      return { type: 'end_for_all' };
    case 'enter':
    case 'seen_mute':
    case 'seen_part':
    // Said to the others.
    case 'spotlight':
      return null;
  }
}

export interface DoorParts {
  readonly mayHost: boolean;
  readonly entrance: Entrance;
  readonly door: DoorWord;
  readonly waiting: readonly WaitingPerson[];
  /** Before this side is in: it would only listen. */
  readonly comesToListen: ComesToListen | null;
}

export const doorView = ({ mayHost, entrance, door, waiting, comesToListen }: DoorParts, muteAskedBy: string | null): DoorView => ({
  may_host: mayHost,
  entrance,
  ...door,
  waiting: waiting.map(({ id, name }) => ({ id, name })),
  comes_to_listen: comesToListen,
  mute_asked_by: muteAskedBy,
});
