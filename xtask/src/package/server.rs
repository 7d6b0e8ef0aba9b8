//! The server as a Debian package: the program, its service, a documented file of settings, the licences. Put together by
//! `dpkg-deb`, which every Debian has.

use super::{folder, inventory, licences, line_of};
use crate::build;
use crate::process;
use crate::workspace::{root, target_dir};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What goes into the package, beside what is made for it: (where it is here, where it goes, its rights).
const FILES: &[(&str, &str, u32)] = &[
    (
        "packaging/parley-server/parley-server.service",
        "usr/lib/systemd/system/parley-server.service",
        0o644,
    ),
    (
        "docs/operating.md",
        "usr/share/doc/parley-server/operating.md",
        0o644,
    ),
    ("LICENSE-MIT", "usr/share/doc/parley-server/LICENSE-MIT", 0o644),
    (
        "LICENSE-APACHE",
        "usr/share/doc/parley-server/LICENSE-APACHE",
        0o644,
    ),
    ("packaging/parley-server/postinst", "DEBIAN/postinst", 0o755),
    ("packaging/parley-server/prerm", "DEBIAN/prerm", 0o755),
    ("packaging/parley-server/postrm", "DEBIAN/postrm", 0o755),
];

/// Builds the server and its package, and says where it is.
pub(super) fn package(debug: bool) -> Result<()> {
    if process::answer("dpkg-deb", &["--version"]).is_none() {
        bail!(
            "The server's package is made by dpkg-deb, which Debian and Ubuntu have: run this there, or build it with `cargo build --release -p parley-server` and use packaging/parley-server."
        );
    }
    if debug {
        build::programs()?;
    } else {
        eprintln!("Building parley-server for release (the first time takes a while) ...");
        build::release_of_the_server()?;
    }
    let program = target_dir()
        .join(if debug { "debug" } else { "release" })
        .join("parley-server");
    let made = make(&program, debug)?;
    println!("{}", line_of(&made)?);
    Ok(())
}

fn make(program: &Path, quickly: bool) -> Result<PathBuf> {
    let tree = target_dir().join("xtask").join("parley-server-deb");
    if tree.exists() {
        // What an earlier run left there is not ours to hand out.
        fs::remove_dir_all(&tree).with_context(|| format!("cannot empty {}", tree.display()))?;
    }
    put(program, &tree.join("usr/bin/parley-server"), 0o755)?;
    for (from, to, rights) in FILES {
        put(&root().join(from), &tree.join(to), *rights)?;
    }
    let at = program.to_str().context("a folder whose name is no text")?;
    let settings = process::answer(at, &["config", "example"])
        .context("the server does not print the example of its settings")?;
    write(&tree.join("etc/parley-server.toml"), &format!("{settings}\n"))?;
    write(&tree.join("DEBIAN/conffiles"), "/etc/parley-server.toml\n")?;
    let inside = inventory::of_the_server()?;
    write(
        &tree.join("usr/share/doc/parley-server/THIRD-PARTY-LICENCES.txt"),
        &licences::text(&inside)?,
    )?;
    let architecture = process::answer("dpkg", &["--print-architecture"]).context("dpkg does not answer")?;
    // The program wants the C library that it was linked with, or a newer one.
    let library = process::answer("getconf", &["GNU_LIBC_VERSION"]).unwrap_or_default();
    let kib = fs::metadata(program)?.len().div_ceil(1024);
    write(
        &tree.join("DEBIAN/control"),
        &control(&architecture, library.trim_start_matches("glibc").trim(), kib),
    )?;
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let version = env!("CARGO_PKG_VERSION");
    let made = folder.join(format!("parley-server_{version}_{architecture}.deb"));
    process::run_quiet(
        Command::new("dpkg-deb")
            .arg("--root-owner-group")
            // A development build is ten times as large and given to nobody.
            .args(quickly.then_some("-Zgzip"))
            .args(quickly.then_some("-z1"))
            .arg("--build")
            .arg(&tree)
            .arg(&made),
    )?;
    Ok(made)
}

fn control(architecture: &str, library: &str, kib: u64) -> String {
    let library = if library.is_empty() {
        "libc6".to_owned()
    } else {
        format!("libc6 (>= {library})")
    };
    format!(
        "Package: parley-server\n\
         Version: {}\n\
         Architecture: {architecture}\n\
         Maintainer: The Parley authors <noreply@parley.invalid>\n\
         Section: net\n\
         Priority: optional\n\
         Installed-Size: {kib}\n\
         Depends: {library}, libgcc-s1, passwd\n\
         Homepage: https://github.com/parley-call/parley\n\
         Description: server for Parley calls\n \
         Brings people together for calls (signaling), tells them their own addresses (STUN) and\n \
         relays where no direct way is found (TURN): one program and one file of settings.\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn put(from: &Path, to: &Path, rights: u32) -> Result<()> {
    let parent = to.parent().context("a file without a folder")?;
    fs::create_dir_all(parent)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    set_rights(to, rights)
}

fn write(to: &Path, text: &str) -> Result<()> {
    let parent = to.parent().context("a file without a folder")?;
    fs::create_dir_all(parent)?;
    fs::write(to, text).with_context(|| format!("cannot write {}", to.display()))?;
    set_rights(to, 0o644)
}

#[cfg(unix)]
fn set_rights(file: &Path, rights: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(rights))?;
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as where it can fail")]
fn set_rights(_: &Path, _: u32) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_says_what_it_is_and_what_it_needs() {
        let text = control("amd64", "2.36", 9);
        for line in [
            "Package: parley-server",
            "Architecture: amd64",
            "Depends: libc6 (>= 2.36), libgcc-s1, passwd",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        // The lines after the first of a description begin with a space, and nothing else does.
        let indented = text.lines().filter(|line| line.starts_with(' ')).count();
        assert_eq!(indented, 2, "{text}");
        assert!(control("arm64", "", 9).contains("Depends: libc6, "));
    }

    #[test]
    fn all_that_goes_in_is_there() {
        for (from, _, _) in FILES {
            assert!(root().join(from).is_file(), "{from}");
        }
    }
}
