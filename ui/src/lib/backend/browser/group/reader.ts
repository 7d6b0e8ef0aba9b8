/** What a server says to clients of groups, looked at before anything believes it. Pure. */
import type { OffenceKind, OffenceView } from '../../../bindings';
import { LAYERS_MAX, PEOPLE_MAX, PICTURE_SECTIONS_MAX, PUBLICATIONS_MAX, SOUND_SECTIONS_MAX, SPEAKERS_MAX } from '../limits';
import { each, isCount, isId, isObject, isText, SDP_CHARS_MAX, type Loose } from '../loose';
import type { Down, GroupMessage, Layer, Publication, Source } from '../wire';

const MID_CHARS_MAX = 16;
const RID_CHARS_MAX = 8;
/** Each there is: one that is left out does not compile. */
const OFFENCES: Record<OffenceKind, true> = { flood: true, streams: true, malformed: true, key_frames: true, lists: true, absurd: true, upstream: true };
const isOffence = (what: unknown): what is OffenceKind => typeof what === 'string' && Object.hasOwn(OFFENCES, what);
/** With kinds of later versions. */
const OFFENCES_MAX = 32;

export function readGroup(it: Loose): GroupMessage | null {
  switch (it['type']) {
    case 'topology':
      return (it['mode'] === 'sfu' || it['mode'] === 'direct') && isCount(it['number']) ? { type: 'topology', mode: it['mode'], number: it['number'], ready: each(it['ready'], PEOPLE_MAX, id) } : null;
    case 'participant_ready':
      return isId(it['id']) && isCount(it['number']) ? { type: 'participant_ready', id: it['id'], number: it['number'] } : null;
    case 'sfu_answer':
      return isCount(it['connection']) && isText(it['sdp'], SDP_CHARS_MAX) ? { type: 'sfu_answer', connection: it['connection'], sdp: it['sdp'] } : null;
    case 'sfu_closed':
      return isCount(it['connection']) ? { type: 'sfu_closed', connection: it['connection'], reason: isText(it['reason'], 32) ? it['reason'] : 'kicked' } : null;
    case 'publications':
      return Array.isArray(it['list']) ? { type: 'publications', list: each(it['list'], PEOPLE_MAX * PUBLICATIONS_MAX, publication) } : null;
    case 'layers_wanted': {
      const source = sourceOf(it['source']);
      return source && Array.isArray(it['rids']) ? { type: 'layers_wanted', source, rids: each(it['rids'], LAYERS_MAX, (rid) => (isText(rid, RID_CHARS_MAX) ? rid : null)) } : null;
    }
    case 'downs':
      return Array.isArray(it['list']) ? { type: 'downs', list: each(it['list'], PICTURE_SECTIONS_MAX + SOUND_SECTIONS_MAX, down) } : null;
    case 'speakers':
      return Array.isArray(it['list']) ? { type: 'speakers', list: each(it['list'], SPEAKERS_MAX, id) } : null;
    case 'told':
      return isId(it['from']) ? { type: 'told', from: it['from'], payload: it['payload'] } : null;
    case 'offences':
      return isId(it['id']) && Array.isArray(it['list']) && isCount(it['kicks']) ? { type: 'offences', id: it['id'], list: each(it['list'], OFFENCES_MAX, offence), kicks: it['kicks'] } : null;
    default:
      return null;
  }
}

function publication(it: unknown): Publication | null {
  if (!isObject(it) || !isId(it['participant']) || !isCount(it['number'])) return null;
  const source = sourceOf(it['source']);
  return source && { number: it['number'], participant: it['participant'], source, on: it['on'] === true, layers: each(it['layers'], LAYERS_MAX, layer) };
}

function layer(it: unknown): Layer | null {
  if (!isObject(it) || !isText(it['rid'], RID_CHARS_MAX)) return null;
  const [width, height, kbps] = [it['width'], it['height'], it['kbps']];
  return isCount(width) && isCount(height) && isCount(kbps) ? { rid: it['rid'], width, height, kbps } : null;
}

function down(it: unknown): Down | null {
  if (!isObject(it) || !isId(it['participant']) || !isText(it['mid'], MID_CHARS_MAX)) return null;
  const [source, state] = [sourceOf(it['source']), it['state']];
  const known = state === 'flows' || state === 'waiting' || state === 'paused' ? state : 'absent';
  return source && { mid: it['mid'], participant: it['participant'], source, state: known, rid: isText(it['rid'], RID_CHARS_MAX) ? it['rid'] : null };
}

function offence(it: unknown): OffenceView | null {
  if (!isObject(it) || !isCount(it['count'])) return null;
  const what = it['what'];
  return isOffence(what) ? { what, count: it['count'] } : null;
}

const id = (it: unknown): string | null => (isId(it) ? it : null);
const sourceOf = (it: unknown): Source | null => (it === 'microphone' || it === 'camera' || it === 'screen' || it === 'screen_sound' ? it : null);
