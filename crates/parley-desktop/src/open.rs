//! Addresses and folders, handed to the programs that the system has for them. What may be opened at all is decided before:
//! nothing is checked here.

use crate::graphics;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// Hands an address to the program that the system has for it; tells whether one was started. Whoever calls has checked that
/// it is a web address, or one of our own for the system's settings.
#[must_use]
pub fn address(address: &str) -> bool {
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
#[must_use]
pub fn folder(folder: &Path) -> bool {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    start(program, &[], folder.as_os_str())
}

fn start(program: &str, before: &[&str], what: &OsStr) -> bool {
    let mut command = Command::new(program);
    command.args(before).arg(what).stdin(Stdio::null());
    // How our window is drawn is none of the other program's business.
    for (name, value) in graphics::variables() {
        if std::env::var_os(name).is_some_and(|ours| ours == value) {
            command.env_remove(name);
        }
    }
    match command.spawn() {
        Ok(child) => {
            take_leave(child, program);
            true
        }
        Err(error) => {
            tracing::warn!(%error, program, "cannot be started");
            false
        }
    }
}

/// Waits for its end, which may be that of a browser, on a thread of its own: whose leave nobody takes stays as a zombie.
fn take_leave(mut child: Child, program: &str) {
    let waiting = thread::Builder::new()
        .name("opened".into())
        .spawn(move || child.wait());
    if let Err(error) = waiting {
        tracing::debug!(%error, program, "nobody waits for its end");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_whether_a_program_was_started() {
        let (there, before): (&str, &[&str]) = if cfg!(windows) {
            ("cmd", &["/c"])
        } else {
            ("sh", &["-c"])
        };
        assert!(start(there, before, "exit".as_ref()));
        assert!(!start("parley-no-such-program", &[], "x".as_ref()));
    }
}
