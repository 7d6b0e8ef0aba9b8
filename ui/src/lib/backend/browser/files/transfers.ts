/**
 * Files both ways, decided without disks or lanes: offers, answers, parts in order, receipts, and going on over the next
 * connection, with one other person. Whoever drives it reads and keeps what it asks for. As `parley-call/src/files/transfers`.
 *
 * In a group there is no connection before somebody accepted: until there is, offers, and that one is not wanted, go by word through the
 * server. All else waits for the lanes, over which everything is offered again.
 */
import type { TransferProblem, TransferStage, TransferView } from '../../../bindings';
import { harmless } from '../presentable';
import type { ChunkFrame, FileFrame } from './frames';
import { GivenUp } from './given-up';
import { isOver, keys, movedTo, newOne, viewOf, type Transfer } from './one';
import { Pace } from './pace';
import { faultOf, reasonAgainst, Refusals } from './refusals';
import type { TransfersOut } from './transfers-out';

/** As on the wire (docs/protocol.md, "Lanes"): of one person, and of everybody in a group. */
const UNFINISHED_MAX = 32;
export const UNFINISHED_ALL_MAX = 128;
/** Transfers that are kept to be looked at when they are over; the oldest go first. */
const OVER_MAX = 64;
const RECEIPT_BYTES = 256 * 1024;
/** What is said through the server while there is no connection: the rest means something only on one. */
const WORDS: ReadonlySet<FileFrame['type']> = new Set(['offer', 'refuse', 'cancel']);

export class Transfers {
  readonly #out: TransfersOut;
  #list: Transfer[] = [];
  #pace = new Pace();
  #up = false;
  /** Words go through the server. */
  #near = false;
  #receiptAt = 0;
  readonly #givenUp = new GivenUp();
  readonly #refusals = new Refusals();
  readonly #nextKey: () => string;
  /** Offers that wait for this side's person from everybody else. */
  offersElsewhere = 0;

  /** `nextKey` gives what the window calls a transfer. */
  constructor(out: TransfersOut, nextKey = keys()) {
    this.#out = out;
    this.#nextKey = nextKey;
  }

  views = (nowMs: number): TransferView[] => this.#list.map((one) => viewOf(one, this.#up, nowMs));

  get moving(): boolean {
    return this.#list.some((one) => one.stage === 'moving' || one.stage === 'checking');
  }

  /** Offers that wait for a decision, or come. */
  get unfinishedOffers(): number {
    return this.#list.filter((one) => !one.sending && !isOver(one)).length;
  }

