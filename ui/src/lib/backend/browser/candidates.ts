/**
 * Candidates of the other side: kept until the description they belong to is set, each used once, never too many. Pure. As
 * `parley-call/src/session/candidates.rs`.
 */
import { ufragsOf } from './sdp';
import type { CandidateWord } from './wire';

export const CANDIDATES_MAX = 64;

export class RemoteCandidates {
  #used: CandidateWord[] = [];
  #held: CandidateWord[] = [];

  /** Takes one in; tells whether it belongs to `remote`, the description that is set, and is to be used now. */
  takeIn(candidate: CandidateWord, remote: string | null): boolean {
    // The end of candidates needs no action: checks go on until they succeed.
    const known = [...this.#used, ...this.#held].some((one) => one.candidate === candidate.candidate && one.sdp_mid === candidate.sdp_mid && one.username_fragment === candidate.username_fragment);
    if (!candidate.candidate || known || this.#used.length >= CANDIDATES_MAX) return false;
    // The oldest are the likeliest to belong to an offer that came to nothing: they must not block all later ones.
    if (this.#used.length + this.#held.length >= CANDIDATES_MAX) this.#held.shift();
    const belongs = remote !== null && fits(candidate, remote);
    (belongs ? this.#used : this.#held).push(candidate);
    return belongs;
  }

  /** A description was set: gives those that waited for it, and forgets those used with the one before. */
  release(remote: string): CandidateWord[] {
    const ready = this.#held.filter((one) => fits(one, remote));
    this.#held = this.#held.filter((one) => !ready.includes(one));
    this.#used = [...this.#used.filter((one) => fits(one, remote)), ...ready];
    return ready;
  }
}

/** Whether a candidate belongs to a description. One that does not say belongs to whichever is set. */
export function fits({ candidate, username_fragment }: CandidateWord, sdp: string): boolean {
  const ufrag = username_fragment ?? /(?:^| )ufrag (\S+)/u.exec(candidate)?.[1];
  return !ufrag || ufragsOf(sdp).includes(ufrag);
}
