//! Start at login, as each system wants to be told: an entry in the autostart folder (Linux), a launch agent (macOS), a
//! value in the registry (Windows; the two latter are written and were not tried: there are no such machines here).

use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Why start at login could not be switched.
#[derive(Debug, thiserror::Error)]
pub enum AutostartError {
    /// There is no home folder, or this program does not know where it is.
    #[error("there is no home folder, or this program cannot be found")]
    NoPlace,
    /// The system did not take it.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Switches start at login on or off for this program.
///
/// # Errors
/// [`AutostartError`].
pub fn set(on: bool) -> Result<(), AutostartError> {
    let program = env::var_os("APPIMAGE")
        .map(PathBuf::from)
        .or_else(|| env::current_exe().ok())
        .ok_or(AutostartError::NoPlace)?;
    if cfg!(windows) {
        return registry(on, &program);
    }
    let (place, text) = told(&program).ok_or(AutostartError::NoPlace)?;
    put(on, &place, &text)?;
    Ok(())
}

/// Which file tells it, and with what words.
fn told(program: &Path) -> Option<(PathBuf, String)> {
    let home = env::var_os("HOME").map(PathBuf::from);
    if cfg!(target_os = "macos") {
        let place = home?.join("Library/LaunchAgents/org.parley.Parley.plist");
        return Some((place, launch_agent(program)));
    }
    let config = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home?.join(".config")))?;
    let place = config.join("autostart/parley.desktop");
    Some((place, crate::entry::for_login(program)))
}

fn put(on: bool, place: &Path, text: &str) -> io::Result<()> {
    if on {
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        return fs::write(place, text);
    }
    match fs::remove_file(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn launch_agent(program: &Path) -> String {
    let program = program.to_string_lossy();
    let program = program.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\"><dict>\n<key>Label</key><string>org.parley.Parley</string>\n\
         <key>ProgramArguments</key><array><string>{program}</string><string>--minimized</string></array>\n\
         <key>RunAtLoad</key><true/>\n</dict></plist>\n"
    )
}

/// By the system's own program, which spares a library for one value.
fn registry(on: bool, program: &Path) -> Result<(), AutostartError> {
    const KEY: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run";
    let mut command = std::process::Command::new("reg");
    if on {
        let start = format!("\"{}\" --minimized", program.display());
        command.args(["add", KEY, "/v", "Parley", "/t", "REG_SZ", "/d", &start, "/f"]);
    } else {
        command.args(["delete", KEY, "/v", "Parley", "/f"]);
    }
    let done = command.status()?.success();
    // Deleting what is not there is no fault.
    if done || !on {
        return Ok(());
    }
    Err(io::Error::other("the registry did not take it").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_comes_and_goes_and_going_twice_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("autostart/parley.desktop");
        let text = crate::entry::for_login(Path::new("/opt/parley"));
        put(true, &place, &text).unwrap();
        assert!(
            fs::read_to_string(&place)
                .unwrap()
                .contains("\"/opt/parley\" --minimized")
        );
        put(false, &place, &text).unwrap();
        assert!(!place.exists());
        put(false, &place, &text).unwrap();
    }

    #[test]
    fn a_launch_agent_is_sound_xml_whatever_the_path() {
        let text = launch_agent(Path::new("/Applications/A & B <1>/parley"));
        assert!(
            text.contains("<string>/Applications/A &amp; B &lt;1>/parley</string>"),
            "{text}"
        );
    }
}
