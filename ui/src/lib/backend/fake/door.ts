/** The call's door in the simulation. Pure: from how it stands to how it stands next. */
import type { DoorAsk, DoorView } from '../../bindings';

/** The password that comes in. */
export const RIGHT_PASSWORD = 'open sesame';

/** What becomes of the door; what ends a call or puts somebody out is not its business. */
export function asked(door: DoorView, ask: DoorAsk): DoorView {
  switch (ask.what) {
    case 'enter':
      return { ...door, entrance: ask.password === RIGHT_PASSWORD ? 'free' : 'password_wrong' };
    case 'admit':
    case 'refuse':
      return { ...door, waiting: door.waiting.filter((one) => one.id !== ask.id) };
    case 'lock':
      return { ...door, locked: ask.on };
    case 'lobby':
      return { ...door, lobby: ask.on };
    case 'set_password':
      return { ...door, password: ask.password !== null };
    case 'seen_mute':
      return { ...door, mute_asked_by: null };
    case 'listen_from':
      return { ...door, listen_from: ask.people };
    case 'set_listens':
    case 'seen_part':
    case 'remove':
    case 'ask_mute':
    case 'spotlight':
    case 'end_for_all':
      return door;
  }
}
