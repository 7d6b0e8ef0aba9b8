//! Finding and reading the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing written by hand.
const SKIPPED: &[&str] = &["target", "node_modules", "dist", "dist-guest", ".git", "gen"];

/// A file of the project.
pub(super) struct Source {
    /// From the top folder, with forward slashes.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl Source {
    /// Whether it is nothing but the tests of another module, moved into a file of their own.
    pub(super) fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs")
    }

    /// The lines before the tests at the bottom of the file.
    pub(super) fn lines_without_tests(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|line| *line != "#[cfg(test)]")
    }

    /// The file with comments and doc comments taken away, line by line.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(|line| {
            if line.trim_start().starts_with("//") {
                ""
            } else {
                line
            }
        })
    }
}

/// The top folder.
pub(super) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// All files below the top folder that end in one of `extensions`.
pub(super) fn with_extension(extensions: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root(), extensions, &mut found);
    assert!(!found.is_empty(), "no sources found below {}", root().display());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                collect(&path, extensions, found);
            }
        } else if extensions.iter().any(|extension| name.ends_with(extension)) {
            let relative = path
                .strip_prefix(root())
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            // What is no text (an icon with an odd name) is no source.
            if let Ok(text) = fs::read_to_string(&path) {
                found.push(Source { path: relative, text });
            }
        }
    }
}
