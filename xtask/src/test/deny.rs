//! cargo-deny: built once, without optimisation (about a minute), into the target folder.

use crate::build::cargo;
use crate::process;
use crate::workspace::{root, target_dir};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::Command;

/// The version whose configuration `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Licences, bans and sources. Advisories change without us and need the network: the public CI asks for those.
pub(super) fn check() -> Result<()> {
    let program = installed()?;
    process::run_quiet(
        Command::new(program)
            .args([
                "--locked",
                "check",
                "--hide-inclusion-graph",
                "licenses",
                "bans",
                "sources",
            ])
            .current_dir(root()),
    )
}

fn installed() -> Result<PathBuf> {
    let tools = target_dir().join("xtask").join("tools");
    let program = tools
        .join("bin")
        .join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    let version = program
        .to_str()
        .and_then(|path| process::answer(path, &["--version"]));
    if version.is_some_and(|line| line.ends_with(VERSION)) {
        return Ok(program);
    }
    eprintln!("Building cargo-deny {VERSION} ...");
    process::run_quiet(
        cargo("install")
            .args([
                "cargo-deny",
                "--version",
                VERSION,
                "--locked",
                "--debug",
                "--force",
                "--root",
            ])
            .arg(&tools)
            .env("CARGO_TARGET_DIR", tools.join("build"))
            .env("CARGO_PROFILE_DEV_DEBUG", "false"),
    )
    .context("cargo-deny could not be built")?;
    // Half a gigabyte that nobody needs again.
    let _ = std::fs::remove_dir_all(tools.join("build"));
    Ok(program)
}
