//! Reads the file and the variables, and says of every mistake where it is and what would be right.

use super::keys::{KEYS, Key, nearest};
use super::value::Value;
use super::{ENVIRONMENT_PREFIX, Settings};
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file or the variable; nothing where it is about several.
    pub place: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<usize>,
    /// The key with its section; nothing where the file cannot be read at all.
    pub key: Option<String>,
    /// What is wrong, and what would be right.
    pub says: String,
}

/// All of them; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistake {
    pub(super) fn of_key(key: &str, says: &str) -> Self {
        Self {
            place: None,
            line: None,
            key: Some(key.to_owned()),
            says: says.to_owned(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}")?;
            if let Some(line) = self.line {
                write!(f, ", line {line}")?;
            }
            write!(f, ": ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        write!(f, "{}", self.says)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

/// Puts what a file says into `settings`, which is good for nothing when there was a mistake.
pub(super) fn read(file: &str, text: &str, settings: &mut Settings) -> Vec<Mistake> {
    let mut reader = Reader {
        file,
        text,
        settings,
        mistakes: Vec::new(),
    };
    match DeTable::parse(text) {
        Ok(table) => reader.table("", table.get_ref()),
        Err(error) => {
            let says = format!("This is no TOML: {}. Mend this line.", error.message());
            reader.wrong(error.span().map(|span| span.start), None, says);
        }
    }
    let mut mistakes = reader.mistakes;
    // A table has lost the order of its lines; people read from the top.
    mistakes.sort_by_key(|mistake| mistake.line);
    mistakes
}

/// Puts what one variable says into `settings`.
pub(super) fn variable(name: &str, text: &str, settings: &mut Settings) -> Option<Mistake> {
    let wanted = name.strip_prefix(ENVIRONMENT_PREFIX)?;
    let key = KEYS.iter().find(|key| key.in_environment() == wanted);
    let says = match key {
        Some(key) => (key.take)(settings, &Value::Word(text)).err()?,
        None => {
            let asked = wanted.to_ascii_lowercase();
            let like = KEYS
                .iter()
                .map(Key::in_environment)
                .min_by_key(|known| strsim::damerau_levenshtein(&known.to_ascii_lowercase(), &asked));
            format!(
                "There is no such variable. Did you mean {ENVIRONMENT_PREFIX}{}?",
                like.unwrap_or_default()
            )
        }
    };
    Some(Mistake {
        place: Some(name.to_owned()),
        line: None,
        key: key.map(|key| key.name.to_owned()),
        says,
    })
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    settings: &'a mut Settings,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = if section.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{section}.{}", key.get_ref())
            };
            let at = key.span().start;
            match (Key::find(&name), value.get_ref()) {
                (Some(key), _) => self.value(key, value),
                (None, DeValue::Table(inner)) if is_section(&name) => self.table(&name, inner),
                (None, _) => {
                    let says = match nearest(&name) {
                        Some(known) => format!("There is no such key. Did you mean {known}?"),
                        None => "There is no such key. `parley-server config example` shows all there are."
                            .to_owned(),
                    };
                    self.wrong(Some(at), Some(name), says);
                }
            }
        }
    }

    fn value(&mut self, key: &Key, value: &Spanned<DeValue<'_>>) {
        let taken = plain(value.get_ref()).and_then(|plain| (key.take)(self.settings, &plain));
        if let Err(says) = taken {
            self.wrong(Some(value.span().start), Some(key.name.to_owned()), says);
        }
    }

    fn wrong(&mut self, at: Option<usize>, key: Option<String>, says: String) {
        self.mistakes.push(Mistake {
            place: Some(self.file.to_owned()),
            line: at.map(|at| line_of(self.text, at)),
            key,
            says,
        });
    }
}

fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

fn plain<'a>(value: &'a DeValue<'_>) -> Result<Value<'a>, String> {
    let strange = || format!("It takes no {}.", value.type_str());
    match value {
        DeValue::String(text) => Ok(Value::Text(text)),
        DeValue::Boolean(on) => Ok(Value::Switch(*on)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::Number)
            .map_err(|_| "This number is too large.".to_owned()),
        DeValue::Array(parts) => parts
            .iter()
            .map(|part| {
                part.get_ref()
                    .as_str()
                    .ok_or("It takes a list of texts in quotes.".to_owned())
            })
            .collect::<Result<_, _>>()
            .map(Value::List),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => Err(strange()),
    }
}

/// The line, from 1, that a byte is in.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
