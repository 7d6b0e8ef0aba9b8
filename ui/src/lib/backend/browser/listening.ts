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
  /** A host let this side speak, whose microphone was not opened since. */
  #letSpeak = false;
  /** How the switches stood before: another call begins like that. */
  #before: Switches | null = null;

  /** What the call says now. Changes the switches, and tells whether it did: nothing opens by itself when a host lets somebody speak. */
  see(listens: boolean, now: Switches): boolean {
    this.#letSpeak &&= now.muted;
    if (this.on === listens) return false;
    this.on = listens;
    this.#letSpeak = !listens;
    this.#before = listens ? { muted: now.muted, cameraOn: now.cameraOn } : null;
    Object.assign(now, { muted: true, cameraOn: false });
    return true;
  }

  /** The call is over: the switches are as they were before, where one still listened. */
  end(now: Switches): void {
    Object.assign(now, this.#before);
    this.#before = null;
    this.on = this.#letSpeak = false;
  }

  /** Whether that would open something: a listener has no microphone, no camera and nothing to share. */
  forbids(command: AppCommand): boolean {
    if (!this.on) return false;
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
