/**
 * How the way to the other side is, and what helps when it is not well: an ICE restart, then a fresh connection, then nothing
 * more. Time counts only while the other side can be told. As `parley-call/src/session/link_state.rs`.
 */

export type Phase = 'connected' | 'disconnected' | 'failed';
export type Remedy = 'restart-ice' | 'fresh-connection' | 'give-up' | 'give-up-silent';

type Step = 'connecting' | 'connected' | 'failed-at-first' | 'disconnected' | 'failed' | 'restarting';

const STEP_MAX_MS: Record<Exclude<Step, 'connected'>, number> = { connecting: 8000, 'failed-at-first': 1000, disconnected: 2000, failed: 0, restarting: 5000 };
/** The side that came first waits so much longer, so that normally only one side acts. */
const OTHER_SIDE_FIRST_MS = 1500;
const OUTAGE_MAX_MS = 30_000;
const SILENCE_MAX_MS = 75_000;

export class LinkState {
  #step: Step = 'connecting';
  #inStepMs = 0;
  #outageMs = 0;
  #silenceMs = 0;
  #countedAt: number;
  #reachable: boolean;
  readonly #slack: number;

  constructor(nowMs: number, polite: boolean, reachable: boolean) {
    this.#countedAt = nowMs;
    this.#reachable = reachable;
    this.#slack = polite ? 0 : OTHER_SIDE_FIRST_MS;
  }

  get connected(): boolean {
    return this.#step === 'connected';
  }

  /** How long the current step lasts, in time that counts. */
  inStep(nowMs: number): number {
    this.#count(nowMs);
    return this.#inStepMs;
  }

  setReachable(nowMs: number, reachable: boolean): void {
    this.#count(nowMs);
    this.#reachable = reachable;
  }

  renew(nowMs: number): void {
    this.#go(nowMs, 'connecting');
  }

  onPhase(nowMs: number, phase: Phase): void {
    const stood = this.#step === 'connected' || this.#step === 'disconnected';
    if (phase === 'connected') {
      this.#count(nowMs);
      this.#outageMs = this.#silenceMs = 0;
      if (this.#step !== 'connected') this.#go(nowMs, 'connected');
    } else if (phase === 'disconnected' && this.#step === 'connected') this.#go(nowMs, 'disconnected');
    else if (phase === 'failed' && this.#step === 'connecting') this.#go(nowMs, 'failed-at-first');
    else if (phase === 'failed' && stood) this.#go(nowMs, 'failed');
  }

  /** The other side is mending it. */
  onOffer(nowMs: number): void {
    if (this.#step === 'disconnected' || this.#step === 'failed') this.#go(nowMs, 'restarting');
  }

  due(nowMs: number): Remedy | null {
    this.#count(nowMs);
    if (this.#outageMs >= OUTAGE_MAX_MS) return 'give-up';
    if (this.#silenceMs >= SILENCE_MAX_MS) return 'give-up-silent';
    if (this.#step === 'connected' || this.#inStepMs < STEP_MAX_MS[this.#step] + this.#slack || !this.#reachable) return null;
    if (this.#step !== 'disconnected' && this.#step !== 'failed') return 'fresh-connection';
    this.#go(nowMs, 'restarting');
    return 'restart-ice';
  }

  #go(nowMs: number, step: Step): void {
    this.#count(nowMs);
    this.#step = step;
    this.#inStepMs = 0;
  }

  #count(nowMs: number): void {
    const passed = Math.max(0, nowMs - this.#countedAt);
    this.#countedAt = nowMs;
    if (this.#step === 'connected') return;
    if (this.#reachable) {
      this.#inStepMs += passed;
      this.#outageMs += passed;
    } else this.#silenceMs += passed;
  }
}
