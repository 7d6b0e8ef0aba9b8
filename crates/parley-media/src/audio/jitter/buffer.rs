//! The decisions of the jitter buffer: for each 10 ms, decode, repair, conceal, be silent, or stretch.
//!
//! Time is counted in samples at 48 kHz since the first packet. `next_time` is the timestamp of the sample that follows what
//! is already decoded. The *slack* is how much older than the wanted wait that moment is when its packet is needed: below
//! zero packets will come too late, above there is delay for nothing. Since packets are needed on a grid of 10 ms, what
//! remains decoded but unplayed when the next packet is needed is delay as well, and the only part of it that a single
//! pitch period can take away; so stretching aims at a slack of zero or more and a remainder of nothing.

use super::super::codec::{self, DEEP_MAX, OpusError};
use super::super::{BLOCK_SAMPLES, Block};
use super::counters::JitterCounters;
use super::decoding::Decoding;
use super::delay::DelayMeasure;
use super::overtaken::Overtaken;
use super::recent::Recent;
use super::repair::Repair;
use super::seen::Seen;
use super::slack::Slack;
use super::sound::{concealment_gain, queue};
use super::store::{Endless, PacketStore, Put, Stored, stored};
use super::stretch;
use crate::packet::ReceivedPacket;
use bytes::Bytes;
use std::time::{Duration, Instant};

const BLOCK: i64 = BLOCK_SAMPLES as i64;
/// No longer than this is sound held for anything but its own packets: 200 ms.
const LEAST_WAIT_MAX: Duration = Duration::from_millis(200);
/// More slack than this is not shortened gently but skipped: 300 ms.
const SLACK_MAX: i64 = 14_400;
/// Delay worth shortening: 4 ms.
const WORTH_SHORTENING: i64 = 192;
/// Missing delay worth putting in: 2 ms.
const WORTH_LENGTHENING: i64 = -96;
/// Concealed for so long, a stream counts as silent until packets come again: 300 ms.
const GIVE_UP_AFTER: usize = 14_400;
/// After the sender fell silent its background goes on for so long without news: 1 s.
const COMFORT: usize = 48_000;
/// A transit so far from the usual one is not believed at once: 3 s.
const IMPLAUSIBLE_TIME: i64 = 144_000;
/// Nor a sequence number so far from the last.
const IMPLAUSIBLE_SEQUENCE: i64 = 3_000;
/// Nor does sound stand still for longer than this in one gap, for a longer wait: 60 ms.
const HELD_MAX: usize = 2_880;
/// More packets in a row are not waited for, for deep redundancy.
const DEEP_PACKETS_MAX: i64 = 13;
/// So many packets in a row that make no sense are a new beginning.
const RESTART_AFTER: u32 = 3;

/// The jitter buffer of one participant.
#[derive(Debug)]
pub struct JitterBuffer {
    decoding: Decoding,
    epoch: Option<Instant>,
    endless: Endless,
    seen: Seen,
    store: PacketStore,
    delay: DelayMeasure,
    overtaken: Overtaken,
    repair: Repair,
    /// Decoded, not yet played.
    sound: Vec<f32>,
    mode: Mode,
    next_time: i64,
    last_sequence: i64,
    last_duration: i64,
    slack: Slack,
    implausible_run: u32,
    /// Waited at least, for pictures.
    least_wait: i64,
    /// The packet that came last tells with deep redundancy what was before it.
    deep: bool,
    counters: JitterCounters,
    recent: Recent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nothing to play: before the first packet, and while the sender is silent. `quiet` counts the samples since.
    Waiting { comfort: bool, quiet: usize },
    /// In the middle of sound. `owed` samples were invented without knowing whether a packet is lost or only late.
    Playing { owed: i64 },
}

impl JitterBuffer {
    /// An empty one.
    ///
    /// # Errors
    /// When the decoder cannot be made, for want of memory.
    pub fn new() -> Result<Self, OpusError> {
        Ok(Self {
            decoding: Decoding::new()?,
            epoch: None,
            endless: Endless::default(),
            seen: Seen::default(),
            store: PacketStore::default(),
            delay: DelayMeasure::default(),
            overtaken: Overtaken::default(),
            repair: Repair::default(),
            sound: queue(),
            mode: Mode::Waiting {
                comfort: false,
                quiet: 0,
            },
            next_time: 0,
            last_sequence: i64::MIN,
            last_duration: 2 * BLOCK,
            slack: Slack::default(),
            implausible_run: 0,
            least_wait: 0,
            deep: false,
            counters: JitterCounters::default(),
            recent: Recent::default(),
        })
    }

