//! Which relay ports are in use, by all threads of one server together. Ports are chosen here, so that the random choice is
//! ours (RFC 8656, section 7.2) and every thread can tell a live relay from another socket of this machine.

use super::family::{ByFamily, Family};
use super::moment::Moment;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// RFC 8656, section 7.2: 30 seconds.
const RESERVED_FOR: Duration = Duration::from_secs(30);
/// Ports kept for later at once.
const RESERVATIONS_MAX: usize = 256;

/// Which port is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parity {
    /// Any.
    Any,
    /// An even one.
    Even,
    /// An even one, the next one kept for later.
    EvenAndNext,
}

/// The ports of one server.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    /// Chosen, opened or kept for later.
    taken: ByFamily<Bits>,
    /// A relay's socket is open there.
    live: ByFamily<Bits>,
    reservations: Mutex<Vec<Reservation>>,
}

#[derive(Debug)]
struct Reservation {
    token: u64,
    family: Family,
    port: u16,
    expires_at: Moment,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        Self {
            range,
            taken: ByFamily::default(),
            live: ByFamily::default(),
            reservations: Mutex::default(),
        }
    }

    /// Takes a free port, the search beginning at the `start`th of all, counted round and round: any random number will do.
    /// With [`Parity::EvenAndNext`], the next port is taken too. Those kept for whoever did not come in time are free again.
    pub(super) fn take(&self, now: Moment, family: Family, parity: Parity, start: u64) -> Option<u16> {
        drop(self.current_reservations(now));
        let (first, last) = (u64::from(*self.range.start()), u64::from(*self.range.end()));
        let count = (last + 1).checked_sub(first).filter(|count| *count > 0)?;
        let taken = &self.taken[family];
        (0..count)
            .filter_map(|step| u16::try_from(first + (start % count + step) % count).ok())
            .filter(|port| parity == Parity::Any || port.is_multiple_of(2))
            .find(|&port| match parity {
                Parity::Any | Parity::Even => taken.set(port),
                Parity::EvenAndNext => {
                    let next = port.wrapping_add(1);
                    if !self.range.contains(&next) || !taken.set(port) {
                        return false;
                    }
                    let both = taken.set(next);
                    if !both {
                        taken.clear(port);
                    }
                    both
                }
            })
    }

    /// Where to go on after a port that could not be had.
    pub(super) fn after(&self, port: u16) -> u64 {
        u64::from(port.saturating_sub(*self.range.start())) + 1
    }

    /// Gives a port back.
    pub(super) fn release(&self, family: Family, port: u16) {
        self.live[family].clear(port);
        self.taken[family].clear(port);
    }

    /// A relay's socket is open at this port now.
    pub(super) fn opened(&self, family: Family, port: u16) {
        self.live[family].set(port);
    }

    pub(super) fn is_live(&self, family: Family, port: u16) -> bool {
        self.live[family].get(port)
    }

    /// Keeps a taken port for whoever comes with `token`. When too many are kept, this one is given back.
    pub(super) fn reserve(&self, now: Moment, token: u64, family: Family, port: u16) -> bool {
        let mut reservations = self.current_reservations(now);
        if reservations.len() >= RESERVATIONS_MAX {
            drop(reservations);
            self.release(family, port);
            return false;
        }
        reservations.push(Reservation {
            token,
            family,
            port,
            expires_at: now + RESERVED_FOR,
        });
        true
    }

    /// The port kept under `token`; it stays taken and belongs to whoever asked.
    pub(super) fn redeem(&self, now: Moment, token: u64) -> Option<(Family, u16)> {
        let mut reservations = self.current_reservations(now);
        let at = reservations.iter().position(|kept| kept.token == token)?;
        let kept = reservations.swap_remove(at);
        Some((kept.family, kept.port))
    }

    fn current_reservations(&self, now: Moment) -> std::sync::MutexGuard<'_, Vec<Reservation>> {
        let mut reservations = self.reservations.lock().unwrap_or_else(PoisonError::into_inner);
        reservations.retain(|kept| {
            let keep = now < kept.expires_at;
            if !keep {
                self.release(kept.family, kept.port);
            }
            keep
        });
        reservations
    }
}

/// A bit for every port.
#[derive(Debug)]
struct Bits(Box<[AtomicU64]>);

