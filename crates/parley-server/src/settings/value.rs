//! A value from a file or the environment, and what can be made of it. An error says what would be right.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// As it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// `"text"`.
    Text(&'a str),
    /// `12`.
    Number(i64),
    /// `true` or `false`.
    Switch(bool),
    /// `["one", "two"]`.
    List(Vec<&'a str>),
    /// A variable of the environment: any of these, by what it is for.
    Word(&'a str),
}

/// What a key takes, or the sentence that says what it takes.
pub(super) type Taken<T> = Result<T, String>;

impl Value<'_> {
    /// Any text; nothing when it is empty.
    pub(super) fn text(&self) -> Taken<Option<String>> {
        match self {
            Self::Text(text) | Self::Word(text) => {
                Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
            }
            _ => Err("It takes text in quotes.".to_owned()),
        }
    }

    pub(super) fn switch(&self) -> Taken<bool> {
        match self {
            Self::Switch(on) => Ok(*on),
            Self::Word("true" | "1" | "yes") => Ok(true),
            Self::Word("false" | "0" | "no") => Ok(false),
            _ => Err("It takes true or false, without quotes.".to_owned()),
        }
    }

    /// A whole number within a range.
    pub(super) fn number<T>(&self, range: RangeInclusive<T>) -> Taken<T>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let number = match self {
            Self::Number(number) => Some(*number),
            Self::Word(word) => word.trim().parse().ok(),
            _ => None,
        };
        number
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                format!(
                    "It takes a whole number from {} to {}, without quotes.",
                    range.start(),
                    range.end()
                )
            })
    }

    /// A list; a single text counts as a list of one, and a variable is split at commas.
    pub(super) fn list<T: FromStr>(&self, like: &str) -> Taken<Vec<T>> {
        let parts: Vec<&str> = match self {
            Self::List(parts) => parts.clone(),
            Self::Text(text) => vec![text],
            Self::Word(word) => word.split(',').filter(|part| !part.trim().is_empty()).collect(),
            Self::Number(_) | Self::Switch(_) => {
                return Err(format!("It takes a list of texts, such as [{like}]."));
            }
        };
        parts
            .into_iter()
            .map(|part| {
                let part = part.trim();
                part.parse()
                    .map_err(|_| format!("`{part}` is not understood; write it like {like}."))
            })
            .collect()
    }

    /// Ports as `FIRST-LAST`.
    pub(super) fn ports(&self) -> Taken<RangeInclusive<u16>> {
        let wrong = || "It takes the first and the last port in quotes, such as \"49152-65535\".".to_owned();
        let text = self.text()?.ok_or_else(wrong)?;
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        let port = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
        let (first, last) = (port(first)?, port(last)?);
        if first < 1024 || first > last {
            return Err("The first port is at least 1024, and not after the last one.".to_owned());
        }
        Ok(first..=last)
    }

    /// A host name as certificates have it.
    pub(super) fn host(&self) -> Taken<Option<String>> {
        let Some(name) = self.text()? else {
            return Ok(None);
        };
        match name.parse() {
            Ok(HostName(name)) => Ok(Some(name)),
            Err(NoHostName) => Err(
                "It takes a name alone, such as \"call.example.org\", without https:// and without a port."
                    .to_owned(),
            ),
        }
    }

    /// Several of them.
    pub(super) fn hosts(&self) -> Taken<Vec<String>> {
        let names = self.list("\"call.example.org\"")?;
        Ok(names.into_iter().map(|HostName(name)| name).collect())
    }
}

/// A host's name, in small letters.
struct HostName(String);

struct NoHostName;

impl FromStr for HostName {
    type Err = NoHostName;

    fn from_str(name: &str) -> Result<Self, NoHostName> {
        let name = name.to_ascii_lowercase();
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let last_is_a_name = name
            .rsplit('.')
            .next()
            .is_some_and(|label| !label.bytes().all(|byte| byte.is_ascii_digit()));
        if name.len() <= 253 && name.contains('.') && name.split('.').all(is_label) && last_is_a_name {
            Ok(Self(name))
        } else {
            Err(NoHostName)
        }
    }
}
