//! What the shell finds around it: environment variables, the display, the folder for settings.

use std::path::PathBuf;
use tracing_subscriber::EnvFilter;

/// Chooses the way WebKit draws before anything of it is loaded. A variable must be set before there are threads, and setting
/// one in a running process is unsafe: so the process starts itself again.
#[cfg(target_os = "linux")]
pub(crate) fn prepare_display() {
    use parley_desktop::graphics;
    use std::os::unix::process::CommandExt as _;
    if std::env::var_os(graphics::CHOSEN).is_some() {
        return;
    }
    // Only comes back when it failed: then the default has to do.
    if let Ok(program) = std::env::current_exe() {
        let _ = std::process::Command::new(program)
            .args(std::env::args_os().skip(1))
            .envs(graphics::variables())
            .exec();
    }
}

/// Nothing to choose elsewhere.
#[cfg(not(target_os = "linux"))]
pub(crate) const fn prepare_display() {}

/// Logs to standard error what `PARLEY_LOG` asks for (see [`parley_app::log_directives`]).
pub(crate) fn start_log() {
    let asked = std::env::var("PARLEY_LOG").ok();
    let filter = EnvFilter::try_new(parley_app::log_directives(asked.as_deref()))
        .unwrap_or_else(|_| EnvFilter::new(parley_app::log_directives(None)));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

/// What Tauri starts this program again with, or has an installer start it with.
pub(crate) fn to_start_again() -> tauri::Env {
    let mut env = tauri::Env::default();
    env.args_os = parley_app::arguments::to_start_again(env.args_os);
    env
}

/// Where a development build looks for updates: the updater's configuration in JSON, so that the whole way can be tried.
#[cfg(debug_assertions)]
pub(crate) fn tried_updates() -> Option<serde_json::Value> {
    serde_json::from_str(&std::env::var("PARLEY_TRY_UPDATES").ok()?).ok()
}

/// Where settings are kept.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os("PARLEY_DATA_DIR")
        .map(PathBuf::from)
        .or_else(parley_app::settings::usual_folder)
}

/// Returns when the system or a terminal asks the process to end: then there is still time to hang up.
pub(crate) async fn end_asked() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
