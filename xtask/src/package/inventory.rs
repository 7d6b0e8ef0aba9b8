//! What is inside the app: every crate that is linked into it and every script that is packed into its window, by what the
//! two lock files say. Tools and tests are not inside.

use crate::build::cargo;
use crate::workspace::root;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// One thing inside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub name: String,
    pub version: String,
    /// As its author states it: an SPDX expression, or nothing.
    pub licence: Option<String>,
    pub source: Source,
    /// Where its files are.
    pub folder: PathBuf,
}

/// Where a part comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Cargo,
    Npm,
}

impl Part {
    /// A package URL (github.com/package-url/purl-spec).
    pub(super) fn purl(&self) -> String {
        match self.source {
            Source::Cargo => format!("pkg:cargo/{}@{}", self.name, self.version),
            Source::Npm => format!("pkg:npm/{}@{}", self.name.replace('@', "%40"), self.version),
        }
    }
}

/// Everything inside the app as it is built for this system.
pub(super) fn of_the_app() -> Result<BTreeSet<Part>> {
    of("parley")
}

/// Everything inside the server, the page for guests among it.
pub(super) fn of_the_server() -> Result<BTreeSet<Part>> {
    of("parley-server")
}

fn of(program: &str) -> Result<BTreeSet<Part>> {
    let output = cargo("metadata")
        .args(["--format-version=1", "--locked", "--filter-platform", &host()?])
        .output()
        .context("cargo metadata cannot be started")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let mut parts = crates(&serde_json::from_slice(&output.stdout)?, program);
    let lock = std::fs::read(root().join("ui").join("package-lock.json"))?;
    parts.extend(scripts(&serde_json::from_slice(&lock)?));
    Ok(parts)
}

/// The triple of this system, as rustc says it.
fn host() -> Result<String> {
    let version = crate::process::answer("rustc", &["-vV"]).context("rustc does not answer")?;
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not say what it runs on")?.to_owned())
}

/// Crates of others that `program` links, found by walking the graph along what is neither for building nor for testing.
fn crates(metadata: &Value, program: &str) -> BTreeSet<Part> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let id = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> = list(&metadata["packages"])
        .into_iter()
        .map(|one| (id(&one), one))
        .collect();
    let nodes: BTreeMap<String, Value> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|one| (id(&one), one))
        .collect();
    let mut waiting: Vec<String> = packages
        .iter()
        .filter(|(_, package)| package["name"] == program && package["source"].is_null())
        .map(|(id, _)| id.clone())
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(next) = waiting.pop() {
        if !seen.insert(next.clone()) {
            continue;
        }
        let edges = nodes
            .get(&next)
            .map(|node| list(&node["deps"]))
            .unwrap_or_default();
        waiting.extend(
            edges
                .iter()
                .filter(|edge| is_linked(edge))
                .filter_map(|edge| edge["pkg"].as_str().map(str::to_owned)),
        );
    }
    let foreign = seen
        .iter()
        .filter_map(|id| packages.get(id))
        .filter(|package| !package["source"].is_null());
    foreign.filter_map(of_crate).collect()
}

/// An edge of kind `null` is a normal dependency; the others are `build` and `dev`.
fn is_linked(edge: &Value) -> bool {
    edge["dep_kinds"]
        .as_array()
        .is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
}

fn of_crate(package: &Value) -> Option<Part> {
    Some(Part {
        name: package["name"].as_str()?.to_owned(),
        version: package["version"].as_str()?.to_owned(),
        licence: package["license"].as_str().map(str::to_owned),
        source: Source::Cargo,
        folder: PathBuf::from(package["manifest_path"].as_str()?)
            .parent()?
            .to_owned(),
    })
}

/// Packages that the window's own `dependencies` bring: tools are `devDependencies`, which the lock file marks.
fn scripts(lock: &Value) -> BTreeSet<Part> {
    let Some(packages) = lock["packages"].as_object() else {
        return BTreeSet::new();
    };
    packages
        .iter()
        .filter(|(_, package)| {
            package["dev"] != true && package["optional"] != true && package["devOptional"] != true
        })
        .filter_map(|(path, package)| {
            Some(Part {
                name: path.rsplit_once("node_modules/")?.1.to_owned(),
                version: package["version"].as_str()?.to_owned(),
                licence: package["license"].as_str().map(str::to_owned),
                source: Source::Npm,
                folder: root().join("ui").join(path),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_linked_is_inside_and_tools_are_not() {
        let registry = "registry+x";
        let package = |name: &str, source: Option<&str>| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": source, "manifest_path": format!("/r/{name}/Cargo.toml")});
        let edge = |name: &str, kind: Option<&str>| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [package("parley", None), package("ours", None), package("a", Some(registry)), package("b", Some(registry)),
                package("cc", Some(registry)), package("tester", Some(registry))],
            "resolve": {"nodes": [
                {"id": "parley", "deps": [edge("ours", None), edge("cc", Some("build"))]},
                {"id": "ours", "deps": [edge("a", None), edge("tester", Some("dev"))]},
                {"id": "a", "deps": [edge("b", None)]},
                {"id": "b", "deps": [edge("a", None)]},
            ]},
        });
        let names: Vec<String> = crates(&metadata, "parley")
            .into_iter()
            .map(|part| part.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn scripts_are_inside_unless_they_are_tools() {
        let lock = json!({"packages": {
            "": {"name": "parley-ui", "version": "0.1.0"},
            "node_modules/@tauri-apps/api": {"version": "2.0.0", "license": "MIT"},
            "node_modules/vite": {"version": "8.0.0", "license": "MIT", "dev": true},
        }});
        let parts: Vec<Part> = scripts(&lock).into_iter().collect();
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].purl(), "pkg:npm/%40tauri-apps/api@2.0.0");
    }

    #[test]
    fn the_app_holds_its_codecs_and_its_window_and_all_state_a_licence() {
        let parts = of_the_app().unwrap();
        for name in ["openh264-sys2", "opusic-sys", "tauri", "webrtc", "svelte"] {
            assert!(parts.iter().any(|part| part.name == name), "{name}");
        }
        let silent: Vec<&Part> = parts.iter().filter(|part| part.licence.is_none()).collect();
        assert!(silent.is_empty(), "{silent:?}");
    }
}
