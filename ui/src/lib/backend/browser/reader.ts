/** What others say, looked at before anything believes it: from JSON to the messages of `wire.ts`, or nothing. Pure. */
import { shownName } from './presentable';
import { readGroup } from './group/reader';
import { LISTEN_FROM_MAX, PEOPLE_MAX, PEOPLE_TOLD_AT_ONCE } from './limits';
import { each, isId, isNumber, isObject, isText, NUMBER_MAX, SDP_CHARS_MAX, type Loose } from './loose';
import type { CandidateWord, ComesToListen, ControlMessage, DoorWord, IceServerWord, Participant, PeerMessage, PeerWord, ServerMessage, WaitingPerson } from './wire';

/** As on the wire (docs/protocol.md, "Limits"). */
const TOKEN_CHARS_MAX = 2048;
const CANDIDATE_CHARS_MAX = 1024;
const LOBBY_PEOPLE_MAX = 16;
const SERVERS_MAX = 32;

/** The messages of a server in a text: one, or several in one. Null where it is no message at all. */
export function readServerAll(text: string): (ServerMessage | 'other')[] | null {
  const message = readTagged(text, 'type');
  if (!message) return null;
  if (message['type'] !== 'several') return [serverMessage(message) ?? 'other'];
  // Each by itself: one that makes no sense costs no other, and none hides more of them.
  const list = Array.isArray(message['list']) ? message['list'] : [];
  return list.map((one: unknown) => (isObject(one) && typeof one['type'] === 'string' ? (serverMessage(one) ?? 'other') : 'other'));
}

/** A message of a server; 'other' is one that this page does not know, or a part of it makes no sense; null is no message at all. */
export function readServer(text: string): ServerMessage | 'other' | null {
  const message = readTagged(text, 'type');
  return message && (serverMessage(message) ?? 'other');
}

function serverMessage(it: Loose): ServerMessage | null {
  switch (it['type']) {
    case 'ticket':
      return isText(it['ticket'], TOKEN_CHARS_MAX) && isText(it['room'], TOKEN_CHARS_MAX) && isNumber(it['expires_in_s'])
        ? { type: 'ticket', room: it['room'], ticket: it['ticket'], expires_in_s: Math.min(24 * 3600, Math.max(10, it['expires_in_s'])), listens: comesToListen(it['listens']) }
        : null;
    case 'joined': {
      if (!isId(it['you']) || !isText(it['room'], TOKEN_CHARS_MAX) || !isText(it['resume_token'], TOKEN_CHARS_MAX) || !Array.isArray(it['participants'])) return null;
      return { type: 'joined', you: it['you'], room: it['room'], resume_token: it['resume_token'], participants: each(it['participants'], PEOPLE_MAX, participant), ice_servers: each(it['ice_servers'], SERVERS_MAX, iceServer) };
    }
    case 'participants':
      return Array.isArray(it['list']) ? { type: 'participants', list: each(it['list'], PEOPLE_TOLD_AT_ONCE, participant) } : null;
    case 'participant_joined': {
      const who = participant(it['participant']);
      return who && { type: 'participant_joined', participant: who };
    }
    case 'participant_away':
    case 'participant_back':
      return isId(it['id']) ? { type: it['type'], id: it['id'] } : null;
    case 'participant_left':
      return isId(it['id']) ? { type: 'participant_left', id: it['id'], reason: it['reason'] === 'left' || it['reason'] === 'removed' ? it['reason'] : 'lost' } : null;
    case 'resume_token':
      return isText(it['resume_token'], TOKEN_CHARS_MAX) ? { type: 'resume_token', resume_token: it['resume_token'] } : null;
    case 'signal': {
      const [from, said] = [it['from'], it['payload']];
      if (!isId(from)) return null;
      const isAboutFiles = isObject(said) && said['kind'] === 'files';
      const payload = peerMessage(isAboutFiles ? said['about'] : said);
      if (!payload) return null;
      return isAboutFiles ? { type: 'file_signal', from, about: payload } : { type: 'signal', from, payload };
    }
    case 'waiting':
    case 'pong':
    case 'going_away':
      return { type: it['type'] };
    case 'door':
      return { type: 'door', ...door(it) };
    case 'at_the_door':
      return Array.isArray(it['people']) ? { type: 'at_the_door', people: each(it['people'], LOBBY_PEOPLE_MAX, waitingPerson) } : null;
    case 'role_changed':
      return isId(it['id']) ? { type: 'role_changed', id: it['id'], role: role(it['role']) } : null;
    case 'listens_changed':
      return isId(it['id']) ? { type: 'listens_changed', id: it['id'], listens: it['listens'] === true } : null;
    case 'mute_asked':
      return isId(it['by']) ? { type: 'mute_asked', by: it['by'] } : null;
    case 'error':
      return isText(it['code'], 64) ? { type: 'error', code: it['code'], fatal: it['fatal'] === true } : null;
    default:
      return readGroup(it);
  }
}

/** What somebody said through the server. */
function peerMessage(it: unknown): PeerMessage | null {
  if (!isObject(it)) return null;
  const word = peerWord(it);
  const [connection, to_connection] = [it['connection'] ?? undefined, it['to_connection'] ?? undefined];
  const whole = (value: unknown): value is number | undefined => value === undefined || (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= NUMBER_MAX);
  if (!word || !whole(connection) || !whole(to_connection)) return null;
  return { ...word, ...(connection === undefined ? {} : { connection }), ...(to_connection === undefined ? {} : { to_connection }) };
}

