//! `parley:` links lead to this program. Installers say so to the system; a Parley that was not installed says so itself,
//! on Linux, in the person's own folder. (macOS reads it from the bundle, Windows from what the installer wrote.)

use crate::entry;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ENTRY: &str = "parley-links.desktop";
const SCHEME: &str = "x-scheme-handler/parley";

/// What was found, and done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// An installed Parley has the links already.
    ByInstaller,
    /// This program had them already.
    Before,
    /// They lead to this program now.
    Now,
}

/// Makes `parley:` links lead to `program`, unless an installed Parley has them: then what was written here before goes.
/// Reads and writes small files and runs the desktop's own tool, so call it where waiting is allowed. `data` is the
/// person's data folder (`~/.local/share`), `shared` those of the system.
///
/// # Errors
/// When the person's folder cannot be written.
pub fn register(program: &Path, data: &Path, shared: &[PathBuf]) -> io::Result<Registered> {
    let folder = data.join("applications");
    let place = folder.join(ENTRY);
    if shared
        .iter()
        .any(|folder| knows_links(&folder.join("applications")))
    {
        forget(&folder, &place)?;
        return Ok(Registered::ByInstaller);
    }
    let wanted = entry::for_links(program);
    if fs::read_to_string(&place).is_ok_and(|there| there == wanted) {
        return Ok(Registered::Before);
    }
    fs::create_dir_all(&folder)?;
    fs::write(&place, wanted)?;
    // Desktops without these tools read the folder themselves.
    run(Command::new("update-desktop-database").arg(&folder));
    run(Command::new("xdg-mime").args(["default", ENTRY, SCHEME]));
    Ok(Registered::Now)
}

/// Takes away what an earlier start wrote: a person's own entry goes before the system's, and the program it names may be
/// gone.
fn forget(folder: &Path, place: &Path) -> io::Result<()> {
    match fs::remove_file(place) {
        Ok(()) => run(Command::new("update-desktop-database").arg(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// [`register`] with what the environment says, for this program. Nothing to do elsewhere than on Linux.
pub fn register_here() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let folder = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = folder("HOME");
    let Some(data) = folder("XDG_DATA_HOME").or_else(|| home.map(|home| home.join(".local/share"))) else {
        return;
    };
    let shared = std::env::var_os("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    let shared: Vec<PathBuf> = std::env::split_paths(&shared).collect();
    // An AppImage runs from a place that is gone with it.
    let Some(program) = folder("APPIMAGE").or_else(|| std::env::current_exe().ok()) else {
        return;
    };
    match register(&program, &data, &shared) {
        Ok(done) => tracing::debug!(?done, "parley: links"),
        Err(error) => tracing::info!(%error, "links of the form parley: do not lead to this program"),
    }
}

/// Whether an entry in this folder takes our links. Entries of other programs are not read further than their names.
fn knows_links(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().to_lowercase();
            name.contains("parley") && name.ends_with(".desktop")
        })
        .any(|entry| fs::read_to_string(entry.path()).is_ok_and(|text| text.contains(SCHEME)))
}

fn run(command: &mut Command) {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Err(error) = quiet.status() {
        tracing::debug!(%error, program = ?quiet.get_program(), "a tool of the desktop is missing");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_here_unless_an_installer_said_otherwise() {
        let home = tempfile::tempdir().unwrap();
        let (data, system) = (home.path().join("data"), home.path().join("system"));
        let shared = [system.clone()];
        let program = Path::new("/somewhere/parley");
        assert_eq!(register(program, &data, &shared).unwrap(), Registered::Now);
        assert_eq!(register(program, &data, &shared).unwrap(), Registered::Before);
        let moved = Path::new("/elsewhere/parley");
        assert_eq!(register(moved, &data, &shared).unwrap(), Registered::Now);
        let text = fs::read_to_string(data.join("applications").join(ENTRY)).unwrap();
        assert_eq!(text, entry::for_links(moved));

        let applications = system.join("applications");
        fs::create_dir_all(&applications).unwrap();
        fs::write(applications.join("Parley.desktop"), "Exec=parley\n").unwrap();
        assert_eq!(register(moved, &data, &shared).unwrap(), Registered::Before);
        fs::write(
            applications.join("Parley.desktop"),
            format!("MimeType={SCHEME};\n"),
        )
        .unwrap();
        for _ in 0..2 {
            assert_eq!(register(moved, &data, &shared).unwrap(), Registered::ByInstaller);
            let ours = data.join("applications").join(ENTRY);
            assert!(!ours.exists(), "it would go before the installer's");
        }
    }
}
