/**
 * What each of the others in a group said of themselves, and what they were told. Pure. As `parley-call/src/session/group/members.rs`.
 *
 * A state is said to everybody when it changes, and to a newcomer by itself, or to everybody once more where many come together: microphone and camera, then the hand if it is up. What is
 * said once (a reaction) goes before. Nothing is queued but that: what is to be said follows from what they were told.
 */
import type { ControlMessage, MediaState } from '../wire';
import { Newcomers } from './newcomers';

export interface Member {
  media: MediaState | null;
  hand: boolean;
  recording: boolean;
  /** They want to record, and were not answered as it is now. */
  asks: boolean;
  /** They send neither sound nor picture. */
  listens: boolean;
  told: 'nothing' | 'media' | 'all';
}

/** Reactions that wait for their turn; more are dropped, for later they would mean nothing. */
const REACTIONS_MAX = 4;

export class Members {
  ownMedia: MediaState = { type: 'media_state', microphone_on: false, camera_on: false };
  ownHand = false;
  #ownListens = false;
  readonly #of = new Map<string, Member>();
  #allowed = false;
  /** What everybody was told who was there then, as text. */
  #toldMedia = '';
  #toldHand = false;
  #reactions: string[] = [];
  readonly #newcomers = new Newcomers();
  /** They asked whether they may record, at some time. */
  readonly #askers = new Set<string>();

  get = (id: string): Member | undefined => this.#of.get(id);

  /** Somebody is there. Whoever was there before is told everything again: they may have missed it. */
  welcome(id: string, listens = false): void {
    const member = this.#of.get(id) ?? { media: null, hand: false, recording: false, asks: false, listens, told: 'nothing' };
    this.#of.set(id, { ...member, listens, told: 'nothing', asks: this.#askers.has(id) });
  }

  /** This side only listens from now on, or may speak: then everybody is told of its devices, for some were not. */
  set listens(listens: boolean) {
    if (this.#ownListens && !listens) this.#toldMedia = '';
    this.#ownListens = listens;
  }

  forget(id: string): void {
    this.#of.delete(id);
    this.#askers.delete(id);
  }

  clear(): void {
    this.#of.clear();
    this.#askers.clear();
    this.#reactions = [];
  }

  react(reaction: string): void {
    if (this.#reactions.length < REACTIONS_MAX) this.#reactions.push(reaction);
  }

  /** This side lets itself be recorded, or does no more. */
  allow(allowed: boolean): void {
    if (this.#allowed === allowed) return;
    this.#allowed = allowed;
    for (const id of this.#askers) {
      const member = this.#of.get(id);
      if (member) member.asks = true;
    }
  }

  /** Tells whether it is somebody who is known. */
  hear(from: string, message: ControlMessage): boolean {
    const member = this.#of.get(from);
    if (!member) return false;
    if (message.type === 'media_state') member.media = message;
    else if (message.type === 'hand') member.hand = message.raised;
    else if (message.type === 'recording') {
      member.recording = message.state === 'on';
      member.asks = message.state !== 'off';
      if (member.asks) this.#askers.add(from);
      else this.#askers.delete(from);
    }
    return true;
  }

  /** What is to be said next now, and to whom (null: to everybody); it counts as said. */
  nextWord(nowMs: number): { to: string | null; message: ControlMessage } | null {
    if (this.#of.size === 0) {
      this.#reactions = [];
      return null;
    }
    const reaction = this.#reactions.shift();
    if (reaction !== undefined) return { to: null, message: { type: 'reaction', reaction } };
    const media = JSON.stringify(this.ownMedia);
    const members = [...this.#of.values()];
    if (members.every(({ told }) => told === 'nothing')) {
      // One word for all of them; of a listener among others, whose word would go to hundreds, to each of those who may speak.
      const each = this.#ownListens && members.some(({ listens }) => listens);
      this.#toldMedia = each ? media : '';
      this.#toldHand = false;
      for (const member of members) if (!each || member.listens) member.told = 'all';
    }
    // Where many came everybody is told once more; of a listener among others it is the hand alone.
    const waiting = [...this.#of.values()].filter(({ told, listens }) => told === 'nothing' && (!this.#ownListens || (listens && this.ownHand)));
    if (Newcomers.areMany(waiting.length) && this.#newcomers.take(nowMs)) {
      for (const member of waiting) member.told = 'all';
      this.#toldHand = false;
      if (!this.#ownListens) this.#toldMedia = '';
    }
    if (this.#toldMedia !== media) {
      this.#toldMedia = media;
      return { to: null, message: this.ownMedia };
    }
    if (this.#toldHand !== this.ownHand) {
      this.#toldHand = this.ownHand;
      return { to: null, message: { type: 'hand', raised: this.ownHand } };
    }
    for (const [to, member] of this.#of) {
      // Hundreds of listeners would tell each other that nothing of theirs is on.
      const silent = this.#ownListens && member.listens;
      if (member.told === 'nothing' && ((silent && !this.ownHand) || this.#newcomers.take(nowMs))) {
        member.told = 'media';
        if (!silent) return { to, message: this.ownMedia };
      }
      if (member.told === 'media') {
        member.told = 'all';
        if (this.ownHand) return { to, message: { type: 'hand', raised: true } };
      }
      if (member.asks) {
        member.asks = false;
        return { to, message: { type: 'may_record', allowed: this.#allowed } };
      }
    }
    return null;
  }
}
