/** What a screen reader is told, once, when the state changes. */
import type { AppState, TalkView, TransferView } from '../bindings';
import { t } from '../text';
import { batches, isOver, offered } from './files';
import { headcount, isGroup, raisedOf } from './group/members';
import { arrived, unanswered } from './talk';

/** Where more are there, nobody is told whose microphone opens and closes, nor who else reacts alike: it would never end. */
const EACH_TOLD_MAX = 5;

interface Named {
  readonly id: string;
  readonly name: string;
}

/** The sentences for the step from `before` to `now`. */
export function announcements(before: AppState | null, now: AppState): string[] {
  if (!before || now.phase !== 'in_call' || before.phase !== 'in_call') return [];
  return [...roomSaid(before, now), ...peopleSaid(before, now), ...connectionSaid(before, now), ...doorSaid(before, now), ...selfSaid(before, now)];
}

/** The same of what people write, send and show each other. anew: whether something that many say at once was not said just now. */
export function talkSaid(before: TalkView, now: TalkView, people: readonly Named[], anew: (what: string) => boolean = () => true): string[] {
  const newest = before.reactions.at(-1)?.number ?? 0;
  const reactions = now.reactions.filter((one) => one.author !== null && one.number > newest && (people.length <= EACH_TOLD_MAX || anew(one.reaction)));
  const nameOf = (id: string | null) => people.find((person) => person.id === id)?.name ?? t.chat.nameless;
  const many = batches(now.transfers).filter((run) => run.length > 1);
  const ofMany = new Set(many.flat().map(({ id }) => id));
  const ended = now.transfers.flatMap((file) => {
    if (ofMany.has(file.id)) return [];
    const old = before.transfers.find((one) => one.id === file.id);
    if (!old || old.state === file.state) return [];
    return file.state === 'done' ? [t.said.fileDone({ file: file.name })] : file.state === 'failed' ? [t.said.fileFailed({ file: file.name })] : [];
  });
  return [
    ...arrived(before, now).map((message) => t.said.message({ name: message.name || t.chat.nameless, text: message.text })),
    ...offered(before.transfers, now.transfers).map((file) => fileSaid(file.name, file.with_name, people)),
    ...ended,
    ...many.flatMap((run) => batchSaid(before, run)),
    ...unanswered(before, now).map(() => t.said.undelivered),
    ...reactions.map((one) => t.said.reaction({ name: nameOf(one.author), what: t.reactions[one.reaction] })),
    ...(before.hand_raised === now.hand_raised ? [] : [now.hand_raised ? t.said.yourHandUp : t.said.yourHandDown]),
  ];
}

/** Of a file for many its end, once, and how many have it: what the row says that is one for all of them. */
function batchSaid(before: TalkView, run: readonly TransferView[]): string[] {
  const ids = new Set(run.map(({ id }) => id));
  const went = before.transfers.some((file) => ids.has(file.id) && !isOver(file));
  const done = run.filter((file) => file.state === 'done').length;
  return went && run.every(isOver) ? [`${run[0]?.name ?? ''}: ${t.files.haveIt({ count: run.length, done })}`] : [];
}

/** Whose file it is, where they gave a name. */
function fileSaid(file: string, by: string, people: readonly Named[]): string {
  const name = by || (people.length > 1 ? '' : (people[0]?.name ?? t.chat.nameless));
  return name ? t.said.fileOffered({ name, file }) : t.said.fileOfferedBySomebody({ file });
}

/** Whoever comes into a room of several hears how many there are, rather than each of their names. */
function roomSaid(before: AppState, now: AppState): string[] {
  return isGroup(now) && before.call !== null && headcount(before.call) === 1 ? [t.group.count({ count: headcount(now.call) })] : [];
}

