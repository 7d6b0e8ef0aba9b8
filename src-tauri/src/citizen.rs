//! The desktop around the window: does what `parley_app::desktop` decides and what another start of the program asks, and
//! has the windows' places kept. Nothing is decided here.

use crate::{inspector, keys, places, tray};
use parley_app::desktop::{Citizen, Deed};
use parley_app::engine::EngineHandle;
use parley_app::view::{AppCommand, DesktopView, NoticeTopic};
use parley_desktop::instance::{Ask, Instance, Talk};
use parley_desktop::session::{DesktopSession, Notice};
use parley_desktop::{autostart, graphics, links, memory};
use std::sync::Arc;
use tauri::{AppHandle, Manager as _, Window, WindowEvent};

/// The window's name in the configuration.
const WINDOW: &str = "main";

/// The task that answers other starts.
struct Serving(tauri::async_runtime::JoinHandle<()>);

/// Begins everything. On the main thread, before the window is seen.
pub(crate) fn settle(app: &AppHandle, engine: &EngineHandle, instance: Option<Arc<Instance>>) {
    if let Some(window) = app.get_webview_window(WINDOW) {
        places::put_back(&window);
    }
    drop(tauri::async_runtime::spawn(follow(app.clone(), engine.clone())));
    drop(tauri::async_runtime::spawn_blocking(links::register_here));
    if let Some(instance) = instance {
        let (of_serving, engine) = (app.clone(), engine.clone());
        let serving = tauri::async_runtime::spawn(async move {
            let served = instance
                .serve(|ask| answer(of_serving.clone(), engine.clone(), ask))
                .await;
            tracing::info!(?served, "another start of Parley cannot reach this one");
        });
        app.manage(Serving(serving));
    }
}

/// From now on another start waits for our end, and is not told that we come to the front.
pub(crate) fn answer_no_more(app: &AppHandle) {
    if let Some(serving) = app.try_state::<Serving>() {
        serving.0.abort();
    }
}

/// Brings the window to the front.
pub(crate) fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(WINDOW) {
        let shown = window.unminimize().and(window.show()).and(window.set_focus());
        tracing::debug!(?shown, "asked to the front");
    }
}

/// Starts without being in anybody's way.
pub(crate) fn minimize(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(WINDOW) {
        let done = window.minimize();
        tracing::debug!(?done, "starts minimised");
    }
}

/// Links that macOS hands to a running program.
#[cfg(target_os = "macos")]
pub(crate) fn opened(app: &AppHandle, urls: &[tauri::Url]) {
    for url in urls {
        let (app, link) = (app.clone(), url.to_string());
        let engine = app.state::<EngineHandle>().inner().clone();
        drop(tauri::async_runtime::spawn(answer(
            app,
            engine,
            Ask::Open { link },
        )));
    }
}

async fn answer(app: AppHandle, engine: EngineHandle, ask: Ask) -> Result<(), String> {
    let command = match ask {
        Ask::Show => {
            show(&app);
            return Ok(());
        }
        Ask::Open { link } => {
            show(&app);
            AppCommand::HandOver { text: link }
        }
        Ask::Talk {
            talk: Talk::ToggleMute,
        } => AppCommand::ToggleMuted,
        Ask::Talk { talk } => AppCommand::Talk {
            down: talk == Talk::Down,
        },
    };
    engine.command(command).await.map_err(|error| error.message)
}

