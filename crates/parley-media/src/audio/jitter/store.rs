//! Packets in the order of their sequence numbers, with numbers and timestamps made endless.
//!
//! Knows nothing of time. Bounded: when full the oldest packet goes, since the newest is worth most.

use super::super::codec;
use crate::packet::ReceivedPacket;
use crate::time::RtpTime;
use bytes::Bytes;
use std::collections::VecDeque;

/// Two seconds of 20 ms packets and some.
const PACKETS_MAX: usize = 128;

/// A packet that waits.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// The sequence number without wrapping.
    pub(super) sequence: i64,
    /// The timestamp without wrapping.
    pub(super) time: i64,
    /// How long it is, in samples.
    pub(super) duration: i64,
    /// The Opus packet.
    pub(super) payload: Bytes,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits now.
    Stored,
    /// It waits now, and the oldest one was thrown away for it.
    StoredOverflowing,
    /// It was here before.
    Duplicate,
}

/// Numbers without an end made of numbers that wrap.
#[derive(Debug, Default)]
pub(super) struct Endless {
    last: Option<(u16, i64, RtpTime, i64)>,
}

impl Endless {
    /// The endless sequence number and timestamp nearest to those of the packet before.
    pub(super) fn place(&self, sequence: u16, time: RtpTime) -> (i64, i64) {
        match self.last {
            None => (i64::from(sequence), i64::from(time.0)),
            Some((last_sequence, endless_sequence, last_time, endless_time)) => (
                endless_sequence + i64::from(sequence.wrapping_sub(last_sequence) as i16),
                endless_time + i64::from(time.since(last_time)),
            ),
        }
    }

    /// Goes on from here.
    pub(super) fn accept(&mut self, sequence: u16, time: RtpTime) {
        let (endless_sequence, endless_time) = self.place(sequence, time);
        self.last = Some((sequence, endless_sequence, time, endless_time));
    }
}

/// The packets that wait.
#[derive(Debug)]
pub(super) struct PacketStore {
    packets: VecDeque<Stored>,
}

impl Default for PacketStore {
    fn default() -> Self {
        Self {
            packets: VecDeque::with_capacity(PACKETS_MAX),
        }
    }
}

impl PacketStore {
    /// Puts a packet in its place.
    pub(super) fn put(&mut self, packet: Stored) -> Put {
        let place = self
            .packets
            .partition_point(|other| other.sequence < packet.sequence);
        if self
            .packets
            .get(place)
            .is_some_and(|other| other.sequence == packet.sequence)
        {
            return Put::Duplicate;
        }
        if self.packets.len() < PACKETS_MAX {
            self.packets.insert(place, packet);
            return Put::Stored;
        }
        if place > 0 {
            self.packets.pop_front();
            self.packets.insert(place - 1, packet);
        }
        Put::StoredOverflowing
    }

    /// The oldest.
    pub(super) fn first(&self) -> Option<&Stored> {
        self.packets.front()
    }

    /// All of them, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.packets.iter()
    }

    /// Takes the oldest.
    pub(super) fn take_first(&mut self) -> Option<Stored> {
        self.packets.pop_front()
    }

    pub(super) fn clear(&mut self) {
        self.packets.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }
}

/// A received packet as one that waits, if it is an Opus packet at all.
pub(super) fn stored(packet: &ReceivedPacket, sequence: i64, time: i64) -> Option<Stored> {
    let duration = codec::duration(&packet.payload)?;
    Some(Stored {
        sequence,
        time,
        duration: i64::try_from(duration).ok()?,
        payload: packet.payload.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: i64) -> Stored {
        Stored {
            sequence,
            time: sequence * 960,
            duration: 960,
            payload: Bytes::from_static(b"x"),
        }
    }

    #[test]
    fn packets_come_out_in_order_and_once() {
        let mut store = PacketStore::default();
        for sequence in [3, 1, 2, 1, 3] {
            store.put(packet(sequence));
        }
        let order: Vec<_> = std::iter::from_fn(|| store.take_first())
            .map(|p| p.sequence)
            .collect();
        assert_eq!(order, [1, 2, 3]);
    }

    #[test]
    fn a_full_store_loses_its_oldest() {
        let mut store = PacketStore::default();
        for sequence in 0..PACKETS_MAX as i64 {
            assert_eq!(store.put(packet(sequence)), Put::Stored);
        }
        assert_eq!(store.put(packet(500)), Put::StoredOverflowing);
        assert_eq!(store.put(packet(-5)), Put::StoredOverflowing);
        assert_eq!(store.len(), PACKETS_MAX);
        assert_eq!(store.first().unwrap().sequence, 1);
    }

    #[test]
    fn numbers_run_on_over_their_wrap_in_both_directions() {
        let mut endless = Endless::default();
        endless.accept(65_534, RtpTime(u32::MAX - 959));
        let (sequence, time) = endless.place(1, RtpTime(1_920));
        assert_eq!((sequence - 65_534, time - i64::from(u32::MAX - 959)), (3, 2_880));
        endless.accept(1, RtpTime(1_920));
        let (back, earlier) = endless.place(65_535, RtpTime(0));
        assert_eq!((back, earlier), (65_535, i64::from(u32::MAX) + 1));
    }
}