function peopleSaid(before: AppState, now: AppState): string[] {
  const was = before.call?.people ?? [];
  const is = now.call?.people ?? [];
  // In a group news of who comes and goes is gathered first (group/comings.ts).
  const alone = !isGroup(before) && !isGroup(now);
  const joined = is.filter((p) => alone && !was.some((q) => q.id === p.id)).map((p) => t.said.joined({ name: p.name }));
  const left = was.filter((p) => alone && !is.some((q) => q.id === p.id)).map((p) => t.said.left({ name: p.name }));
  const changed = is.flatMap((p) => {
    const old = was.find((q) => q.id === p.id);
    if (is.length > EACH_TOLD_MAX || !old || old.microphone_on === p.microphone_on) return [];
    return [p.microphone_on ? t.said.micOn({ name: p.name }) : t.said.micOff({ name: p.name })];
  });
  const hands = is.flatMap((p) => {
    const old = was.find((q) => q.id === p.id);
    if (!old || old.hand_raised === p.hand_raised) return [];
    return [p.hand_raised ? t.said.handUp({ name: p.name }) : t.said.handDown({ name: p.name })];
  });
  const shared = is.flatMap((p) => {
    const old = was.find((q) => q.id === p.id);
    if ((old?.screen_on ?? false) === p.screen_on) return [];
    return [p.screen_on ? t.said.sharing({ name: p.name }) : t.said.sharingEnded({ name: p.name })];
  });
  const recorded = is.flatMap((p) => {
    const old = was.find((q) => q.id === p.id);
    if ((old?.recording ?? false) === p.recording) return [];
    return [p.recording ? t.said.recording({ name: p.name }) : t.said.recordingEnded({ name: p.name })];
  });
  return [...joined, ...left, ...changed, ...hands, ...asking(before, now), ...shared, ...recorded];
}

/** Hands of those who listen, to hosts, who let them speak: to hundreds of listeners it would say the same as the list. */
function asking(before: AppState, now: AppState): string[] {
  if (now.call?.door.may_host !== true) return [];
  const up = new Set((before.call?.listeners ?? []).filter((one) => one.hand_place !== null).map(({ id }) => id));
  return now.call.listeners.filter((one) => one.hand_place !== null && !up.has(one.id)).map((one) => t.said.handUp({ name: raisedOf(one).name }));
}

function connectionSaid(before: AppState, now: AppState): string[] {
  const from = before.call?.state;
  const to = now.call?.state;
  if (from === to) return [];
  if (to === 'reconnecting') return [t.said.reconnecting];
  if (to === 'connected') return [from === 'reconnecting' ? t.said.reconnected : t.said.connected];
  return [];
}

function doorSaid(before: AppState, now: AppState): string[] {
  const [was, is] = [before.call?.door, now.call?.door];
  if (!was || !is) return [];
  const came = is.waiting.filter((one) => !was.waiting.some((two) => two.id === one.id));
  return [
    ...came.map((one) => t.said.waits({ name: one.name || t.chat.nameless })),
    ...(is.mute_asked_by !== null && was.mute_asked_by === null ? [t.said.muteAsked] : []),
    ...(was.entrance === 'lobby' && is.entrance === 'free' ? [t.said.letIn] : []),
  ];
}

function selfSaid(before: AppState, now: AppState): string[] {
  const said: string[] = [];
  const [was, is] = [before.call?.part, now.call?.part];
  if (was !== undefined && was !== is && is === 'listens') return [t.listening.bar];
  if (was === 'listens' && is !== 'listens') said.push(t.listening.maySpeak);
  if (before.local.muted !== now.local.muted) said.push(now.local.muted ? t.said.youMuted : t.said.youUnmuted);
  if (before.local.camera_on !== now.local.camera_on) said.push(now.local.camera_on ? t.said.cameraOn : t.said.cameraOff);
  const [shared, shares] = [before, now].map(({ share: { sharing } }) => sharing !== null && !sharing.asking);
  if (shared !== shares) said.push(shares ? t.said.youShare : t.said.youStopped);
  const [recorded, records] = [before.recording.stage === 'on', now.recording.stage === 'on'];
  if (recorded !== records) said.push(records ? t.said.youRecord : t.said.youStoppedRecording);
  return said;
}
