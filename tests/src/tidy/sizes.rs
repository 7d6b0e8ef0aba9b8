//! Sizes: a file that grows without end is a noun that nobody named.

use super::exceptions::{self, Exception};
use super::sources::with_extension;

/// Lines of a Rust file, its tests at the bottom not counted.
const RUST_LINES_MAX: usize = 700;
/// Lines of a component of the window.
const SVELTE_LINES_MAX: usize = 300;
/// Lines of the shell altogether: it forwards, it decides nothing.
const SHELL_LINES_MAX: usize = 1500;

const RUST_EXCEPTIONS: &[Exception] = &[];
const SVELTE_EXCEPTIONS: &[Exception] = &[];

#[test]
fn no_rust_file_is_a_god_file() {
    let long: Vec<(String, String)> = with_extension(&[".rs"])
        .into_iter()
        .filter(|source| !source.is_tests())
        .map(|source| (source.lines_without_tests().count(), source.path))
        .filter(|(lines, _)| *lines > RUST_LINES_MAX)
        .map(|(lines, path)| {
            (
                path,
                format!("{lines} lines, {RUST_LINES_MAX} at most: which noun is missing?"),
            )
        })
        .collect();
    exceptions::check("files stay readable", &long, RUST_EXCEPTIONS);
}

#[test]
fn components_of_the_window_stay_small() {
    let long: Vec<(String, String)> = with_extension(&[".svelte", ".rs"])
        .into_iter()
        .filter(|source| source.path.ends_with(".svelte"))
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > SVELTE_LINES_MAX)
        .map(|(lines, path)| (path, format!("{lines} lines, {SVELTE_LINES_MAX} at most")))
        .collect();
    exceptions::check("components stay small", &long, SVELTE_EXCEPTIONS);
}

#[test]
fn the_shell_stays_thin() {
    let lines: usize = with_extension(&[".rs"])
        .iter()
        .filter(|source| source.path.starts_with("src-tauri/"))
        .map(|source| source.text.lines().count())
        .sum();
    assert!(lines > 0, "the shell is gone");
    assert!(
        lines <= SHELL_LINES_MAX,
        "the shell has {lines} lines, {SHELL_LINES_MAX} at most: what decides belongs into parley-app"
    );
}
