//! The name a participant gives: made fit to be shown to others.

use parley_proto::limits::NAME_CHARS_MAX;

/// Trimmed, on one line, without control characters and without the invisible marks that turn or join text (a name must
/// not be able to rewrite what stands around it), cut to [`NAME_CHARS_MAX`] characters. May be empty.
#[must_use]
pub(crate) fn tidy_name(name: &str) -> String {
    let mut tidy = String::new();
    let mut chars = 0;
    for word in name.split_whitespace() {
        let visible = word.chars().filter(|c| !c.is_control() && !is_format_mark(*c));
        let mut first = true;
        for c in visible {
            let gap = first && chars > 0;
            if chars + 1 + usize::from(gap) > NAME_CHARS_MAX {
                return tidy;
            }
            if gap {
                tidy.push(' ');
                chars += 1;
            }
            tidy.push(c);
            chars += 1;
            first = false;
        }
    }
    tidy
}

/// Bidirectional controls (UAX #9), zero-width space and word joiners, line separators, tags and the like. The zero-width
/// joiner stays: emoji and several scripts need it.
const fn is_format_mark(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_made_fit_to_be_shown() {
        let check = |name: &str, expect: &str| assert_eq!(tidy_name(name), expect, "{name:?}");
        check("  Ada \t\n Lovelace ", "Ada Lovelace");
        check("ev\u{202e}il\u{7}\u{0}", "evil");
        check("\u{200b}\u{feff}", "");
        check("a \u{202e} b", "a b");
        check("👩\u{200d}🚀", "👩\u{200d}🚀");
        check(&"é".repeat(500), &"é".repeat(NAME_CHARS_MAX));
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_name_within_the_limits(text in "\\PC{0,300}|.{0,300}") {
            let name = tidy_name(&text);
            prop_assert!(name.chars().count() <= NAME_CHARS_MAX);
            prop_assert!(!name.chars().any(|c| c.is_control() || is_format_mark(c)));
            prop_assert_eq!(tidy_name(&name), name);
        }
    }
}
