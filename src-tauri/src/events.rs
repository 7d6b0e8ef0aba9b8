//! The events that windows hear: `state`, `levels`, `stats`, `inspector`, `talk`. Each tells the newest value; what changed in
//! between while a window was busy is not told. Tauri hands an event only to the pages that listen to it: nobody who looks at
//! no figures gets any.

use parley_app::engine::EngineHandle;
use serde::Serialize;
use tauri::{AppHandle, Emitter as _};
use tokio::sync::watch;

/// Tells everything the engine publishes, until it ends.
pub(crate) fn tell(app: &AppHandle, engine: &EngineHandle) {
    pass_on(app, "state", engine.state());
    pass_on(app, "levels", engine.levels());
    pass_on(app, "stats", engine.stats());
    pass_on(app, "inspector", engine.inspector());
    pass_on(app, "talk", engine.talk());
}

fn pass_on<T: Clone + Serialize + Send + Sync + 'static>(
    app: &AppHandle,
    event: &'static str,
    mut values: watch::Receiver<T>,
) {
    let app = app.clone();
    drop(tauri::async_runtime::spawn(async move {
        while values.changed().await.is_ok() {
            let value = values.borrow_and_update().clone();
            if let Err(error) = app.emit(event, value) {
                tracing::debug!(%error, event, "the window did not hear");
            }
        }
    }));
}
