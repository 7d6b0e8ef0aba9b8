//! Copies for a subscriber whose way loses: what went down a section just before goes along once more (RFC 2198).
//!
//! Owned by a down track of sound. It packs what this section carried, under the numbers it carried it by, and nothing that was before
//! somebody else's voice. While no copies are wanted it holds nothing. Deliberately absent: how many (`shield`), and bytes ([`red`]).

use super::rewriter::Rewritten;
use parley_proto::red::{self, HEADER_BYTES, LENGTH_MAX, OFFSET_MAX, PACKED_BYTES_MAX};
use std::collections::VecDeque;
use std::sync::Arc;

/// The most copies of a packet: with three a voice is whole at 30 % loss, and a fourth has hardly anything left to repair.
pub(super) const COPIES_MAX: u8 = 3;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// What went down last, by its number, oldest first.
    recent: VecDeque<(Rewritten, Arc<[u8]>)>,
}

impl Copies {
    /// What comes next is somebody else's.
    pub(super) fn forget(&mut self) {
        self.recent.clear();
    }

    /// This goes down; gives it with as many as `wanted` of those before it, as a packet of parts of payload type `media`. Nothing: it goes as
    /// it is.
    pub(super) fn pack(
        &mut self,
        media: u8,
        wanted: u8,
        at: Rewritten,
        payload: &Arc<[u8]>,
    ) -> Option<Arc<[u8]>> {
        if wanted == 0 {
            self.recent.clear();
            return None;
        }
        let packed = self.packed(media, wanted, at, payload);
        self.keep(at, payload);
        packed
    }

    fn packed(&self, media: u8, wanted: u8, at: Rewritten, payload: &Arc<[u8]>) -> Option<Arc<[u8]>> {
        let ticks = red::ticks(payload)?;
        let mut room = PACKED_BYTES_MAX.checked_sub(payload.len() + 1)?;
        let mut chosen: [Option<(u32, &[u8])>; COPIES_MAX as usize] = [None; COPIES_MAX as usize];
        let mut any = false;
        for (place, back) in chosen.iter_mut().rev().zip(1..=u64::from(wanted)) {
            // One that is missing was lost before it came here; those before it are there.
            let known = self
                .recent
                .iter()
                .rev()
                .find(|(sent, _)| sent.seq + back == at.seq);
            let Some((sent, copy)) = known else {
                continue;
            };
            let earlier = at.time.wrapping_sub(sent.time);
            let follows = u32::try_from(back).ok().and_then(|back| back.checked_mul(ticks));
            // A pause, or packets of another length: what was before has no place to be found again.
            if follows != Some(earlier) || earlier > OFFSET_MAX {
                break;
            }
            if copy.is_empty() || copy.len() > LENGTH_MAX || copy.len() + HEADER_BYTES > room {
                break;
            }
            room -= copy.len() + HEADER_BYTES;
            *place = Some((earlier, copy));
            any = true;
        }
        any.then(|| red::pack(media, chosen.into_iter().flatten(), payload).into())
    }

    fn keep(&mut self, at: Rewritten, payload: &Arc<[u8]>) {
        let behind = self.recent.iter().rev().take_while(|(sent, _)| sent.seq > at.seq);
        let place = self.recent.len() - behind.count();
        self.recent.insert(place, (at, Arc::clone(payload)));
        if self.recent.len() > usize::from(COPIES_MAX) {
            self.recent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPUS: u8 = 111;

    fn at(number: u64) -> Rewritten {
        Rewritten {
            seq: number,
            time: (number as u32).wrapping_mul(960).wrapping_add(u32::MAX - 5_000),
        }
    }

    fn packet(number: u64) -> Arc<[u8]> {
        [0x78, number as u8].into()
    }

    /// Which copies are in a packet, as how many packets earlier and whose number.
    fn inside(packed: Option<Arc<[u8]>>) -> Vec<(u64, u8)> {
        packed.map_or_else(Vec::new, |packed| {
            let opened = red::open(&packed, OPUS).unwrap();
            opened
                .copies()
                .map(|one| (u64::from(one.back), packed[one.bytes.start + 1]))
                .collect()
        })
    }

    fn send(copies: &mut Copies, number: u64, wanted: u8) -> Vec<(u64, u8)> {
        inside(copies.pack(OPUS, wanted, at(number), &packet(number)))
    }

    #[test]
    fn as_many_go_along_as_are_wanted_oldest_first() {
        let mut copies = Copies::default();
        assert_eq!(send(&mut copies, 1, 3), []);
        assert_eq!(send(&mut copies, 2, 3), [(1, 1)]);
        assert_eq!(send(&mut copies, 3, 3), [(2, 1), (1, 2)]);
        assert_eq!(send(&mut copies, 4, 3), [(3, 1), (2, 2), (1, 3)]);
        assert_eq!(send(&mut copies, 5, 1), [(1, 4)]);
        assert_eq!(send(&mut copies, 6, 0), []);
        assert_eq!(send(&mut copies, 7, 3), [], "what nobody needed is not kept");
    }

    #[test]
    fn what_was_lost_on_its_way_here_is_not_there_and_what_comes_late_is() {
        let mut copies = Copies::default();
        for number in [1, 2] {
            send(&mut copies, number, 3);
        }
        assert_eq!(send(&mut copies, 4, 3), [(3, 1), (2, 2)]);
        send(&mut copies, 3, 3);
        assert_eq!(send(&mut copies, 5, 3), [(3, 2), (2, 3), (1, 4)]);
    }

    #[test]
    fn nothing_goes_along_from_before_a_pause_or_of_somebody_else() {
        let mut copies = Copies::default();
        send(&mut copies, 1, 3);
        // After a silence numbers go on, and the time has moved.
        let later = Rewritten { seq: 2, ..at(60) };
        assert_eq!(inside(copies.pack(OPUS, 3, later, &packet(2))), []);
        let next = Rewritten { seq: 3, ..at(61) };
        assert_eq!(inside(copies.pack(OPUS, 3, next, &packet(3))), [(1, 2)]);
        copies.forget();
        let other = Rewritten { seq: 4, ..at(62) };
        assert_eq!(inside(copies.pack(OPUS, 3, other, &packet(4))), []);
    }

    #[test]
    fn a_packet_never_outgrows_the_way() {
        let large = |bytes| Arc::from([&[0x78][..], &vec![7; bytes]].concat());
        let mut copies = Copies::default();
        for number in 1..=3 {
            copies.pack(OPUS, 3, at(number), &large(500));
        }
        let packed = copies.pack(OPUS, 3, at(4), &large(500)).unwrap();
        assert!(packed.len() <= PACKED_BYTES_MAX, "{}", packed.len());
        assert_eq!(inside(Some(packed)).len(), 1);
        assert_eq!(copies.pack(OPUS, 3, at(5), &large(1_300)), None);
        let longer = copies.pack(OPUS, 3, at(6), &packet(6));
        assert_eq!(inside(longer), [], "no length of a copy tells of 1,300 bytes");
    }

    proptest! {
        /// Whatever order they come in: each copy is of the packet that many numbers before, and as much earlier as that was.
        #[test]
        fn copies_are_where_they_say(steps in proptest::collection::vec((1u64..60, 0u8..4), 1..200)) {
            let mut copies = Copies::default();
            for (number, wanted) in steps {
                for (back, of) in send(&mut copies, number, wanted) {
                    prop_assert_eq!(u64::from(of), number - back);
                }
                prop_assert!(copies.recent.len() <= usize::from(COPIES_MAX));
            }
        }
    }
}
