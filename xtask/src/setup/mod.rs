//! What has to be on the machine before anything can be built or tested. The second time, all of it is a few file reads.

mod node;
mod packages;

pub(crate) use node::{build_ui, npm};
pub(crate) use packages::refresh as refresh_packages;

use anyhow::Result;

/// What the machine is made ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building and running Parley.
    Run,
    /// The tests too.
    Test,
    /// The rare tests too.
    RareTests,
    /// Our relay measured beside another one.
    TurnBench,
    /// Our SFU measured beside another one.
    SfuBench,
    /// Type-checking for other systems.
    Check,
}

/// Installs the system packages that are missing (Debian and its kin), or names them and stops (elsewhere).
pub(crate) fn system(purpose: Purpose) -> Result<()> {
    packages::ensure(purpose)
}
