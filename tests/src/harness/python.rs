//! Packages of PyPI that tests and measurements want, each set in a virtual environment of its own below `target/`. Pinned, so
//! that a new release does not surprise a test run.

use super::programs::built_folder;
use anyhow::{Context as _, Result, ensure};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Packages that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Packages {
    /// Where they go, below `target/xtask`.
    pub folder: &'static str,
    /// Their names, as pip takes them.
    pub wanted: &'static [&'static str],
    /// Without what they depend on: for files that they bring.
    pub alone: bool,
}

impl Packages {
    /// The Python that has them, made when it is not there: the first time that can take minutes on a busy machine.
    ///
    /// # Errors
    /// When Python or a package is missing.
    pub fn python(&self) -> Result<PathBuf> {
        let folder = built_folder()?;
        let folder = folder.parent().unwrap_or(&folder).join("xtask").join(self.folder);
        let python = folder.join("bin").join("python");
        let wanted = self.wanted.join("\n");
        let stamp = folder.join("packages");
        // A virtual environment points at the system's Python, which an upgrade may have taken away.
        let works = || quietly(Command::new(&python).arg("--version")).is_ok();
        if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && works() {
            return Ok(python);
        }
        quietly(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        )
        .context("is the package python3-venv installed?")?;
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        if self.alone {
            install.arg("--no-deps");
        }
        quietly(install.args(self.wanted))?;
        std::fs::write(stamp, wanted)?;
        Ok(python)
    }

    /// The folder that a package of these was installed into. It is not run.
    ///
    /// # Errors
    /// As [`Packages::python`], and when there is no such package.
    pub fn folder_of(&self, package: &str) -> Result<PathBuf> {
        const FIND: &str = "import importlib.util, sys; \
                            print(importlib.util.find_spec(sys.argv[1]).submodule_search_locations[0])";
        let found = quietly(Command::new(self.python()?).args(["-c", FIND, package]))?;
        Ok(PathBuf::from(found.trim()))
    }
}

/// Runs it; gives what it printed.
fn quietly(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{} failed:\n{printed}{}",
        command.get_program().to_string_lossy(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(printed)
}
