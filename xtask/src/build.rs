//! Building everything, always with the same selection of packages and targets, so that no two chores disagree about
//! features and build the same crates twice.

use crate::process;
use crate::setup;
use crate::workspace::root;
use anyhow::{Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// No build takes longer than this, even cold on a small machine.
const BUILD_LIMIT: Duration = Duration::from_secs(60 * 60);

/// A test binary that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestProgram {
    /// The package it tests.
    pub package: String,
    /// The target in that package.
    pub target: String,
    /// The binary.
    pub path: PathBuf,
    /// The package's folder, where tests expect to run.
    pub folder: PathBuf,
}

/// Cargo in the top folder, as if a person had called it: without what `cargo run` told xtask about xtask. Build scripts
/// that look at such variables (ring's does) would run again, and half the tree after them, each time people change between
/// `cargo build` and a chore.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).current_dir(root());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_about_xtask) {
            command.env_remove(name);
        }
    }
    command
}

fn is_about_xtask(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|begin| variable.starts_with(begin))
}

/// Builds the window and all programs, no tests.
pub(crate) fn programs() -> Result<()> {
    setup::build_ui()?;
    process::run(cargo("build").args(["--workspace", "--locked", "--quiet"]))
}

/// Builds the window and the app to be given away, with this on top of its tauri.conf.json.
pub(crate) fn release(configuration: Option<&Value>) -> Result<()> {
    setup::build_ui()?;
    // As Tauri's own command does: no development server.
    let mut build = cargo("build");
    build.args([
        "--release",
        "--locked",
        "--package",
        "parley",
        "--features",
        "tauri/custom-protocol",
    ]);
    if let Some(configuration) = configuration {
        build.env("TAURI_CONFIG", configuration.to_string());
    }
    process::run(&mut build)
}

/// Builds the server to be given away.
pub(crate) fn release_of_the_server() -> Result<()> {
    setup::build_ui()?;
    process::run(cargo("build").args(["--release", "--locked", "--package", "parley-server"]))
}

/// Builds the window, all programs and all test binaries.
pub(crate) fn everything() -> Result<Vec<TestProgram>> {
    setup::build_ui()?;
    let mut programs = Vec::new();
    let status = process::run_lines(
        cargo("build").args([
            "--workspace",
            "--all-targets",
            "--locked",
            "--message-format=json-render-diagnostics",
        ]),
        BUILD_LIMIT,
        |line| programs.extend(test_program(line)),
    )?;
    if !status.success() {
        bail!("the build failed");
    }
    programs.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(programs)
}

/// The test binary that a line of cargo's JSON messages announces, if it is one.
fn test_program(line: &str) -> Option<TestProgram> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    Some(TestProgram {
        package: package_name(message["package_id"].as_str()?),
        target: message["target"]["name"].as_str()?.to_owned(),
        path: PathBuf::from(message["executable"].as_str()?),
        folder: folder.to_owned(),
    })
}

/// The name in a package id such as `path+file:///x/crates/parley-proto#0.1.0` or `path+file:///x/tests#parley-tests@0.1.0`.
fn package_name(id: &str) -> String {
    let (path, fragment) = id.split_once('#').unwrap_or((id, ""));
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => path.rsplit('/').next().unwrap_or(path).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_ids_are_read_in_both_spellings() {
        assert_eq!(
            package_name("path+file:///x/crates/parley-proto#0.1.0"),
            "parley-proto"
        );
        assert_eq!(
            package_name("path+file:///x/tests#parley-tests@0.1.0"),
            "parley-tests"
        );
    }

    #[test]
    fn cargo_is_not_told_about_xtask() {
        let removed: Vec<_> = cargo("build")
            .get_envs()
            .map(|(name, _)| name.to_owned())
            .collect();
        assert!(removed.contains(&"CARGO_PKG_NAME".into()), "{removed:?}");
        assert!(!is_about_xtask("CARGO_TARGET_DIR") && !is_about_xtask("CARGO_HOME"));
    }

    #[test]
    fn only_test_binaries_are_taken_from_the_messages() {
        let line = r#"{"reason":"compiler-artifact","package_id":"path+file:///x/fuzz#parley-fuzz@0.1.0","manifest_path":"/x/fuzz/Cargo.toml","target":{"name":"parley_fuzz"},"profile":{"test":true},"executable":"/t/parley_fuzz-1"}"#;
        assert_eq!(
            test_program(line),
            Some(TestProgram {
                package: "parley-fuzz".into(),
                target: "parley_fuzz".into(),
                path: "/t/parley_fuzz-1".into(),
                folder: "/x/fuzz".into(),
            })
        );
        assert_eq!(
            test_program(&line.replace(r#""test":true"#, r#""test":false"#)),
            None
        );
        assert_eq!(test_program("   Compiling something"), None);
    }
}
