//! Packets in any order into whole pictures in decoding order. Sans-IO: packets and the time in, pictures, a wish for a key
//! frame and the next deadline out. Owned by the receiver thread.
//!
//! A picture is handed out as soon as it is complete and its predecessor was. After a loss the buffer waits a bounded time for
//! the retransmission (the picture freezes), then wishes for a key frame, again and again until one is there, but not while one is
//! on its way; what can still be repaired meanwhile is. A picture that refers to a missing one is never handed out.

mod order;
mod repairs;

use super::h264::{AccessUnit, Depacketizer, PictureStart, picture_start};
use crate::packet::ReceivedPacket;
use crate::time::{ArrivalTime, RtpTime};
use order::{Order, Place};
use repairs::Repairs;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Most packets held: over three seconds at 3 Mbit/s.
const PACKETS_MAX: usize = 1024;
/// Most payload bytes held.
const BYTES_MAX: usize = 4 << 20;
/// Most places kept where a key frame may begin: far more than key frames fit, and few enough to look at for each packet.
const STARTS_MAX: usize = 64;
/// How long a loss may be waited for before everything behind it is given up.
const REPAIR_MAX: Duration = Duration::from_secs(2);
/// The longest wait for a retransmission before a key frame is wished for, where the round trip is short ...
const PATIENCE_MAX: Duration = Duration::from_millis(500);
/// ... and where it is so long (a satellite) that nothing sent again could be there by then: asking would cost a key frame for each loss.
const PATIENCE_FAR_MAX: Duration = Duration::from_secs(1);
/// A key frame that begins to come is waited for at most so long: on a line of 100 kbit/s it takes a second and more.
const COMING_MAX: Duration = Duration::from_secs(2);
/// Round trip assumed until it is known.
const ROUND_TRIP_FIRST: Duration = Duration::from_millis(100);

/// A whole picture, ready for the decoder.
#[derive(Debug, Clone)]
pub struct CompletePicture {
    /// Its bytes and whether a decoder can start there.
    pub unit: AccessUnit,
    /// Its RTP timestamp.
    pub rtp_time: RtpTime,
    /// When the last missing packet of it came.
    pub completed: ArrivalTime,
    /// Whether a packet of it came after ones that were sent later: it was overtaken, or lost and sent again.
    pub repaired: bool,
}

/// What happened to packets and pictures so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameBufferCounters {
    /// Pictures handed out.
    pub pictures: u64,
    /// Of these, key frames.
    pub key_frames: u64,
    /// Packets that were there already.
    pub duplicates: u64,
    /// Packets of pictures already handed out or given up.
    pub late: u64,
    /// Packets thrown away unused: given up, or more than fit.
    pub dropped: u64,
    /// Pictures whose payloads were no H.264.
    pub malformed: u64,
    /// Times the pictures stopped because of a loss that was not repaired in time.
    pub freezes: u64,
    /// Wishes for a key frame.
    pub key_frame_requests: u64,
    /// Times the numbering began anew.
    pub restarts: u64,
}

/// The buffer. Insert a packet, then take pictures until there are none, then ask for the key frame wish and the deadline.
#[derive(Debug)]
pub struct FrameBuffer {
    packets: BTreeMap<u64, ReceivedPacket>,
    bytes: usize,
    /// Where a key frame may begin, of the packets that are here.
    starts: BTreeMap<u64, PictureStart>,
    order: Order,
    /// The first packet of the next picture; none before the first key frame and after giving up.
    next: Option<u64>,
    /// Since when something is missing that is needed.
    stuck_since: Option<Instant>,
    /// Whether the wait is over and a key frame is wished for.
    frozen: bool,
    last_request: Option<Instant>,
    /// The key frame that comes packet by packet.
    coming: Option<Coming>,
    round_trip: Duration,
    repairs: Repairs,
    depacketizer: Depacketizer,
    counters: FrameBufferCounters,
}

/// A key frame on its way, as far as its packets tell.
#[derive(Debug, Clone, Copy)]
struct Coming {
    rtp_time: RtpTime,
    /// When the first packet of such a picture came, of all since a picture was handed out or a key frame wished for.
    began: Instant,
    newest: Instant,
}

impl Default for FrameBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameBuffer {
    /// An empty buffer that waits for a key frame.
    #[must_use]
    pub fn new() -> Self {
        Self {
            packets: BTreeMap::new(),
            bytes: 0,
            starts: BTreeMap::new(),
            order: Order::default(),
            next: None,
            stuck_since: None,
            frozen: false,
            last_request: None,
            coming: None,
            round_trip: ROUND_TRIP_FIRST,
            repairs: Repairs::default(),
            depacketizer: Depacketizer::new(),
            counters: FrameBufferCounters::default(),
        }
    }

    /// How long a packet takes there and back: the wait for retransmissions follows from it.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip.min(REPAIR_MAX);
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> FrameBufferCounters {
        self.counters
    }

