//! RTP sequence numbers of 16 bits unrolled into places that only grow (RFC 3550, A.1, without its probation).

/// How many packets in a row may be useless before the numbering is taken to have begun anew.
const USELESS_MAX: u32 = 100;
/// Where counting begins: far enough up that packets before the first one have a place too.
const ORIGIN: u64 = 1 << 32;

/// The newest place, from which others are told.
#[derive(Debug, Default)]
pub(super) struct Order {
    newest: Option<u64>,
    useless: u32,
}

/// Where a packet stands in the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    At(u64),
    /// The sender began another numbering: nothing before counts.
    Anew(u64),
}

impl Order {
    /// The place of a packet. Each call counts as useless until [`Order::note_useful`].
    pub(super) fn place(&mut self, sequence: u16) -> Place {
        let Some(newest) = self.newest else {
            return Place::At(self.begin_at(ORIGIN + u64::from(sequence)));
        };
        self.useless += 1;
        if self.useless > USELESS_MAX {
            // Far above everything before, so that nothing old can be mistaken for it.
            let origin = (newest & !0xffff) + (1 << 20);
            return Place::Anew(self.begin_at(origin + u64::from(sequence)));
        }
        let step = sequence.wrapping_sub(newest as u16) as i16;
        let place = newest.saturating_add_signed(i64::from(step));
        self.newest = Some(newest.max(place));
        Place::At(place)
    }

    /// The packet was worth something, so the numbering is right.
    pub(super) const fn note_useful(&mut self) {
        self.useless = 0;
    }

    fn begin_at(&mut self, place: u64) -> u64 {
        self.newest = Some(place);
        self.useless = 0;
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_grow_across_the_wrap_and_late_packets_find_theirs() {
        let mut order = Order::default();
        let places: Vec<_> = [65_534, 65_535, 1, 0, 65_533, 2]
            .map(|sequence| match order.place(sequence) {
                Place::At(place) | Place::Anew(place) => place - ORIGIN,
            })
            .into();
        assert_eq!(places, [65_534, 65_535, 65_537, 65_536, 65_533, 65_538]);
    }

    #[test]
    fn a_new_numbering_is_believed_after_many_useless_packets() {
        let mut order = Order::default();
        assert_eq!(order.place(30_000), Place::At(ORIGIN + 30_000));
        for sequence in 0..100 {
            assert!(matches!(order.place(sequence), Place::At(place) if place < ORIGIN + 30_000));
        }
        let Place::Anew(place) = order.place(100) else {
            panic!("still believes the old numbering");
        };
        assert!(place > ORIGIN + 60_000);
        assert_eq!(order.place(101), Place::At(place + 1));
    }
}
