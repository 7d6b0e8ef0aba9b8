/**
 * Files both ways, decided without disks or lanes: offers, answers, parts in order, receipts, and going on over the next
 * connection. Whoever drives it reads and keeps what it asks for. As `parley-call/src/files/transfers`.
 */
import type { TransferProblem, TransferStage, TransferView } from '../../../bindings';
import { harmless, isHarmless } from '../presentable';
import type { ChunkFrame, FileFrame } from './frames';
import { Pace } from './pace';

export interface TransfersOut {
  say(frame: FileFrame): void;
  chunk(frame: ChunkFrame): void;
  /** Asks for a part of an own file; comes back by {@link Transfers.onRead}. */
  read(id: string, turn: number, offset: number, bytes: number): void;
  /** Asks for the hash of all of an own file. */
  hash(id: string): void;
  keep(id: string, bytes: Uint8Array): void;
  /** All of it is there: comes back by {@link Transfers.onKept}. */
  complete(id: string, hash: string): void;
  release(id: string): void;
}

interface Transfer {
  readonly wire: string;
  readonly key: string;
  readonly sending: boolean;
  readonly name: string;
  readonly size: number;
  readonly fingerprint: string;
  stage: TransferStage;
  fault: TransferProblem | null;
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

const UNFINISHED_MAX = 32;
/** Transfers that are kept to be looked at when they are over; the oldest go first. */
const OVER_MAX = 64;
const RECEIPT_BYTES = 256 * 1024;
const SPEED_SPAN_MS = 2000;
/** What a page can be trusted to keep. */
const FILE_BYTES_MAX = 4 * 1024 ** 3;
const OVER: ReadonlySet<TransferStage> = new Set(['done', 'declined', 'cancelled_here', 'cancelled_there', 'failed']);
const FAULTS: ReadonlyMap<string, TransferProblem> = new Map([['too_many', 'too_many'], ['disk_full', 'other_disk_full'], ['disk_failed', 'other_disk_failed'], ['damaged', 'damaged']]);

export class Transfers {
  readonly #out: TransfersOut;
  #list: Transfer[] = [];
  #pace = new Pace();
  #up = false;
  #numbers = 0;

  constructor(out: TransfersOut) {
    this.#out = out;
  }

