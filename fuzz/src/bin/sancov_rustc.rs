//! Stands in front of rustc and adds what libFuzzer needs to see coverage. For our own crates only: cargo calls it by
//! `RUSTC_WORKSPACE_WRAPPER`, so dependencies are not built again. All flags are stable ones.
//!
//! ```text
//! cargo build -p parley-fuzz --bin sancov_rustc
//! RUSTC_WORKSPACE_WRAPPER=target/debug/sancov_rustc cargo build -p parley-fuzz --features libfuzzer --bin libfuzzer
//! PARLEY_FUZZ_TARGET=proto target/debug/libfuzzer -use_value_profile=1 -max_total_time=60 target/fuzz/proto fuzz/corpus/proto
//! ```
//!
//! Value profiles matter: the optimiser joins comparisons into one branch, and only they show how near an input came.

use std::process::{Command, ExitCode};

const FLAGS: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(rustc) = arguments.next() else {
        eprintln!("Called by cargo as RUSTC_WORKSPACE_WRAPPER, with the real rustc as first argument.");
        return ExitCode::FAILURE;
    };
    let arguments: Vec<_> = arguments.collect();
    // Build scripts run while building, without libFuzzer.
    let builds_script = arguments.iter().any(|argument| argument == "build_script_build");
    let flags = if builds_script { &[][..] } else { &FLAGS[..] };
    match Command::new(rustc).args(arguments).args(flags).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rustc cannot be run: {error}");
            ExitCode::FAILURE
        }
    }
}
