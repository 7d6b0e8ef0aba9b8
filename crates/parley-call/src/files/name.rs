//! Names of files that cross systems. What is sent is made harmless first; what comes and is not harmless is refused, for no
//! honest sender sends it.

use parley_proto::chat::is_hidden;
use parley_proto::limits::FILE_NAME_BYTES_MAX;

/// Names that are devices on Windows, whatever follows their first dot.
const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
/// Characters that separate folders or mean something on some system.
const FORBIDDEN: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];
/// What a file is called that has no name.
const NAMELESS: &str = "file";

/// Whether a name can be a file's on every system, and is nothing but a name.
#[must_use]
pub(super) fn is_harmless(name: &str) -> bool {
    let ends_well = !name.ends_with(['.', ' ']) && !name.starts_with(' ');
    !name.is_empty()
        && name.len() <= FILE_NAME_BYTES_MAX
        && ends_well
        && !name.chars().any(|c| is_hidden(c) || FORBIDDEN.contains(&c))
        && !is_reserved(name)
        && !name.ends_with(super::disk::PART_ENDING)
        && !name.ends_with(super::disk::JOURNAL_ENDING)
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let lower = stem.to_lowercase();
    let numbered = |prefix: &str| {
        lower.strip_prefix(prefix).is_some_and(|rest| {
            matches!(
                rest,
                "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
            )
        })
    };
    RESERVED.contains(&lower.as_str()) || numbered("com") || numbered("lpt")
}

/// The harmless name that is nearest to a file's own.
#[must_use]
pub(super) fn harmless(name: &str) -> String {
    let name: String = name
        .chars()
        .filter(|c| !is_hidden(*c))
        .map(|c| if FORBIDDEN.contains(&c) { '_' } else { c })
        .collect();
    let name = name.trim_start_matches(' ').trim_end_matches(['.', ' ']);
    let mut name = shortened(name, FILE_NAME_BYTES_MAX - 1);
    if is_reserved(&name)
        || name.ends_with(super::disk::PART_ENDING)
        || name.ends_with(super::disk::JOURNAL_ENDING)
    {
        name.push('_');
        if is_reserved(&name) {
            name.insert(0, '_');
        }
    }
    if name.is_empty() {
        NAMELESS.to_owned()
    } else {
        name
    }
}

/// Cut in the middle, so that the ending stays.
fn shortened(name: &str, bytes_max: usize) -> String {
    if name.len() <= bytes_max {
        return name.to_owned();
    }
    let (stem, ending) = split(name);
    let ending = if ending.len() > bytes_max / 4 { "" } else { ending };
    let mut end = bytes_max - ending.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let stem = stem[..end].trim_end_matches(['.', ' ']);
    format!("{stem}{ending}")
}

/// The name with a number, for the second and later ones of the same name: `a (2).txt`.
#[must_use]
pub(super) fn numbered(name: &str, number: u32) -> String {
    if number < 2 {
        return name.to_owned();
    }
    let (stem, ending) = split(name);
    format!("{stem} ({number}){ending}")
}

/// Before the last dot, and from it on. A dot at the very beginning is no ending's.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRICKS: [&str; 24] = [
        "",
        ".",
        "..",
        "../a",
        "..\\a",
        "/etc/passwd",
        "C:\\a",
        "a/b",
        "a:b",
        "a\0b",
        "a\nb",
        "CON",
        "con.txt",
        "Aux .x",
        "LPT1",
        "com9.tar.gz",
        "COM¹",
        "a.",
        "a ",
        " a",
        "safe\u{202e}txt.exe",
        "a*",
        "x.parley-part",
        "nul.parley-journal",
    ];

    #[test]
    fn tricks_are_refused_and_honest_names_are_not() {
        for trick in TRICKS {
            assert!(!is_harmless(trick), "{trick:?}");
        }
        for honest in [
            "a.txt",
            "Ünïcödé 文件.pdf",
            ".profile",
            "console.log",
            "com10",
            "a (2).txt",
            "no ending",
            "tar.tar.gz",
        ] {
            assert!(is_harmless(honest), "{honest}");
            assert_eq!(harmless(honest), honest);
        }
        assert!(!is_harmless(&"a".repeat(FILE_NAME_BYTES_MAX + 1)));
    }

    #[test]
    fn every_name_can_be_made_harmless() {
        let long = format!("{}.pdf", "ü".repeat(500));
        for name in TRICKS.iter().copied().chain([long.as_str(), "...", "///"]) {
            let made = harmless(name);
            assert!(is_harmless(&made), "{name:?} became {made:?}");
        }
        assert!(harmless(&long).ends_with(".pdf"));
        assert_eq!(harmless("a/b: c?.txt"), "a_b_ c_.txt");
    }

    #[test]
    fn collisions_get_a_number_before_the_ending() {
        assert_eq!(numbered("a.txt", 1), "a.txt");
        assert_eq!(numbered("a.txt", 2), "a (2).txt");
        assert_eq!(numbered(".profile", 3), ".profile (3)");
        assert_eq!(numbered("a.tar.gz", 2), "a.tar (2).gz");
    }
}
