//! `cargo xtask check windows`: our packages and their tests, type-checked on Linux for a system that is not there.
//!
//! A compiler that has that system's standard library in source (`debian_rust`), mingw-w64 for C and C++, cargo as always.
//! Nothing is linked and nothing runs: what this finds is code that does not compile.

mod debian_rust;

use crate::build::cargo;
use crate::process;
use crate::setup::{self, Purpose};
use crate::workspace::target_dir;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;

/// Of Windows's two ABIs the one whose C compiler Debian has.
const TARGET: &str = "x86_64-pc-windows-gnu";
/// mingw-w64's programs, by the variables that name them. With POSIX threads: `std::thread` of C++ is in no other flavour.
const TOOLS: &[(&str, &str)] = &[
    ("CC", "x86_64-w64-mingw32-gcc-posix"),
    ("CXX", "x86_64-w64-mingw32-g++-posix"),
    ("AR", "x86_64-w64-mingw32-ar"),
];

/// Checks for what was asked for.
pub(crate) fn check(arguments: &[String]) -> Result<ExitCode> {
    match arguments {
        [system] if system == "windows" => windows()?,
        _ => bail!("what is checked for is `windows`"),
    }
    println!("All of it compiles for Windows.");
    Ok(ExitCode::SUCCESS)
}

/// All packages with all their targets; warnings are errors, as in the lints for this system.
pub(crate) fn windows() -> Result<()> {
    setup::system(Purpose::Check)?;
    let rust = debian_rust::unpacked(&folder().join("rust"))?;
    let mut check = cargo("check");
    check
        .args([
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
            "--keep-going",
        ])
        .args(["--target", TARGET, "-Zbuild-std=std,panic_abort,test"])
        // Nothing of it runs: no time for making it fast.
        .args(["--config", "profile.dev.opt-level=0"])
        .args(["--config", "profile.dev.package.\"*\".opt-level=0"])
        // Its own: another compiler's builds would push ours out, and ours its.
        .env("CARGO_TARGET_DIR", folder().join("build"))
        .env("RUSTC", rust.compiler())
        .env("LD_LIBRARY_PATH", rust.libraries())
        // A standard library from source is for compilers under construction; this makes the compiler one.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Dwarnings");
    for (variable, program) in TOOLS {
        check.env(format!("{variable}_{TARGET}"), program);
    }
    process::run(&mut check)
}

/// Compiler and builds: some gigabytes that nothing else touches.
fn folder() -> PathBuf {
    target_dir().join("xtask").join("check")
}
