//! System packages: apt on Debian and Ubuntu, installed where missing; elsewhere named, never touched.

use super::Purpose;
use crate::process;
use crate::workspace::Stamp;
use anyhow::{Context as _, Result, bail};
use std::process::Command;

/// To build: compilers of the media libraries (cmake: Opus, nasm: OpenH264's assembler, libclang: bindings of V4L2
/// and PipeWire), the system's webview and tray, D-Bus, ALSA, PipeWire. Found on a bare Debian 12 with nothing but Rust, Node and build-essential.
const APT_BUILD: &[&str] = &[
    "build-essential",
    "pkg-config",
    "libwebkit2gtk-4.1-dev",
    "libayatana-appindicator3-dev",
    "libdbus-1-dev",
    "libasound2-dev",
    "libpipewire-0.3-dev",
    "cmake",
    "nasm",
    "libclang-dev",
];

/// To test: a screen with clipboard and keyboard, a webview driver, a sound server, a camera (FUSE), a network, other peers, a voice
/// and recorded ones (alsa-utils), another relay server (`coturn`, see [`SERVICES_NOT_WANTED`]).
const APT_TEST: &[&str] = &[
    "xvfb",
    "webkit2gtk-driver",
    "libgl1-mesa-dri",
    "fonts-dejavu-core",
    "scrot",
    "xclip",
    "xdotool",
    "dbus-daemon",
    "pulseaudio",
    "pulseaudio-utils",
    "libasound2-plugins",
    "chromium",
    "firefox-esr",
    "coturn",
    "ffmpeg",
    "espeak-ng",
    "alsa-utils",
    "iproute2",
    "util-linux",
    "fuse3",
    "python3-venv",
];

/// Services that Debian starts as soon as their packages are there, open to everybody as long as nobody set them up. The tests want their
/// programs alone.
const SERVICES_NOT_WANTED: &[&str] = &["coturn", "janus"];

/// For the rare tests: a Wayland desktop with everything that lets a screen be shared.
const APT_FULL: &[&str] = &[
    "sway",
    "pipewire",
    "wireplumber",
    "xdg-desktop-portal",
    "xdg-desktop-portal-wlr",
];

/// To measure our relay: the one that everybody else uses.
const APT_TURN_BENCH: &[&str] = &["coturn"];

/// To measure our SFU: one that many use.
const APT_SFU_BENCH: &[&str] = &["janus"];

/// To type-check for other systems: Windows's C and C++ compiler beside what the media libraries want.
const APT_CHECK: &[&str] = &["build-essential", "cmake", "nasm", "g++-mingw-w64-x86-64-posix"];

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
        command: "sudo dnf install gcc-c++ pkgconf-pkg-config webkit2gtk4.1-devel libappindicator-gtk3-devel dbus-devel alsa-lib-devel pipewire-devel cmake nasm clang-devel",
    },
    Named {
        probe: "pacman",
        command: "sudo pacman -S --needed base-devel webkit2gtk-4.1 libayatana-appindicator dbus alsa-lib libpipewire cmake nasm clang",
    },
    Named {
        probe: "brew",
        command: "brew install cmake nasm",
    },
    Named {
        probe: "winget",
        command: "winget install Kitware.CMake NASM.NASM   (then put C:\\Program Files\\NASM on the PATH)",
    },
];

/// Makes sure of the packages for `purpose`.
pub(super) fn ensure(purpose: Purpose) -> Result<()> {
    let (name, wanted) = match purpose {
        Purpose::Run => ("packages-run", APT_BUILD.to_vec()),
        Purpose::Test => ("packages-test", [APT_BUILD, APT_TEST].concat()),
        Purpose::RareTests => ("packages-full", [APT_BUILD, APT_TEST, APT_FULL].concat()),
        Purpose::TurnBench => (
            "packages-turn-bench",
            [APT_BUILD, APT_TEST, APT_TURN_BENCH].concat(),
        ),
        Purpose::SfuBench => (
            "packages-sfu-bench",
            [APT_BUILD, APT_TEST, APT_SFU_BENCH].concat(),
        ),
        Purpose::Check => ("packages-check", APT_CHECK.to_vec()),
    };
    let stamp = Stamp::new(name, wanted.join("\n"));
    if stamp.is_set() {
        return Ok(());
    }
    if has_apt() {
        install_with_apt(&wanted)?;
    } else if purpose == Purpose::Check {
        bail!(
            "what checks for other systems is fetched by apt: this needs a Debian 12, a container for example"
        );
    } else {
        name_what_is_missing()?;
    }
    stamp.set()
}

