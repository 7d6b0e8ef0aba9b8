/** The port between the window and whatever runs the calls. Adapters: the Tauri shell (tauri.ts) and a simulation (fake.ts). */
import type { AppCommand, AppState, CommandError, Levels, NoticeTopic, TalkView, UpdateAsk } from '../bindings';
import type { FrameSource } from '../frames/source';
import type { FigureEvents } from './watch';

/** What a window is: the app, or the inspector beside it. */
export type WindowView = 'app' | 'inspector';

/** What the window may offer: what a backend cannot do is not shown, rather than refused. */
export interface Capabilities {
  /** There is a first page: calls are begun here, and other links opened. */
  readonly home: boolean;
  /** What only a program on the computer has: tray, keys, folders, history, recordings, updates, more windows. */
  readonly desktop: boolean;
  /** A camera and a microphone can be used. */
  readonly devices: boolean;
  /** The speaker can be chosen. */
  readonly speakers: boolean;
  /** The screen can be shared. */
  readonly share: boolean;
  /** One can hear oneself before the call. */
  readonly echoTest: boolean;
  /** Others can be played louder than they came. */
  readonly louder: boolean;
  /** Pictures go and come as the app makes them: H.264. */
  readonly video: boolean;
}

/** What the app can do. */
export const ALL: Capabilities = { home: true, desktop: true, devices: true, speakers: true, share: true, echoTest: true, louder: true, video: true };

/** What a browser says of its way that keeps pictures small, and whether the person lifted that. */
export interface HeededWay {
  readonly reason: 'asked' | 'slow' | null;
  readonly lifted: boolean;
  lift(lifted: boolean): void;
}

export interface Backend {
  /** What this window is. */
  readonly view: WindowView;
  /** What it can do; never changes. */
  readonly can: Capabilities;
  /** The state now. */
  state(): Promise<AppState>;
  /** What was written and shown so far. */
  talk(): Promise<TalkView>;
  /** Opens a web address in the system's browser; tells whether it did. */
  openAddress(address: string): Promise<boolean>;
  /** Opens the page of the system's settings where a device is allowed; tells whether it did. */
  openPrivacy(kind: 'camera' | 'microphone'): Promise<boolean>;
  /** Asks the person for files; gives where they are. */
  pickFiles(): Promise<string[]>;
  /** Asks the person for a folder; gives where it is, or nothing. */
  pickFolder(): Promise<string | null>;
  /** Shows a file that came in its folder; tells whether it did. */
  showFile(id: string): Promise<boolean>;
  /** Shows the last recording in its folder; tells whether it did. */
  showRecording(): Promise<boolean>;
  /** Asks something about a newer Parley; what comes of it shows in the state. */
  askUpdate(ask: UpdateAsk): Promise<void>;
  /** Carries a command out; rejects with a {@link CommandError}. */
  command(command: AppCommand): Promise<void>;
  /** Called for every later event; the function returned stops that. What nobody asks for is not sent. */
  listen(events: Partial<BackendEvents>): Promise<() => void>;
  /** The figures of the last minutes, and those that follow, until the function returned is called. */
  watch(figures: FigureEvents): Promise<() => void>;
  /** Opens the inspector in a window of its own, or brings it to the front; tells whether it did. */
  openInspector(title: string): Promise<boolean>;
  /** The pictures. The same object every time. */
  frames(): FrameSource;
  /** Where pictures come as the browser's own streams instead: that of a tile, the same object every time. */
  stream?(tile: string): MediaStream;
  /** Where it is a browser's page. */
  readonly way?: HeededWay;
  /** Makes the window fill the screen, or not. */
  setFullScreen(on: boolean): Promise<void>;
  /** Makes the window small and keeps it on top of all others, or gives it its size back. */
  setMini(on: boolean): Promise<void>;
}

export interface BackendEvents {
  state(state: AppState): void;
  levels(levels: Levels): void;
  talk(talk: TalkView): void;
  drag(drag: Drag): void;
  /** A notification about this was clicked. */
  open(topic: NoticeTopic): void;
}

/** Files dragged from another program. */
export interface Drag {
  /** They are over the window now. */
  readonly over: boolean;
  /** Those that were let go here. */
  readonly dropped: readonly string[];
}

/** Whatever was thrown, as an error with a sentence. */
export function commandError(thrown: unknown, otherwise: string): CommandError {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown) {
    return thrown as CommandError;
  }
  const message = typeof thrown === 'string' ? thrown : thrown instanceof Error ? thrown.message : otherwise;
  return { code: 'failed', message: message || otherwise };
}