async fn follow(app: AppHandle, engine: EngineHandle) {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].map(std::env::var);
    let locale = locale.into_iter().flatten().find(|locale| !locale.is_empty());
    let mut citizen = Citizen::new(&locale.unwrap_or_default());
    let session = DesktopSession::start();
    let mut icon = tray::Tray::default();
    let mut told = DesktopView {
        drawn_by_processor: graphics::is_drawn_by_processor(),
        ..DesktopView::default()
    };
    let of_keys = engine.in_order();
    let mut keys = keys::Keys::new();
    let mut refused = keys.refused();
    let (mut states, mut talk) = (engine.state(), engine.talk());
    loop {
        let state = states.borrow_and_update().clone();
        let watched = is_watched(&app);
        let mut deeds = citizen.follow(&state, watched);
        deeds.extend(citizen.hear(&talk.borrow_and_update(), &state, watched));
        for deed in deeds {
            match deed {
                Deed::StayAwake(reason) => session.stay_awake(reason.as_deref()),
                Deed::Notify {
                    title,
                    body,
                    action,
                    topic,
                } => notify(&app, &session, Notice { title, body, action }, topic),
                Deed::Tray(view) => icon.show(&app, &view),
                Deed::Keys(wish) => keys.listen(&app, &of_keys, &wish),
                Deed::GiveBackMemory => drop(tauri::async_runtime::spawn(async {
                    tokio::time::sleep(memory::REST).await;
                    // Outside of the words: what stands in those of a level that is off is never done.
                    let bytes = memory::give_back();
                    tracing::debug!(bytes, "code that rests is taken out of memory");
                })),
                Deed::Autostart(on) => {
                    told.autostart_fault = autostart::set(on).err().map(|error| error.to_string());
                }
            }
        }
        told.refused_keys.clone_from(&refused.borrow_and_update());
        // Of updates another task tells.
        told.update = state.desktop.update.clone();
        if told != state.desktop {
            let desktop = told.clone();
            // The engine that does not hear it any more is ending.
            let _ = engine.command(AppCommand::TellDesktop { desktop }).await;
        }
        let changed = tokio::select! {
            changed = states.changed() => changed,
            changed = talk.changed() => changed,
            // Whoever tells it lives as long as this.
            _ = refused.changed() => Ok(()),
        };
        if changed.is_err() {
            return;
        }
    }
}

#[cfg(target_os = "linux")]
fn notify(app: &AppHandle, session: &DesktopSession, notice: Notice, topic: NoticeTopic) {
    use tauri::Emitter as _;
    let app = app.clone();
    session.notify(notice, move || {
        show(&app);
        // Where in the window it leads, the page knows.
        if let Err(error) = app.emit("open", topic) {
            tracing::debug!(%error, "the window does not open what was clicked");
        }
    });
}

#[cfg(not(target_os = "linux"))]
fn notify(app: &AppHandle, _: &DesktopSession, notice: Notice, _: NoticeTopic) {
    use tauri_plugin_notification::NotificationExt as _;
    let shown = app
        .notification()
        .builder()
        .title(&notice.title)
        .body(&notice.body)
        .show();
    tracing::debug!(?shown, "notified");
}

fn is_watched(app: &AppHandle) -> bool {
    app.get_webview_window(WINDOW).is_some_and(|window| {
        let hidden = window.is_minimized().unwrap_or(false) || !window.is_visible().unwrap_or(true);
        !hidden && window.is_focused().unwrap_or(true)
    })
}

/// Notes where a window is, keeps that when it closes, and hides the main one instead where that is wanted.
pub(crate) fn window_event(window: &Window, event: &WindowEvent, engine: &EngineHandle) {
    let is_main = window.label() == WINDOW;
    match event {
        WindowEvent::Resized(_) | WindowEvent::Moved(_) => places::note(window),
        WindowEvent::CloseRequested { api, .. } => {
            places::keep(window);
            let stays = engine.state().borrow().settings.desktop.stay_in_tray;
            if is_main && stays && window.try_state::<tray::TrayMark>().is_some() {
                api.prevent_close();
                // Not hidden where nothing would bring it back.
                let done = if parley_desktop::tray::is_shown() {
                    window.hide()
                } else {
                    window.minimize()
                };
                tracing::debug!(?done, "stays without its window");
            }
        }
        // The app ends with its last window.
        WindowEvent::Destroyed if is_main => inspector::close(window.app_handle()),
        _ => {}
    }
}