  views(nowMs: number): TransferView[] {
    return this.#list.map((one) => {
      const [first] = one.speed.filter(({ atMs }) => nowMs - atMs <= SPEED_SPAN_MS);
      const seconds = first ? (nowMs - first.atMs) / 1000 : 0;
      const paused = one.stage === 'moving' && (one.pausedHere || one.pausedThere);
      return {
        id: one.key,
        sending: one.sending,
        // Between two there is one person; a group's page has no files.
        with: null,
        with_name: '',
        name: one.name,
        size: one.size,
        moved: one.moved,
        bytes_per_s: first && seconds > 0.2 && !paused ? Math.round((one.moved - first.moved) / seconds) : 0,
        state: paused ? 'paused' : one.stage === 'moving' && !this.#up ? 'waiting' : one.stage,
        paused_here: one.pausedHere,
        fault: one.fault,
        path: one.stage === 'done' ? one.name : null,
      };
    });
  }

  get moving(): boolean {
    return this.#list.some((one) => one.stage === 'moving' || one.stage === 'checking');
  }

  wireOf = (key: string): string | null => this.#list.find((one) => one.key === key)?.wire ?? null;

  // What the person wants.

  /** One without a fingerprint cannot be read, as a folder that was dropped. */
  offer(wire: string, name: string, size: number, fingerprint: string | null): void {
    const one = this.#add(wire, true, harmless(name), size, fingerprint ?? '', 'offered');
    if (fingerprint === null) return this.#fail(one, 'unreadable');
    if (this.#up) this.#sayOffer(one);
  }

  decide(key: string, accept: boolean): void {
    const one = this.#list.find((candidate) => candidate.key === key && candidate.stage === 'asking');
    if (!one) return;
    if (accept) {
      one.stage = 'moving';
      this.#say({ type: 'accept', id: one.wire, offset: 0 });
      this.#completeIfWhole(one);
    } else {
      this.#say({ type: 'refuse', id: one.wire, reason: 'declined' });
      this.#end(one, 'declined');
    }
  }

  pause(key: string, paused: boolean): void {
    const one = this.#list.find((candidate) => candidate.key === key && !OVER.has(candidate.stage));
    if (!one || one.pausedHere === paused) return;
    one.pausedHere = paused;
    one.speed = [];
    this.#say({ type: paused ? 'pause' : 'resume', id: one.wire });
    this.pump();
  }

  cancel(key: string): void {
    const one = this.#list.find((candidate) => candidate.key === key && !OVER.has(candidate.stage));
    if (!one) return;
    this.#say({ type: 'cancel', id: one.wire });
    this.#end(one, 'cancelled_here');
  }

  // The lane.

  laneUp(): void {
    this.#up = true;
    this.#pace = new Pace();
    for (const one of this.#list) if (one.sending && !OVER.has(one.stage)) {
      one.stage = 'offered';
      one.pausedThere = false;
      this.#sayOffer(one);
    }
  }

  laneDown(): void {
    this.#up = false;
  }

  /** Whoever it was for is gone. */
  forget(): void {
    this.#up = false;
    for (const one of this.#list) if (!OVER.has(one.stage)) this.#fail(one, 'other_gone');
  }

  onFrame(frame: FileFrame): void {
    const one = this.#list.find((candidate) => candidate.wire === frame.id);
    switch (frame.type) {
      case 'offer':
        return one ? this.#onOfferAgain(one, frame) : this.#onOffer(frame);
      case 'accept':
        if (!one?.sending || one.stage !== 'offered' || frame.offset > one.size) return;
        one.stage = 'moving';
        one.turn += 1;
        one.next = one.moved = frame.offset;
        one.speed = [];
        if (one.pausedHere) this.#say({ type: 'pause', id: one.wire });
        return this.pump();
      case 'refuse':
      case 'failed':
        if (!one?.sending || OVER.has(one.stage)) return;
        if (frame.reason === 'declined') return this.#end(one, 'declined');
        return this.#fail(one, FAULTS.get(frame.reason) ?? 'refused');
      case 'pause':
      case 'resume':
        if (!one || OVER.has(one.stage)) return;
        one.pausedThere = frame.type === 'pause';
        one.speed = [];
        return this.pump();
      case 'cancel':
        if (one && !OVER.has(one.stage)) this.#end(one, 'cancelled_there');
        return;
      case 'sent':
        if (!one || one.sending || one.stage !== 'moving') return;
        one.hash = frame.hash;
        return this.#completeIfWhole(one);
      case 'received':
        if (one?.sending && (one.stage === 'moving' || one.stage === 'checking')) {
          one.moved = one.size;
          this.#end(one, 'done');
        }
    }
  }

  onChunk(nowMs: number, frame: ChunkFrame): void {
    const one = this.#list.find((candidate) => candidate.wire === frame.id && candidate.stage === 'moving');
    if (!one) return;
    if (frame.is === 'receipt') {
      if (!one.sending || frame.offset < one.moved || frame.offset > one.next) return;
      const bytes = frame.offset - one.moved;
      this.#movedTo(one, nowMs, frame.offset);
      if (bytes > 0) this.#pace.onReceipt(nowMs, bytes, frame.delayMs);
      return this.pump();
    }
    if (one.sending) return;
    const end = frame.offset + frame.bytes.length;
    if (frame.offset !== one.next || end > one.size) {
      this.#say({ type: 'failed', id: one.wire, reason: 'disk_failed' });
      return this.#fail(one, 'out_of_step');
    }
    one.next = end;
    one.delayMs = (Math.floor(nowMs) - frame.stampMs) >>> 0;
    this.#out.keep(one.wire, frame.bytes);
    this.#movedTo(one, nowMs, end);
    // Small windows of the sender need their receipts early.
    if (end === one.size || end - one.receipted >= RECEIPT_BYTES || nowMs - this.#receiptAt >= 5) this.#receipt(one, nowMs);
    this.#completeIfWhole(one);
  }

  #receiptAt = 0;

  /** Receipts that are still owed once nothing more came for a moment. */
  onTick(nowMs: number): void {
    for (const one of this.#list) if (!one.sending && one.stage === 'moving' && one.receipted < one.next) this.#receipt(one, nowMs);
  }

  // What was asked for.

  onRead(nowMs: number, wire: string, turn: number, offset: number, bytes: Uint8Array | null): void {
    const one = this.#list.find((candidate) => candidate.wire === wire && candidate.stage === 'moving' && candidate.turn === turn);
    if (!one) return;
    if (!bytes) {
      this.#say({ type: 'cancel', id: wire });
      return this.#fail(one, 'unreadable');
    }
    if (this.#up) this.#out.chunk({ is: 'chunk', id: wire, offset, stampMs: Math.floor(nowMs) >>> 0, bytes });
  }

  onHashed(wire: string, hash: string | null): void {
    const one = this.#list.find((candidate) => candidate.wire === wire && candidate.stage === 'checking');
    if (!one) return;
    if (hash !== null) return this.#say({ type: 'sent', id: wire, hash });
    this.#say({ type: 'cancel', id: wire });
    this.#fail(one, 'unreadable');
  }

  onKept(wire: string, right: boolean): void {
    const one = this.#list.find((candidate) => candidate.wire === wire && candidate.stage === 'checking');
    if (!one) return;
    if (right) {
      this.#say({ type: 'received', id: wire });
      return this.#end(one, 'done');
    }
    this.#say({ type: 'failed', id: wire, reason: 'damaged' });
    this.#fail(one, 'damaged');
  }

  /** Asks for as much as may be on its way, from each file in turn. */
  pump(): void {
    if (!this.#up) return;
    const sending = this.#list.filter((one) => one.sending && one.stage === 'moving' && !one.pausedHere && !one.pausedThere);
    let onTheWay = sending.reduce((sum, one) => sum + one.next - one.moved, 0);
    for (let idle = 0, at = 0; idle < sending.length; at += 1) {
      const one = sending[at % sending.length];
      if (!one) return;
      const bytes = Math.min(this.#pace.chunkBytes, one.size - one.next);
      if (bytes === 0 && one.moved === one.size && one.stage === 'moving') {
        one.stage = 'checking';
        this.#out.hash(one.wire);
      }
      if (bytes === 0 || onTheWay >= this.#pace.window) {
        idle += 1;
        continue;
      }
      idle = 0;
      this.#out.read(one.wire, one.turn, one.next, bytes);
      one.next += bytes;
      onTheWay += bytes;
    }
  }

  #onOffer({ id, name, size, fingerprint }: Extract<FileFrame, { type: 'offer' }>): void {
    const unfinished = this.#list.filter((one) => !one.sending && !OVER.has(one.stage)).length;
    const reason = !isHarmless(name) ? 'bad_name' : size > FILE_BYTES_MAX ? 'too_large' : unfinished >= UNFINISHED_MAX ? 'too_many' : null;
    if (reason) return this.#say({ type: 'refuse', id, reason });
    this.#add(id, false, name, size, fingerprint, 'asking');
  }

  /** After a fresh connection: what is known of it is said again. */
  #onOfferAgain(one: Transfer, offer: Extract<FileFrame, { type: 'offer' }>): void {
    if (one.sending || one.size !== offer.size || one.fingerprint !== offer.fingerprint) return;
    const id = one.wire;
    one.pausedThere = false;
    if (one.stage === 'moving') {
      if (one.pausedHere) this.#say({ type: 'pause', id });
      this.#say({ type: 'accept', id, offset: one.next });
    } else if (one.stage === 'done') this.#say({ type: 'received', id });
    else if (one.stage === 'declined') this.#say({ type: 'refuse', id, reason: 'declined' });
    else if (OVER.has(one.stage)) this.#say({ type: 'cancel', id });
  }

  #add(wire: string, sending: boolean, name: string, size: number, fingerprint: string, stage: TransferStage): Transfer {
    this.#numbers += 1;
    const one: Transfer = { wire, key: `file-${this.#numbers}`, sending, name, size, fingerprint, stage, fault: null, pausedHere: false, pausedThere: false, moved: 0, next: 0, turn: 0, receipted: 0, delayMs: 0, hash: null, speed: [] };
    this.#list.push(one);
    return one;
  }

  #sayOffer({ wire: id, name, size, fingerprint }: Transfer): void {
    this.#say({ type: 'offer', id, name, size, fingerprint });
  }

  #say(frame: FileFrame): void {
    if (this.#up) this.#out.say(frame);
  }

  #receipt(one: Transfer, nowMs: number): void {
    if (!this.#up) return;
    one.receipted = one.next;
    this.#receiptAt = nowMs;
    this.#out.chunk({ is: 'receipt', id: one.wire, offset: one.next, delayMs: one.delayMs });
  }

  #completeIfWhole(one: Transfer): void {
    if (one.sending || one.stage !== 'moving' || one.moved !== one.size || one.hash === null) return;
    one.stage = 'checking';
    this.#out.complete(one.wire, one.hash);
  }

  #movedTo(one: Transfer, nowMs: number, moved: number): void {
    one.moved = moved;
    one.speed = [...one.speed.filter(({ atMs }) => nowMs - atMs <= SPEED_SPAN_MS), { atMs: nowMs, moved }];
  }

  #fail(one: Transfer, fault: TransferProblem): void {
    one.fault = fault;
    this.#end(one, 'failed');
  }

  #end(one: Transfer, stage: TransferStage): void {
    one.stage = stage;
    if (stage !== 'done' || one.sending) this.#out.release(one.wire);
    this.#forgetOldest();
  }

  /** Else whoever offers and takes back without end fills the page. */
  #forgetOldest(): void {
    const over = this.#list.filter((one) => OVER.has(one.stage));
    for (const one of over.slice(0, Math.max(0, over.length - OVER_MAX))) {
      this.#list.splice(this.#list.indexOf(one), 1);
      this.#out.release(one.wire);
    }
  }
}
