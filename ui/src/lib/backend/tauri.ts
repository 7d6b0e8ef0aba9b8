/** The Tauri shell as a backend: forwards, no logic. */
import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { AppState, FrameBridgeInfo, InspectorView, Levels, StatsSample, TalkView } from '../bindings';
import { getCurrentWindow, LogicalSize, type PhysicalSize } from '@tauri-apps/api/window';
import { BridgeFrames } from '../frames/bridge';
import { SchemeFrames } from '../frames/scheme';
import type { FrameSource } from '../frames/source';
import type { Backend } from './backend';
import { miniWindow } from './mini';

export function tauriBackend(): Backend {
  let frames: FrameSource | null = null;
  return {
    state: () => invoke<AppState>('app_state'),
    talk: () => invoke<TalkView>('app_talk'),
    openAddress: (address) => invoke<boolean>('open_link', { address }),
    openPrivacy: (kind) => invoke<boolean>('open_privacy', { kind }),
    pickFiles: () => invoke<string[]>('pick_files'),
    pickFolder: () => invoke<string | null>('pick_folder'),
    showFile: (id) => invoke<boolean>('show_file', { id }),
    showRecording: () => invoke<boolean>('show_recording'),
    command: (command) => invoke('app_command', { command }),
    async listen(events) {
      const stops = await Promise.all([
        listen<AppState>('state', (event) => events.state(event.payload)),
        listen<Levels>('levels', (event) => events.levels(event.payload)),
        listen<InspectorView>('inspector', (event) => events.inspector(event.payload)),
        listen<StatsSample>('stats', (event) => events.stats(event.payload)),
        listen<TalkView>('talk', (event) => events.talk(event.payload)),
        listen('tauri://drag-enter', () => events.drag({ over: true, dropped: [] })),
        listen('tauri://drag-leave', () => events.drag({ over: false, dropped: [] })),
        listen<{ paths: string[] }>('tauri://drag-drop', (event) => events.drag({ over: false, dropped: event.payload.paths })),
      ]);
      return () => stops.forEach((stop) => stop());
    },
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

function bridge(): FrameSource {
  const windows = navigator.userAgent.includes('Windows');
  return new BridgeFrames({
    info: () => invoke<FrameBridgeInfo>('frame_bridge'),
    socket: (url) => new WebSocket(url),
    later: (run, ms) => void setTimeout(run, ms),
    fallback: (info) => new SchemeFrames(info.token, windows),
  });
}