    /// Whether pictures are stopped until a key frame or a late repair.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Takes a packet in.
    pub fn insert(&mut self, packet: ReceivedPacket) {
        let place = match self.order.place(packet.sequence) {
            Place::At(place) => place,
            Place::Anew(place) => {
                self.counters.restarts += 1;
                self.give_up();
                place
            }
        };
        if self.next.is_some_and(|next| place < next) {
            self.counters.late += 1;
            return;
        }
        if self.packets.contains_key(&place) {
            self.counters.duplicates += 1;
            return;
        }
        self.order.note_useful();
        let start = picture_start(&packet.payload);
        self.note_coming(&packet, start.is_some());
        if let Some(start) = start {
            self.starts.insert(place, start);
            if self.starts.len() > STARTS_MAX {
                self.starts.pop_first();
            }
        }
        self.bytes += packet.payload.len();
        self.packets.insert(place, packet);
        self.stay_within_bounds();
    }

    /// The next picture that can be decoded, if it is complete.
    pub fn pop(&mut self, now: Instant) -> Option<CompletePicture> {
        let next = self.pop_next();
        if let (Some(_), Some(since)) = (&next, self.stuck_since) {
            self.repairs.note(now.saturating_duration_since(since));
        }
        let picture = next.or_else(|| self.pop_key_frame());
        match &picture {
            Some(picture) => {
                self.counters.pictures += 1;
                self.counters.key_frames += u64::from(picture.unit.key_frame);
                self.stuck_since = None;
                self.frozen = false;
                self.last_request = None;
                self.coming = None;
            }
            None => self.watch_for_loss(now),
        }
        picture
    }

    /// Whether to ask the sender for a key frame now. Says so again while it does not come.
    pub fn take_key_frame_request(&mut self, now: Instant) -> bool {
        let due = self.frozen && self.request_due().is_none_or(|due| now >= due);
        if due {
            self.last_request = Some(now);
            self.coming = None;
            self.counters.key_frame_requests += 1;
        }
        due
    }

