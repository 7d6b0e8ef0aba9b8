//! `cargo xtask package`: installers into `target/package/`, with the licences of everything inside and a bill of materials.
//!
//! With the keys for updates (`updates`) the installers are signed, and look for the next ones. Builds the programs, collects the licences, then hands over to Tauri's bundler (`xtask/bundler/`), which knows the formats.

mod bundler;
mod inventory;
mod licences;
mod sbom;
mod server;
mod updates;

pub(crate) use updates::manifest;

use crate::build;
use crate::setup::{self, Purpose};
use crate::workspace::target_dir;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    /// Formats, as Tauri's bundler names them.
    bundles: Vec<String>,
    /// The server instead of the app: a Debian package.
    server: bool,
    /// The development build: there in no time where the tests were built; large and slower, not for giving away.
    debug: bool,
}

/// Makes the installers and says where they are.
pub(crate) fn package(arguments: &[String]) -> Result<ExitCode> {
    let wish = wish(arguments)?;
    if wish.server {
        server::package(wish.debug)?;
        return Ok(ExitCode::SUCCESS);
    }
    setup::system(Purpose::Run)?;
    if wish.debug {
        build::programs()?;
    } else {
        eprintln!("Building Parley for release (the first time takes a long while) ...");
        build::release(updates::configuration().as_ref())?;
    }
    make(&wish)?;
    Ok(ExitCode::SUCCESS)
}

/// One kind of installer with what the tests built.
pub(crate) fn of_the_development_build(bundle: &str) -> Result<()> {
    make(&Wish {
        bundles: vec![bundle.to_owned()],
        server: false,
        debug: true,
    })
}

/// The server's package with what the tests built.
pub(crate) fn server_of_the_development_build() -> Result<()> {
    server::package(true)
}

fn make(wish: &Wish) -> Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let inside = inventory::of_the_app()?;
    let licences = folder.join("THIRD-PARTY-LICENCES.txt");
    fs::write(&licences, licences::text(&inside)?).context("the licences could not be written")?;
    fs::write(folder.join("parley.cdx.json"), sbom::cyclone_dx(&inside)?)
        .context("the bill of materials could not be written")?;
    // What is tried out is signed by nobody.
    let updates = updates::configuration().filter(|_| !wish.debug);
    let made = bundler::bundle(&wish.bundles, wish.debug, &licences, updates.as_ref())?;
    for file in &made {
        println!("{}", line_of(&take(file, &folder)?)?);
    }
    Ok(())
}

/// Where installers go.
fn folder() -> PathBuf {
    target_dir().join("package")
}

/// Copies an installer (on macOS the app is a folder, which stays where it is).
fn take(file: &Path, folder: &Path) -> Result<PathBuf> {
    let name = file.file_name().context("an installer without a name")?;
    if file.is_dir() {
        return Ok(file.to_owned());
    }
    let copy = folder.join(name);
    fs::copy(file, &copy).with_context(|| format!("cannot copy {}", file.display()))?;
    Ok(copy)
}

fn line_of(file: &Path) -> Result<String> {
    if file.is_dir() {
        return Ok(file.display().to_string());
    }
    let mib = fs::metadata(file)?.len() as f64 / f64::from(1 << 20);
    Ok(format!("{}  {mib:.1} MiB", file.display()))
}

fn wish(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish {
        bundles: usual().iter().map(|&name| name.to_owned()).collect(),
        server: false,
        debug: false,
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--debug" => wish.debug = true,
            "--server" => wish.server = true,
            "--bundles" => {
                let list = words.next().context("--bundles takes a list such as deb,rpm")?;
                wish.bundles = list.split(',').map(str::to_owned).collect();
            }
            other => bail!("`{other}` is not understood; there are --bundles LIST, --server and --debug"),
        }
    }
    if let Some(strange) = wish.bundles.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        bail!(
            "`{strange}` is no kind of package; there are: {}",
            KNOWN.join(", ")
        );
    }
    Ok(wish)
}

const KNOWN: &[&str] = &["deb", "rpm", "appimage", "app", "dmg", "nsis", "msi"];

/// What this system makes without being told, and without fetching tools: AppImage's are downloaded by the bundler.
const fn usual() -> &'static [&'static str] {
    if cfg!(windows) {
        &["nsis", "msi"]
    } else if cfg!(target_os = "macos") {
        &["app", "dmg"]
    } else {
        &["deb", "rpm"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Result<Wish> {
        wish(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_formats_can_be_chosen() {
        assert_eq!(asked(&[]).unwrap().bundles, usual());
        let chosen = asked(&["--bundles", "deb,appimage", "--debug"]).unwrap();
        assert_eq!(
            (chosen.bundles, chosen.debug),
            (vec!["deb".to_owned(), "appimage".to_owned()], true)
        );
        assert!(asked(&["--server"]).unwrap().server);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for words in [&["--bundles"][..], &["--bundles", "zip"], &["deb"]] {
            assert!(asked(words).is_err(), "{words:?}");
        }
    }
}
