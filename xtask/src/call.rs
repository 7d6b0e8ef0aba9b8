//! `cargo xtask call`, `cargo xtask lab` and `cargo xtask bench`: builds, then hands over to `measure`, the program in `tests/` that makes
//! calls and takes the figures. xtask itself measures nothing.

use crate::build;
use crate::setup::{self, Purpose};
use crate::workspace::{program, released};
use anyhow::{Context as _, Result, bail};
use std::process::{Command, ExitCode};

/// One complete call on this machine.
pub(crate) fn call(arguments: &[String]) -> Result<ExitCode> {
    setup::system(Purpose::Run)?;
    build::programs()?;
    measure("call", arguments)
}

/// The quality lab: calls over networks that are not good.
pub(crate) fn lab(arguments: &[String]) -> Result<ExitCode> {
    setup::system(Purpose::Test)?;
    build::programs()?;
    measure("lab", arguments)
}

/// What each bench is called here and there, and what has to be on the machine for it.
const BENCHES: &[(&str, &str, Purpose)] = &[
    ("call", "bench-call", Purpose::Test),
    ("capture", "bench-capture", Purpose::Test),
    ("files", "bench-files", Purpose::Test),
    ("group", "bench-group", Purpose::Test),
    ("ladder", "bench-ladder", Purpose::Test),
    ("setup", "bench-setup", Purpose::Test),
    ("sfu", "bench-sfu", Purpose::SfuBench),
    ("signaling", "bench-signaling", Purpose::Test),
    ("turn", "bench-turn", Purpose::TurnBench),
    ("voice", "bench-voice", Purpose::Test),
];

/// Measurements, against other software where there is some.
pub(crate) fn bench(arguments: &[String]) -> Result<ExitCode> {
    let named = arguments.split_first();
    let found = named.and_then(|(name, rest)| {
        let bench = BENCHES.iter().find(|(known, ..)| known == name)?;
        Some((bench, rest))
    });
    let Some(((_, what, purpose), rest)) = found else {
        let names: Vec<&str> = BENCHES.iter().map(|(name, ..)| *name).collect();
        bail!("which bench? There are: {}", names.join(", "));
    };
    setup::system(*purpose)?;
    build::programs()?;
    let mut rest = rest.to_vec();
    let wished = rest.iter().position(|word| word == "--release");
    if let Some(at) = wished {
        rest.remove(at);
    }
    if wished.is_some() || *purpose == Purpose::SfuBench {
        build::release_of_the_server()?;
        let server = released("parley-server").display().to_string();
        rest.extend(["--server".to_owned(), server]);
    }
    measure(what, &rest)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_bench_is_answered_with_those_that_there_are() {
        for words in [&[][..], &["tea".to_owned()]] {
            let said = bench(words).unwrap_err().to_string();
            assert!(
                said.contains("call, capture, files, group, ladder, setup, sfu, signaling, turn"),
                "{said}"
            );
        }
    }
}
