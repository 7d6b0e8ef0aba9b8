/** Whether this page only listens, as the server said last, and what follows for its devices. Pure. As `parley-app/src/engine/listening.rs`. */
import type { AppCommand, CommandError, PartView } from '../../bindings';
import { SOURCES } from '../../text/language.svelte';

/** How microphone and camera are switched. */
export interface Switches {
  muted: boolean;
  cameraOn: boolean;
}

/** What somebody is told who asks for what a listener cannot have. */
export const LISTENING: CommandError = { code: 'not_now', message: SOURCES.en.sentences.youAreListening };

export class Listening {
  /** As the call said last. */
  on = false;
  /** Before the call one is told that one will listen. */
  #told = false;
  /** A host let this side speak, whose microphone was not opened since. */
  #letSpeak = false;
  /** How the switches stood before: another call begins like that. */
  #before: Switches | null = null;

  /** Microphone and camera are closed, and stay closed whatever is asked. */
  get shuts(): boolean {
    return this.on || this.#told;
  }

  /**
   * What the call says now; `comes`: whoever goes in would only listen, as one is told until one is in. Changes the switches where they have to be
   * closed, and tells whether that is news: nothing opens by itself when a host lets somebody speak, or where one may speak after all.
   */
  see({ listens, comes, inCall }: { listens: boolean; comes: boolean; inCall: boolean }, now: Switches): boolean {
    const [listened, wasShut] = [this.on, this.shuts];
    this.on = listens;
    this.#told = comes && !inCall;
    this.#letSpeak = listened !== listens ? !listens : this.#letSpeak && now.muted;
    if (this.shuts && !wasShut) {
      this.#before ??= { muted: now.muted, cameraOn: now.cameraOn };
      Object.assign(now, { muted: true, cameraOn: false });
    }
    // Whether one listens is known once one is in.
    if (!this.shuts && !comes) this.#before = null;
    return this.shuts !== wasShut || this.on !== listened;
  }

  /** The call is over: the switches are as they were before, where one still listened. */
  end(now: Switches): void {
    Object.assign(now, this.#before);
    this.#before = null;
    this.on = this.#told = this.#letSpeak = false;
  }

  /** Whether that would open something: a listener has no microphone, no camera and nothing to share. */
  forbids(command: AppCommand): boolean {
    if (!this.shuts) return false;
    switch (command.type) {
      case 'set_muted':
        return !command.muted;
      case 'set_camera_on':
      case 'choose_share':
        return command.on;
      case 'talk':
        return command.down;
      case 'toggle_muted':
      case 'share':
        return true;
      default:
        return false;
    }
  }

  seen(): void {
    this.#letSpeak = false;
  }

  get part(): PartView {
    return this.on ? 'listens' : this.#letSpeak ? 'let_speak' : 'speaks';
  }
}
