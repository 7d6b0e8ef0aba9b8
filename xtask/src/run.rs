//! `cargo xtask run`: from a fresh clone to a window, or to a whole call where there is no screen.

use crate::setup::{self, Purpose};
use crate::workspace::program;
use crate::{build, call};
use anyhow::{Context as _, Result};
use std::process::{Command, ExitCode};

/// Installs, builds, starts.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    setup::system(Purpose::Run)?;
    if !has_display(cfg!(target_os = "linux"), |name| {
        std::env::var_os(name).is_some_and(|value| !value.is_empty())
    }) {
        eprintln!(
            "This machine has no display (neither DISPLAY nor WAYLAND_DISPLAY is set), so there is no window to open.\n\
             Making a complete call without one instead (`cargo xtask call`) ..."
        );
        return call::call(&[]);
    }
    eprintln!("Building Parley (the first time takes some minutes) ...");
    build::programs()?;
    let mut parley = Command::new(program("parley"));
    parley.args(arguments.iter().skip_while(|word| *word == "--"));
    let status = parley.status().context("cannot start Parley")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether a window could be opened. Only on Linux is it told by the environment.
fn has_display(linux: bool, is_set: impl Fn(&str) -> bool) -> bool {
    !linux || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| is_set(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_is_found_by_either_variable() {
        assert!(has_display(true, |name| name == "DISPLAY"));
        assert!(has_display(true, |name| name == "WAYLAND_DISPLAY"));
        assert!(!has_display(true, |_| false));
        assert!(has_display(false, |_| false));
    }
}