    /// Sound waits at least so long from now on, against the quickest packet, for pictures that are slower than it. It gets there by
    /// stretching, as to any other wait.
    pub fn set_least_wait(&mut self, wait: Duration) {
        let us = wait.min(LEAST_WAIT_MAX).as_micros() as i64;
        self.least_wait = us * 48 / 1_000;
    }

    /// A packet came. Anything may come: what makes no sense is counted and dropped.
    pub fn insert(&mut self, packet: &ReceivedPacket) {
        self.counters.received += 1;
        let arrived = self.ticks(packet.arrived.0);
        let (sequence, time) = self.endless.place(packet.sequence, packet.rtp_time);
        let Some(fresh) = stored(packet, sequence, time) else {
            self.counters.undecodable += 1;
            return;
        };
        if packet.redundant {
            self.accept_copy(fresh, arrived);
            return;
        }
        if !self.plausible(&fresh, arrived) {
            self.counters.implausible += 1;
            self.implausible_run += 1;
            if self.implausible_run >= RESTART_AFTER {
                self.restart(packet, arrived);
            }
            return;
        }
        self.implausible_run = 0;
        self.accept(packet, fresh, arrived);
    }

    /// The next ten milliseconds, due at `now`.
    pub fn pull(&mut self, now: Instant, out: &mut Block) {
        let now = self.ticks(now);
        self.fill(now);
        self.adapt(now);
        self.fill(now);
        out.copy_from_slice(&self.sound[..BLOCK_SAMPLES]);
        self.sound.drain(..BLOCK_SAMPLES);
        self.counters.played += BLOCK_SAMPLES as u64;
        self.recent.played(BLOCK_SAMPLES);
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> JitterCounters {
        self.counters
    }

    /// How late all but the worst packets come after the quickest, in milliseconds.
    #[must_use]
    pub fn jitter_ms(&self) -> f32 {
        self.delay.quantile() as f32 / 48.0
    }

    /// How long sound waits here, in milliseconds, against the quickest packet.
    #[must_use]
    pub fn delay_ms(&self) -> f32 {
        self.slack.last_delay as f32 / 48.0
    }

    /// How much of the sound of the last seconds was invented, percent.
    #[must_use]
    pub fn concealed_pct(&self) -> f32 {
        self.recent.concealed_pct()
    }

    /// Samples that may wait decoded before memory is asked for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.sound.capacity()
    }

    /// Samples since the first packet. A moment before it counts backwards.
    fn ticks(&mut self, at: Instant) -> i64 {
        let epoch = *self.epoch.get_or_insert(at);
        let ticks = |nanos: u128| i64::try_from(nanos * 48 / 1_000_000).unwrap_or(i64::MAX / 4);
        match at.checked_duration_since(epoch) {
            Some(later) => ticks(later.as_nanos()),
            None => -ticks(epoch.saturating_duration_since(at).as_nanos()),
        }
    }

    fn plausible(&self, packet: &Stored, arrived: i64) -> bool {
        if self.last_sequence == i64::MIN && self.store.first().is_none() {
            return true;
        }
        let newest = self
            .last_sequence
            .max(self.store.first().map_or(i64::MIN, |first| first.sequence));
        self.delay.age(arrived, packet.time).abs() < IMPLAUSIBLE_TIME
            && (packet.sequence - newest).abs() < IMPLAUSIBLE_SEQUENCE
    }

