//! `measure call [--seconds N] [--json]`, `measure bench-call [--window] [--against chromium] [--seconds N] [--json]` and
//! `measure bench-capture [--seconds N] [--json]`, `measure bench-files [--against chromium] [--mb N] [--json]`: what
//! `cargo xtask call` and `cargo xtask bench` run once everything is built.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool answers on standard output"
)]

use anyhow::Result;
use std::process::ExitCode;

/// What was asked for.
struct Wish {
    what: String,
    seconds: Option<u32>,
    mb: Option<u32>,
    json: bool,
    against_chromium: bool,
    window: bool,
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Wish> {
    use anyhow::{Context as _, bail};
    let mut wish = Wish {
        what: arguments
            .next()
            .context("measure what? call, bench-call, bench-capture or bench-files")?,
        seconds: None,
        mb: None,
        json: false,
        against_chromium: false,
        window: false,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => wish.json = true,
            "--window" if wish.what == "bench-call" => wish.window = true,
            "--seconds" => {
                let number: u32 = arguments
                    .next()
                    .and_then(|number| number.parse().ok())
                    .context("--seconds takes a whole number")?;
                wish.seconds = Some(number.clamp(5, 3600));
            }
            "--mb" => {
                let number = arguments.next().and_then(|number| number.parse::<u32>().ok());
                wish.mb = Some(number.context("--mb takes a whole number")?.clamp(1, 100_000));
            }
            "--against" => match arguments.next().as_deref() {
                Some("chromium") if wish.what.starts_with("bench-") => wish.against_chromium = true,
                _ => bail!("--against takes a peer, and the benches know one: chromium"),
            },
            other => bail!("`{other}` is not understood; `cargo xtask help` lists what is"),
        }
    }
    Ok(wish)
}

#[cfg(target_os = "linux")]
fn run(wish: &Wish) -> Result<bool> {
    use parley_tests::measure::{bench, call, capture, files, window};
    let (report, picture) = match wish.what.as_str() {
        "call" => {
            let outcome = call::run(wish.seconds.unwrap_or(call::SECONDS))?;
            (outcome.report, outcome.picture)
        }
        "bench-call" => {
            let seconds = wish.seconds.unwrap_or(bench::SECONDS);
            let bench = if wish.window { window::run } else { bench::run };
            (bench(seconds, wish.against_chromium)?, None)
        }
        "bench-capture" => (capture::run(wish.seconds.unwrap_or(capture::SECONDS))?, None),
        "bench-files" => {
            let mb = wish.mb.unwrap_or(files::LOOPBACK_MB);
            (files::run(mb, wish.against_chromium)?, None)
        }
        other => {
            anyhow::bail!("`{other}` cannot be measured; call, bench-call, bench-capture and bench-files can")
        }
    };
    if wish.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", report.table());
    }
    if let Some(picture) = picture {
        eprintln!("The picture B received: {}", picture.display());
    }
    if !report.ok {
        eprintln!("Something did not arrive.");
    }
    Ok(report.ok)
}

#[cfg(not(target_os = "linux"))]
fn run(wish: &Wish) -> Result<bool> {
    anyhow::bail!("`{}` is measured on Linux only, for now", wish.what)
}

fn main() -> ExitCode {
    match read(std::env::args().skip(1)).and_then(|wish| run(&wish)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
