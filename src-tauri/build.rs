//! Prepares the shell's build: Tauri's own preparations, and a page to show when the UI was not built.

use std::path::Path;

const FALLBACK: &str = include_str!("fallback.html");

fn main() {
    // A clean checkout has no built UI, and must still compile.
    let dist = Path::new("../ui/dist");
    if !dist.join("index.html").exists() {
        let written =
            std::fs::create_dir_all(dist).and_then(|()| std::fs::write(dist.join("index.html"), FALLBACK));
        if let Err(error) = written {
            println!("cargo:warning=cannot write the fallback page: {error}");
        }
    }
    println!("cargo:rerun-if-changed=../ui/dist");
    println!("cargo:rerun-if-changed=fallback.html");
    tauri_build::build();
}