    fn accept(&mut self, packet: &ReceivedPacket, fresh: Stored, arrived: i64) {
        let (time, fresh_sequence) = (fresh.time, fresh.sequence);
        let newest = self.seen.newest();
        if self.seen.note(fresh.sequence) {
            self.counters.duplicate += 1;
            return;
        }
        self.deep = codec::has_deep_redundancy(&fresh.payload);
        if let Some(newest) = newest
            && self.deep
        {
            // What is missing before it is told in it, as copies would be.
            for back in 1..(fresh.sequence - newest).min(DEEP_PACKETS_MAX) {
                self.repair.copied(back);
            }
        }
        if fresh.sequence <= self.last_sequence {
            self.counters.late += 1;
        } else {
            match self.store.put(fresh) {
                Put::Stored => {}
                Put::StoredOverflowing => self.counters.overflow += 1,
                Put::Duplicate => {
                    self.counters.duplicate += 1;
                    return;
                }
            }
            self.endless.accept(packet.sequence, packet.rtp_time);
        }
        // Late packets tell most about the wait that is needed.
        self.delay.observe(arrived, time);
        let is_overtaken = newest.is_some_and(|newest| fresh_sequence < newest);
        self.overtaken.came(is_overtaken.then(|| self.delay.latest()));
    }

    /// A copy of a packet, out of a later one that was put in before: fills its place if that is still empty. Late by design, it
    /// tells nothing about the way; but it tells how long to wait for others of its kind.
    fn accept_copy(&mut self, copy: Stored, arrived: i64) {
        let back = self.seen.newest().map_or(0, |newest| newest - copy.sequence);
        if back <= 0 || !self.plausible(&copy, arrived) {
            self.counters.implausible += 1;
            return;
        }
        if self.seen.note(copy.sequence) {
            self.counters.duplicate += 1;
            return;
        }
        if !self.deep {
            self.repair.copied(back);
        }
        // Nothing was played yet: what is older than the first packet would only make the rest wait.
        if copy.sequence <= self.last_sequence || self.last_sequence == i64::MIN {
            self.counters.late += 1;
            return;
        }
        match self.store.put(copy) {
            Put::Stored => self.counters.copied += 1,
            Put::StoredOverflowing => self.counters.overflow += 1,
            Put::Duplicate => self.counters.duplicate += 1,
        }
    }

    /// How long sound shall wait: for late and overtaken packets, and for the repair of lost ones where that pays.
    fn wanted(&self) -> i64 {
        let late = self.delay.target().max(self.overtaken.wait());
        (late + self.repair.packets() * self.last_duration).max(self.least_wait)
    }

    /// The sender began anew: other numbers, other times.
    fn restart(&mut self, packet: &ReceivedPacket, arrived: i64) {
        self.counters.restarts += 1;
        self.implausible_run = 0;
        self.store.clear();
        self.decoding.begin();
        self.endless = Endless::default();
        self.seen = Seen::default();
        self.delay = DelayMeasure::default();
        self.overtaken = Overtaken::default();
        self.slack = Slack::default();
        self.last_sequence = i64::MIN;
        self.mode = Mode::Waiting {
            comfort: false,
            quiet: 0,
        };
        let (sequence, time) = self.endless.place(packet.sequence, packet.rtp_time);
        if let Some(fresh) = stored(packet, sequence, time) {
            self.accept(packet, fresh, arrived);
        }
    }

    fn fill(&mut self, now: i64) {
        while self.sound.len() < BLOCK_SAMPLES {
            self.step(now);
        }
    }

    /// One decision. Puts samples into `sound`, takes a packet away, or changes the mode.
    fn step(&mut self, now: i64) {
        match self.mode {
            Mode::Waiting { comfort, quiet } => self.wait(now, comfort, quiet),
            Mode::Playing { owed } => self.play(now, owed),
        }
    }

    fn wait(&mut self, now: i64, comfort: bool, quiet: usize) {
        if let Some(first) = self.store.first()
            && self.delay.age(now, first.time) >= self.wanted()
        {
            self.next_time = first.time;
            self.last_sequence = first.sequence - 1;
            self.mode = Mode::Playing { owed: 0 };
            return;
        }
        let comfort = comfort && quiet < COMFORT;
        if comfort {
            // The decoder goes on with the background it heard last (RFC 6716, 2.1.9); not counted as concealment.
            self.decoding.invent(BLOCK_SAMPLES, |_| 1.0, &mut self.sound);
        } else {
            self.sound.resize(self.sound.len() + BLOCK_SAMPLES, 0.0);
        }
        let quiet = quiet.saturating_add(BLOCK_SAMPLES);
        self.mode = Mode::Waiting { comfort, quiet };
    }

