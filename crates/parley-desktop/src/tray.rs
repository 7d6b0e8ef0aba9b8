//! Whether a tray can be had. On Linux the toolkit loads a library for it while it runs, and ends the process when that is
//! missing: so it is looked for first.

use crate::session;
use std::env;
use std::path::{Path, PathBuf};

const LIBRARIES: &[&str] = &["libayatana-appindicator3.so.1", "libappindicator3.so.1"];
const FOLDERS: &[&str] = &["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"];

/// Whether the library for a tray is there. Whether somebody shows the tray is another matter: [`is_shown`].
#[must_use]
pub fn is_possible() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let told = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let bundled = env::var_os("APPDIR").map(|folder| PathBuf::from(folder).join("usr/lib"));
    env::split_paths(&told)
        .chain(bundled)
        .chain(FOLDERS.iter().map(PathBuf::from))
        .any(|folder| holds_library(&folder))
}

/// Whether the desktop shows trays now. Without that, a window that hides in one has nothing to bring it back. Asks another
/// program, and waits half a second for it at the most.
#[must_use]
pub fn is_shown() -> bool {
    session::shows_tray()
}

/// In the folder itself, or in one for an architecture below it (`/usr/lib/x86_64-linux-gnu`).
fn holds_library(folder: &Path) -> bool {
    let holds = |folder: &Path| LIBRARIES.iter().any(|name| folder.join(name).exists());
    let below = || {
        let entries = folder.read_dir().into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().contains("-linux-"))
            .any(|entry| holds(&entry.path()))
    };
    holds(folder) || below()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_where_systems_keep_it() {
        let root = tempfile::tempdir().unwrap();
        assert!(!holds_library(root.path()));
        let below = root.path().join("riscv64-linux-gnu");
        std::fs::create_dir(&below).unwrap();
        assert!(!holds_library(root.path()));
        std::fs::write(below.join(LIBRARIES[1]), "").unwrap();
        assert!(holds_library(root.path()));
        assert!(holds_library(&below));
    }
}