/// Both: dpkg alone is also found where another system's packages are built.
fn has_apt() -> bool {
    process::answer("dpkg-query", &["--version"]).is_some()
        && process::answer("apt-get", &["--version"]).is_some()
}

/// Fetches the list of packages that there are.
pub(crate) fn refresh() -> Result<()> {
    apt_get(is_root(), &["update", "-q"]).context("the list of packages could not be fetched")
}

fn is_root() -> bool {
    process::answer("id", &["-u"]).is_some_and(|id| id == "0")
}

fn install_with_apt(wanted: &[&str]) -> Result<()> {
    let missing = missing_of(wanted, &installed());
    if missing.is_empty() {
        return Ok(());
    }
    let root = is_root();
    if !root && process::answer("sudo", &["--version"]).is_none() {
        bail!(
            "Packages are missing, and there is no sudo to install them with. As root, run:\n  apt-get install {}",
            missing.join(" ")
        );
    }
    eprintln!("Installing {} (apt) ...", missing.join(", "));
    refresh()?;
    for service in SERVICES_NOT_WANTED
        .iter()
        .filter(|service| missing.contains(service))
    {
        keep_off(root, service);
    }
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    // Neither a question about a changed configuration file nor a wait without end for another installation.
    arguments.extend([
        "-o",
        "Dpkg::Options::=--force-confold",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]);
    arguments.extend(missing);
    apt_get(root, &arguments)
        .context("packages could not be installed; install them by hand, then run this again")
}

/// Has systemd not start it, now or later; `systemctl unmask` takes that back. Without systemd nothing would start it.
fn keep_off(root: bool, service: &str) {
    let line = ["sudo", "systemctl", "mask", service];
    let line = if root { &line[1..] } else { &line[..] };
    if let Err(error) = process::run_quiet(Command::new(line[0]).args(&line[1..])) {
        eprintln!("{service} could not be kept from starting by itself (no systemd?): {error:#}");
    }
}

fn apt_get(root: bool, arguments: &[&str]) -> Result<()> {
    let line = apt_get_line(root);
    process::run_quiet(Command::new(line[0]).args(&line[1..]).args(arguments))
}

/// apt-get with the rights to install and no questions. sudo clears the environment, so `env` sets the variable behind it.
fn apt_get_line(root: bool) -> Vec<&'static str> {
    let mut line = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    if !root {
        line.insert(0, "sudo");
    }
    line
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
    let tools = ["cmake", "nasm"]
        .iter()
        .all(|tool| process::answer(tool, &["--version"]).is_some());
    let libraries = !cfg!(target_os = "linux")
        || process::answer(
            "pkg-config",
            &["--exists", "webkit2gtk-4.1", "dbus-1", "alsa", "libpipewire-0.3"],
        )
        .is_some();
    if tools && libraries {
        return Ok(());
    }
    let command = NAMED
        .iter()
        .find(|system| process::answer(system.probe, &["--version"]).is_some())
        .map_or(
            "with your system's package manager: a C++ compiler, cmake, nasm, and on Linux libclang and the development files of WebKitGTK 4.1, D-Bus, ALSA and PipeWire",
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

    #[test]
    fn no_question_is_asked_behind_sudo_either() {
        for (root, first) in [(true, "env"), (false, "sudo")] {
            let line = apt_get_line(root);
            assert_eq!(line[0], first);
            assert!(
                line.ends_with(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]),
                "{line:?}"
            );
        }
    }
}
