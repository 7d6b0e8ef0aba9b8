//! `cargo xtask test`: every check, in an order that tells a person the cheap bad news first. Never stops at the first
//! failure, unless what follows needs what failed.

mod deny;
mod ledger;
mod stages;
mod story;

use crate::check;
use crate::process;
use crate::setup::{self, Purpose};
use anyhow::{Result, bail};
use ledger::Ledger;
use std::process::ExitCode;

/// A part of the tests that can be asked for alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Checks of the sources, unit tests, fuzz bodies.
    Unit,
    /// Endpoints, the server, networks.
    World,
    /// The window's own tests.
    Ui,
    /// Other people's software.
    Interop,
    /// Real windows.
    Desktop,
}

const ALL: &[Part] = &[Part::Unit, Part::Ui, Part::World, Part::Interop, Part::Desktop];

/// What was asked for: which parts, and whether the slow and rare tests too.
fn plan(word: Option<&str>) -> Option<(&'static [Part], bool)> {
    Some(match word {
        None => (ALL, false),
        Some("full") => (ALL, true),
        Some("unit") => (&[Part::Unit], false),
        Some("world") => (&[Part::World], false),
        Some("ui") => (&[Part::Ui], false),
        Some("interop") => (&[Part::Interop], false),
        Some("desktop") => (&[Part::Desktop], false),
        Some(_) => return None,
    })
}

/// Runs what was asked for and closes with one line: `N passed, N failed`.
pub(crate) fn test(arguments: &[String]) -> Result<ExitCode> {
    let word = arguments.first().map(String::as_str);
    let Some((parts, full)) = plan(word) else {
        bail!(
            "there are no tests called `{}`; there are: full, unit, world, ui, interop, desktop",
            arguments.join(" ")
        );
    };
    needs_root(parts)?;
    setup::system(if full { Purpose::RareTests } else { Purpose::Test })?;
    let mut ledger = Ledger::new();
    if parts.contains(&Part::Unit) {
        stages::sources(&mut ledger);
    }
    if let Some(programs) = stages::build(&mut ledger) {
        for part in parts {
            stages::part(*part, full, &programs, &mut ledger);
        }
    }
    if full {
        ledger.check("compiles for Windows", check::windows);
    }
    Ok(if ledger.close() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Networks, cameras and mounts of its own: said before an hour of building, not after it.
fn needs_root(parts: &[Part]) -> Result<()> {
    let worlds = parts
        .iter()
        .any(|part| matches!(part, Part::World | Part::Interop | Part::Desktop));
    let root = || process::answer("id", &["-u"]).is_some_and(|id| id == "0");
    if cfg!(target_os = "linux") && worlds && !root() {
        bail!(
            "these tests make networks and cameras of their own and need root: `sudo -E env PATH=\"$PATH\" cargo xtask test`, \
             or a container. Without root there are `cargo xtask test unit` and `cargo xtask test ui`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_means_everything_and_full_the_rare_ones_too() {
        assert_eq!(plan(None), Some((ALL, false)));
        assert_eq!(plan(Some("full")), Some((ALL, true)));
        assert_eq!(plan(Some("desktop")), Some((&[Part::Desktop][..], false)));
        assert_eq!(plan(Some("dekstop")), None);
    }
}
