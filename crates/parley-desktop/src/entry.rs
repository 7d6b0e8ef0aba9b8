//! Desktop entries: the small files by which Linux desktops know a program (Desktop Entry Specification 1.5).

use std::path::Path;

/// What `Exec=` may hold of a program's path: quoted, with what the quotes do not cover escaped (specification, "The Exec
/// key"). `%` begins a field code, so it is doubled.
fn quoted(program: &Path) -> String {
    let mut text = String::from("\"");
    for character in program.to_string_lossy().chars() {
        match character {
            // Once for the quoting, once more for the string type the key has.
            '"' | '`' | '$' => text.extend(["\\\\", character.encode_utf8(&mut [0; 4])]),
            '\\' => text.push_str("\\\\\\\\"),
            '%' => text.push_str("%%"),
            // A path with a line break cannot be told; nobody has one.
            character if character.is_control() => {}
            character => text.push(character),
        }
    }
    text.push('"');
    text
}

/// The entry that hands `parley:` links to the program. Menus do not list it: the installed one is there for that.
#[must_use]
pub fn for_links(program: &Path) -> String {
    entry(
        program,
        "%u",
        "MimeType=x-scheme-handler/parley;\nNoDisplay=true\nStartupNotify=true\n",
    )
}

/// The entry that starts the program at login.
#[must_use]
pub fn for_login(program: &Path) -> String {
    entry(
        program,
        "--minimized",
        "X-GNOME-Autostart-enabled=true\nStartupNotify=false\n",
    )
}

fn entry(program: &Path, argument: &str, more: &str) -> String {
    format!(
        "[Desktop Entry]\nType=Application\nName=Parley\nComment=Voice and video calls\nIcon=parley\nTerminal=false\nExec={} {argument}\n{more}",
        quoted(program)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_as_the_specification_wants_it() {
        for (path, expect) in [
            ("/usr/bin/parley", "\"/usr/bin/parley\""),
            ("/home/a b/100%/parley", "\"/home/a b/100%%/parley\""),
            ("/odd$dir/\"x\"", "\"/odd\\\\$dir/\\\\\"x\\\\\"\""),
            ("/back\\slash", "\"/back\\\\\\\\slash\""),
            ("/line\nExec=evil", "\"/lineExec=evil\""),
        ] {
            assert_eq!(quoted(Path::new(path)), expect, "{path}");
        }
    }

    #[test]
    fn the_link_comes_as_the_last_word_of_the_command() {
        let entry = for_links(Path::new("/opt/parley"));
        assert!(
            entry.lines().any(|line| line == "Exec=\"/opt/parley\" %u"),
            "{entry}"
        );
        assert!(entry.contains("MimeType=x-scheme-handler/parley;\n"));
    }
}
