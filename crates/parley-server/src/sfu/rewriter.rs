//! Renumbers what goes down one section, so that a receiver sees one unbroken stream however often its source changes.
//!
//! Owned by a down track. The source is a layer of a publication; it changes at key frames, or when the section is given to
//! somebody else. The receiver's SSRC stays the same, so three things must go on without a break (RFC 3550, 5.1):
//!
//! * *Sequence numbers*: what was left out on purpose leaves no gap, or the receiver asks for packets that never were.
//!   What was lost on the way here does leave one: it may still come, repaired, and then belongs exactly there.
//! * *Timestamps*: a new source counts from a random start. Its first packet gets the time of the last one plus what passed
//!   here since, at least one tick; from there its own differences are kept.
//! * *Repair*: what is sent again to the receiver carries the numbers given out here, so nothing else has to remember them.
//!
//! Deliberately absent: when to change (the forwarder), packets, and retransmission itself (per hop, by the library).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Changes of the numbering that a late packet is still told apart by. Older ones are older than anything a repair brings.
const SPANS_MAX: usize = 16;
/// No step of the timestamps is longer than this, however long nothing came: half the range of 32 bits would read as backwards.
const STEP_MAX: Duration = Duration::from_secs(3600);

/// What a packet is numbered as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// The sequence number with its rollovers (RFC 3711, 3.3.1), counted from below 65,536.
    pub(super) seq: u64,
    /// The timestamp.
    pub(super) time: u32,
}

/// Packets from `from` on, and before `until`, are moved by `shift`. What lies between two spans was left out.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    until: u64,
    shift: i128,
}

/// The numbering of one section.
#[derive(Debug)]
pub(super) struct Rewriter {
    /// Ticks of the timestamps in a second.
    clock_rate: u32,
    /// The number the next packet in order gets.
    next_seq: u64,
    /// The newest timestamp given out, and when.
    newest: Option<(u32, Instant)>,
    /// Of the source in use, oldest first; empty before the first one.
    spans: VecDeque<Span>,
    time_shift: u32,
    /// The number after the highest one of the source that was passed on or left out.
    source_next: u64,
}

impl Rewriter {
    /// Nothing was passed on yet; the first packet will be `first_seq`.
    pub(super) fn new(clock_rate: u32, first_seq: u16) -> Self {
        Self {
            clock_rate,
            next_seq: u64::from(first_seq),
            newest: None,
            spans: VecDeque::new(),
            time_shift: 0,
            source_next: 0,
        }
    }

    /// From this packet on another source is passed on. What is late of the one before, or comes from before this packet, has
    /// no number any more.
    pub(super) fn begin(&mut self, now: Instant, seq: u64, time: u32) {
        let begins = self.newest.map_or(time, |(newest, at)| {
            let passed = now.saturating_duration_since(at).min(STEP_MAX);
            newest.wrapping_add(self.ticks(passed).max(1))
        });
        self.time_shift = begins.wrapping_sub(time);
        self.spans.clear();
        self.push(seq);
    }

    /// The same source goes on with this packet after a rest in which nothing of it was passed on: no gap in the sequence, while
    /// timestamps tell how long the rest was, as after silence that is not sent (RFC 3551, 4.1).
    pub(super) fn go_on(&mut self, seq: u64) {
        if self.spans.is_empty() || self.is_late(seq) {
            return;
        }
        self.push(seq);
    }

    /// This packet is left out on purpose. Where others after it were passed on already its place stays empty, for nothing can be moved
    /// any more; what is missing before it may still come, and keeps its place.
    pub(super) fn leave_out(&mut self, seq: u64) {
        if self.spans.is_empty() || self.is_late(seq) {
            return;
        }
        self.next_seq += seq - self.source_next;
        self.source_next = seq;
        self.push(seq + 1);
    }

    /// The packet right after the highest one is left out, if it is missing before this one.
    pub(super) fn leave_out_next(&mut self, before: u64) {
        if self.source_next < before {
            self.leave_out(self.source_next);
        }
    }

    /// This packet is left out with everything that is missing before it.
    pub(super) fn leave_out_up_to(&mut self, seq: u64) {
        self.go_on(seq + 1);
    }

    /// Whether packets after this one were passed on or left out already.
    pub(super) const fn is_late(&self, seq: u64) -> bool {
        seq < self.source_next
    }

    /// The numbers of a packet of the source in use; `None` if it has none.
    pub(super) fn rewrite(&mut self, now: Instant, seq: u64, time: u32) -> Option<Rewritten> {
        let span = self
            .spans
            .iter()
            .rev()
            .find(|span| (span.from..span.until).contains(&seq))?;
        let moved = u64::try_from(i128::from(seq) + span.shift).ok()?;
        let time = time.wrapping_add(self.time_shift);
        if seq >= self.source_next {
            self.source_next = seq + 1;
            self.next_seq = moved + 1;
        }
        // Repaired packets come late, and some encoders send pictures out of order: only what is ahead counts.
        match self.newest {
            Some((newest, _)) if (time.wrapping_sub(newest) as i32) < 0 => {}
            _ => self.newest = Some((time, now)),
        }
        Some(Rewritten { seq: moved, time })
    }

    /// From here on packets follow the highest one that was passed on; what lies between has no number.
    fn push(&mut self, from: u64) {
        if let Some(last) = self.spans.back_mut() {
            last.until = self.source_next;
        }
        // Nothing had its number by it.
        if self.spans.back().is_some_and(|last| last.from >= last.until) {
            self.spans.pop_back();
        }
        if self.spans.len() == SPANS_MAX {
            self.spans.pop_front();
        }
        self.spans.push_back(Span {
            from,
            until: u64::MAX,
            shift: i128::from(self.next_seq) - i128::from(from),
        });
        self.source_next = from;
    }

    fn ticks(&self, passed: Duration) -> u32 {
        let ticks = passed.as_micros() * u128::from(self.clock_rate) / 1_000_000;
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
