//! System packages: apt on Debian and Ubuntu, installed where missing; elsewhere named, never touched.

use super::Purpose;
use crate::process;
use crate::workspace::Stamp;
use anyhow::{Context as _, Result, bail};
use std::process::Command;

/// To build: compilers of the media libraries (cmake: Opus, nasm: OpenH264's assembler, clang: V4L2 bindings), the system's
/// webview, ALSA.
const APT_BUILD: &[&str] = &[
    "build-essential",
    "pkg-config",
    "curl",
    "file",
    "libssl-dev",
    "libwebkit2gtk-4.1-dev",
    "librsvg2-dev",
    "libayatana-appindicator3-dev",
    "libasound2-dev",
    "patchelf",
    "cmake",
    "nasm",
    "clang",
    "libclang-dev",
];

/// To test: a screen, a webview driver, a sound server, a camera (FUSE), a network, other peers, a voice.
const APT_TEST: &[&str] = &[
    "xvfb",
    "webkit2gtk-driver",
    "libgl1-mesa-dri",
    "fonts-dejavu-core",
    "scrot",
    "pulseaudio",
    "pulseaudio-utils",
    "libasound2-plugins",
    "chromium",
    "ffmpeg",
    "espeak-ng",
    "iproute2",
    "util-linux",
    "fuse3",
    "python3-venv",
];

/// A system whose packages are only named.
struct Named {
    /// The program that tells the system.
    probe: &'static str,
    /// What a person types.
    command: &'static str,
}

const NAMED: &[Named] = &[
    Named {
        probe: "dnf",
        command: "sudo dnf install gcc-c++ pkgconf-pkg-config openssl-devel webkit2gtk4.1-devel librsvg2-devel libappindicator-gtk3-devel alsa-lib-devel patchelf cmake nasm clang clang-devel",
    },
    Named {
        probe: "pacman",
        command: "sudo pacman -S --needed base-devel openssl webkit2gtk-4.1 librsvg libayatana-appindicator alsa-lib patchelf cmake nasm clang",
    },
    Named {
        probe: "brew",
        command: "brew install cmake nasm",
    },
    Named {
        probe: "winget",
        command: "winget install Kitware.CMake NASM.NASM LLVM.LLVM Microsoft.VisualStudio.2022.BuildTools",
    },
];

/// Makes sure of the packages for `purpose`.
pub(super) fn ensure(purpose: Purpose) -> Result<()> {
    let mut wanted = APT_BUILD.to_vec();
    if purpose == Purpose::Test {
        wanted.extend(APT_TEST);
    }
    let stamp = Stamp::new(
        if purpose == Purpose::Test {
            "packages-test"
        } else {
            "packages-run"
        },
        wanted.join("\n"),
    );
    if stamp.is_set() {
        return Ok(());
    }
    if process::answer("dpkg-query", &["--version"]).is_some() {
        install_with_apt(&wanted)?;
    } else {
        name_what_is_missing()?;
    }
    stamp.set()
}

fn install_with_apt(wanted: &[&str]) -> Result<()> {
    let missing = missing_of(wanted, &installed());
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("Installing {} (apt) ...", missing.join(", "));
    process::run_quiet(as_root("apt-get").args(["update", "-q"]))
        .context("the list of packages could not be fetched")?;
    process::run_quiet(
        as_root("apt-get")
            .args(["install", "-y", "-q", "--no-install-recommends"])
            .args(&missing),
    )
    .context("packages could not be installed; install them by hand, then run this again")
}

/// `program` with the rights to install: as it is for root, through sudo for others.
fn as_root(program: &str) -> Command {
    let root = process::answer("id", &["-u"]).is_some_and(|id| id == "0");
    let mut command = if root {
        Command::new(program)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg(program);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn installed() -> String {
    process::answer("dpkg-query", &["-W", "-f", "${Package} ${db:Status-Status}\n"]).unwrap_or_default()
}

/// The wanted packages that `listing` (a line `NAME STATUS` each) does not show as installed.
fn missing_of<'a>(wanted: &[&'a str], listing: &str) -> Vec<&'a str> {
    wanted
        .iter()
        .filter(|name| {
            !listing
                .lines()
                .any(|line| line.strip_suffix(" installed") == Some(**name))
        })
        .copied()
        .collect()
}

fn name_what_is_missing() -> Result<()> {
    let mut probes = vec![("cmake", "--version"), ("nasm", "--version")];
    if cfg!(not(target_os = "macos")) {
        probes.push(("clang", "--version"));
    }
    let tools = probes
        .iter()
        .all(|(tool, word)| process::answer(tool, &[word]).is_some());
    let libraries = !cfg!(target_os = "linux")
        || process::answer("pkg-config", &["--exists", "webkit2gtk-4.1", "alsa"]).is_some();
    if tools && libraries {
        return Ok(());
    }
    let command = NAMED
        .iter()
        .find(|system| process::answer(system.probe, &["--version"]).is_some())
        .map_or(
            "with your system's package manager: a C++ compiler, cmake, nasm, clang with libclang, and on Linux the development files of WebKitGTK 4.1, librsvg and ALSA",
            |system| system.command,
        );
    bail!("Something needed to build Parley is missing. Install it, then run this again:\n  {command}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_installed_is_missing() {
        let listing = "cmake installed\nnasm config-files\nclang-14 installed\n";
        assert_eq!(
            missing_of(&["cmake", "nasm", "clang"], listing),
            ["nasm", "clang"]
        );
        assert_eq!(missing_of(&["cmake"], listing), [""; 0]);
    }
}
