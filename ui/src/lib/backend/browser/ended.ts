/** How a call ended, as the window shows it. The sentences are the engine's, so that they are said in every language. Pure. */
import type { EndCode } from '../../bindings';
import { t } from '../../text';
import { SOURCES } from '../../text/language.svelte';
import type { CallEnd } from './call-events';

type Sentence = keyof typeof SOURCES.en.sentences;

/** As `ErrorCode::sentence` of parley-proto. The server's own words are not shown: whoever runs it could have the page say anything. */
const REFUSALS: ReadonlyMap<string, Sentence> = new Map([
  ['too_large', 'tooLarge'], ['too_fast', 'tooFast'], ['version_mismatch', 'otherVersion'], ['room_unknown', 'roomUnknown'], ['room_full', 'roomFull'],
  ['place_kept', 'placeKeptWait'], ['ticket_expired', 'ticketExpired'], ['ticket_invalid', 'ticketInvalid'], ['resume_invalid', 'resumeInvalid'], ['replaced', 'replaced'],
  ['unavailable', 'serverFull'], ['locked', 'locked'], ['password_needed', 'passwordNeeded'], ['password_wrong', 'passwordWrong'], ['not_admitted', 'notAdmitted'],
  ['cannot_wait', 'cannotWait'], ['removed', 'removed'], ['ended', 'endedForAll'], ['not_allowed', 'notAllowed'],
]);

const ENDS: Record<Exclude<CallEnd, object>, readonly [EndCode, Sentence]> = {
  bye: ['other_left', 'otherLeft'],
  'other-left': ['other_left', 'otherLeft'],
  'other-lost': ['other_lost', 'otherLost'],
  'connection-failed': ['connection_failed', 'noWay'],
  silent: ['server_unreachable', 'serverLost'],
  'not-parley': ['not_a_parley_server', 'notParley'],
  'proof-wrong': ['not_genuine', 'proofWrong'],
  'proof-missing': ['not_genuine', 'proofMissing'],
};

/** `h264`: whether the browser speaks the app's video. Without it no way is found where there are ways enough. */
export function endOf(why: CallEnd, h264: boolean): { code: EndCode; message: string } {
  if (why === 'connection-failed' && !h264) return { code: 'connection_failed', message: t.guest.noH264 };
  const [code, sentence]: readonly [EndCode, Sentence] = typeof why === 'object' ? ['refused', REFUSALS.get(why.refused) ?? 'misunderstood'] : ENDS[why];
  return { code, message: SOURCES.en.sentences[sentence] };
}
