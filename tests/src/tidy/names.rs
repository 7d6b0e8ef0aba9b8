//! Words that are not used here, and words that every module has.

use super::exceptions::{self, Exception};
use super::sources::{Source, with_extension};

/// Endings that say nothing about what a type is.
const EMPTY_ENDINGS: &[&str] = &[
    "Manager", "Helper", "Util", "Utils", "Service", "Data", "Info", "Impl",
];

const EMPTY_ENDING_EXCEPTIONS: &[Exception] = &[(
    "crates/parley-app/src/view/mod.rs",
    "FrameBridgeInfo is the answer's name in the contract with the window",
)];

/// Where `unsafe` may stand: codecs, devices, memory given back, a file handed over by the bus, and the test world's system calls.
const UNSAFE_HOMES: &[&str] = &[
    "crates/parley-media/src/video/codec",
    "crates/parley-media/src/audio/codec",
    "crates/parley-media/src/device",
    "crates/parley-desktop/src/memory.rs",
    "crates/parley-portal/src/portal.rs",
    "tests/src/harness/system.rs",
];

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<(String, String)> = with_extension(&[".rs"])
        .into_iter()
        .filter(|source| !source.is_tests() && !source.text.trim_start().starts_with("//!"))
        .map(|source| (source.path, "does not begin with `//!`".into()))
        .collect();
    exceptions::check("every module begins by saying what it is", &silent, &[]);
}

#[test]
fn nothing_is_left_unfinished() {
    // Put together, so that this file does not accuse itself.
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("XXX", ":"),
    ];
    let findings = lines_with(&[".rs", ".ts", ".svelte", ".sh", ".mjs"], |line| {
        words
            .iter()
            .find(|word| line.contains(*word))
            .map(|word| (*word).to_owned())
    });
    exceptions::check("no unfinished work is merged", &findings, &[]);
}

#[test]
fn types_have_names_that_say_something() {
    let findings = lines_with(&[".rs"], |line| {
        let name = declared_type(line).filter(|_| !line.contains('"'))?;
        let ending = EMPTY_ENDINGS.iter().find(|ending| name.ends_with(*ending))?;
        Some(format!("`{name}`: `{ending}` says nothing"))
    });
    exceptions::check("names come from the field", &findings, EMPTY_ENDING_EXCEPTIONS);
}

#[test]
fn unsafe_code_stays_at_home() {
    let findings: Vec<_> = lines_with(&[".rs"], |line| {
        let code = !line.trim_start().starts_with("//");
        let starts = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
        (code && starts.iter().any(|start| line.contains(start)) && !line.contains('"'))
            .then(|| "unsafe code".into())
    })
    .into_iter()
    .filter(|(place, _)| !UNSAFE_HOMES.iter().any(|home| place.starts_with(home)))
    .collect();
    exceptions::check(
        "unsafe code lives in codecs, devices and system calls",
        &findings,
        &[],
    );
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let mut findings = Vec::new();
    for source in with_extension(&[".rs"]) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let block =
                line.contains("unsafe {") && !line.contains('"') && !line.trim_start().starts_with("//");
            let told = lines[at.saturating_sub(6)..=at]
                .iter()
                .any(|line| line.contains("SAFETY:"));
            if block && !told {
                findings.push((source.path.clone(), format!("line {}: no SAFETY comment", at + 1)));
            }
        }
    }
    exceptions::check("every unsafe block has its SAFETY line", &findings, &[]);
}

fn lines_with(extensions: &[&str], finding: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let of = |source: &Source| -> Vec<(String, String)> {
        source
            .text
            .lines()
            .enumerate()
            .filter_map(|(at, line)| {
                Some((
                    source.path.clone(),
                    format!("line {}: {}", at + 1, finding(line)?),
                ))
            })
            .collect()
    };
    with_extension(extensions).iter().flat_map(of).collect()
}

/// The name of the type that a line declares.
fn declared_type(line: &str) -> Option<&str> {
    let mut words = line
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    let mut before = "";
    loop {
        let word = words.next()?;
        if matches!(word, "struct" | "enum" | "trait" | "type")
            && matches!(before, "" | "pub" | "crate" | "super")
        {
            return words.next();
        }
        before = word;
    }
}

#[test]
fn declarations_are_recognised() {
    assert_eq!(declared_type("pub(crate) struct CallInfo {"), Some("CallInfo"));
    assert_eq!(declared_type("enum Phase {"), Some("Phase"));
    assert_eq!(declared_type("    type Err = X;"), Some("Err"));
    assert_eq!(declared_type("let x = a_struct;"), None);
    assert_eq!(declared_type("/// the struct DeviceInfo"), None);
}
