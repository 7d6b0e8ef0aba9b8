//! The commands of the window. Each hands on; nothing is decided here.
#![expect(clippy::needless_pass_by_value, reason = "Tauri hands state over by value")]

use crate::surroundings;
use parley_app::engine::EngineHandle;
use parley_app::frames::FrameBridge;
use parley_app::view::{AppCommand, AppState, CommandError, FrameBridgeInfo, TalkView};
use tauri::State;

/// The whole state, for a window that has just opened.
#[tauri::command]
pub(crate) fn app_state(engine: State<'_, EngineHandle>) -> AppState {
    engine.state().borrow().clone()
}

/// What was written and shown so far, for a window that has just opened.
#[tauri::command]
pub(crate) fn app_talk(engine: State<'_, EngineHandle>) -> TalkView {
    engine.talk().borrow().clone()
}

/// Opens a link of a message in the system's browser; tells whether it did.
#[tauri::command]
pub(crate) async fn open_link(address: String) -> bool {
    match parley_app::address::web_address(&address) {
        Some(address) => surroundings::open(address),
        None => false,
    }
}

/// Asks something of the engine.
#[tauri::command]
pub(crate) async fn app_command(
    engine: State<'_, EngineHandle>,
    command: AppCommand,
) -> Result<(), CommandError> {
    engine.command(command).await
}

/// Where the window gets its pictures.
#[tauri::command]
pub(crate) fn frame_bridge(bridge: State<'_, FrameBridge>) -> FrameBridgeInfo {
    bridge.info().clone()
}
