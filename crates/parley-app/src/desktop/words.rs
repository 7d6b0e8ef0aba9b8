//! The few words that are said outside the window (tray, notifications), from the same files as the window's own
//! (`ui/src/locales`, section `desktop`).

use crate::view::Language;
use serde_json::{Map, Value};

/// The words of one language.
#[derive(Debug)]
pub(super) struct Words(Map<String, Value>);

impl Words {
    pub(super) fn of(language: Language, system: Language) -> Self {
        let language = if language == Language::System {
            system
        } else {
            language
        };
        Self::read(match language {
            Language::De => include_str!("../../../../ui/src/locales/de.json"),
            Language::Es => include_str!("../../../../ui/src/locales/es.json"),
            Language::Fr => include_str!("../../../../ui/src/locales/fr.json"),
            Language::Zh => include_str!("../../../../ui/src/locales/zh.json"),
            Language::En | Language::System => include_str!("../../../../ui/src/locales/en.json"),
        })
    }

    fn read(text: &str) -> Self {
        let section = serde_json::from_str::<Value>(text).ok().and_then(|mut words| {
            match words.get_mut("desktop")?.take() {
                Value::Object(section) => Some(section),
                _ => None,
            }
        });
        Self(section.unwrap_or_default())
    }

    /// The sentence of this name. A sentence that is not there is its name: the tests see to it that all are.
    pub(super) fn say(&self, key: &str) -> String {
        self.0.get(key).and_then(Value::as_str).unwrap_or(key).to_owned()
    }

    /// The sentence of this name, about somebody.
    pub(super) fn say_of(&self, key: &str, name: &str) -> String {
        self.say(key).replace("{name}", name)
    }
}

/// The language of a locale's name as the system writes it (`de_DE.UTF-8`), English when Parley does not speak it.
pub(super) fn spoken(locale: &str) -> Language {
    match locale.get(..2) {
        Some("de") => Language::De,
        Some("es") => Language::Es,
        Some("fr") => Language::Fr,
        Some("zh") => Language::Zh,
        _ => Language::En,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_word() {
        let english = Words::of(Language::En, Language::En);
        for key in [
            "inCall",
            "inCallMuted",
            "waiting",
            "joined",
            "records",
            "wrote",
            "offers",
            "over",
            "show",
            "mute",
            "unmute",
            "leave",
            "quit",
            "muteKey",
            "talkKey",
        ] {
            for language in [
                Language::En,
                Language::De,
                Language::Es,
                Language::Fr,
                Language::Zh,
            ] {
                let said = Words::of(language, Language::En).say(key);
                assert_ne!(said, key, "{language:?}");
                assert_eq!(
                    said.contains("{name}"),
                    english.say(key).contains("{name}"),
                    "{language:?} {key}"
                );
            }
        }
        assert_eq!(english.say_of("joined", "Ada"), "Ada joined the call");
    }

    #[test]
    fn the_systems_language_is_read_from_its_locale() {
        for (locale, language) in [
            ("de_DE.UTF-8", Language::De),
            ("zh", Language::Zh),
            ("C", Language::En),
            ("pt_BR", Language::En),
            ("", Language::En),
        ] {
            assert_eq!(spoken(locale), language, "{locale}");
        }
    }
}
