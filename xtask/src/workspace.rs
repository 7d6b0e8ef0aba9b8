//! Where things are on this machine, and stamps that remember what was done already.

use anyhow::{Context as _, Result};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// The top folder of the sources.
pub(crate) fn root() -> PathBuf {
    // At run time first: the sources may have been moved since xtask was built.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or(manifest.clone(), Path::to_path_buf)
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || root().join("target"),
        |folder| root().join(PathBuf::from(folder)),
    )
}

/// A program of ours, as built by [`crate::build`].
pub(crate) fn program(name: &str) -> PathBuf {
    built("debug", name)
}

/// The same, as it is given away.
pub(crate) fn released(name: &str) -> PathBuf {
    built("release", name)
}

fn built(profile: &str, name: &str) -> PathBuf {
    target_dir()
        .join(profile)
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Remembers that something was done for a certain state of its inputs.
pub(crate) struct Stamp {
    file: PathBuf,
    state: String,
}

impl Stamp {
    /// The stamp `name` for inputs described by `state`.
    pub(crate) fn new(name: &str, state: impl Into<String>) -> Self {
        Self {
            file: target_dir().join("xtask").join(format!("{name}.stamp")),
            state: state.into(),
        }
    }

    /// Whether it was done for exactly this state.
    pub(crate) fn is_set(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|found| found == self.state)
    }

    /// It is done now.
    pub(crate) fn set(&self) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&self.file, &self.state).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// A fingerprint of the contents of files and folders (not of times, which a checkout changes). What does not exist counts
/// as empty; folders in `skip` are left out.
pub(crate) fn fingerprint(paths: &[PathBuf], skip: &[&str]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        hash_into(path, skip, &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn hash_into(path: &Path, skip: &[&str], hasher: &mut DefaultHasher) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|entry| !skip.iter().any(|name| entry.ends_with(name)))
            .collect();
        entries.sort();
        for entry in entries {
            hash_into(&entry, skip, hasher)?;
        }
    } else if path.is_file() {
        path.hash(hasher);
        fs::read(path)?.hash(hasher);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_follows_the_contents_and_not_the_skipped() {
        let folder = target_dir().join("xtask").join("fingerprint-test");
        let skipped = folder.join("dist");
        fs::create_dir_all(&skipped).unwrap();
        fs::write(folder.join("a.ts"), "one").unwrap();
        let of = || fingerprint(std::slice::from_ref(&folder), &["dist"]).unwrap();
        let first = of();
        fs::write(skipped.join("built.js"), "anything").unwrap();
        assert_eq!(of(), first);
        fs::write(folder.join("a.ts"), "two").unwrap();
        assert_ne!(of(), first);
        fs::remove_dir_all(&folder).unwrap();
    }
}
