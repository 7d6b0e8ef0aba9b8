//! `cargo xtask fuzz NAME`: one fuzz target led by coverage. The bodies, the corpus and the way coverage is got on stable
//! Rust are `fuzz/`'s; the seeded runs of every test belong to `cargo xtask test`.

use crate::build::cargo;
use crate::process;
use crate::setup::{self, Purpose};
use crate::workspace::{program, root, target_dir};
use anyhow::{Context as _, Result, bail};
use std::process::{Command, ExitCode};

/// How long a target is fuzzed when nothing is said.
const SECONDS: u32 = 60;

/// Fuzzes one target, or lists them.
pub(crate) fn fuzz(arguments: &[String]) -> Result<ExitCode> {
    let known = targets()?;
    let Some((name, rest)) = arguments.split_first() else {
        println!("{}", known.join("\n"));
        return Ok(ExitCode::SUCCESS);
    };
    if !known.contains(name) {
        bail!(
            "there is no fuzz target `{name}`; there are: {}",
            known.join(", ")
        );
    }
    let seconds = seconds(rest)?;
    setup::system(Purpose::Run)?;
    process::run(cargo("build").args([
        "--quiet",
        "--locked",
        "-p",
        "parley-fuzz",
        "--bin",
        "sancov_rustc",
    ]))?;
    process::run(
        cargo("build")
            .args([
                "--quiet",
                "--locked",
                "-p",
                "parley-fuzz",
                "--features",
                "libfuzzer",
                "--bin",
                "libfuzzer",
            ])
            .env("RUSTC_WORKSPACE_WRAPPER", program("sancov_rustc")),
    )?;
    // libFuzzer writes what it learns into the first folder and only reads the others.
    let learnt = target_dir().join("fuzz").join(name);
    std::fs::create_dir_all(&learnt)?;
    let status = Command::new(program("libfuzzer"))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", learnt.display()))
        .arg(&learnt)
        .arg(corpus().join(name))
        .env("PARLEY_FUZZ_TARGET", name)
        .status()
        .context("cannot start the fuzzer")?;
    if status.success() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "The input that did it is in {}. Mend the fault, then copy the input to fuzz/corpus/{name}/ under a name that tells what it is.",
        learnt.display()
    );
    Ok(ExitCode::FAILURE)
}

fn corpus() -> std::path::PathBuf {
    root().join("fuzz").join("corpus")
}

/// Every target has a folder of inputs.
fn targets() -> Result<Vec<String>> {
    let mut names: Vec<String> = std::fs::read_dir(corpus())
        .context("fuzz/corpus is gone")?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

fn seconds(arguments: &[String]) -> Result<u32> {
    match arguments {
        [] => Ok(SECONDS),
        [flag, number] if flag == "--seconds" => number.parse().context("--seconds takes a whole number"),
        other => bail!("`{}` is not understood; there is --seconds N", other.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_can_be_chosen() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(seconds(&[]).unwrap(), SECONDS);
        assert_eq!(seconds(&words(&["--seconds", "5"])).unwrap(), 5);
        assert!(seconds(&words(&["--seconds"])).is_err());
        assert!(seconds(&words(&["--seconds", "soon"])).is_err());
    }

    #[test]
    fn the_targets_are_found() {
        assert!(targets().unwrap().contains(&"proto".to_owned()));
    }
}