function peerWord(it: Loose): PeerWord | null {
  switch (it['kind']) {
    case 'description': {
      const { sdp_type, sdp } = it;
      return (sdp_type === 'offer' || sdp_type === 'answer') && isText(sdp, SDP_CHARS_MAX) ? { kind: 'description', sdp_type, sdp } : null;
    }
    case 'candidate':
      return candidate(it);
    case 'proof':
      return isText(it['mac'], 64) ? { kind: 'proof', mac: it['mac'] } : null;
    case 'restart':
      return { kind: 'restart' };
    default:
      return null;
  }
}

function candidate(it: Loose): CandidateWord | null {
  const [sdp_mid, sdp_mline_index, username_fragment] = [it['sdp_mid'] ?? null, it['sdp_mline_index'] ?? null, it['username_fragment'] ?? null];
  const word = (value: unknown): value is string | null => value === null || isText(value, CANDIDATE_CHARS_MAX);
  const line = (value: unknown): value is number | null => value === null || (Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 16);
  if (!isText(it['candidate'], CANDIDATE_CHARS_MAX) || !word(sdp_mid) || !word(username_fragment) || !line(sdp_mline_index)) return null;
  return { kind: 'candidate', candidate: it['candidate'], sdp_mid, sdp_mline_index, username_fragment };
}

/** What somebody said over the control channel; null for what is not known. */
export function readControl(text: string): ControlMessage | null {
  const it = readTagged(text, 'type');
  switch (it?.['type']) {
    case 'media_state': {
      const on = (key: string) => it[key] === true;
      if (typeof it['microphone_on'] !== 'boolean' || typeof it['camera_on'] !== 'boolean') return null;
      const kbps = it['picture_kbps_max'];
      return {
        type: 'media_state', microphone_on: it['microphone_on'], camera_on: it['camera_on'], screen_on: on('screen_on'), screen_moves: on('screen_moves'),
        takes_screen: on('takes_screen'), screen_sound_on: on('screen_sound_on'), takes_screen_sound: on('takes_screen_sound'), takes_files: on('takes_files'),
        ...(isNumber(kbps) && kbps >= 0 ? { picture_kbps_max: kbps } : {}),
      };
    }
    case 'hand':
      return { type: 'hand', raised: it['raised'] === true };
    case 'reaction':
      return isText(it['reaction'], 32) ? { type: 'reaction', reaction: it['reaction'] } : null;
    case 'recording':
      return isText(it['state'], 32) ? { type: 'recording', state: it['state'] } : null;
    case 'may_record':
      return { type: 'may_record', allowed: it['allowed'] === true };
    case 'offer':
      return isText(it['digest'], 64) ? { type: 'offer', digest: it['digest'] } : null;
    case 'spotlight': {
      const who = it['participant'] ?? undefined;
      if (who !== undefined && !isId(who)) return null;
      return { type: 'spotlight', ...(who === undefined ? {} : { participant: who }), screen: it['screen'] === true };
    }
    case 'bye':
      return { type: 'bye' };
    default:
      return null;
  }
}

/** An object with a text under `key`, read from JSON; null when it is nothing of the kind. */
export function readTagged(text: string, key: 'type' | 'kind'): Loose | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && typeof value[key] === 'string' ? value : null;
  } catch {
    return null;
  }
}

function participant(it: unknown): Participant | null {
  if (!isObject(it) || !isId(it['id']) || typeof it['name'] !== 'string' || !isNumber(it['order'])) return null;
  return { id: it['id'], name: shownName(it['name']), role: role(it['role']), order: it['order'], away: it['away'] === true, listens: it['listens'] === true };
}

function waitingPerson(it: unknown): WaitingPerson | null {
  return isObject(it) && isId(it['id']) && typeof it['name'] === 'string' ? { id: it['id'], name: shownName(it['name']) } : null;
}

function iceServer(it: unknown): IceServerWord | null {
  if (!isObject(it) || typeof it['kind'] !== 'string' || !isNumber(it['port'])) return null;
  const { kind, port, host, transport, credentials } = it;
  const named = isObject(credentials) && isText(credentials['username'], 512) && isText(credentials['credential'], 512) ? { credentials: { username: credentials['username'], credential: credentials['credential'] } } : {};
  return { kind, port, ...(typeof host === 'string' ? { host } : {}), ...(typeof transport === 'string' ? { transport } : {}), ...named };
}

const door = (it: Loose): DoorWord => ({ locked: it['locked'] === true, lobby: it['lobby'] === true, password: it['password'] === true, listen_from: listenFrom(it['listen_from']) });
const listenFrom = (it: unknown): number => (isNumber(it) ? Math.max(0, Math.min(LISTEN_FROM_MAX, Math.trunc(it))) : 0);
const comesToListen = (it: unknown): ComesToListen | null => (typeof it !== 'string' ? null : it === 'asked' || it === 'full' ? it : 'many');
const role = (it: unknown) => (it === 'host' ? 'host' : 'guest');
