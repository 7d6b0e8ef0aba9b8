//! Node and the window's JavaScript: packages when the lock file changed, a build when a source changed.

use crate::process;
use crate::workspace::{Stamp, fingerprint, root};
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// The oldest Node that Vite runs on.
const NODE_MIN: (u32, u32) = (20, 19);

fn ui() -> PathBuf {
    root().join("ui")
}

/// `npm` in the folder of the UI.
pub(crate) fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(arguments).current_dir(ui());
    command
}

/// Installs the UI's packages when its lock file changed.
pub(crate) fn install_ui() -> Result<()> {
    let stamp = Stamp::new("npm", fingerprint(&[ui().join("package-lock.json")], &[])?);
    if stamp.is_set() && ui().join("node_modules").is_dir() {
        return Ok(());
    }
    check_version(process::answer("node", &["--version"]).as_deref())?;
    eprintln!("Installing the window's JavaScript packages (npm ci) ...");
    process::run_quiet(&mut npm(&["ci", "--no-audit", "--no-fund"]))
        .context("npm could not install the packages of ui/")?;
    stamp.set()
}

/// Builds the UI when a source changed; installs its packages first when needed.
pub(crate) fn build_ui() -> Result<()> {
    install_ui()?;
    let stamp = Stamp::new(
        "ui",
        fingerprint(
            &[ui()],
            &["node_modules", "dist", "dist-guest", "target", "screenshots"],
        )?,
    );
    let pages = [
        ui().join("dist").join("index.html"),
        ui().join("dist-guest").join("guest.html"),
    ];
    if stamp.is_set() && pages.iter().all(|page| page.is_file()) {
        return Ok(());
    }
    eprintln!("Building the window (npm run build) ...");
    process::run_quiet(&mut npm(&["run", "build"])).context("the UI could not be built")?;
    // What a server embeds.
    process::run_quiet(&mut npm(&["run", "build:guest"])).context("the page of guests could not be built")?;
    stamp.set()
}

fn check_version(found: Option<&str>) -> Result<()> {
    let Some(found) = found else {
        bail!(
            "Node is missing. Install Node {}.{} or newer: https://nodejs.org",
            NODE_MIN.0,
            NODE_MIN.1
        );
    };
    let mut numbers = found
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse().ok());
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < NODE_MIN {
        bail!(
            "Node {found} is too old for the window's tools. Install Node {}.{} or newer: https://nodejs.org",
            NODE_MIN.0,
            NODE_MIN.1
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_refused_with_a_sentence() {
        for good in ["v20.19.0", "v20.20.2", "v22.0.0"] {
            assert!(check_version(Some(good)).is_ok(), "{good}");
        }
        for bad in [Some("v20.18.9"), Some("v18.20.0"), Some("junk"), None] {
            let sentence = check_version(bad).unwrap_err().to_string();
            assert!(sentence.contains("20.19"), "{sentence}");
        }
    }
}
