//! A file that says what is so anyway, with what each key means: to be changed where it should be otherwise.

use super::keys::KEYS;
use super::{ENVIRONMENT_PREFIX, Settings};
use std::fmt::Write as _;

/// The documented example. Read as a file it gives [`Settings::default`].
#[must_use]
pub fn example() -> String {
    let usual = Settings::default();
    let mut text = format!(
        "# parley-server, with everything it can be told. What stands here without # in front is so anyway.\n\
         # The environment goes over this file: turn.lan is {ENVIRONMENT_PREFIX}TURN_LAN. The command line goes over both.\n\
         # `parley-server config check FILE` says whether a file is right.\n"
    );
    let mut section = "";
    for key in KEYS {
        let (of, name) = key.name.split_once('.').unwrap_or(("", key.name));
        // Writing to a text cannot fail.
        if of != section {
            let _ = writeln!(text, "\n[{of}]");
            section = of;
        } else {
            text.push('\n');
        }
        for line in key.about.lines() {
            let _ = writeln!(text, "# {line}");
        }
        let _ = match (key.usual)(&usual) {
            Some(value) => writeln!(text, "{name} = {value}"),
            None => writeln!(text, "# {name} = {}", key.for_example),
        };
    }
    text
}
