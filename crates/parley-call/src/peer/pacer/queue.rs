//! Sans-IO core of the pacer: three queues in order of importance, and a budget.
//!
//! Sound leaves at once and only uses up budget. Retransmissions come next, then pictures. The budget runs at 2.5 times the
//! target, as in libwebrtc: a key frame is spread out, but does not fall behind. Where the way has a queue already it runs hardly faster
//! than the target ([`Queue::set_full`]): what is sent again must not keep that queue long, so it takes the place of new pictures. Where
//! the target is all that the way carries ([`Queue::set_narrow`]), what leaves faster waits in the way, and sound behind it: there a large
//! picture leaves so slowly that it makes no long queue. The queue of pictures is bounded by time:
//! beyond [`Queue::is_long`] the encoder is held, so an encoded picture never needs to be thrown away.

use parley_proto::Bitrate;
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// How much faster than the target packets may leave.
const PACE: f64 = 2.5;
/// The same while there is a queue in the way.
const PACE_FULL: f64 = 1.1;
/// The queue that one large picture may make in a way that carries no more than the target.
const BURST_QUEUE: Duration = Duration::from_millis(60);
/// What the first pictures of a connection may be ahead of that pace: as much as TCP sends into an unknown path at once
/// (RFC 6928). A good part of the first key frame, and the first picture is there the sooner.
const HEAD_START_BYTES: usize = 14_600;
/// What may leave in one go: timers are no finer than a millisecond, and a few packets at once do no harm.
const BURST: Duration = Duration::from_millis(5);
/// More pictures waiting than can leave in this time hold the encoder.
const VIDEO_WAIT_MAX: Duration = Duration::from_millis(250);
/// A retransmission older than this comes too late for any picture.
const RETRANSMISSION_AGE_MAX: Duration = Duration::from_millis(500);
/// Where there is a queue in the way and what is asked for again takes longer than this, nobody waits for the last of it.
const REPAIR_MAX: Duration = Duration::from_millis(250);
/// A bound for the case that the encoder is not held, far above what a held one can reach.
const PACKETS_MAX: usize = 4096;
/// The target never makes the pacer slower than this: sound and a few pictures must get out.
const TARGET_MIN: Bitrate = Bitrate::from_kbps(100);

/// What a packet is, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::peer) enum Class {
    Audio,
    /// With what tells it from others: the same one waits only once, however often it was asked for meanwhile.
    Retransmission(u64),
    Video,
}

/// A packet that waits.
#[derive(Debug)]
struct Waiting<T> {
    item: T,
    bytes: usize,
    since: Instant,
    class: Class,
}

/// See the module.
#[derive(Debug)]
pub(in crate::peer) struct Queue<T> {
    audio: VecDeque<Waiting<T>>,
    retransmissions: VecDeque<Waiting<T>>,
    /// What tells those that wait in `retransmissions` from others. Whoever asks decides how often this is looked up, so it
    /// must not cost more the longer the queue is.
    asked: HashSet<u64>,
    /// Bytes of `retransmissions`.
    asked_bytes: usize,
    video: VecDeque<Waiting<T>>,
    /// Bytes of `video`.
    video_bytes: usize,
    /// Bytes a second of the target.
    target: f64,
    /// There is a queue in the way.
    is_full: bool,
    /// The target is all that the way carries.
    is_narrow: bool,
    /// The most of pictures that waited since none did, in bytes.
    backlog: usize,
    /// Bytes a second.
    rate: f64,
    /// Bytes that left before there was budget for them; less than zero is unused budget.
    debt: f64,
    /// Bytes of pictures that may still leave without budget.
    head_start: usize,
    probe: Option<Probe>,
    updated: Option<Instant>,
    /// Packets refused because the queue was full.
    full: u64,
    /// Retransmissions thrown away because they waited too long.
    late: u64,
    /// Retransmissions that waited already when they were asked for once more.
    repeated: u64,
}

/// For a moment all leaves evenly at another rate than the usual.
#[derive(Debug, Clone, Copy)]
struct Probe {
    /// Bytes a second.
    rate: f64,
    /// Bytes that are still to leave.
    left: usize,
    id: u32,
}

/// What a queue did not let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::peer) struct QueueDrops {
    pub(in crate::peer) full: u64,
    pub(in crate::peer) late: u64,
    pub(in crate::peer) repeated: u64,
}

