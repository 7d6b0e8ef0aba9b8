/** The Tauri shell as a backend: forwards, no logic. */
import { invoke } from '@tauri-apps/api/core';
import { listen, type UnlistenFn } from '@tauri-apps/api/event';
import type { AppState, FrameBridgeInfo, InspectionView, InspectorView, Levels, NoticeTopic, StatsSample, TalkView } from '../bindings';
import { getCurrentWindow, LogicalSize, type PhysicalSize } from '@tauri-apps/api/window';
import { BridgeFrames } from '../frames/bridge';
import { SchemeFrames } from '../frames/scheme';
import type { FrameSource } from '../frames/source';
import { ALL, type Backend, type BackendEvents } from './backend';
import { miniWindow } from './mini';
import { watch } from './watch';

export function tauriBackend(): Backend {
  let frames: FrameSource | null = null;
  return {
    // As the shell calls its windows.
    view: getCurrentWindow().label === 'inspector' ? 'inspector' : 'app',
    can: ALL,
    state: () => invoke<AppState>('app_state'),
    talk: () => invoke<TalkView>('app_talk'),
    openAddress: (address) => invoke<boolean>('open_link', { address }),
    openPrivacy: (kind) => invoke<boolean>('open_privacy', { kind }),
    pickFiles: () => invoke<string[]>('pick_files'),
    pickFolder: () => invoke<string | null>('pick_folder'),
    showFile: (id) => invoke<boolean>('show_file', { id }),
    showRecording: () => invoke<boolean>('show_recording'),
    askUpdate: (ask) => invoke('ask_update', { ask }),
    command: (command) => invoke('app_command', { command }),
    listen({ state, levels, talk, drag, open }) {
      return all([
        state && listen<AppState>('state', (event) => state(event.payload)),
        levels && listen<Levels>('levels', (event) => levels(event.payload)),
        talk && listen<TalkView>('talk', (event) => talk(event.payload)),
        open && listen<NoticeTopic>('open', (event) => open(event.payload)),
        ...(drag ? drags(drag) : []),
      ]);
    },
    watch: (figures) =>
      watch(
        (later) =>
          all([
            listen<StatsSample>('stats', (event) => later.stats(event.payload)),
            listen<InspectorView>('inspector', (event) => later.inspector(event.payload)),
          ]),
        () => invoke<InspectionView>('app_inspection'),
        figures,
      ),
    openInspector: (title) => invoke<boolean>('open_inspector', { title }),
    frames: () => (frames ??= bridge()),
    async setFullScreen(on) {
      try {
        await getCurrentWindow().setFullscreen(on);
      } catch {
        // The shell does not allow it to the page: the page can still do it by itself.
        await (on ? document.documentElement.requestFullscreen() : document.exitFullscreen());
      }
    },
    setMini: miniWindow<LogicalSize | PhysicalSize>(getCurrentWindow, SIZES),
  };
}

/** In the page's units; the least as in the shell's configuration. */
const SIZES = { mini: new LogicalSize(320, 180), least: new LogicalSize(480, 360) };

function drags(drag: BackendEvents['drag']): Promise<UnlistenFn>[] {
  return [
    listen('tauri://drag-enter', () => drag({ over: true, dropped: [] })),
    listen('tauri://drag-leave', () => drag({ over: false, dropped: [] })),
    listen<{ paths: string[] }>('tauri://drag-drop', (event) => drag({ over: false, dropped: event.payload.paths })),
  ];
}

/** One end for all of them. */
async function all(listening: readonly (Promise<UnlistenFn> | undefined)[]): Promise<UnlistenFn> {
  const stops = await Promise.all(listening);
  return () => stops.forEach((stop) => stop?.());
}

function bridge(): FrameSource {
  const windows = navigator.userAgent.includes('Windows');
  return new BridgeFrames({
    info: () => invoke<FrameBridgeInfo>('frame_bridge'),
    socket: (url) => new WebSocket(url),
    later: (run, ms) => void setTimeout(run, ms),
    fallback: (info) => new SchemeFrames(info.token, windows),
  });
}
