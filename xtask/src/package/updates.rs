//! What an installed Parley needs to find the next one: a public key and an address inside the build, signatures beside the
//! installers, and a manifest of all systems' (`cargo xtask manifest`).
//!
//! Only where keys are: a build without them says in its settings that it looks for no updates. Signing itself is the
//! bundler's work.

use crate::base64;
use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// The public key, as `tauri signer generate` prints it.
const PUBLIC_KEY: &str = "PARLEY_UPDATE_KEY";
/// The private one, which Tauri's bundler reads by itself.
const PRIVATE_KEY: &str = "TAURI_SIGNING_PRIVATE_KEY";
/// Where every installed Parley asks for the newest release.
const ENDPOINT: &str = "https://github.com/parley-call/parley/releases/latest/download/latest.json";
/// What every signature's name ends with.
const SIGNATURE: &str = ".sig";
/// What the bundler signs too, and package managers bring.
const PACKAGED: &[&str] = &[".deb", ".rpm"];
/// Which installer is whose: a part of its name, its ending, and what the updater calls the system.
const TARGETS: &[(&str, &str, &[&str])] = &[
    ("amd64", ".AppImage", &["linux-x86_64-appimage", "linux-x86_64"]),
    (
        "aarch64",
        ".AppImage",
        &["linux-aarch64-appimage", "linux-aarch64"],
    ),
    ("macos-arm", ".app.tar.gz", &["darwin-aarch64"]),
    ("macos-intel", ".app.tar.gz", &["darwin-x86_64"]),
    ("x64", "-setup.exe", &["windows-x86_64-nsis", "windows-x86_64"]),
    ("x64", ".msi", &["windows-x86_64-msi"]),
];

/// What goes on top of tauri.conf.json for a build that finds its successors; nothing without keys.
pub(super) fn configuration() -> Option<Value> {
    let (public, private) = (std::env::var(PUBLIC_KEY), std::env::var(PRIVATE_KEY));
    configuration_with(&public.unwrap_or_default(), &private.unwrap_or_default())
}

fn configuration_with(public: &str, private: &str) -> Option<Value> {
    // A secret that is not there comes as an empty variable from some build services.
    let both = !public.trim().is_empty() && !private.trim().is_empty();
    both.then(|| {
        json!({
            "bundle": { "createUpdaterArtifacts": true },
            "plugins": { "updater": {
                "pubkey": public.trim(),
                "endpoints": [ENDPOINT],
                // Or an older release, genuine and broken, could be passed off as a newer one.
                "requireSignedVersion": true
            } }
        })
    })
}

/// `cargo xtask manifest FOLDER ADDRESS`: writes `latest.json` into a folder of signed installers that will be at an address.
pub(crate) fn manifest(arguments: &[String]) -> Result<ExitCode> {
    let [folder, address] = arguments else {
        bail!("what is wanted is a folder of installers and the address that they will have");
    };
    let folder = Path::new(folder);
    let mut signatures = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if let Some(installer) = name.strip_suffix(SIGNATURE) {
            signatures.push((installer.to_owned(), fs::read_to_string(&path)?));
        }
    }
    let written = manifest_of(env!("CARGO_PKG_VERSION"), address, &signatures)?;
    let file = folder.join("latest.json");
    fs::write(&file, serde_json::to_string_pretty(&written)?)?;
    println!("{}", file.display());
    Ok(ExitCode::SUCCESS)
}

/// The manifest, as the updater's static format has it.
fn manifest_of(version: &str, address: &str, signatures: &[(String, String)]) -> Result<Value> {
    let mut platforms = Map::new();
    let of_managers = |name: &str| PACKAGED.iter().any(|ending| name.ends_with(ending));
    for (installer, signature) in signatures.iter().filter(|(name, _)| !of_managers(name)) {
        let signature = signature.trim();
        let signed = signed_version(signature).with_context(|| format!("the signature of {installer}"))?;
        if signed != version {
            bail!("{installer} was signed as {signed}, and this is {version}");
        }
        let targets = TARGETS
            .iter()
            .find(|(part, ending, _)| installer.contains(part) && installer.ends_with(ending));
        let Some((_, _, targets)) = targets else {
            bail!("nobody knows which system {installer} is for");
        };
        let url = format!("{}/{installer}", address.trim_end_matches('/'));
        for target in *targets {
            let before = platforms.insert(
                (*target).to_owned(),
                json!({ "url": url, "signature": signature }),
            );
            if before.is_some() {
                bail!("two installers are there for {target}");
            }
        }
    }
    if platforms.is_empty() {
        bail!("no installer is signed");
    }
    Ok(json!({ "version": version, "platforms": platforms }))
}