impl Default for Bits {
    fn default() -> Self {
        Self((0..65_536 / 64).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Bits {
    fn place(&self, port: u16) -> (&AtomicU64, u64) {
        // 65,536 bits: there is one for every port.
        (&self.0[usize::from(port) / 64], 1 << (port % 64))
    }

    /// False: it was set already.
    fn set(&self, port: u16) -> bool {
        let (word, bit) = self.place(port);
        word.fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    fn clear(&self, port: u16) {
        let (word, bit) = self.place(port);
        word.fetch_and(!bit, Ordering::AcqRel);
    }

    fn get(&self, port: u16) -> bool {
        let (word, bit) = self.place(port);
        word.load(Ordering::Acquire) & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_unix_ms(1_000_000);

    #[test]
    fn every_port_is_given_once_until_it_comes_back() {
        let ports = Ports::new(60_000..=60_009);
        let mut given: Vec<u16> = (0..10)
            .map(|n| ports.take(NOW, Family::V4, Parity::Any, n * 977).unwrap())
            .collect();
        given.sort_unstable();
        assert_eq!(given, (60_000..=60_009).collect::<Vec<_>>());
        assert_eq!(ports.take(NOW, Family::V4, Parity::Any, 3), None);
        assert!(
            ports.take(NOW, Family::V6, Parity::Any, 3).is_some(),
            "families do not share"
        );
        ports.release(Family::V4, 60_004);
        assert_eq!(ports.take(NOW, Family::V4, Parity::Any, 9), Some(60_004));
    }

    #[test]
    fn the_last_port_of_all_can_be_had() {
        let ports = Ports::new(u16::MAX..=u16::MAX);
        assert_eq!(ports.take(NOW, Family::V4, Parity::EvenAndNext, 5), None);
        assert_eq!(ports.take(NOW, Family::V4, Parity::Any, u64::MAX), Some(u16::MAX));
        #[expect(clippy::reversed_empty_ranges, reason = "a range that a config file may hold")]
        let none = Ports::new(2..=1);
        assert_eq!(none.take(NOW, Family::V4, Parity::Any, 0), None);
    }

    #[test]
    fn a_pair_is_even_and_next_and_the_next_is_kept_for_its_token() {
        let ports = Ports::new(60_001..=60_005);
        assert_eq!(ports.take(NOW, Family::V4, Parity::EvenAndNext, 0), Some(60_002));
        assert!(ports.reserve(NOW, 77, Family::V4, 60_003));
        assert_eq!(ports.take(NOW, Family::V4, Parity::Even, 0), Some(60_004));
        assert_eq!(ports.redeem(NOW, 78), None);
        assert_eq!(ports.redeem(NOW, 77), Some((Family::V4, 60_003)));
        assert_eq!(ports.redeem(NOW, 77), None, "a token is good once");
        let others = [
            ports.take(NOW, Family::V4, Parity::Any, 0),
            ports.take(NOW, Family::V4, Parity::Any, 0),
        ];
        assert_eq!(others, [Some(60_001), Some(60_005)]);
    }

    #[test]
    fn what_nobody_asks_for_in_time_is_free_again() {
        let ports = Ports::new(60_002..=60_003);
        assert_eq!(ports.take(NOW, Family::V4, Parity::EvenAndNext, 0), Some(60_002));
        assert!(ports.reserve(NOW, 77, Family::V4, 60_003));
        let before = NOW + (RESERVED_FOR - Duration::from_millis(1));
        assert_eq!(ports.take(before, Family::V4, Parity::Any, 0), None);
        assert_eq!(
            ports.take(NOW + RESERVED_FOR, Family::V4, Parity::Any, 0),
            Some(60_003)
        );
        assert_eq!(ports.redeem(NOW + RESERVED_FOR, 77), None);
    }

    #[test]
    fn reservations_are_bounded() {
        let ports = Ports::new(50_000..=60_000);
        let kept = (0..1000)
            .filter(|token| ports.reserve(NOW, *token, Family::V4, 50_001))
            .count();
        assert_eq!(kept, RESERVATIONS_MAX);
    }

    #[test]
    fn a_port_is_live_only_while_a_relay_is_open_there() {
        let ports = Ports::new(60_000..=60_001);
        let port = ports.take(NOW, Family::V4, Parity::Any, 0).unwrap();
        assert!(!ports.is_live(Family::V4, port));
        ports.opened(Family::V4, port);
        assert!(ports.is_live(Family::V4, port));
        assert!(!ports.is_live(Family::V6, port));
        ports.release(Family::V4, port);
        assert!(!ports.is_live(Family::V4, port));
    }
}
