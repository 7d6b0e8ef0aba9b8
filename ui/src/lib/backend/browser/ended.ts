/** How a call ended, as the window shows it. The sentences are the engine's, letter for letter, so that they are said in every language. Pure. */
import type { EndCode } from '../../bindings';
import type { CallEnd } from './call';

export function endOf(why: CallEnd): { code: EndCode; message: string } {
  if (typeof why === 'object') return { code: 'refused', message: why.message };
  switch (why) {
    case 'bye':
    case 'other-left':
      return { code: 'other_left', message: 'The other person left the call.' };
    case 'other-lost':
      return { code: 'other_lost', message: 'The connection to the other person was lost, and they did not come back.' };
    case 'connection-failed':
      return { code: 'connection_failed', message: 'Picture and sound could not find a way between you two. One of the networks may block them: try another network, then open the link again.' };
    case 'silent':
      return { code: 'server_unreachable', message: 'The connection to the server was lost.' };
    case 'not-parley':
      return { code: 'not_a_parley_server', message: 'What answers at this address is not a Parley server. Check the address, or whether the whole link was copied.' };
    case 'proof-wrong':
      return {
        code: 'not_genuine',
        message:
          'Somebody may be listening in: the other side could not prove that the connection is really theirs. The call was stopped before any picture or sound was sent. Send each other a fresh link by another way.',
      };
    case 'proof-missing':
      return {
        code: 'not_genuine',
        message: 'The other side did not prove that it has the link, so the call was stopped before any picture or sound was sent. Ask them to open the whole link with an up-to-date Parley.',
      };
  }
}
