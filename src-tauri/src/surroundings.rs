//! What the shell finds around it: environment variables, the display, the folder for settings.

use std::path::PathBuf;
use tracing_subscriber::EnvFilter;

/// Chooses the way WebKit draws before anything of it is loaded.
///
/// Its DMA-BUF renderer gives blank windows on some drivers and draws a third as fast where software draws. A variable must
/// be set before there are threads, and setting one in a running process is unsafe: so the process starts itself again.
#[cfg(target_os = "linux")]
pub(crate) fn prepare_display() {
    use std::os::unix::process::CommandExt as _;
    const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    // Only comes back when it failed: then the default has to do.
    if let Ok(program) = std::env::current_exe() {
        let _ = std::process::Command::new(program)
            .args(std::env::args_os().skip(1))
            .env(VARIABLE, "1")
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

/// Hands an address to the program that the system has for it; tells whether one was started. Whoever calls has checked that
/// it is a web address, or one of our own for the system's settings.
pub(crate) fn open(address: &str) -> bool {
    let (program, before): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        // Unlike `start`, it takes the address as it is.
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    start(program, before, address.as_ref())
}

/// Shows a folder in the system's file manager; tells whether one was started.
pub(crate) fn open_folder(folder: &std::path::Path) -> bool {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    start(program, &[], folder.as_os_str())
}

fn start(program: &str, before: &[&str], what: &std::ffi::OsStr) -> bool {
    let started = std::process::Command::new(program)
        .args(before)
        .arg(what)
        .stdin(std::process::Stdio::null())
        .spawn();
    match started {
        Ok(mut child) => {
            // It ends within moments; somebody must take its leave, or it stays as a zombie.
            drop(tauri::async_runtime::spawn_blocking(move || child.wait()));
            true
        }
        Err(error) => {
            tracing::warn!(%error, program, "cannot be started");
            false
        }
    }
}

/// What Tauri starts this program again with, or has an installer start it with.
pub(crate) fn to_start_again() -> tauri::Env {
    let mut env = tauri::Env::default();
    env.args_os = crate::arguments::to_start_again(env.args_os);
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
