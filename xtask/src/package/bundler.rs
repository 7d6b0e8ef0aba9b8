//! Tauri's bundler: installed when its version changed, told what to make, its answers read from where it puts
//! them.

use crate::process;
use crate::setup;
use crate::workspace::{Stamp, fingerprint, root, target_dir};
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn home() -> PathBuf {
    root().join("xtask").join("bundler")
}

/// Makes `bundles` and tells where they are. `licences` goes into each; with `updates` in their configuration they are signed.
pub(super) fn bundle(
    bundles: &[String],
    debug: bool,
    licences: &Path,
    updates: Option<&Value>,
) -> Result<Vec<PathBuf>> {
    install()?;
    // What an earlier run left there is not ours to hand out.
    let out = target_dir()
        .join(if debug { "debug" } else { "release" })
        .join("bundle");
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("cannot empty {}", out.display()))?;
    }
    eprintln!("Making {} ...", bundles.join(", "));
    let mut tauri = Command::new("node");
    tauri
        .arg(home().join("node_modules/@tauri-apps/cli/tauri.js"))
        .args(["bundle", "--ci", "--bundles", &bundles.join(",")])
        .args(debug.then_some("--debug"))
        .arg("--config")
        .arg(additions(licences).to_string())
        .args(
            updates
                .into_iter()
                .flat_map(|updates| ["--config".to_owned(), updates.to_string()]),
        )
        .current_dir(root().join("src-tauri"))
        .env("CARGO_TARGET_DIR", target_dir());
    process::run_quiet(&mut tauri).context("the bundler failed")?;
    let made = found(&out, bundles)?;
    if made.is_empty() {
        bail!("the bundler left nothing in {}", out.display());
    }
    Ok(made)
}

/// What only this run knows goes on top of tauri.conf.json: where the licences are.
fn additions(licences: &Path) -> Value {
    let mut documents = vec![("THIRD-PARTY-LICENCES.txt", licences.to_owned())];
    documents
        .extend(["LICENSE-MIT", "LICENSE-APACHE", "LICENSE-NOTES.md"].map(|name| (name, root().join(name))));
    if !cfg!(target_os = "linux") {
        let turned: BTreeMap<String, &str> = documents
            .iter()
            .map(|(name, path)| (path.display().to_string(), *name))
            .collect();
        return json!({ "bundle": { "resources": turned } });
    }
    let placed: BTreeMap<String, &PathBuf> = documents
        .iter()
        .map(|(name, path)| (format!("/usr/share/doc/parley/{name}"), path))
        .collect();
    let files = json!({ "files": placed });
    json!({ "bundle": { "linux": { "deb": files, "rpm": files, "appimage": files } } })
}

/// The installers below `out`, one folder a format (macOS makes the app on the way to the dmg), and what is signed for updates.
fn found(out: &Path, bundles: &[String]) -> Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    for bundle in bundles {
        let (folder, ending) = match bundle.as_str() {
            "app" => ("macos", "app"),
            "appimage" => ("appimage", "AppImage"),
            "nsis" => ("nsis", "exe"),
            same => (same, same),
        };
        let entries = fs::read_dir(out.join(folder)).with_context(|| format!("no {bundle} was made"))?;
        made.extend(
            entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let unsigned = name.strip_suffix(".sig").unwrap_or(&name);
                    // The macOS app is a folder; what updates it is that folder packed.
                    let packed = unsigned.strip_suffix(".tar.gz").unwrap_or(unsigned);
                    packed.ends_with(&format!(".{ending}"))
                }),
        );
    }
    made.sort();
    Ok(made)
}

/// No lock file: there is one package of one exact version, which pins its programs for every system exactly too.
fn install() -> Result<()> {
    let stamp = Stamp::new("bundler", fingerprint(&[home().join("package.json")], &[])?);
    if stamp.is_set() && home().join("node_modules").is_dir() {
        return Ok(());
    }
    eprintln!("Installing Tauri's bundler (npm install) ...");
    process::run_quiet(
        setup::npm(&["install", "--no-package-lock", "--no-audit", "--no-fund"]).current_dir(home()),
    )
    .context("npm could not install the packages of xtask/bundler")?;
    stamp.set()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_handed_out() {
        let out = target_dir().join("xtask").join("bundles-test");
        for file in [
            "deb/Parley_1_amd64.deb",
            "deb/data.tar.gz",
            "rpm/Parley-1.rpm",
            "macos/Parley.app/Contents",
            "macos/Parley.app.tar.gz",
            "macos/Parley.app.tar.gz.sig",
            "nsis/Parley-setup.exe",
            "nsis/Parley-setup.exe.sig",
            "nsis/utils.nsh",
        ] {
            let path = out.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(
            found(&out, &["deb".to_owned()]).unwrap(),
            [out.join("deb/Parley_1_amd64.deb")]
        );
        let signed = found(&out, &["app".to_owned(), "nsis".to_owned()]).unwrap();
        let names = [
            "macos/Parley.app",
            "macos/Parley.app.tar.gz",
            "macos/Parley.app.tar.gz.sig",
            "nsis/Parley-setup.exe",
            "nsis/Parley-setup.exe.sig",
        ];
        assert_eq!(signed, names.map(|name| out.join(name)));
        assert!(found(&out, &["appimage".to_owned()]).is_err());
        fs::remove_dir_all(&out).unwrap();
    }
}
