/** One transfer, as {@link Transfers} keeps it, and as the window sees it. Pure. As `parley-call/src/files/transfers/one.rs`. */
import type { TransferProblem, TransferStage, TransferView } from '../../../bindings';

export interface Transfer {
  readonly wire: string;
  readonly key: string;
  readonly sending: boolean;
  readonly name: string;
  readonly size: number;
  readonly fingerprint: string;
  /** Of one that goes: which file of the person's it is. */
  readonly source: string | null;
  stage: TransferStage;
  fault: TransferProblem | null;
  /** The receiver said yes at some time. */
  accepted: boolean;
  pausedHere: boolean;
  pausedThere: boolean;
  moved: number;
  next: number;
  turn: number;
  receipted: number;
  delayMs: number;
  hash: string | null;
  speed: { atMs: number; moved: number }[];
}

const SPEED_SPAN_MS = 2000;
/** How far it is is noted so often at most, however small the parts are that it moves in. */
const SPEED_EVERY_MS = 100;
const OVER: ReadonlySet<TransferStage> = new Set(['done', 'declined', 'cancelled_here', 'cancelled_there', 'failed']);

export const isOver = ({ stage }: Transfer): boolean => OVER.has(stage);

export function newOne(what: Pick<Transfer, 'wire' | 'key' | 'sending' | 'name' | 'size' | 'fingerprint' | 'source'>): Transfer {
  const stage = what.sending ? 'offered' : 'asking';
  return { ...what, stage, fault: null, accepted: false, pausedHere: false, pausedThere: false, moved: 0, next: 0, turn: 0, receipted: 0, delayMs: 0, hash: null, speed: [] };
}

export function movedTo(one: Transfer, nowMs: number, moved: number): void {
  one.moved = moved;
  const last = one.speed.at(-1);
  if (last && nowMs - last.atMs < SPEED_EVERY_MS) return;
  one.speed = [...one.speed.filter(({ atMs }) => nowMs - atMs <= SPEED_SPAN_MS), { atMs: nowMs, moved }];
}

/** `up`: there is a connection for it. */
export function viewOf(one: Transfer, up: boolean, nowMs: number): TransferView {
  const [first] = one.speed.filter(({ atMs }) => nowMs - atMs <= SPEED_SPAN_MS);
  const seconds = first ? (nowMs - first.atMs) / 1000 : 0;
  const agreed = one.stage === 'moving' || (one.stage === 'offered' && one.accepted);
  const paused = agreed && (one.pausedHere || one.pausedThere);
  return {
    id: one.key,
    sending: one.sending,
    with: null,
    with_name: '',
    name: one.name,
    size: one.size,
    moved: one.moved,
    bytes_per_s: first && seconds > 0.2 && !paused ? Math.round((one.moved - first.moved) / seconds) : 0,
    state: paused ? 'paused' : agreed && (!up || one.stage === 'offered') ? 'waiting' : one.stage,
    paused_here: one.pausedHere,
    fault: one.fault,
    path: one.sending ? one.source : one.stage === 'done' ? one.name : null,
  };
}

/** What the window calls them: file-1, file-2, ... */
export function keys(): () => string {
  let number = 0;
  return () => `file-${(number += 1)}`;
}
