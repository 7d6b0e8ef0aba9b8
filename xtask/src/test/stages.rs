//! What each part of the tests runs.

use super::ledger::{Ledger, Tally};
use super::{Part, deny};
use crate::build::{self, TestProgram, cargo};
use crate::package;
use crate::process;
use crate::setup;
use anyhow::{Result, bail};
use std::process::Command;
use std::time::Duration;

/// No test program runs longer than this.
const PROGRAM_LIMIT: Duration = Duration::from_secs(20 * 60);
/// The same with the rare tests among them, of which calls between all pairs of networks alone take six minutes.
const RARE_LIMIT: Duration = Duration::from_secs(30 * 60);
/// The package of the worlds; its test binary serves several parts, by module.
const WORLD_PACKAGE: &str = "parley-tests";

/// Checks that read sources and build nothing that is run.
pub(super) fn sources(ledger: &mut Ledger) {
    ledger.check("formatting", || {
        process::run_quiet(cargo("fmt").args(["--all", "--check"]))
    });
    // The shell embeds the built UI, so lints need it too.
    if ledger.check("window build", setup::build_ui) {
        ledger.check("lints", || {
            process::run(cargo("clippy").args([
                "--workspace",
                "--all-targets",
                "--locked",
                "--quiet",
                "--",
                "-D",
                "warnings",
            ]))
        });
    }
    ledger.check("licences, bans, sources", deny::check);
}

/// Builds everything; nothing else can run when that fails.
pub(super) fn build(ledger: &mut Ledger) -> Option<Vec<TestProgram>> {
    let mut programs = None;
    ledger.check("build", || {
        programs = Some(build::everything()?);
        Ok(())
    });
    programs
}

/// Runs one part.
pub(super) fn part(part: Part, full: bool, programs: &[TestProgram], ledger: &mut Ledger) {
    match part {
        Part::Unit => {
            for program in programs.iter().filter(|program| program.package != WORLD_PACKAGE) {
                let name = format!("unit {} {}", program.package, program.target);
                ledger.stage(&name, |tally| libtest(program, &[], full, tally));
            }
            world_modules(
                "tidy and harness",
                &["tidy::", "harness::", "measure::", "lab::"],
                full,
                programs,
                ledger,
            );
        }
        Part::World => world_modules("world", &["world::"], full, programs, ledger),
        Part::Interop => world_modules("interop", &["interop::"], full, programs, ledger),
        Part::Desktop => {
            // One of the rare tests installs it.
            if full {
                ledger.check("package", || package::of_the_development_build("deb"));
                ledger.check("package the server", package::server_of_the_development_build);
            }
            world_modules("desktop", &["desktop::"], full, programs, ledger);
        }
        Part::Ui => ui(programs, ledger),
    }
}

/// Runs modules of the one test binary of `tests/`, one test at a time: they start real programs and watch the clock.
fn world_modules(name: &str, modules: &[&str], full: bool, programs: &[TestProgram], ledger: &mut Ledger) {
    ledger.stage(name, |tally| {
        let mut arguments = modules.to_vec();
        arguments.extend(["--test-threads=1", "--show-output"]);
        for program in programs
            .iter()
            .filter(|program| program.package == WORLD_PACKAGE && program.target == "parley_tests")
        {
            libtest(program, &arguments, full, tally)?;
        }
        if tally.counts == super::ledger::Counts::default() {
            bail!("not a single test ran");
        }
        Ok(())
    });
}

fn libtest(program: &TestProgram, arguments: &[&str], full: bool, tally: &mut Tally) -> Result<()> {
    let mut command = Command::new(&program.path);
    command
        .args(arguments)
        .args(full.then_some("--include-ignored"))
        .current_dir(&program.folder)
        .env("CARGO_MANIFEST_DIR", &program.folder)
        .env("RUST_BACKTRACE", "1");
    counted(&mut command, if full { RARE_LIMIT } else { PROGRAM_LIMIT }, tally)
}

fn ui(programs: &[TestProgram], ledger: &mut Ledger) {
    // Guests call the programs that were built, wherever cargo put them: a test program is in `deps` beside them.
    let built = programs
        .first()
        .and_then(|program| program.path.ancestors().nth(2));
    for (name, script) in [
        ("window types", "check"),
        ("window logic", "test"),
        // Both pages were built before everything else; built again, that of guests would have cargo build the server again.
        ("window flows", "test:flows:built"),
        ("guests in a browser", "test:guest:built"),
    ] {
        ledger.stage(name, |tally| {
            let mut command = setup::npm(&["run", script]);
            command.envs(built.map(|folder| ("PARLEY_TARGET", folder)));
            counted(command.env("NO_COLOR", "1").env("CI", "1"), PROGRAM_LIMIT, tally)?;
            // A type check counts nothing; it is one check.
            if tally.counts == super::ledger::Counts::default() {
                tally.counts.passed = 1;
            }
            Ok(())
        });
    }
}

/// Runs a test program, shows what it says, counts what it counted.
fn counted(command: &mut Command, limit: Duration, tally: &mut Tally) -> Result<()> {
    let status = process::run_lines(command, limit, |line| {
        println!("{line}");
        tally.read(line);
    })?;
    if !status.success() {
        bail!("the test program failed ({status})");
    }
    Ok(())
}
