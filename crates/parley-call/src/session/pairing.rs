//! Which peer connection of ours talks to which of theirs. Both sides number theirs upwards and put the numbers on every
//! message, so that one about a connection that is gone is never mistaken for one about its successor.

/// What the numbers on a message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is about the two connections there are.
    Fits,
    /// They have a fresh connection, and ours talks to the one before.
    TheirsIsNew,
    /// It is about a connection of theirs that is gone.
    TheirsIsOld,
    /// It is meant for a connection of ours that is gone: they do not know of the fresh one.
    OursIsNew,
}

/// The two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pairing {
    own: u32,
    theirs: Option<u32>,
    newest_seen: u32,
    paired: bool,
}

impl Pairing {
    pub(super) const fn new(own: u32) -> Self {
        Self {
            own,
            theirs: None,
            newest_seen: 0,
            paired: false,
        }
    }

    /// The number of our connection.
    pub(super) const fn own(&self) -> u32 {
        self.own
    }

    /// The number of theirs, once known.
    pub(super) const fn theirs(&self) -> Option<u32> {
        self.theirs
    }

    /// Whether a description of theirs was accepted.
    pub(super) const fn is_paired(&self) -> bool {
        self.paired
    }

    /// Our connection was replaced by a fresh one, with this number.
    pub(super) const fn renew(&mut self, own: u32) {
        self.own = own;
        self.theirs = None;
        self.paired = false;
    }

    /// Compares the numbers on a message (absent: the sender never replaces its connection) with ours.
    pub(super) fn judge(&self, from: Option<u32>, to: Option<u32>) -> Fit {
        if from.is_some_and(|from| from < self.newest_seen) {
            return Fit::TheirsIsOld;
        }
        if to.is_some_and(|to| to != self.own) {
            return Fit::OursIsNew;
        }
        if self.paired && from.is_some() && from != self.theirs {
            return Fit::TheirsIsNew;
        }
        Fit::Fits
    }

    /// Remembers that they have a connection of this number.
    pub(super) fn saw(&mut self, from: Option<u32>) {
        self.newest_seen = self.newest_seen.max(from.unwrap_or(0));
    }

    /// A description of theirs was accepted: the two belong together.
    pub(super) fn pair(&mut self, from: Option<u32>) {
        self.saw(from);
        self.theirs = from;
        self.paired = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_about_other_connections_are_told_apart() {
        let mut pairing = Pairing::new(7);
        pairing.pair(Some(3));
        let check = |from, to, expect| assert_eq!(pairing.judge(from, to), expect, "{from:?} to {to:?}");
        check(Some(3), Some(7), Fit::Fits);
        check(Some(3), None, Fit::Fits);
        check(None, None, Fit::Fits);
        check(Some(2), Some(7), Fit::TheirsIsOld);
        check(Some(3), Some(6), Fit::OursIsNew);
        check(Some(4), None, Fit::TheirsIsNew);
    }

    #[test]
    fn a_fresh_connection_of_ours_takes_up_their_newest_only() {
        let mut pairing = Pairing::new(7);
        pairing.pair(Some(3));
        pairing.renew(8);
        assert_eq!(pairing.own(), 8);
        assert_eq!(pairing.judge(Some(3), Some(7)), Fit::OursIsNew);
        assert_eq!(pairing.judge(Some(3), None), Fit::Fits);
        assert_eq!(pairing.judge(Some(4), None), Fit::Fits);
        assert_eq!(pairing.judge(Some(2), None), Fit::TheirsIsOld);
    }
}
