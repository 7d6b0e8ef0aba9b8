//! The Rust that Debian keeps for building browsers, with the source of its standard library: fetched by apt, unpacked into a
//! folder of ours, never installed (it would stand in the way of rustup's).
//!
//! Compiler and source have to be of one version, which is why rustup's compiler does not do. The cargo is the one that
//! runs us.

use crate::process;
use crate::setup;
use crate::workspace::Stamp;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiler, this system's standard library for build scripts and macros, the source of the standard library.
const PACKAGES: &[&str] = &["rustc-web", "libstd-rust-web-dev", "rust-web-src"];
/// What those need beyond what a system has that builds Parley: packages whose names carry a version.
const VERSIONED: &[&str] = &["libstd-rust-web-", "libllvm"];

/// Where it was unpacked.
pub(super) struct DebianRust {
    root: PathBuf,
}

impl DebianRust {
    pub(super) fn compiler(&self) -> PathBuf {
        self.root.join("usr/bin/rustc")
    }

    /// Where the compiler's own libraries are.
    pub(super) fn libraries(&self) -> PathBuf {
        self.root.join("usr/lib/x86_64-linux-gnu")
    }
}

/// It, in `folder`; fetched when it is not there.
pub(super) fn unpacked(folder: &Path) -> Result<DebianRust> {
    let rust = DebianRust {
        root: folder.to_owned(),
    };
    let stamp = Stamp::new("debian-rust", PACKAGES.join("\n"));
    if stamp.is_set() && rust.compiler().is_file() {
        return Ok(rust);
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("this is checked from Debian 12 on x86-64 only");
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let parcels = folder.join("parcels");
    fs::create_dir_all(&parcels)?;
    setup::refresh_packages()?;
    let mut names: Vec<String> = PACKAGES.iter().map(|&name| name.to_owned()).collect();
    let mut looked_at = 0;
    while let Some(name) = names.get(looked_at) {
        let needs =
            process::answer("env", &["LC_ALL=C", "apt-cache", "depends", name]).with_context(|| {
                format!("there is no package `{name}` here; Debian 12 has it among its security updates")
            })?;
        names.extend(versioned(&needs, &names));
        looked_at += 1;
    }
    eprintln!("Fetching {} (apt) ...", names.join(", "));
    process::run_quiet(
        Command::new("apt-get")
            .args(["download", "-q"])
            .args(&names)
            .current_dir(&parcels),
    )
    .context("the compiler could not be fetched")?;
    for parcel in fs::read_dir(&parcels)? {
        process::run_quiet(Command::new("dpkg-deb").arg("-x").arg(parcel?.path()).arg(folder))?;
    }
    fs::remove_dir_all(&parcels)?;
    stamp.set()?;
    Ok(rust)
}

/// Which packages apt's answer names that are to be fetched too and are not yet in `known`.
fn versioned(needs: &str, known: &[String]) -> Vec<String> {
    let mut found: Vec<String> = needs
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .filter(|name| {
            VERSIONED.iter().any(|begin| {
                name.strip_prefix(begin)
                    .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
            })
        })
        .map(str::to_owned)
        .filter(|name| !known.contains(name))
        .collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_a_version_in_its_name_is_fetched_too_and_only_once() {
        let needs = "libstd-rust-web-dev\n  Depends: libstd-rust-web-1.96\n  Depends: libc6\n  Conflicts: <rustup>\n  Replaces: libllvm1\n";
        assert_eq!(versioned(needs, &[]), ["libstd-rust-web-1.96"]);
        assert_eq!(versioned(needs, &["libstd-rust-web-1.96".to_owned()]), [""; 0]);
        let driver = "libstd-rust-web-1.96\n  Depends: libllvm22\n  Depends: libstdc++6\n";
        assert_eq!(versioned(driver, &[]), ["libllvm22"]);
        assert_eq!(
            versioned("rustc-web\n  Depends: libstd-rust-web-dev\n", &[]),
            [""; 0]
        );
    }
}
