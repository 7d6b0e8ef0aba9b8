//! The Debian package: installed as a person would, used for a call, and removed without a trace. `cargo xtask test full`
//! makes it from the development build; by hand, `cargo xtask package --debug --bundles deb` comes first.

use super::CAMERA;
use crate::harness::cli::{Cli, Wish};
use crate::harness::meeting::start_call;
use crate::harness::programs::built_folder;
use crate::harness::window::{Opening, Window};
use crate::measure::cost;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PROGRAM: &str = "/usr/bin/parley";
const ENTRY: &str = "/usr/share/applications/Parley.desktop";
const DOCUMENTS: &str = "/usr/share/doc/parley";
/// The installer's own bound, from the release; the development build is larger and keeps it too.
const DEB_MIB_MAX: f64 = 20.0;

/// Processes around the app's own, by the names the system knows them by (15 letters).
const DRIVER: &str = "WebKitWebDriver";
const WEBVIEW: &[&str] = &["WebKitWebProces", "WebKitNetworkPr"];

/// The package on this machine, taken off again whatever happens.
struct Installed;

impl Installed {
    fn install(deb: &Path) -> Self {
        assert!(
            !Path::new(PROGRAM).exists(),
            "Parley is installed here already, and this test would remove it"
        );
        dpkg(&["--install", &deb.display().to_string()]);
        Self
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = Command::new("dpkg").args(["--purge", "parley"]).output();
    }
}

#[test]
#[ignore = "rare: installs a package on this machine"]
fn the_package_is_installed_used_and_removed() {
    let deb = newest_deb();
    let mib = std::fs::metadata(&deb).unwrap().len() as f64 / f64::from(1 << 20);
    eprintln!("{}: {mib:.1} MiB", deb.display());
    assert!(mib <= DEB_MIB_MAX, "{mib:.1} MiB");
    let installed = Installed::install(&deb);

    // The system knows what it has: a program with an entry, which opens links, and what its licences ask for.
    let entry = std::fs::read_to_string(ENTRY).unwrap();
    assert!(
        entry.contains("MimeType=x-scheme-handler/parley;") && entry.contains("Exec=parley %u"),
        "{entry}"
    );
    let licences = std::fs::read_to_string(Path::new(DOCUMENTS).join("THIRD-PARTY-LICENCES.txt")).unwrap();
    assert!(licences.contains("Cisco Systems"));

    let installed_program = Opening {
        program: Some(Path::new(PROGRAM)),
        ..Opening::default()
    };
    let ada = Window::open_so("Ada", CAMERA, &installed_program).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    tell_memory(&ada, "idle");
    let link = start_call(&ada, "Ada").unwrap();
    let ben = Cli::join(&link, &Wish::default(), None).unwrap();
    ada.wait_for_frames("tile-remote", 100).unwrap();
    tell_memory(&ada, "in a call");
    let figures = ben.good_figures(Duration::from_secs(60)).unwrap();
    eprintln!(
        "the other side: {} pictures a second",
        figures.get("fps_shown").unwrap()
    );
    drop(ada);

    dpkg(&["--purge", "parley"]);
    for left in [PROGRAM, ENTRY, DOCUMENTS] {
        assert!(!Path::new(left).exists(), "{left} is still there");
    }
    drop(installed);
}

/// Figures for docs/benchmarks.md.
fn tell_memory(window: &Window, when: &str) {
    let whole = cost::pss_mb(window.pid(), &[DRIVER]).unwrap();
    let app = cost::pss_mb(window.pid(), &[&[DRIVER], WEBVIEW].concat()).unwrap();
    eprintln!("{when}: {app:.1} MB the app's process, {whole:.1} MB with the webview's (PSS)");
}

fn newest_deb() -> PathBuf {
    let built = built_folder().unwrap();
    let folder = built.parent().unwrap().join("package");
    let mut debs: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("run `cargo xtask package --debug --bundles deb` first")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .collect();
    debs.sort_by_key(|path| std::fs::metadata(path).and_then(|found| found.modified()).ok());
    debs.pop().expect("a package")
}

fn dpkg(arguments: &[&str]) {
    let output = Command::new("dpkg").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "dpkg {}:\n{}{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
