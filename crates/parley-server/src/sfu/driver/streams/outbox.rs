//! What is on its way to one client over a stream. Sans-IO: whoever writes asks what, and says how much of it was taken.
//!
//! A stream that takes less than is sent would make everything later and later. So what waited for too long is dropped, the oldest
//! first, as is what there is no room for: what is sent next is worth more. Only what was begun is sent to its end, for the frames
//! after it would be lost with it.

use super::super::super::framing::HEADER_BYTES;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::{Duration, Instant};

/// What may wait: a key frame of 720p, with sound.
const WAITING_BYTES_MAX: usize = 96 * 1024;
/// How long something may wait. What comes later than this is of no use in a conversation.
const WAIT_MAX: Duration = Duration::from_millis(300);
/// Slices of one write: of each packet its length and itself.
const SLICES_MAX: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Packet>,
    /// With their headers.
    bytes: usize,
    /// So much of the first one was taken.
    taken: usize,
}

#[derive(Debug)]
struct Packet {
    since: Instant,
    length: [u8; HEADER_BYTES],
    bytes: Vec<u8>,
}

impl Packet {
    fn len(&self) -> usize {
        HEADER_BYTES + self.bytes.len()
    }
}

impl Outbox {
    /// Puts a packet in. How many were dropped for it, or are too old.
    pub(super) fn push(&mut self, now: Instant, bytes: Vec<u8>) -> u64 {
        let Ok(length) = u16::try_from(bytes.len()) else {
            return 1;
        };
        let packet = Packet {
            since: now,
            length: length.to_be_bytes(),
            bytes,
        };
        self.bytes += packet.len();
        self.waiting.push_back(packet);
        self.tidy(now)
    }

    /// Drops what is of no more use. How many packets those were.
    pub(super) fn tidy(&mut self, now: Instant) -> u64 {
        let first = usize::from(self.taken > 0);
        let mut dropped = 0;
        while let Some(oldest) = self.waiting.get(first) {
            let is_late = now.saturating_duration_since(oldest.since) > WAIT_MAX;
            if !is_late && self.bytes <= WAITING_BYTES_MAX {
                break;
            }
            self.bytes -= oldest.len();
            self.waiting.remove(first);
            dropped += 1;
        }
        dropped
    }

    /// What is to be written next, as far as one write goes; nothing: all was taken.
    pub(super) fn next(&self) -> Vec<IoSlice<'_>> {
        let mut left_out = self.taken;
        let parts = self
            .waiting
            .iter()
            .flat_map(|packet| [&packet.length[..], &packet.bytes[..]]);
        let rest = parts.filter_map(|part| {
            let out = left_out.min(part.len());
            left_out -= out;
            part.get(out..).filter(|rest| !rest.is_empty())
        });
        rest.take(SLICES_MAX).map(IoSlice::new).collect()
    }

    /// So many bytes of that were taken.
    pub(super) fn took(&mut self, count: usize) {
        self.taken += count;
        while let Some(first) = self
            .waiting
            .front()
            .map(Packet::len)
            .filter(|len| *len <= self.taken)
        {
            self.taken -= first;
            self.bytes -= first;
            self.waiting.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        Instant::now()
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Writes `count` bytes of what waits, at most; gives them.
    fn write(outbox: &mut Outbox, count: usize) -> Vec<u8> {
        let mut said: Vec<u8> = outbox.next().iter().flat_map(|slice| slice.to_vec()).collect();
        said.truncate(count);
        outbox.took(said.len());
        said
    }

    #[test]
    fn packets_leave_with_their_lengths_however_little_is_taken_at_a_time() {
        for at_once in [1, 2, 3, 5, 1_000] {
            let (mut outbox, now) = (Outbox::default(), start());
            for packet in [&b"abc"[..], b"", b"de"] {
                assert_eq!(outbox.push(now, packet.to_vec()), 0);
            }
            let mut said = Vec::new();
            while !outbox.next().is_empty() {
                said.extend(write(&mut outbox, at_once));
            }
            assert_eq!(said, b"\0\x03abc\0\0\0\x02de", "{at_once}");
            assert_eq!(outbox.bytes, 0);
        }
    }

    #[test]
    fn what_is_late_is_dropped_but_for_what_was_begun() {
        let (mut outbox, now) = (Outbox::default(), start());
        outbox.push(now, b"begun".to_vec());
        assert_eq!(outbox.push(now + ms(10), b"late".to_vec()), 0);
        assert_eq!(outbox.push(now + ms(300), b"good".to_vec()), 0);
        write(&mut outbox, 4);
        assert_eq!(outbox.tidy(now + ms(310)), 0);
        assert_eq!(outbox.tidy(now + ms(311)), 1);
        assert_eq!(write(&mut outbox, 100), b"gun\0\x04good");
        assert_eq!(outbox.tidy(now + ms(10_000)), 0);
    }

    #[test]
    fn whoever_takes_nothing_has_a_bounded_queue_with_the_newest_in_it() {
        let (mut outbox, now) = (Outbox::default(), start());
        let dropped: u64 = (0..1_000).map(|n| outbox.push(now, vec![n as u8; 1_000])).sum();
        let left = outbox.waiting.len();
        assert_eq!(left, WAITING_BYTES_MAX / 1_002);
        assert_eq!(dropped, 1_000 - left as u64);
        assert!(outbox.bytes <= WAITING_BYTES_MAX);
        assert_eq!(outbox.waiting.back().unwrap().bytes[0], 999_u16 as u8);
        assert!(outbox.next().len() <= SLICES_MAX);
    }

    #[test]
    fn what_no_frame_can_hold_is_dropped() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(start(), vec![0; 65_536]), 1);
        assert!(outbox.next().is_empty());
    }
}