    fn play(&mut self, now: i64, owed: i64) {
        let Some((first_sequence, first_time)) = self.store.first().map(|first| (first.sequence, first.time))
        else {
            self.starve(owed);
            return;
        };
        if self.skip(now) {
            return;
        }
        let lost_packets = (first_sequence - self.last_sequence - 1).max(0);
        let gap = first_time - self.next_time;
        let lost = gap.min(lost_packets.saturating_mul(self.last_duration));
        if lost > 0 && lost < gap {
            // More time than packets are missing: what says that silence begins is lost among them. It is silence once what was
            // lost is made up for, and `wait` goes on with whatever comes first.
            if owed < lost {
                self.starve(owed);
            } else {
                self.mode = Mode::Waiting {
                    comfort: true,
                    quiet: 0,
                };
            }
        } else if lost > 0 {
            self.make_up(now, lost, owed);
        } else if gap > 0 && first_sequence > self.last_sequence {
            // The timestamps run on and no packet is missing: the sender was silent.
            self.mode = Mode::Waiting {
                comfort: true,
                quiet: 0,
            };
            self.last_sequence = first_sequence - 1;
            self.next_time = first_time;
        } else {
            self.decode(now);
        }
    }

    /// Nothing is there in time.
    fn starve(&mut self, owed: i64) {
        let run = usize::try_from(owed).unwrap_or(0);
        if run >= GIVE_UP_AFTER {
            self.mode = Mode::Waiting {
                comfort: false,
                quiet: run,
            };
            return;
        }
        self.conceal(BLOCK_SAMPLES, run);
        self.mode = Mode::Playing { owed: owed + BLOCK };
    }

    /// Far behind, as after an outage whose packets come all at once: leaves out what is too old. Not while the newest
    /// packets themselves are that late.
    fn skip(&mut self, now: i64) -> bool {
        let wanted = self.wanted().max(self.delay.latest());
        let mut skipped = false;
        while let Some(first) = self.store.first() {
            let slack = self.delay.age(now, first.time) - wanted;
            let limit = if skipped { 2 * BLOCK } else { SLACK_MAX };
            if slack <= limit {
                break;
            }
            self.last_sequence = first.sequence;
            self.next_time = first.time + first.duration;
            self.store.take_first();
            self.counters.skipped += 1;
            skipped = true;
        }
        if skipped {
            self.slack = Slack::default();
            if let Some(first) = self.store.first() {
                self.last_sequence = first.sequence - 1;
                self.next_time = first.time;
            }
            self.mode = Mode::Playing { owed: 0 };
        }
        skipped
    }

    /// `lost` samples before the first packet are not there. Those already invented are set against them; the last packet
    /// of the gap, or as much of it as deep redundancy may be asked for, is repaired from the redundancy in the one that is there.
    ///
    /// While sound waits shorter than it shall, what is invented is not set against them but is a longer wait: it has to be made
    /// anyway, stretching takes seconds, and with it copies of what is missing still come in time.
    fn make_up(&mut self, now: i64, lost: i64, owed: i64) {
        let spare = self.delay.age(now, self.next_time) - self.wanted();
        let paid = owed.min(lost).min(spare.max(0));
        self.next_time += paid;
        self.mode = Mode::Playing { owed: 0 };
        let lost = lost - paid;
        let Some((duration, redundant)) = self
            .store
            .first()
            .map(|first| (first.duration, codec::has_redundancy(&first.payload)))
        else {
            return;
        };
        let told = self.told();
        let (shallow, deep) = (
            if redundant { duration } else { 0 },
            told.as_ref()
                .map_or(0, |(_, behind)| (DEEP_MAX as i64 - behind).max(0)),
        );
        let repairable = shallow.max(deep);
        if lost > 0 {
            let repaired = match told {
                _ if lost <= shallow => self.store.first().map_or(0, |first| {
                    let sound = &mut self.sound;
                    self.decoding.recover(&first.payload, lost, duration, sound)
                }),
                Some((payload, behind)) if lost <= deep => {
                    let sound = &mut self.sound;
                    self.decoding.recover_deep(&payload, lost, behind, sound)
                }
                _ => 0,
            };
            if repaired == 0 && spare <= -BLOCK && self.recent.run < HELD_MAX {
                self.conceal(BLOCK_SAMPLES, self.recent.run);
                return;
            }
            if repaired == 0 {
                let before_repair = if lost > repairable {
                    lost - repairable
                } else {
                    lost
                };
                let length = before_repair.clamp(1, BLOCK);
                let run = self.recent.run;
                self.conceal(usize::try_from(length).unwrap_or(BLOCK_SAMPLES), run);
                self.next_time += length;
            } else {
                self.counters.recovered += repaired.unsigned_abs();
                self.next_time += repaired;
            }
        }
        self.forgive_gap();
    }

