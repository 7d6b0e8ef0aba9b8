//! The keys that work from any program: which are wished, and what their strokes mean. Sans-IO.
//!
//! Whoever listens to them (the shell: over the desktop's portal, or from the system itself) says which went down or came up.

use crate::view::AppCommand;

/// The keys to listen to, each empty for none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeysWish {
    /// Mutes and unmutes.
    pub mute: String,
    /// Opens the microphone while held.
    pub talk: String,
    /// What the first does, for desktops that ask the person; empty without a key.
    pub mute_words: String,
    /// What the second does.
    pub talk_words: String,
}

impl KeysWish {
    /// Those that are wished: which, the key as the window writes it (`Ctrl+Shift+KeyM`), and what it does in words.
    pub fn wished(&self) -> impl Iterator<Item = (GlobalKey, &str, &str)> {
        [
            (GlobalKey::Mute, self.mute.as_str(), self.mute_words.as_str()),
            (GlobalKey::Talk, self.talk.as_str(), self.talk_words.as_str()),
        ]
        .into_iter()
        .filter(|(_, key, _)| !key.is_empty())
    }
}

/// One of the keys, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalKey {
    /// Mutes and unmutes.
    Mute,
    /// Opens the microphone while held.
    Talk,
}

impl GlobalKey {
    /// What it is called between a desktop and us.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mute => "mute",
            Self::Talk => "talk",
        }
    }

    /// What it asks for as it goes down or comes up.
    #[must_use]
    pub fn command(self, down: bool) -> Option<AppCommand> {
        match self {
            Self::Mute => down.then_some(AppCommand::ToggleMuted),
            Self::Talk => Some(AppCommand::Talk { down }),
        }
    }
}

/// The strokes of keys that go by their names, and with that whether the one to talk is down.
#[derive(Debug, Default)]
pub struct Strokes {
    talks: bool,
}

impl Strokes {
    /// A key of this name went down or came up. Gives what it asks for.
    pub fn hear(&mut self, name: &str, down: bool) -> Option<AppCommand> {
        let key = [GlobalKey::Mute, GlobalKey::Talk]
            .into_iter()
            .find(|key| key.name() == name)?;
        if key == GlobalKey::Talk {
            self.talks = down;
        }
        key.command(down)
    }

    /// Nobody will hear of keys any more. Gives what must be asked for, so that nobody talks for ever.
    pub fn end(&mut self) -> Option<AppCommand> {
        std::mem::take(&mut self.talks).then_some(AppCommand::Talk { down: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_somebody_chose_are_wished() {
        let mut wish = KeysWish::default();
        assert_eq!(wish.wished().count(), 0);
        wish.talk = "F9".into();
        wish.talk_words = "Talk while held".into();
        let wished: Vec<_> = wish.wished().collect();
        assert_eq!(wished, [(GlobalKey::Talk, "F9", "Talk while held")]);
    }

    #[test]
    fn the_key_to_talk_comes_up_when_nobody_listens_any_more() {
        let up = || Some(AppCommand::Talk { down: false });
        let mut strokes = Strokes::default();
        for (name, down, command, at_end) in [
            ("talk", true, Some(AppCommand::Talk { down: true }), up()),
            ("mute", true, Some(AppCommand::ToggleMuted), None),
            ("mute", false, None, None),
            ("odd", true, None, None),
            ("talk", false, up(), None),
        ] {
            assert_eq!(strokes.hear(name, down), command, "{name} {down}");
            assert_eq!(strokes.end(), at_end, "{name} {down}");
        }
    }

    #[test]
    fn only_the_key_to_talk_changes_whether_it_is_down() {
        let mut strokes = Strokes::default();
        for (name, down) in [("talk", true), ("mute", true), ("mute", false), ("odd", false)] {
            strokes.hear(name, down);
        }
        assert_eq!(strokes.end(), Some(AppCommand::Talk { down: false }));
        assert_eq!(strokes.end(), None);
    }
}
