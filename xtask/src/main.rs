//! `cargo xtask …`: every chore of a developer, in Rust: set-up, running, testing, measuring.
//!
//! Owns the order in which tools are called; what is measured and tested lives in `tests/`, `fuzz/` and `ui/`. Deliberately
//! has two tiny dependencies, so that the first `cargo xtask` answers within seconds.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool answers on standard output"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "driver: runs programs, waits for them, takes their time"
)]

mod base64;
mod build;
mod call;
mod check;
mod fuzz;
mod package;
mod process;
mod run;
mod setup;
mod test;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask run [-- ARGS]               install what is missing, build, start Parley (ARGS go to it);
                                        without a display: make the headless call below instead
cargo xtask call [--seconds N] [--json] one complete call on this machine: embedded server, two endpoints in two
                                        processes; a table, and a PNG of the received picture;
                                        exit code 1 if picture or sound did not arrive
cargo xtask lab [SCENARIO] [--against chromium] [--seconds N] [--json] [--write docs/quality.md]
                                        how a call looks and sounds over slow, lossy and changing networks: a scorecard for
                                        each (docs/quality.md explains); no SCENARIO: all of them, half an hour a side;
                                        --write: the tables of that page anew
cargo xtask test [WHAT]                 no WHAT: what CI runs; `full`: the slow and rare tests too; or one of
    unit      formatting, lints, licences, tidiness, unit tests, fuzz bodies with seeded input
    world     endpoints and the real server over loopback and over an emulated network
    ui        types, logic, components and flows of the window against the fake backend
    interop   against Chromium and aiortc
    desktop   two real windows with cameras, microphones and speakers of their own
cargo xtask bench call [--window] [--against chromium] [--seconds N] [--json]
                                        cost, set-up times and latency of a call; docs/benchmarks.md explains;
                                        --window: of real windows, with all their processes
cargo xtask bench files [--against chromium] [--mb N] [--json]
                                        speed and cost of a file over loopback and over a long, lossy path
cargo xtask bench group [--seconds N] [--json]
                                        what calls of 2, 3, 5 and 10 cost one of them, and their server
cargo xtask bench turn [--against coturn] [--release] [--seconds N] [--json]
                                        packets that a relay passes on for a second of CPU time, and those it loses;
                                        --release: our server as it is given away
cargo xtask bench sfu [--against janus] [--case NAME] [--seconds N] [--json]
                                        what our server, as it is given away, takes to pass sound and pictures on to many,
                                        and how late they are; --case: one of video-10, people-20 and so on
cargo xtask bench signaling [--release] [--seconds N] [--json]
                                        memory of 5,000 people who do nothing, and 500 a second who come and leave
cargo xtask bench setup [--set-ups N] [--json]
                                        time until a call stands and shows a picture: direct, and through relays
cargo xtask bench ladder [--json]       which size and how many pictures a second look best at which bitrate (VMAF, PSNR)
cargo xtask bench voice [--json]        what an echo canceller leaves of the echo and of who sits there, next to WebRTC's
cargo xtask package [--bundles LIST] [--debug]
                                        installers into target/package/, with licences and a bill of materials;
                                        LIST of deb,rpm,appimage (Linux), app,dmg (macOS), nsis,msi (Windows)
cargo xtask package --server [--debug]  the server as a Debian package, with its service (on Debian and its like)
cargo xtask manifest FOLDER ADDRESS     for a release: latest.json over the signed installers in FOLDER, by which an installed
                                        Parley finds them at ADDRESS
cargo xtask bench capture [--seconds N] [--json]
                                        what taking pictures of a screen costs, before encoding
cargo xtask check windows               type-checks all of it for Windows (on Debian 12, with its compilers; the first time
                                        takes twenty minutes)
cargo xtask fuzz [NAME] [--seconds N]   one fuzz target, led by coverage (libFuzzer); without NAME: the targets

`--json` prints one JSON object on standard output; progress goes to standard error.
Where a build goes is CARGO_TARGET_DIR, or target/.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    if rest
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--help" || word == "-h")
    {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    match command.as_str() {
        "run" => run::run(rest),
        "call" => call::call(rest),
        "bench" => call::bench(rest),
        "lab" => call::lab(rest),
        "test" => test::test(rest),
        "check" => check::check(rest),
        "fuzz" => fuzz::fuzz(rest),
        "package" => package::package(rest),
        "manifest" => package::manifest(rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("there is no chore called `{other}`; `cargo xtask help` lists them"),
    }
}
