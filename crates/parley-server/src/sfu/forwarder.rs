//! Which packets of a publication go down one section: of one layer at a time, changed at key frames only.
//!
//! Owned by a down track. `aim` says which layer is wanted (the allocation decides), `take` what to do with each packet that
//! comes. Until a key frame of the wanted layer begins, the layer before goes on, and where there was none, a smaller one that
//! begins: a picture of another size for a moment is better than none. Deliberately absent: why a layer is wanted, numbers (`rewriter`), and asking for key frames
//! (`key_frames`), which somebody does as long as [`Forwarder::waits_for`] names a layer.

/// A layer of the publication, by its place in it, smallest first.
pub(super) type LayerAt = usize;

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Pass it on.
    Pass,
    /// Pass it on as the first packet of another source.
    Begin,
    /// Keep it back.
    Drop,
}

/// The choice for one section.
#[derive(Debug, Default)]
pub(super) struct Forwarder {
    wanted: Option<LayerAt>,
    current: Option<LayerAt>,
}

impl Forwarder {
    /// From now on this layer, or nothing.
    pub(super) const fn aim(&mut self, wanted: Option<LayerAt>) {
        self.wanted = wanted;
        if wanted.is_none() {
            self.current = None;
        }
    }

    /// The section is for another publication now: whatever comes begins anew.
    pub(super) const fn change(&mut self) {
        self.wanted = None;
        self.current = None;
    }

    /// A packet of that layer. `begins` for one that a decoder can begin with, if nothing before it is still missing.
    pub(super) fn take(&mut self, layer: LayerAt, begins: bool) -> Verdict {
        if self.current == Some(layer) {
            return Verdict::Pass;
        }
        let in_place_of_none = self.current.is_none() && self.wanted.is_some_and(|wanted| layer < wanted);
        if begins && (self.wanted == Some(layer) || in_place_of_none) {
            self.current = Some(layer);
            return Verdict::Begin;
        }
        Verdict::Drop
    }

    /// The layer whose key frame is waited for.
    pub(super) fn waits_for(&self) -> Option<LayerAt> {
        self.wanted.filter(|wanted| self.current != Some(*wanted))
    }

    /// The layer that goes down now.
    pub(super) const fn current(&self) -> Option<LayerAt> {
        self.current
    }

    /// The layer that should.
    pub(super) const fn wanted(&self) -> Option<LayerAt> {
        self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_change_at_key_frames_only() {
        let mut forwarder = Forwarder::default();
        assert_eq!(forwarder.take(0, true), Verdict::Drop, "nothing is wanted yet");
        forwarder.aim(Some(0));
        assert_eq!(forwarder.waits_for(), Some(0));
        assert_eq!(forwarder.take(0, false), Verdict::Drop);
        assert_eq!(forwarder.take(1, true), Verdict::Drop);
        assert_eq!(forwarder.take(0, true), Verdict::Begin);
        assert_eq!(forwarder.waits_for(), None);
        assert_eq!(
            forwarder.take(0, true),
            Verdict::Pass,
            "the next one is a picture like any other"
        );
        forwarder.aim(Some(2));
        assert_eq!(forwarder.take(0, false), Verdict::Pass, "until the other begins");
        assert_eq!(forwarder.take(2, false), Verdict::Drop);
        assert_eq!(forwarder.take(2, true), Verdict::Begin);
        assert_eq!(forwarder.take(0, true), Verdict::Drop);
        assert_eq!(forwarder.current(), Some(2));
    }

    #[test]
    fn until_the_wanted_layer_comes_a_smaller_one_does() {
        let mut forwarder = Forwarder::default();
        forwarder.aim(Some(1));
        assert_eq!(
            forwarder.take(2, true),
            Verdict::Drop,
            "a larger one may be too much"
        );
        assert_eq!(forwarder.take(0, true), Verdict::Begin);
        assert_eq!(forwarder.waits_for(), Some(1));
        assert_eq!(forwarder.take(1, true), Verdict::Begin);
        assert_eq!(forwarder.take(0, true), Verdict::Drop);
    }

    #[test]
    fn a_change_of_mind_before_the_key_frame_costs_nothing() {
        let mut forwarder = Forwarder::default();
        forwarder.aim(Some(1));
        forwarder.take(1, true);
        forwarder.aim(Some(2));
        forwarder.aim(Some(1));
        assert_eq!(forwarder.waits_for(), None);
        assert_eq!(forwarder.take(1, false), Verdict::Pass);
    }

    #[test]
    fn a_paused_or_other_picture_begins_with_a_key_frame() {
        let mut forwarder = Forwarder::default();
        forwarder.aim(Some(1));
        forwarder.take(1, true);
        forwarder.aim(None);
        assert_eq!(forwarder.take(1, true), Verdict::Drop);
        forwarder.aim(Some(1));
        assert_eq!(forwarder.take(1, false), Verdict::Drop);
        assert_eq!(forwarder.take(1, true), Verdict::Begin);
        forwarder.change();
        assert_eq!(
            forwarder.take(1, false),
            Verdict::Drop,
            "a packet of another person"
        );
    }
}
