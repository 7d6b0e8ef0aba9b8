//! Rates: of answers to people who proved nothing, and of what one allocation relays.

use super::moment::Moment;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};

/// Sources told apart, so to speak: those that fall on the same slot share it.
const SLOTS: usize = 16_384;

/// An IPv4 address, or an IPv6 /56: what one household gets, so that nobody multiplies their share by changing addresses.
pub(crate) fn source_prefix(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => {
            let mut bytes = ip.octets();
            bytes[7..].fill(0);
            Ipv6Addr::from(bytes).into()
        }
    }
}

/// Bounds how many answers a source gets that proved nothing: it may not be the one who asked. A fixed table, whatever
/// comes; which sources share a slot is nobody's to choose, as the hash has a random key.
#[derive(Debug)]
pub(super) struct AnswerLimit {
    per_s_max: u16,
    slots: Box<[Slot]>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    second: u64,
    answers: u16,
}

impl AnswerLimit {
    pub(super) fn new(per_s_max: u16) -> Self {
        Self {
            per_s_max,
            slots: vec![Slot::default(); SLOTS].into(),
            hasher: RandomState::new(),
        }
    }

    /// Whether `source` may have one more answer.
    pub(super) fn take(&mut self, now: Moment, source: IpAddr) -> bool {
        let hash = self.hasher.hash_one(source_prefix(source));
        let at = usize::try_from(hash % SLOTS as u64).unwrap_or(0);
        let Some(slot) = self.slots.get_mut(at) else {
            return false;
        };
        if slot.second != now.steady_s() {
            *slot = Slot {
                second: now.steady_s(),
                answers: 0,
            };
        }
        slot.answers = slot.answers.saturating_add(1);
        slot.answers <= self.per_s_max
    }
}

/// What the network carries for each packet besides its data: the headers of IPv6 and UDP. Counted too, so that empty packets,
/// of which thousands fit into one segment of TCP, are not free.
const HEADERS_BYTES: usize = 48;

/// How much one allocation may relay, both directions together: a token bucket of bytes that holds one second.
#[derive(Debug, Clone)]
pub(super) struct Bandwidth {
    bytes_per_s: u64,
    /// Thousandths of bytes, so that a millisecond of a low rate is not lost.
    millibytes: u64,
    filled_at: Moment,
}

impl Bandwidth {
    /// Full.
    pub(super) fn new(now: Moment, bytes_per_s: u64) -> Self {
        Self {
            bytes_per_s,
            millibytes: bytes_per_s.saturating_mul(1000),
            filled_at: now,
        }
    }

    /// Takes a packet of so many `bytes` if there is room for it.
    pub(super) fn take(&mut self, now: Moment, bytes: usize) -> bool {
        let gained = now.ms_since(self.filled_at).saturating_mul(self.bytes_per_s);
        self.filled_at = self.filled_at.max(now);
        self.millibytes = self
            .millibytes
            .saturating_add(gained)
            .min(self.bytes_per_s.saturating_mul(1000));
        let bytes = u64::try_from(bytes.saturating_add(HEADERS_BYTES)).unwrap_or(u64::MAX);
        let wanted = bytes.saturating_mul(1000);
        match self.millibytes.checked_sub(wanted) {
            Some(left) => {
                self.millibytes = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Moment = Moment::from_unix_ms(1_000_000);

    #[test]
    fn a_source_gets_its_answers_of_the_second_and_no_more() {
        let mut limit = AnswerLimit::new(100);
        let source = "192.0.2.1".parse().unwrap();
        let given = |limit: &mut AnswerLimit, now| (0..1000).filter(|_| limit.take(now, source)).count();
        assert_eq!(given(&mut limit, NOW), 100);
        assert_eq!(given(&mut limit, NOW + Duration::from_millis(900)), 0);
        assert_eq!(given(&mut limit, NOW + Duration::from_secs(1)), 100);
    }

    #[test]
    fn a_flood_of_sources_takes_no_more_room() {
        let mut limit = AnswerLimit::new(100);
        for n in 0..50_000_u32 {
            limit.take(NOW, IpAddr::V4(n.to_be_bytes().into()));
        }
        assert_eq!(limit.slots.len(), SLOTS);
    }

    #[test]
    fn an_allocation_relays_its_rate_and_a_burst_of_a_second() {
        let mut bandwidth = Bandwidth::new(NOW, 10_000);
        let packet = 1000 - HEADERS_BYTES;
        let taken = |bandwidth: &mut Bandwidth, now| (0..100).filter(|_| bandwidth.take(now, packet)).count();
        assert_eq!(taken(&mut bandwidth, NOW), 10);
        assert_eq!(taken(&mut bandwidth, NOW + Duration::from_millis(250)), 2);
        assert_eq!(taken(&mut bandwidth, NOW + Duration::from_millis(300)), 1);
        assert_eq!(taken(&mut bandwidth, NOW + Duration::from_secs(99)), 10);
        assert!(
            !bandwidth.take(NOW, packet),
            "time that goes backwards fills nothing"
        );
    }

    #[test]
    fn empty_packets_are_not_free() {
        let mut bandwidth = Bandwidth::new(NOW, 10_000);
        let taken = (0..100_000).filter(|_| bandwidth.take(NOW, 0)).count();
        assert_eq!(taken, 10_000 / HEADERS_BYTES);
    }
}
