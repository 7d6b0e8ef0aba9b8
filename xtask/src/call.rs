//! `cargo xtask call` and `cargo xtask bench`: builds, then hands over to `measure`, the program in `tests/` that makes
//! calls and takes the figures. xtask itself measures nothing.

use crate::build;
use crate::setup::{self, Purpose};
use crate::workspace::program;
use anyhow::{Context as _, Result, bail};
use std::process::{Command, ExitCode};

/// One complete call on this machine.
pub(crate) fn call(arguments: &[String]) -> Result<ExitCode> {
    setup::system(Purpose::Run)?;
    build::programs()?;
    measure("call", arguments)
}

/// Measurements against other software.
pub(crate) fn bench(arguments: &[String]) -> Result<ExitCode> {
    let Some((name, rest)) = arguments.split_first() else {
        bail!("which bench? There are: call, capture, files");
    };
    let what = match name.as_str() {
        "call" => "bench-call",
        "capture" => "bench-capture",
        "files" => "bench-files",
        _ => bail!("there is no bench called `{name}`; there are: call, capture, files"),
    };
    // Chromium, a screen and a clip are among what the tests need.
    setup::system(Purpose::Test)?;
    build::programs()?;
    measure(what, rest)
}

fn measure(what: &str, arguments: &[String]) -> Result<ExitCode> {
    let status = Command::new(program("measure"))
        .arg(what)
        .args(arguments)
        .status()
        .context("cannot start the program that measures")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
