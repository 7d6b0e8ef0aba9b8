//! What the server is told in whole lists: what this side sends, and whom it wants to see. Sans-IO. Ten a second at most, the newest of each;
//! what changed meanwhile goes with the next.

use crate::session::context::Context;
use crate::session::pace::Pace;
use parley_proto::limits::VIDEO_DOWNS_MAX;
use parley_proto::{ClientMessage, ParticipantId, Publish, Source, Wish};
use std::time::{Duration, Instant};

/// A server takes ten a second of both together.
const EVERY: Pace = Pace::new(1, Duration::from_millis(100));

/// See the module.
#[derive(Debug)]
pub(super) struct Lists {
    pace: Pace,
    publish: Vec<Publish>,
    wishes: Option<(Vec<Wish>, Option<u32>)>,
    /// The wishes may have changed.
    due: bool,
    /// Left out once, so that the server begins them anew; no more than there are sections.
    left_out: Vec<(ParticipantId, Source)>,
    /// Something waits for its turn.
    waits: bool,
}

impl Lists {
    pub(super) const fn new() -> Self {
        Self {
            pace: EVERY,
            publish: Vec::new(),
            wishes: None,
            due: false,
            left_out: Vec::new(),
            waits: false,
        }
    }

    /// This was told with an offer.
    pub(super) fn offered(&mut self, publish: Vec<Publish>) {
        self.publish = publish;
    }

    /// The server knows of no wishes.
    pub(super) fn forget_wishes(&mut self) {
        self.wishes = None;
        self.due = true;
    }

    /// The wishes may be others now.
    pub(super) const fn wishes_changed(&mut self) {
        self.due = true;
    }

    /// A section is to be begun anew: its wish is left out of one list.
    pub(super) fn begin_anew(&mut self, participant: ParticipantId, source: Source) {
        let whose = (participant, source);
        if self.left_out.len() < VIDEO_DOWNS_MAX && !self.left_out.contains(&whose) {
            self.left_out.push(whose);
        }
        self.due = true;
    }

    /// Tells what changed, as far as it may now.
    pub(super) fn tell(
        &mut self,
        publish: Vec<Publish>,
        kbps_max: Option<u32>,
        wishes: impl FnOnce() -> Vec<Wish>,
        cx: &mut Context<'_>,
    ) {
        self.waits = false;
        self.due |= self.wishes.as_ref().is_some_and(|(_, told)| *told != kbps_max);
        if publish != self.publish {
            if !self.take_turn(cx.now) {
                return;
            }
            self.publish.clone_from(&publish);
            cx.to_server.push(ClientMessage::Publish { publish });
        }
        if !self.due || !self.pace.is_free(cx.now) {
            self.waits = self.due;
            return;
        }
        let mut downs = wishes();
        let left_out = std::mem::take(&mut self.left_out);
        downs.retain(|wish| !left_out.contains(&(wish.participant, wish.source)));
        // What was left out goes with the next.
        self.due = !left_out.is_empty();
        self.waits = self.due;
        let wishes = Some((downs.clone(), kbps_max));
        if self.wishes == wishes {
            return;
        }
        self.wishes = wishes;
        self.pace.take(cx.now);
        cx.to_server.push(ClientMessage::Subscribe { downs, kbps_max });
    }

    /// When what waits may be told.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pace.next_at().filter(|_| self.waits)
    }

    fn take_turn(&mut self, now: Instant) -> bool {
        self.waits = !self.pace.is_free(now);
        if !self.waits {
            self.pace.take(now);
        }
        !self.waits
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary moment to count from")]
mod tests {
    use super::*;
    use crate::session::io::Outbox;
    use crate::stats::SessionCounters;

    fn wish(n: u8) -> Wish {
        Wish {
            mid: n.to_string(),
            participant: ParticipantId::from_bytes([n; 16]),
            source: Source::Camera,
            width: 640,
            height: 360,
            priority: 1,
        }
    }

    #[test]
    fn ten_a_second_go_and_the_last_is_what_was_wanted_last() {
        let (mut out, mut counters) = (Outbox::default(), SessionCounters::default());
        let start = Instant::now();
        let mut lists = Lists::new();
        let mut told = Vec::new();
        for ms in 0..1_200u64 {
            let mut cx = Context::new(start + Duration::from_millis(ms), &mut out, &mut counters);
            if ms < 1_000 {
                lists.wishes_changed();
            }
            let wanted = wish((ms.min(999) % 250) as u8);
            lists.tell(Vec::new(), None, || vec![wanted], &mut cx);
            told.append(&mut cx.to_server);
        }
        assert_eq!(told.len(), 11);
        let last = ClientMessage::Subscribe {
            downs: vec![wish(249)],
            kbps_max: None,
        };
        assert_eq!(told.last(), Some(&last));
        assert_eq!(lists.deadline(), None);
    }

    #[test]
    fn all_that_is_begun_anew_is_left_out_once() {
        let (mut out, mut counters) = (Outbox::default(), SessionCounters::default());
        let start = Instant::now();
        let mut lists = Lists::new();
        lists.forget_wishes();
        let mut lengths = Vec::new();
        for ms in [0, 100, 200, 300, 400, 500, 600] {
            let mut cx = Context::new(start + Duration::from_millis(ms), &mut out, &mut counters);
            if ms == 100 || ms == 400 {
                lists.begin_anew(wish(1).participant, Source::Camera);
            }
            if ms == 400 {
                lists.begin_anew(wish(2).participant, Source::Camera);
            }
            lists.tell(Vec::new(), None, || vec![wish(1), wish(2)], &mut cx);
            for message in cx.to_server {
                if let ClientMessage::Subscribe { downs, .. } = message {
                    lengths.push(downs.len());
                }
            }
        }
        assert_eq!(lengths, [2, 1, 2, 0, 2]);
    }
}
