//! When a newer version was looked for last: one number in a small file, so that a start is no reason to look again.

use std::path::{Path, PathBuf};
use std::{fs, io};

const FILE: &str = "updates.looked";

/// What was kept in a folder, in milliseconds since 1970; nothing where nothing was, or no number.
#[must_use]
pub fn last(folder: &Path) -> Option<u64> {
    fs::read_to_string(file(folder)).ok()?.trim().parse().ok()
}

/// Keeps it.
///
/// # Errors
/// When the folder cannot be written. Then the next start looks again, which hurts nobody.
pub fn keep(folder: &Path, looked_ms: u64) -> io::Result<()> {
    fs::write(file(folder), looked_ms.to_string())
}

fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_there_again_and_nonsense_counts_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(last(folder.path()), None);
        keep(folder.path(), 1_700_000_000_000).unwrap();
        assert_eq!(last(folder.path()), Some(1_700_000_000_000));
        for odd in ["", "yesterday", "-5", "99999999999999999999999"] {
            fs::write(file(folder.path()), odd).unwrap();
            assert_eq!(last(folder.path()), None, "{odd:?}");
        }
    }
}
