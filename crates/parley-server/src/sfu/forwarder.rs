//! Which packets of a publication go down one section: of one layer at a time, changed at key frames only.
//!
//! Owned by a down track. `aim` says which layer is wanted (the allocation decides), `take` what to do with each packet that
//! comes. Until a key frame of the wanted layer begins, the layer before goes on, and where there was none, a smaller one that
//! begins: a picture of another size for a moment is better than none. Of a layer that goes down at half its rate, pictures that no other
//! refers to are left out, each as a whole, and remembered for what comes late of them. Deliberately absent: why a layer is wanted, numbers (`rewriter`), and asking for key frames
//! (`key_frames`), which somebody does as long as [`Forwarder::waits_for`] names a layer.

use std::collections::VecDeque;

/// So many of the pictures that no other refers to are remembered: more than a second of them.
const SPARES_MAX: usize = 16;

/// A layer of the publication, by its place in it, smallest first.
pub(super) type LayerAt = usize;

/// What a section is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Aim {
    pub(super) layer: LayerAt,
    /// Without the pictures that no other refers to.
    pub(super) halved: bool,
}

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
    halved: bool,
    /// The last pictures that no other refers to, the newest last, by their time, and whether each was left out.
    spares: VecDeque<(u32, bool)>,
}

impl Forwarder {
    /// From now on this layer, or nothing.
    pub(super) const fn aim(&mut self, wanted: Option<LayerAt>) {
        self.wanted = wanted;
        if wanted.is_none() {
            self.current = None;
        }
    }

    /// From now on with or without the pictures that no other refers to.
    pub(super) const fn halve(&mut self, halved: bool) {
        self.halved = halved;
    }

    /// Whether a packet of such a picture, recorded at `time` of its layer, is left out.
    pub(super) fn leaves_out(&mut self, layer: LayerAt, time: u32) -> bool {
        if self.current != Some(layer) {
            return false;
        }
        let known = self.spares.iter().rev().find(|(known, _)| *known == time);
        if let Some((_, left_out)) = known {
            return *left_out;
        }
        if self.spares.len() == SPARES_MAX {
            self.spares.pop_front();
        }
        self.spares.push_back((time, self.halved));
        self.halved
    }

    /// Whether the picture recorded at `time` of its layer was left out.
    pub(super) fn has_left_out(&self, layer: LayerAt, time: u32) -> bool {
        self.current == Some(layer) && self.spares.contains(&(time, true))
    }

    /// The section is for another publication now: whatever comes begins anew.
    pub(super) const fn change(&mut self) {
        self.wanted = None;
        self.current = None;
    }

    /// What went down of this layer goes on no more: it begins anew.
    pub(super) fn lose(&mut self, layer: LayerAt) {
        if self.current == Some(layer) {
            self.current = None;
        }
    }

    /// A packet of that layer. `begins` for one that a decoder can begin with, if nothing before it is still missing.
    pub(super) fn take(&mut self, layer: LayerAt, begins: bool) -> Verdict {
        if self.current == Some(layer) {
            return Verdict::Pass;
        }
        let in_place_of_none = self.current.is_none() && self.wanted.is_some_and(|wanted| layer < wanted);
        if begins && (self.wanted == Some(layer) || in_place_of_none) {
            self.current = Some(layer);
            self.spares.clear();
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
    fn of_a_halved_layer_whole_pictures_are_left_out_that_no_other_refers_to() {
        let mut forwarder = Forwarder::default();
        forwarder.aim(Some(0));
        forwarder.halve(true);
        assert!(!forwarder.leaves_out(0, 7), "nothing of it goes down yet");
        forwarder.take(0, true);
        assert!(forwarder.leaves_out(0, 8));
        assert!(!forwarder.leaves_out(1, 8), "another layer");
        forwarder.halve(false);
        assert!(forwarder.leaves_out(0, 8), "the rest of the same picture");
        assert!(!forwarder.leaves_out(0, 9));
        forwarder.halve(true);
        assert!(!forwarder.leaves_out(0, 9), "the rest of one that went down");
        assert!(forwarder.leaves_out(0, 10));
    }

    #[test]
    fn what_was_left_out_is_known_for_a_while_when_more_of_it_comes() {
        let mut forwarder = Forwarder::default();
        forwarder.aim(Some(0));
        forwarder.halve(true);
        forwarder.take(0, true);
        for time in 1..=20 {
            forwarder.leaves_out(0, time);
        }
        assert!(forwarder.has_left_out(0, 20) && forwarder.has_left_out(0, 5));
        assert!(!forwarder.has_left_out(1, 20), "another layer");
        assert!(!forwarder.has_left_out(0, 4), "it is long ago");
        assert!(forwarder.leaves_out(0, 18), "as it was decided then");
        forwarder.halve(false);
        forwarder.leaves_out(0, 21);
        assert!(!forwarder.has_left_out(0, 21), "that one went down");
        forwarder.aim(Some(1));
        forwarder.take(1, true);
        assert!(!forwarder.has_left_out(1, 20), "another layer's times");
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
