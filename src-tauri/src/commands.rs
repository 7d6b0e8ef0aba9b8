//! The commands of the window. Each hands on; nothing is decided here.
#![expect(clippy::needless_pass_by_value, reason = "Tauri hands state over by value")]

use crate::inspector;
use crate::updates::UpdateAsks;
use parley_app::engine::EngineHandle;
use parley_app::frames::FrameBridge;
use parley_app::view::{
    AppCommand, AppState, CommandError, DeviceKind, FrameBridgeInfo, InspectionView, TalkView, UpdateAsk,
};
use parley_desktop::open;
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

/// The last minutes of the call and what was found in them, for somebody who begins to look.
#[tauri::command]
pub(crate) async fn app_inspection(engine: State<'_, EngineHandle>) -> Result<InspectionView, ()> {
    Ok(engine.inspected().await)
}

/// Opens the inspector in a window of its own; tells whether it did.
#[tauri::command]
pub(crate) async fn open_inspector(app: tauri::AppHandle, title: String) -> bool {
    let opened = inspector::open(&app, &title);
    opened
        .inspect_err(|error| tracing::warn!(%error, "no window for the inspector"))
        .is_ok()
}

/// Asks the person for files; gives where they are.
#[tauri::command]
pub(crate) async fn pick_files(window: tauri::WebviewWindow) -> Vec<String> {
    let picked = rfd::AsyncFileDialog::new().set_parent(&window).pick_files().await;
    let path = |file: rfd::FileHandle| file.path().to_string_lossy().into_owned();
    picked.unwrap_or_default().into_iter().map(path).collect()
}

/// Asks the person for a folder; gives where it is.
#[tauri::command]
pub(crate) async fn pick_folder(window: tauri::WebviewWindow) -> Option<String> {
    let picked = rfd::AsyncFileDialog::new()
        .set_parent(&window)
        .pick_folder()
        .await?;
    Some(picked.path().to_string_lossy().into_owned())
}

/// Shows a file that came in its folder; tells whether it did.
#[tauri::command]
pub(crate) async fn show_file(engine: State<'_, EngineHandle>, id: String) -> Result<bool, ()> {
    let folder = engine.received_into(&id);
    Ok(folder.is_some_and(|folder| open::folder(&folder)))
}

/// Shows the last recording in its folder; tells whether it did.
#[tauri::command]
pub(crate) async fn show_recording(engine: State<'_, EngineHandle>) -> Result<bool, ()> {
    let folder = engine.recorded_into();
    Ok(folder.is_some_and(|folder| open::folder(&folder)))
}

/// Opens a link of a message in the system's browser; tells whether it did.
#[tauri::command]
pub(crate) async fn open_link(address: String) -> bool {
    match parley_app::address::web_address(&address) {
        Some(address) => open::address(address),
        None => false,
    }
}

/// Opens the page of the system's settings where a device is allowed; tells whether there is one and it did.
#[tauri::command]
pub(crate) async fn open_privacy(kind: DeviceKind) -> bool {
    parley_app::desktop::privacy_page(kind).is_some_and(open::address)
}

/// Asks something about a newer Parley.
#[tauri::command]
pub(crate) async fn ask_update(asks: State<'_, UpdateAsks>, ask: UpdateAsk) -> Result<(), ()> {
    asks.ask(ask).await;
    Ok(())
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