    /// When to call [`FrameBuffer::pop`] and [`FrameBuffer::take_key_frame_request`] again if no packet comes before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.frozen {
            return self.request_due();
        }
        Some(self.stuck_since? + self.patience())
    }

    /// The decoder lost its thread: nothing but a key frame helps.
    pub fn require_key_frame(&mut self) {
        self.next = None;
        self.freeze();
    }

    /// The same for somebody who begins to watch: the wish is due at once, however lately there was one.
    pub fn require_key_frame_now(&mut self) {
        self.require_key_frame();
        self.last_request = None;
        self.coming = None;
    }

    /// A packet that is new: whether it belongs to a key frame that is on its way.
    fn note_coming(&mut self, packet: &ReceivedPacket, starts: bool) {
        let at = packet.arrived.0;
        match &mut self.coming {
            Some(coming) if coming.rtp_time == packet.rtp_time => coming.newest = coming.newest.max(at),
            Some(coming) if starts => (coming.rtp_time, coming.newest) = (packet.rtp_time, at),
            None if starts => {
                self.coming = Some(Coming {
                    rtp_time: packet.rtp_time,
                    began: at,
                    newest: at,
                });
            }
            Some(_) | None => {}
        }
    }

    /// How long a retransmission is waited for: it is asked for at once or after a short while, and travels once there and back,
    /// or as often as the last ones had to.
    fn patience(&self) -> Duration {
        let usual = self.round_trip.mul_f32(1.5) + Duration::from_millis(50);
        if usual <= PATIENCE_MAX {
            return self.repairs.patience(usual, PATIENCE_MAX);
        }
        let far = self.round_trip.mul_f32(1.1) + Duration::from_millis(100);
        far.clamp(PATIENCE_MAX, PATIENCE_FAR_MAX)
    }

    fn request_due(&self) -> Option<Instant> {
        let pause = self.round_trip.mul_f32(1.5).max(Duration::from_millis(300));
        let asked = self.last_request.map(|last| last + pause);
        let coming = self
            .coming
            .map(|coming| (coming.newest + pause).min(coming.began + COMING_MAX));
        asked.into_iter().chain(coming).max()
    }

    fn pop_next(&mut self) -> Option<CompletePicture> {
        loop {
            let next = self.skip_empty(self.next?);
            self.next = Some(next);
            let last = self.last_of_picture(next)?;
            match self.take(next, last) {
                Some(picture) => return Some(picture),
                None => self.require_key_frame(),
            }
        }
    }

    /// A complete key frame further on, when the way there is broken. The newest, so that no time is lost on what is past.
    fn pop_key_frame(&mut self) -> Option<CompletePicture> {
        let (mut behind, mut unfinished) = (u64::MAX, None);
        while let Some((&first, &start)) = self.starts.range(..behind).next_back() {
            behind = first;
            let rtp_time = self.packets.get(&first).map(|packet| packet.rtp_time);
            // What lacks its end from a later start lacks it from this one too: a picture's packets are walked once.
            if rtp_time == unfinished || start == PictureStart::Slice && !self.begins_picture(first) {
                continue;
            }
            let Some(last) = self.last_of_picture(first) else {
                unfinished = rtp_time;
                continue;
            };
            self.starts.remove(&first);
            if !self.contains_key_frame(first, last) {
                continue;
            }
            if let Some(picture) = self.take(first, last) {
                return Some(picture);
            }
        }
        None
    }

    /// Whether the packet before it is here and ends a picture.
    fn begins_picture(&self, first: u64) -> bool {
        let rtp_time = self.packets.get(&first).map(|packet| packet.rtp_time);
        self.packets
            .get(&(first - 1))
            .is_some_and(|before| before.marker || Some(before.rtp_time) != rtp_time)
    }

    fn contains_key_frame(&self, first: u64, last: u64) -> bool {
        let mut depacketizer = Depacketizer::new();
        let whole = self
            .packets
            .range(first..=last)
            .filter(|(_, packet)| !packet.payload.is_empty())
            .try_for_each(|(_, packet)| depacketizer.push(&packet.payload));
        whole.is_ok() && depacketizer.finish().is_ok_and(|unit| unit.key_frame)
    }

    /// Packets without payload fill the line when a sender probes it.
    fn skip_empty(&mut self, mut place: u64) -> u64 {
        while self
            .packets
            .get(&place)
            .is_some_and(|packet| packet.payload.is_empty())
        {
            self.packets.remove(&place);
            place += 1;
        }
        place
    }

    /// Where the picture beginning at `first` ends, if all of it is here: at the marker, or before another timestamp.
    fn last_of_picture(&self, first: u64) -> Option<u64> {
        let rtp_time = self.packets.get(&first)?.rtp_time;
        for (expected, (&place, packet)) in (first..).zip(self.packets.range(first..)) {
            if place != expected {
                return None;
            }
            if packet.rtp_time != rtp_time {
                return Some(place - 1);
            }
            if packet.marker {
                return Some(place);
            }
        }
        None
    }

    /// Takes a complete picture out, and everything before it. None if its payloads are no H.264.
    fn take(&mut self, first: u64, last: u64) -> Option<CompletePicture> {
        let behind = self.packets.split_off(&(last + 1));
        let mut taken = std::mem::replace(&mut self.packets, behind);
        self.starts = self.starts.split_off(&(last + 1));
        self.bytes -= taken.values().map(|packet| packet.payload.len()).sum::<usize>();
        let picture = taken.split_off(&first);
        self.counters.dropped += taken.len() as u64;
        self.next = Some(last + 1);
        let rtp_time = picture.values().next()?.rtp_time;
        let completed = picture.values().map(|packet| packet.arrived).max()?;
        let arrivals = picture.values().map(|packet| packet.arrived);
        let last_behind = self.packets.values().next().map(|packet| packet.arrived);
        let repaired = !arrivals.chain(last_behind).is_sorted();
        match self.depacketize(&picture) {
            Some(unit) => Some(CompletePicture {
                unit,
                rtp_time,
                completed,
                repaired,
            }),
            None => {
                self.counters.malformed += 1;
                None
            }
        }
    }

    fn depacketize(&mut self, picture: &BTreeMap<u64, ReceivedPacket>) -> Option<AccessUnit> {
        for packet in picture.values().filter(|packet| !packet.payload.is_empty()) {
            if let Err(error) = self.depacketizer.push(&packet.payload) {
                tracing::debug!(%error, "a received picture is malformed");
                return None;
            }
        }
        self.depacketizer.finish().ok()
    }

    /// Notices that something needed is missing, and for how long.
    fn watch_for_loss(&mut self, now: Instant) {
        if !self.is_stuck() {
            self.stuck_since = None;
            return;
        }
        let since = *self.stuck_since.get_or_insert(now);
        let waited = now.saturating_duration_since(since);
        if !self.frozen && waited >= self.patience() {
            self.freeze();
        }
        if self.next.is_some() && waited >= REPAIR_MAX {
            self.give_up();
        }
    }

    /// Whether there are packets behind one that is missing (without a beginning, all of them are).
    fn is_stuck(&self) -> bool {
        let Some(next) = self.next else {
            return !self.packets.is_empty() || self.frozen;
        };
        let Some((&newest, _)) = self.packets.last_key_value() else {
            return false;
        };
        newest - next >= self.packets.len() as u64
    }

    fn freeze(&mut self) {
        if !self.frozen {
            self.frozen = true;
            self.counters.freezes += 1;
        }
    }

    /// Throws away what can only be decoded after something that will not come, and waits for a key frame.
    fn give_up(&mut self) {
        self.next = None;
        let keep_from = self.starts.keys().next_back().copied().unwrap_or(u64::MAX);
        let kept = self.packets.split_off(&keep_from);
        self.counters.dropped += self.packets.len() as u64;
        self.bytes = kept.values().map(|packet| packet.payload.len()).sum();
        self.packets = kept;
        self.starts = self.starts.split_off(&keep_from);
    }

    fn stay_within_bounds(&mut self) {
        if self.packets.len() > PACKETS_MAX || self.bytes > BYTES_MAX {
            self.freeze();
            self.give_up();
        }
        if self.packets.len() > PACKETS_MAX || self.bytes > BYTES_MAX {
            // Even what follows the newest start of a key frame is too much: that is no picture.
            self.counters.dropped += self.packets.len() as u64;
            self.packets.clear();
            self.starts.clear();
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests;