/// The version that a signature vouches for: in minisign's trusted comment, fields apart by tabs.
fn signed_version(signature: &str) -> Result<String> {
    let text = base64::decode(signature).context("is no base64")?;
    let text = String::from_utf8(text).context("is no text")?;
    let comment = text
        .lines()
        .find_map(|line| line.strip_prefix("trusted comment: "))
        .context("has no trusted comment")?;
    let version = comment
        .split('\t')
        .find_map(|field| field.strip_prefix("version:"));
    Ok(version
        .context("names no version, so that no Parley would take it")?
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `tauri signer sign --app-version 1.2.3` wrote, and the same without the version.
    const SIGNED: &str = "dW50cnVzdGVkIGNvbW1lbnQ6IHNpZ25hdHVyZSBmcm9tIHRhdXJpIHNlY3JldCBrZXkKUlVRZmVBWmgvYkZSSFhieDkxWlBTRzVKWk5QQnFxR3lBd09uZnltcGJRekNabzNCRnA3RW5nUTNDQ2dXMWp3ZFRpNUlXUnQrM00wS3RFQlhOZW1Tck5Mc1NENFRVZFNnZVF3PQp0cnVzdGVkIGNvbW1lbnQ6IHRpbWVzdGFtcDoxNzk1ODAwMTM3CWZpbGU6d2suYmluCXZlcnNpb246MS4yLjMKNmcrOG9kcmpBWTF6U2VhcTY1UzlHaWZpQUdKcWk1U2JjYlVCS2g0c0NoQVNOQjU3OUVPYmtvRlBPNlRPMFpUVWJSdWFZWUQ3bjBWQXAxVUhvRWtDQ0E9PQo=";
    const WITHOUT_VERSION: &str = "dHJ1c3RlZCBjb21tZW50OiB0aW1lc3RhbXA6MQo=";

    fn of(names: &[&str]) -> Result<Value> {
        let signatures: Vec<_> = names
            .iter()
            .map(|name| ((*name).to_owned(), format!("{SIGNED}\n")))
            .collect();
        manifest_of("1.2.3", "https://example.org/v1.2.3/", &signatures)
    }

    #[test]
    fn every_installer_is_found_by_the_names_that_the_updater_looks_for() {
        let manifest = of(&[
            "Parley_1.2.3_amd64.AppImage",
            "Parley-macos-arm.app.tar.gz",
            "Parley-macos-intel.app.tar.gz",
            "Parley_1.2.3_x64-setup.exe",
            "Parley_1.2.3_x64_en-US.msi",
            "Parley_1.2.3_amd64.deb",
            "Parley-1.2.3-1.x86_64.rpm",
        ])
        .unwrap();
        assert_eq!(manifest["version"], "1.2.3");
        let platforms = manifest["platforms"].as_object().unwrap();
        let names: Vec<&str> = platforms.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "darwin-aarch64",
                "darwin-x86_64",
                "linux-x86_64",
                "linux-x86_64-appimage",
                "windows-x86_64",
                "windows-x86_64-msi",
                "windows-x86_64-nsis"
            ]
        );
        let windows = &platforms["windows-x86_64"];
        assert_eq!(
            windows["url"],
            "https://example.org/v1.2.3/Parley_1.2.3_x64-setup.exe"
        );
        assert_eq!(windows["signature"], SIGNED);
    }

    #[test]
    fn what_no_parley_would_take_is_not_published() {
        for names in [
            &[][..],
            &["Parley.zip"],
            &["Parley.app.tar.gz"],
            &["Parley_1.2.3_amd64.deb"],
            &["Parley_amd64.AppImage", "Parley2_amd64.AppImage"],
        ] {
            assert!(of(names).is_err(), "{names:?}");
        }
        for (version, signature) in [
            ("1.2.4", SIGNED),
            ("1.2.3", WITHOUT_VERSION),
            ("1.2.3", "not base64!"),
            ("1.2.3", ""),
        ] {
            let signed = [("Parley_amd64.AppImage".to_owned(), signature.to_owned())];
            assert!(
                manifest_of(version, "https://example.org", &signed).is_err(),
                "{signature}"
            );
        }
    }

    #[test]
    fn a_build_finds_its_successors_only_with_both_keys() {
        for (public, private) in [("", ""), ("key", ""), ("", "secret"), (" ", "secret")] {
            assert_eq!(configuration_with(public, private), None);
        }
        let with = configuration_with("key\n", "secret").unwrap();
        assert_eq!(with["plugins"]["updater"]["pubkey"], "key");
        assert_eq!(with["plugins"]["updater"]["requireSignedVersion"], true);
        assert!(!with.to_string().contains("secret"));
    }
}
