//! Writes the table of a guest's page for `src/web/guest.rs`: what `npm run build:guest` left in `ui/dist-guest`. Without that
//! the table is empty, and the server shows the page that opens the app.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/dist-guest");
    let mut files = Vec::new();
    // A path that is not there would have this run with every build.
    if folder.is_dir() {
        println!("cargo:rerun-if-changed={}", folder.display());
        let folder = folder.canonicalize()?;
        collect(&folder, &mut files)?;
        files.sort();
        files.retain(|file| is_asset(file));
        return write_table(&folder, &files);
    }
    write_table(&folder, &files)
}

/// The page and what it loads; neither the copies that are compressed nor what keeps the folder in the repository.
fn is_asset(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or(".");
    !name.starts_with('.') && !name.ends_with(".br") && !name.ends_with(".gz")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn write_table(folder: &Path, files: &[PathBuf]) -> io::Result<()> {
    let mut table = String::from("&[\n");
    for file in files {
        let name = file
            .strip_prefix(folder)
            .unwrap_or(file)
            .to_string_lossy()
            .replace('\\', "/");
        let copy = |ending: &str| {
            let copy = PathBuf::from(format!("{}{ending}", file.display()));
            if copy.is_file() {
                format!("Some(include_bytes!({:?}))", copy.display().to_string())
            } else {
                "None".to_owned()
            }
        };
        let _ = writeln!(
            table,
            "    Asset {{ name: {name:?}, plain: include_bytes!({:?}), brotli: {}, gzip: {} }},",
            file.display().to_string(),
            copy(".br"),
            copy(".gz"),
        );
    }
    table.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("guest_assets.rs"), table)
}
