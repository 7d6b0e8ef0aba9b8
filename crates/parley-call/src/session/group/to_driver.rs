//! What the server tells that is the driver's to know: who publishes what, and which encodings somebody watches. Passed on whole, the newest of each,
//! and not faster than a server tells it.

use crate::session::context::Context;
use crate::session::pace::Pace;
use crate::sfu_port::SfuCommand;
use parley_proto::limits::{LAYERS_MAX, PUBLICATIONS_MAX, RID_CHARS_MAX};
use parley_proto::{Publication, Source};
use std::time::{Duration, Instant};

/// A server tells of publications five times a second, and of layers when somebody looks elsewhere.
const PASSED_ON: Pace = Pace::new(16, Duration::from_millis(50));

/// See the module.
#[derive(Debug)]
pub(super) struct ToDriver {
    pace: Pace,
    publications: bool,
    layers: Vec<(Source, Vec<String>)>,
}

impl ToDriver {
    pub(super) const fn new() -> Self {
        Self {
            pace: PASSED_ON,
            publications: false,
            layers: Vec::new(),
        }
    }

    /// They changed.
    pub(super) const fn publications_changed(&mut self) {
        self.publications = true;
    }

    /// These encodings of an own track are watched now.
    pub(super) fn layers_wanted(&mut self, source: Source, mut rids: Vec<String>) {
        rids.retain(|rid| rid.len() <= RID_CHARS_MAX);
        rids.truncate(LAYERS_MAX);
        self.layers.retain(|(known, _)| *known != source);
        if source != Source::Unknown && self.layers.len() < PUBLICATIONS_MAX {
            self.layers.push((source, rids));
        }
    }

    /// Passes on what waits.
    pub(super) fn pass_on(&mut self, publications: &[Publication], cx: &mut Context<'_>) {
        if self.publications && self.pace.is_free(cx.now) {
            self.publications = false;
            self.pace.take(cx.now);
            cx.out.sfu(SfuCommand::Publications(publications.to_vec()));
        }
        while self.pace.is_free(cx.now)
            && let Some((source, rids)) = self.layers.pop()
        {
            self.pace.take(cx.now);
            cx.out.sfu(SfuCommand::LayersWanted { source, rids });
        }
    }

    /// When what waits is passed on.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let waits = self.publications || !self.layers.is_empty();
        self.pace.next_at().filter(|_| waits)
    }
}