impl<T> Queue<T> {
    /// An empty queue with the rate for `target`.
    pub(in crate::peer) fn new(target: Bitrate) -> Self {
        let mut queue = Self {
            audio: VecDeque::new(),
            retransmissions: VecDeque::new(),
            asked: HashSet::new(),
            asked_bytes: 0,
            video: VecDeque::new(),
            video_bytes: 0,
            target: 0.0,
            is_full: false,
            is_narrow: false,
            backlog: 0,
            rate: 0.0,
            debt: 0.0,
            head_start: HEAD_START_BYTES,
            probe: None,
            updated: None,
            full: 0,
            late: 0,
            repeated: 0,
        };
        queue.set_target(target);
        queue
    }

    /// Follows the estimate.
    pub(in crate::peer) fn set_target(&mut self, target: Bitrate) {
        self.target = target.max(TARGET_MIN).bps() as f64 / 8.0;
        self.rate = self.target * self.pace();
    }

    /// Whether there is a queue in the way.
    pub(in crate::peer) fn set_full(&mut self, now: Instant, full: bool) {
        if full != std::mem::replace(&mut self.is_full, full) {
            self.follow_pace(now);
        }
    }

    /// Whether the target is all that the way carries.
    pub(in crate::peer) fn set_narrow(&mut self, now: Instant, narrow: bool) {
        if narrow != std::mem::replace(&mut self.is_narrow, narrow) {
            self.follow_pace(now);
        }
    }

    /// What was spent until `now` is paid off at the pace before.
    fn follow_pace(&mut self, now: Instant) {
        self.pay_off(now);
        self.rate = self.target * self.pace();
    }

    /// How much faster than the target packets may leave.
    fn pace(&self) -> f64 {
        if self.is_full {
            return PACE_FULL;
        }
        // At this pace, what waits is gone before the queue in the way is longer than it may be.
        let (takes, queue) = (self.backlog as f64 / self.target, BURST_QUEUE.as_secs_f64());
        if self.is_narrow && takes > queue {
            (takes / (takes - queue)).clamp(PACE_FULL, PACE)
        } else {
            PACE
        }
    }

    /// More of pictures waits, or less.
    fn note_backlog(&mut self) {
        self.backlog = match self.video_bytes {
            0 => 0,
            waits => self.backlog.max(waits),
        };
        self.rate = self.target * self.pace();
    }

    /// Takes a packet of `bytes`. It comes out of [`Queue::pop`], now or later, or is counted.
    pub(in crate::peer) fn push(&mut self, now: Instant, class: Class, bytes: usize, item: T) {
        self.pay_off(now);
        let waiting = Waiting {
            item,
            bytes,
            since: now,
            class,
        };
        let queue = match class {
            Class::Audio => &mut self.audio,
            Class::Retransmission(_) => &mut self.retransmissions,
            Class::Video => &mut self.video,
        };
        if queue.len() >= PACKETS_MAX {
            self.full += 1;
            return;
        }
        if let Class::Retransmission(number) = class
            && !self.asked.insert(number)
        {
            self.repeated += 1;
            return;
        }
        if matches!(class, Class::Retransmission(_)) {
            self.asked_bytes += bytes;
        }
        if class == Class::Video {
            self.video_bytes += bytes;
        }
        queue.push_back(waiting);
        if class == Class::Video {
            self.note_backlog();
        }
    }

    /// The next packet that may leave now.
    pub(in crate::peer) fn pop(&mut self, now: Instant) -> Option<T> {
        self.pay_off(now);
        while self
            .retransmissions
            .front()
            .is_some_and(|waiting| now.saturating_duration_since(waiting.since) > RETRANSMISSION_AGE_MAX)
        {
            self.pop_retransmission();
            self.late += 1;
        }
        let waiting = if let Some(audio) = self.audio.pop_front() {
            audio
        } else if let Some(ahead) = self.pop_ahead() {
            return Some(ahead);
        } else if self.debt > 0.0 {
            return None;
        } else if let Some(retransmission) = self.pop_retransmission() {
            retransmission
        } else {
            self.pop_picture()?
        };
        self.spend(waiting.bytes);
        Some(waiting.item)
    }

    /// From now on `bytes` leave at `bps`, whatever the target is. While there is nothing else, [`Queue::wants_padding`].
    pub(in crate::peer) fn begin_probe(&mut self, now: Instant, id: u32, bps: f64, bytes: usize) {
        self.pay_off(now);
        self.debt = self.debt.max(0.0);
        self.probe = Some(Probe {
            rate: (bps / 8.0).max(1.0),
            left: bytes,
            id,
        });
    }

