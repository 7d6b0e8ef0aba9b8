//! The desktop shell: a window around the engine. Commands in, events and frames out; no logic.
//!
//! Starts the engine on a runtime of its own, opens the window, and ends the engine in good order (hung up, devices given
//! back) before the process ends.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod citizen;
mod commands;
mod events;
mod inspector;
mod keys;
mod places;
mod scheme;
mod surroundings;
mod tray;
mod updates;

use anyhow::Context as _;
use parley_app::arguments::{Arguments, TalkKey};
use parley_app::engine::{Engine, EngineConfig, EngineHandle};
use parley_app::frames::{FrameBridge, FrameScheme, Lookup};
use parley_desktop::instance::{self, Ask, Instance, Start, Talk};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tauri::RunEvent;
use tokio::runtime::{Builder, Runtime};

/// How long the end of a call may take once the window is closed.
const FAREWELL_MAX: Duration = Duration::from_secs(3);

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read();
    let folder = surroundings::folder().context("there is no home folder; set PARLEY_DATA_DIR")?;
    if let Some(key) = arguments.talk() {
        return Ok(instance::ask(&folder, &asked_by(key))?);
    }
    surroundings::prepare_display();
    surroundings::start_log();
    let link = arguments.link.clone();
    let ask = link.map_or(Ask::Show, |link| Ask::Open { link });
    let instance = match instance::start(&folder, &ask) {
        Ok(Start::First(instance)) => Some(Arc::new(instance)),
        Ok(Start::Told(told)) => return Ok(told?),
        Err(error) => {
            tracing::warn!(%error, "nothing is known of other windows");
            None
        }
    };
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime")?;
    tauri::async_runtime::set(runtime.handle().clone());
    let minimized = arguments.minimized;
    let config = EngineConfig {
        folder: folder.clone(),
        sources: arguments.sources(),
        bitrate_max: arguments.bitrate_max(),
        link: arguments.link,
    };
    let (engine, lookup, bridge) = runtime.block_on(async {
        let engine = Engine::start(config);
        let frames = engine.clone();
        let lookup: Lookup = Arc::new(move |tile| frames.frames(tile));
        let bridge = FrameBridge::start(Arc::clone(&lookup)).await;
        bridge.map(|bridge| (engine, lookup, bridge))
    })?;
    let desk = Desk {
        folder,
        instance,
        minimized,
    };
    run(runtime, &engine, lookup, bridge, desk)
}

/// What the running Parley is asked when a key of the desktop starts another.
const fn asked_by(key: TalkKey) -> Ask {
    let talk = match key {
        TalkKey::Down => Talk::Down,
        TalkKey::Up => Talk::Up,
        TalkKey::ToggleMute => Talk::ToggleMute,
    };
    Ask::Talk { talk }
}

/// What the desktop around the window needs to know.
struct Desk {
    folder: PathBuf,
    /// Held until the process ends, though nobody is answered any more then.
    instance: Option<Arc<Instance>>,
    minimized: bool,
}

/// Shows the window until it is closed.
fn run(
    runtime: Runtime,
    engine: &EngineHandle,
    lookup: Lookup,
    bridge: FrameBridge,
    desk: Desk,
) -> anyhow::Result<()> {
    let scheme = FrameScheme::new(lookup, &bridge);
    let mut context = tauri::generate_context!();
    let updates = updates::plugin(&mut context);
    let configured = updates.is_some();
    let engine = engine.clone();
    let (of_setup, of_window) = (engine.clone(), engine.clone());
    let (held, served) = (desk.instance.clone(), desk.instance);
    let updates_folder = desk.folder.clone();
    let builder = tauri::Builder::default().plugin(tauri_plugin_global_shortcut::Builder::new().build());
    #[cfg(not(target_os = "linux"))]
    let builder = builder.plugin(tauri_plugin_notification::init());
    let builder = match updates {
        Some(plugin) => builder.plugin(plugin),
        None => builder,
    };
    let app = builder
        // Instead of Tauri's own, which it leaves out when there is one.
        .manage(surroundings::to_start_again())
        .manage(places::LastPlaces::in_folder(desk.folder))
        .on_window_event(move |window, event| citizen::window_event(window, event, &of_window))
        .manage(engine.clone())
        .manage(bridge)
        .register_asynchronous_uri_scheme_protocol(scheme::SCHEME, move |_, request, responder| {
            scheme::answer(&scheme, &request, responder);
        })
        .invoke_handler(tauri::generate_handler![
            commands::app_state,
            commands::app_talk,
            commands::app_inspection,
            commands::open_inspector,
            commands::open_link,
            commands::open_privacy,
            commands::pick_files,
            commands::pick_folder,
            commands::show_file,
            commands::show_recording,
            commands::app_command,
            commands::ask_update,
            commands::frame_bridge
        ])
        .setup(move |app| {
            events::tell(app.handle(), &of_setup);
            citizen::settle(app.handle(), &of_setup, served);
            updates::settle(app.handle(), &of_setup, &updates_folder, configured);
            if desk.minimized {
                citizen::minimize(app.handle());
            }
            let app = app.handle().clone();
            drop(tauri::async_runtime::spawn(async move {
                surroundings::end_asked().await;
                app.exit(0);
            }));
            Ok(())
        })
        .build(context)
        .context("the window could not be opened")?;
    let mut runtime = Some(runtime);
    app.run(move |app, event| {
        #[cfg(target_os = "macos")]
        if let RunEvent::Opened { urls } = &event {
            citizen::opened(app, urls);
        }
        if matches!(event, RunEvent::Exit)
            && let Some(runtime) = runtime.take()
        {
            citizen::answer_no_more(app);
            runtime.block_on(engine.hang_up(FAREWELL_MAX));
            runtime.shutdown_timeout(FAREWELL_MAX);
        }
    });
    drop(held);
    Ok(())
}
