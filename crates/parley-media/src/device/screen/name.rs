//! What a source is called between rooms and in the settings: `monitor:NAME` or `window:HEX`.

/// A monitor by its name, empty for the first; or a window by its system's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Monitor(String),
    Window(u32),
}

impl Name {
    /// From a [`super::ScreenSource::id`].
    pub(super) fn parse(id: &str) -> Option<Self> {
        match id.split_once(':')? {
            ("monitor", name) => Some(Self::Monitor(name.to_owned())),
            ("window", number) => u32::from_str_radix(number, 16).ok().map(Self::Window),
            _ => None,
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Monitor(name) => write!(f, "monitor:{name}"),
            Self::Window(window) => write!(f, "window:{window:x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [
            Name::Monitor("eDP-1".into()),
            Name::Monitor(r"\\.\DISPLAY1".into()),
            Name::Monitor(String::new()),
            Name::Window(0x2a_0001),
        ] {
            assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
        for odd in ["", "monitor", "window:xyz", "window:123456789", "tab:1"] {
            assert_eq!(Name::parse(odd), None, "{odd}");
        }
    }
}
