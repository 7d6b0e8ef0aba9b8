//! One text with the licences of all that is inside: most of them ask to be passed on with the program. Equal texts stand
//! once, with the names of all they are for.

use super::inventory::Part;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const HEAD: &str = "\
Parley is made with the software listed here. Parley's own licences are MIT and Apache-2.0.
First every part with the licence its authors state, then the texts.
";

/// Beginnings of the names of files that hold a licence, in upper case.
const NAMES: &[&str] = &[
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];
/// Code of others inside a crate lies in folders: `upstream/`, `opus/`.
const DEPTH_MAX: usize = 2;
/// Longer than any licence; what is longer is something else.
const TEXT_MAX: u64 = 256 << 10;

/// The whole text.
pub(super) fn text(parts: &BTreeSet<Part>) -> Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut whole = format!("{HEAD}\n");
    for part in parts {
        let name = format!("{} {}", part.name, part.version);
        whole.push_str(&format!(
            "{name}: {}\n",
            part.licence.as_deref().unwrap_or("see its text")
        ));
        for file in files(&part.folder, DEPTH_MAX)? {
            let text = String::from_utf8_lossy(&fs::read(file)?).replace('\r', "");
            let users = texts.entry(text.trim().to_owned()).or_default();
            if users.last() != Some(&name) {
                users.push(name.clone());
            }
        }
    }
    for (text, users) in texts {
        whole.push_str(&format!("\n{}\n{}\n\n{text}\n", "=".repeat(80), users.join(", ")));
    }
    Ok(whole)
}

/// Files with licences in `folder` and a little below, in a stable order. A folder that is not there has none: npm leaves
/// out what this system does not need.
fn files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        let name = entry
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        if entry.is_dir() && depth > 0 && name != "NODE_MODULES" {
            found.extend(files(&entry, depth - 1)?);
        } else if entry.is_file() && is_licence(&name) && fs::metadata(&entry)?.len() <= TEXT_MAX {
            found.push(entry);
        }
    }
    Ok(found)
}

/// `name` in upper case. Sources that happen to be called so (`license.rs`) are none.
fn is_licence(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    NAMES.iter().any(|begin| name.starts_with(begin))
        && !matches!(ending, Some("RS" | "C" | "H" | "JS" | "TS" | "PY" | "HTML"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::inventory;

    #[test]
    fn files_with_licences_are_known_by_their_names() {
        for good in ["LICENSE", "LICENSE-MIT", "LICENCE.MD", "COPYING", "NOTICE.TXT"] {
            assert!(is_licence(good), "{good}");
        }
        for bad in ["LICENSE.RS", "README", "SRC"] {
            assert!(!is_licence(bad), "{bad}");
        }
    }

    #[test]
    fn the_codecs_own_words_are_passed_on() {
        let text = text(&inventory::of_the_app().unwrap()).unwrap();
        for words in ["Cisco Systems", "Xiph.Org", "Svelte"] {
            assert!(text.contains(words), "{words}");
        }
    }
}