    /// The next packet with deep redundancy, if nothing is missing between the first one and it, and by how many samples it comes
    /// after the first: copies that fill the end of a gap have none themselves.
    fn told(&self) -> Option<(Bytes, i64)> {
        let first = self.store.first()?;
        let (mut sequence, mut time) = (first.sequence, first.time);
        for packet in self.store.iter() {
            if packet.sequence != sequence || packet.time != time {
                return None;
            }
            if codec::has_deep_redundancy(&packet.payload) {
                return Some((packet.payload.clone(), time - first.time));
            }
            sequence += 1;
            time += packet.duration;
            if time - first.time >= DEEP_MAX as i64 {
                return None;
            }
        }
        None
    }

    /// Once the time before the first packet is made up, the packets missing there are late if they still come.
    fn forgive_gap(&mut self) {
        if let Some(first) = self.store.first()
            && first.time <= self.next_time
        {
            self.repair.lost(first.sequence - 1 - self.last_sequence);
            self.last_sequence = first.sequence - 1;
        }
    }

    fn decode(&mut self, now: i64) {
        let Some(packet) = self.store.take_first() else {
            return;
        };
        self.slack.note(
            self.delay.age(now, packet.time) - self.wanted(),
            self.delay.age(now, packet.time) + self.sound.len() as i64,
        );
        self.repair.came(codec::has_redundancy(&packet.payload));
        self.last_sequence = packet.sequence;
        self.last_duration = packet.duration;
        // A packet that overlaps what was played already loses its beginning.
        let overlap = (self.next_time - packet.time).clamp(0, packet.duration);
        self.next_time = self.next_time.max(packet.time + packet.duration);
        match self.decoding.decode(&packet.payload, overlap, &mut self.sound) {
            Ok(()) => self.recent.run = 0,
            Err(_) => {
                self.counters.undecodable += 1;
                let length = usize::try_from(packet.duration).unwrap_or(BLOCK_SAMPLES);
                self.conceal(length, self.recent.run);
            }
        }
        self.mode = if codec::is_silence(&packet.payload) {
            Mode::Waiting {
                comfort: true,
                quiet: 0,
            }
        } else {
            Mode::Playing { owed: 0 }
        };
    }

    fn conceal(&mut self, samples: usize, run: usize) {
        self.decoding
            .invent(samples, |i| concealment_gain(run + i), &mut self.sound);
        self.counters.concealed += samples as u64;
        self.recent.concealed(samples);
    }

    /// Stretches towards the wanted wait.
    fn adapt(&mut self, now: i64) {
        let Mode::Playing { owed: 0 } = self.mode else {
            return;
        };
        let Some(slack) = self.slack.settled(self.delay.latest() - self.wanted()) else {
            return;
        };
        let remainder = (self.sound.len() as i64 - BLOCK).rem_euclid(BLOCK);
        if slack < WORTH_LENGTHENING {
            if let Some(put_in) = stretch::expand(&mut self.sound, stretch::LAG_MAX) {
                self.counters.expanded += put_in as u64;
                self.slack.forget();
            }
            return;
        }
        let spare = remainder + slack.div_euclid(BLOCK).max(0) * BLOCK;
        if spare < WORTH_SHORTENING {
            return;
        }
        let lag_max = usize::try_from(spare).unwrap_or(0).min(stretch::LAG_MAX);
        if self.sound.len() < stretch::needed(lag_max) && self.next_is_here() {
            self.step(now);
        }
        if let Some(left_out) = stretch::accelerate(&mut self.sound, lag_max) {
            self.counters.accelerated += left_out as u64;
            self.slack.forget();
        }
    }

    fn next_is_here(&self) -> bool {
        self.store
            .first()
            .is_some_and(|first| first.sequence == self.last_sequence + 1 && first.time == self.next_time)
    }
}