  /** Bytes that came and are kept, or are about to come. */
  get kept(): number {
    return this.#list.filter((one) => !one.sending && (one.stage === 'done' || (one.accepted && !isOver(one)))).reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether a connection is of use: something is to move; it may come to that, at the other side's wish or once nobody pauses; or neither. */
  get way(): boolean | null {
    const open = this.#list.filter((one) => !isOver(one) && (one.sending || one.accepted));
    if (open.some((one) => one.accepted && !one.pausedHere && !one.pausedThere)) return true;
    return open.length > 0 ? false : null;
  }

  isEmpty = (): boolean => this.#list.length === 0;

  /** Something came whole, and is kept. */
  get holds(): boolean {
    return this.#list.some((one) => !one.sending && one.stage === 'done');
  }

  has = (key: string): boolean => this.#list.some((one) => one.key === key);
  wireOf = (key: string): string | null => this.#list.find((one) => one.key === key)?.wire ?? null;

  // What the person wants.

  /** One without a fingerprint cannot be read, as a folder that was dropped. */
  offer(wire: string, name: string, size: number, fingerprint: string | null, source: string | null = null): void {
    const unfinished = this.#list.filter((one) => one.sending && !isOver(one)).length;
    const one = this.#add({ wire, sending: true, name: harmless(name), size, fingerprint: fingerprint ?? '', source });
    if (fingerprint === null) return this.#fail(one, 'unreadable');
    if (unfinished >= UNFINISHED_MAX) return this.#fail(one, 'too_many');
    this.#sayOffer(one);
  }

  /** All of it is somebody else's to keep: nobody was asked about it yet. */
  giveAway = (): readonly Transfer[] => this.#list.splice(0);

  /** What was offered to nobody goes to them. */
  takeOver(one: Transfer): void {
    this.#list.push(one);
    if (!isOver(one)) this.#sayOffer(one);
  }

  decide(key: string, accept: boolean): void {
    const one = this.#list.find((candidate) => candidate.key === key && candidate.stage === 'asking');
    if (!one) return;
    if (accept && !this.#out.hasRoom(one.size)) {
      this.#say({ type: 'refuse', id: one.wire, reason: 'disk_full' });
      this.#fail(one, 'disk_full');
    } else if (accept) {
      one.stage = 'moving';
      one.accepted = true;
      this.#say({ type: 'accept', id: one.wire, offset: 0 });
      this.#completeIfWhole(one);
    } else {
      this.#say({ type: 'refuse', id: one.wire, reason: 'declined' });
      this.#end(one, 'declined');
    }
  }

  pause(key: string, paused: boolean): void {
    const one = this.#list.find((candidate) => candidate.key === key && !isOver(candidate));
    if (!one || one.pausedHere === paused) return;
    one.pausedHere = paused;
    // Whether the other side still wants it to wait is heard over the next connection.
    if (!paused && !this.#up) one.pausedThere = false;
    one.speed = [];
    this.#say({ type: paused ? 'pause' : 'resume', id: one.wire });
    this.pump();
  }

  cancel(key: string): void {
    const one = this.#list.find((candidate) => candidate.key === key && !isOver(candidate));
    if (!one) return;
    this.#giveUp(one);
    this.#end(one, 'cancelled_here');
  }

  // The lanes, and the words.

  /** Words go through the server from now on, anew, or no more. What was said before may be lost. */
  comeNear(near: boolean): void {
    this.#near = near;
    if (near && !this.#up) this.#offerByWord();
  }

  onWord(nowMs: number, frame: FileFrame): void {
    if (WORDS.has(frame.type)) this.onFrame(nowMs, frame);
  }

  laneUp(): void {
    this.#up = true;
    this.#pace = new Pace();
    for (const one of this.#list) if (one.sending && !isOver(one)) {
      one.stage = 'offered';
      one.pausedThere = false;
      this.#sayOffer(one);
    }
    for (const id of this.#givenUp.ids) this.#say({ type: 'cancel', id });
  }

  laneDown(): void {
    this.#up = false;
    for (const one of this.#list) {
      one.speed = [];
      if (!one.sending || (one.stage !== 'moving' && one.stage !== 'checking')) continue;
      // How much arrived is said by the receiver when it accepts again.
      one.stage = 'offered';
      one.next = one.moved;
    }
    if (this.#near) this.#offerByWord();
  }

  /** Whoever it was for is gone. */
  forget(): void {
    this.#up = this.#near = false;
    for (const one of this.#list) if (!isOver(one)) this.#fail(one, 'other_gone');
    this.#givenUp.clear();
    this.#refusals.clear();
  }

  /** Nothing of it is kept any more. */
  clear(): void {
    for (const { wire } of this.#list.splice(0)) this.#out.release(wire);
  }

  onFrame(nowMs: number, frame: FileFrame): void {
    const one = this.#list.find((candidate) => candidate.wire === frame.id);
    if (frame.type === 'refuse' || frame.type === 'failed' || frame.type === 'cancel' || frame.type === 'received') this.#givenUp.answered(frame.id);
    switch (frame.type) {
      case 'offer':
        return one ? this.#onOfferAgain(one, frame) : this.#onOffer(nowMs, frame);
      case 'accept':
        if (!one?.sending || one.stage !== 'offered' || frame.offset > one.size) return;
        one.stage = 'moving';
        one.accepted = true;
        one.turn += 1;
        one.next = one.moved = frame.offset;
        one.speed = [];
        if (one.pausedHere) this.#say({ type: 'pause', id: one.wire });
        return this.pump();
      case 'refuse':
      case 'failed':
        if (!one?.sending || isOver(one)) return;
        if (frame.reason === 'declined') return this.#end(one, 'declined');
        return this.#fail(one, faultOf(frame.reason));
      case 'pause':
      case 'resume':
        if (!one || isOver(one)) return;
        one.pausedThere = frame.type === 'pause';
        one.speed = [];
        return this.pump();
      case 'cancel':
        this.#refusals.forget(frame.id);
        if (one && !isOver(one)) this.#end(one, 'cancelled_there');
        return;
      case 'sent':
        if (!one || one.sending || one.stage !== 'moving') return;
        one.hash = frame.hash;
        return this.#completeIfWhole(one);
      case 'received':
        if (one?.sending && one.accepted && !isOver(one)) {
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
      movedTo(one, nowMs, frame.offset);
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
    movedTo(one, nowMs, end);
    // Small windows of the sender need their receipts early.
    if (end === one.size || end - one.receipted >= RECEIPT_BYTES || nowMs - this.#receiptAt >= 5) this.#receipt(one, nowMs);
    this.#completeIfWhole(one);
  }

  /** Answers that wait for their time, and receipts that are still owed once nothing more came for a moment. */
  onTick(nowMs: number): void {
    this.#refuse(nowMs);
    for (const one of this.#list) if (!one.sending && one.stage === 'moving' && one.receipted < one.next) this.#receipt(one, nowMs);
  }

  // What was asked for.

  onRead(nowMs: number, wire: string, turn: number, offset: number, bytes: Uint8Array | null): void {
    const one = this.#list.find((candidate) => candidate.wire === wire && candidate.stage === 'moving' && candidate.turn === turn);
    if (!one) return;
    if (!bytes) {
      this.#giveUp(one);
      return this.#fail(one, 'unreadable');
    }
    if (this.#up) this.#out.chunk({ is: 'chunk', id: wire, offset, stampMs: Math.floor(nowMs) >>> 0, bytes });
  }

  onHashed(wire: string, hash: string | null): void {
    const one = this.#list.find((candidate) => candidate.wire === wire && candidate.stage === 'checking');
    if (!one) return;
    if (hash !== null) return this.#say({ type: 'sent', id: wire, hash });
    this.#giveUp(one);
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

  #onOffer(nowMs: number, { id, name, size, fingerprint }: Extract<FileFrame, { type: 'offer' }>): void {
    const unfinished = this.unfinishedOffers;
    const tooMany = unfinished >= UNFINISHED_MAX || unfinished + this.offersElsewhere >= UNFINISHED_ALL_MAX;
    const reason = reasonAgainst(name, size, tooMany);
    if (reason) {
      this.#refusals.owe(id, reason);
      return this.#refuse(nowMs);
    }
    this.#refusals.forget(id);
    this.#add({ wire: id, sending: false, name, size, fingerprint, source: null });
  }

  #refuse(nowMs: number): void {
    if (this.#up || this.#near) for (const { id, reason } of this.#refusals.due(nowMs)) this.#say({ type: 'refuse', id, reason });
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
    else if (isOver(one)) this.#say({ type: 'cancel', id });
  }

  #add(what: Omit<Parameters<typeof newOne>[0], 'key'>): Transfer {
    const one = newOne({ ...what, key: this.#nextKey() });
    this.#list.push(one);
    return one;
  }

  #sayOffer({ wire: id, name, size, fingerprint }: Transfer): void {
    this.#say({ type: 'offer', id, name, size, fingerprint });
  }

  #say(frame: FileFrame): void {
    if (this.#up) this.#out.say(frame);
    else if (this.#near && WORDS.has(frame.type)) this.#out.word(frame);
  }

  /** Says what nobody accepted yet, and what was given up: the rest waits for a connection. */
  #offerByWord(): void {
    for (const one of this.#list) if (one.sending && one.stage === 'offered' && !one.accepted) this.#sayOffer(one);
    for (const id of this.#givenUp.forWords()) this.#say({ type: 'cancel', id });
  }

  /** Says that this side gives up, now and, of what it offered, over later connections too. */
  #giveUp({ wire: id, sending }: Transfer): void {
    if (sending) this.#givenUp.add(id, this.#near && !this.#up);
    this.#say({ type: 'cancel', id });
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
    const over = this.#list.filter((one) => isOver(one));
    for (const one of over.slice(0, Math.max(0, over.length - OVER_MAX))) {
      this.#list.splice(this.#list.indexOf(one), 1);
      this.#out.release(one.wire);
    }
  }
}
