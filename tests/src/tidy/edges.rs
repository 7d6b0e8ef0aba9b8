//! Which crate may use which, and where a library may be named.

use super::sources::{root, with_extension};
use serde_json::Value;
use std::process::Command;

/// Our crates, and those of ours that each may use (ARCHITECTURE.md, "Bird's eye").
const EDGES: &[(&str, &[&str])] = &[
    ("parley-proto", &[]),
    ("parley-media", &["parley-proto", "parley-portal"]),
    ("parley-call", &["parley-proto", "parley-media"]),
    ("parley-server", &["parley-proto"]),
    (
        "parley-app",
        &["parley-proto", "parley-media", "parley-call", "parley-server"],
    ),
    ("parley-cli", &["parley-proto", "parley-media", "parley-app"]),
    ("parley-desktop", &["parley-test-bus"]),
    ("parley-portal", &["parley-test-bus"]),
    ("parley-test-bus", &[]),
    (
        "parley",
        &[
            "parley-proto",
            "parley-media",
            "parley-app",
            "parley-desktop",
            "parley-portal",
        ],
    ),
    (
        "parley-tests",
        &[
            "parley-proto",
            "parley-media",
            "parley-call",
            "parley-server",
            "parley-app",
            "parley-test-bus",
        ],
    ),
    (
        "parley-fuzz",
        &["parley-proto", "parley-media", "parley-call", "parley-server"],
    ),
    ("xtask", &[]),
];

/// A library that only one place may name: the word as it appears in code, and where.
const NAMED_ONLY_IN: &[(&str, &str)] = &[
    ("tauri::", "src-tauri/"),
    ("webrtc::", "crates/parley-call/src/peer"),
    ("rtc::", "crates/parley-call/src/peer"),
    ("cpal::", "crates/parley-media/src/device"),
    ("nokhwa::", "crates/parley-media/src/device"),
    ("pipewire::", "crates/parley-media/src/device/screen/portal"),
    ("xcap::", "crates/parley-media/src/device"),
    ("axum::", "crates/parley-server/"),
];

/// What a crate must not depend on but for its tests, whatever it calls it: (crate, dependencies).
const NEVER_USES: &[(&str, &[&str])] = &[
    (
        "parley-proto",
        &["tokio", "async-trait", "futures-util", "sha2", "hmac", "rand"],
    ),
    ("parley-media", &["webrtc", "rtc", "tokio-tungstenite", "axum"]),
    ("parley-app", &["tauri", "webrtc", "rtc", "cpal", "nokhwa"]),
    ("parley-desktop", &["parley-test-bus"]),
    ("parley-portal", &["parley-test-bus"]),
];

#[test]
fn crates_use_each_other_only_along_the_edges() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let mut complaints = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let Some((_, allowed)) = EDGES.iter().find(|(crate_name, _)| *crate_name == name) else {
            complaints.push(format!("{name} is not in the list of edges"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let ours = EDGES.iter().any(|(crate_name, _)| *crate_name == used);
            if ours && !allowed.contains(&used) {
                complaints.push(format!("{name} -> {used} is no edge of this house"));
            }
            let banned = NEVER_USES
                .iter()
                .any(|(crate_name, banned)| *crate_name == name && banned.contains(&used));
            if banned && dependency["kind"] != "dev" {
                complaints.push(format!("{name} must not depend on {used}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert_eq!(
        packages.len(),
        EDGES.len(),
        "a crate in the list of edges is gone"
    );
}

#[test]
fn media_takes_only_the_channels_of_tokio() {
    for source in with_extension(&[".rs"])
        .iter()
        .filter(|source| source.path.starts_with("crates/parley-media/src"))
    {
        for line in source
            .lines_without_tests()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            let elsewhere = line
                .match_indices("tokio::")
                .any(|(at, _)| !line[at..].starts_with("tokio::sync"));
            assert!(!elsewhere, "{}: {line}", source.path);
        }
    }
}

#[test]
fn libraries_are_named_only_where_they_live() {
    let mut complaints = Vec::new();
    for source in with_extension(&[".rs"]) {
        // The list above names them all.
        if source.path == "tests/src/tidy/edges.rs" {
            continue;
        }
        for (number, line) in source.code_lines().enumerate() {
            for (word, home) in NAMED_ONLY_IN {
                if !source.path.starts_with(home) && names(line, word) {
                    complaints.push(format!(
                        "{}:{}: {word} belongs into {home}",
                        source.path,
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Whether `line` has `word` as a whole path segment, also in `use webrtc;`-like forms.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '"' || c == ':')
    })
}

fn metadata() -> Value {
    let output = Command::new(option_env!("CARGO").unwrap_or("cargo"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_name_counts_only_as_a_whole() {
    assert!(names("use rtc::sdp;", "rtc::"));
    assert!(names("let x = <rtc::X>::new();", "rtc::"));
    assert!(!names("use webrtc::peer;", "rtc::"));
    assert!(!names("use crate::rtc::x;", "rtc::"));
    assert!(!names("use parley_rtc::x;", "rtc::"));
}
