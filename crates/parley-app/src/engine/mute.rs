//! The mute switch and the key one holds to talk. Whoever holds the key (space in the window, a global key, `parley ptt`),
//! it means the same: it opens the microphone only for as long as it is held, and only from muted. No clock, no device.

/// Whether the microphone is muted, and whether it is open only because a key is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MuteSwitch {
    pub(super) muted: bool,
    pub(super) talking: bool,
}

/// What is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MuteAsk {
    /// The switch itself: it ends talking by key.
    Set(bool),
    Toggle,
    /// The key went down.
    Hold,
    /// It came up, or nobody can hold it any more.
    Release,
}

impl MuteSwitch {
    pub(super) const fn after(self, ask: MuteAsk) -> Self {
        let Self { muted, talking } = self;
        match ask {
            MuteAsk::Set(muted) => Self {
                muted,
                talking: false,
            },
            MuteAsk::Toggle => Self {
                // Somebody who holds the key and asks for silence wants silence.
                muted: !muted,
                talking: false,
            },
            MuteAsk::Hold if muted => Self {
                muted: false,
                talking: true,
            },
            MuteAsk::Release if talking => Self {
                muted: true,
                talking: false,
            },
            MuteAsk::Hold | MuteAsk::Release => Self { muted, talking },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MuteAsk::{Hold, Release, Set, Toggle};
    use super::*;

    #[test]
    fn a_held_key_opens_the_microphone_only_from_muted_and_only_while_held() {
        let check = |asks: &[MuteAsk], muted: bool, talking: bool| {
            let switch = asks
                .iter()
                .fold(MuteSwitch::default(), |switch, ask| switch.after(*ask));
            assert_eq!(switch, MuteSwitch { muted, talking }, "{asks:?}");
        };
        check(&[], false, false);
        check(&[Hold], false, false);
        check(&[Hold, Release], false, false);
        check(&[Set(true), Hold], false, true);
        check(&[Set(true), Hold, Hold], false, true);
        check(&[Set(true), Hold, Release], true, false);
        check(&[Set(true), Hold, Release, Release], true, false);
        check(&[Set(true), Release], true, false);
        check(&[Set(true), Hold, Set(false), Release], false, false);
        check(&[Set(true), Hold, Toggle, Release], true, false);
        check(&[Toggle], true, false);
        check(&[Toggle, Toggle], false, false);
    }
}