    /// The probe that packets leaving now belong to.
    pub(in crate::peer) fn probe(&self) -> Option<u32> {
        self.probe.map(|probe| probe.id)
    }

    /// Nothing more can be sent for it.
    pub(in crate::peer) fn end_probe(&mut self) {
        self.probe = None;
        self.debt = self.debt.max(0.0);
    }

    /// A probe goes on, and [`Queue::pop`] had nothing for it although it is time.
    pub(in crate::peer) fn wants_padding(&self) -> bool {
        self.probe.is_some() && self.debt <= 0.0
    }

    /// Padding of `bytes` left.
    pub(in crate::peer) fn padded(&mut self, bytes: usize) {
        self.spend(bytes);
    }

    fn spend(&mut self, bytes: usize) {
        self.debt += bytes as f64;
        if let Some(probe) = &mut self.probe {
            probe.left = probe.left.saturating_sub(bytes);
            if probe.left == 0 {
                self.end_probe();
            }
        }
    }

    /// Bytes a second that leave now.
    fn rate_now(&self) -> f64 {
        self.probe.map_or(self.rate, |probe| probe.rate)
    }

    fn pop_retransmission(&mut self) -> Option<Waiting<T>> {
        let retransmission = self.retransmissions.pop_front()?;
        if let Class::Retransmission(number) = retransmission.class {
            self.asked.remove(&number);
        }
        self.asked_bytes -= retransmission.bytes;
        Some(retransmission)
    }

    fn pop_picture(&mut self) -> Option<Waiting<T>> {
        let picture = self.video.pop_front()?;
        self.video_bytes -= picture.bytes;
        self.note_backlog();
        Some(picture)
    }

    /// A part of a picture that uses the head start and no budget. What belongs to a probe must leave at its pace.
    fn pop_ahead(&mut self) -> Option<T> {
        let fits = self.probe.is_none()
            && self
                .video
                .front()
                .is_some_and(|next| next.bytes <= self.head_start);
        if !fits {
            return None;
        }
        let picture = self.pop_picture()?;
        self.head_start -= picture.bytes;
        Some(picture.item)
    }

    /// When [`Queue::pop`] will have something; always later than the `now` it was last called with.
    pub(in crate::peer) fn next_time(&self) -> Option<Instant> {
        let updated = self.updated?;
        if !self.audio.is_empty() {
            return Some(updated);
        }
        if self.retransmissions.is_empty() && self.video.is_empty() && self.probe.is_none() {
            return None;
        }
        // One microsecond more, so that rounding cannot make it ask again at the same moment.
        let wait = Duration::from_secs_f64((self.debt / self.rate_now()).max(0.0)) + Duration::from_micros(1);
        Some(updated + wait)
    }

    /// Whether more pictures wait than should: the encoder must be held.
    pub(in crate::peer) fn is_long(&self) -> bool {
        self.video_bytes as f64 / self.rate > VIDEO_WAIT_MAX.as_secs_f64()
    }

    /// Whether more was lost than can be sent again in time: the way became so much narrower that its queue ran over. Then a key frame is
    /// there sooner than all that was lost.
    pub(in crate::peer) fn is_hopeless(&self) -> bool {
        self.is_full && self.asked_bytes as f64 / self.target > REPAIR_MAX.as_secs_f64()
    }

    /// Throws away what is asked for again, and the pictures that wait, which nobody can decode without it.
    pub(in crate::peer) fn give_up(&mut self) {
        while self.pop_retransmission().is_some() {
            self.late += 1;
        }
        while self.pop_picture().is_some() {
            self.late += 1;
        }
    }

    /// Bytes of pictures that wait.
    pub(in crate::peer) const fn video_bytes(&self) -> usize {
        self.video_bytes
    }

    /// What was not let through since the last call.
    pub(in crate::peer) fn take_drops(&mut self) -> QueueDrops {
        QueueDrops {
            full: std::mem::take(&mut self.full),
            late: std::mem::take(&mut self.late),
            repeated: std::mem::take(&mut self.repeated),
        }
    }

    fn pay_off(&mut self, now: Instant) {
        let passed = self
            .updated
            .map_or(Duration::ZERO, |then| now.saturating_duration_since(then));
        self.updated = Some(self.updated.map_or(now, |then| then.max(now)));
        let rate = self.rate_now();
        let unused_max = rate * BURST.as_secs_f64();
        self.debt = (self.debt - passed.as_secs_f64() * rate).max(-unused_max);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests;
