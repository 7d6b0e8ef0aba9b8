//! How much hashing of passwords is asked for: each takes tens of milliseconds of a whole core.

use crate::time::Moment;
use parley_proto::RoomId;
use std::collections::HashMap;
use std::time::Duration;

/// Passwords being hashed, or waiting for it, on the whole server; who comes with one more tries again in a moment.
const HASHING_MAX: u32 = 64;
/// Passwords that one room bears at once, ...
const TRIES_MAX: u32 = 10;
/// ... and how long it takes until one more is.
const TRY_EVERY: Duration = Duration::from_secs(6);
/// Rooms whose tries are remembered. In the minute after which all tries are there again no server hashes that many.
const TRIED_ROOMS_MAX: usize = 10_000;

/// What was given to the driver and did not come back yet. Who hung up meanwhile still counts: the work is the same.
#[derive(Debug, Default)]
pub(super) struct Hashing(u32);

impl Hashing {
    pub(super) const fn has_room(&self) -> bool {
        self.0 < HASHING_MAX
    }

    pub(super) const fn begin(&mut self) {
        self.0 += 1;
    }

    pub(super) const fn end(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }
}

/// How often passwords of a room may still be hashed.
#[derive(Debug, Default)]
pub(super) struct Tries(HashMap<RoomId, (u32, Moment)>);

impl Tries {
    pub(super) fn take(&mut self, now: Moment, room: RoomId) -> bool {
        if self.0.len() >= TRIED_ROOMS_MAX && !self.0.contains_key(&room) {
            self.0
                .retain(|_, (left, since)| refilled(now, *left, *since).0 < TRIES_MAX);
        }
        if self.0.len() >= TRIED_ROOMS_MAX && !self.0.contains_key(&room) {
            return false;
        }
        let tries = self.0.entry(room).or_insert((TRIES_MAX, now));
        let (left, since) = refilled(now, tries.0, tries.1);
        let taken = left.checked_sub(1);
        *tries = (taken.unwrap_or(0), since);
        taken.is_some()
    }
}

/// What is left by now, and since when that is so.
fn refilled(now: Moment, left: u32, since: Moment) -> (u32, Moment) {
    let gained = now.since(since).as_secs() / TRY_EVERY.as_secs();
    match u32::try_from(gained).unwrap_or(TRIES_MAX) {
        0 => (left, since),
        gained => (left.saturating_add(gained).min(TRIES_MAX), now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

    fn room(number: usize) -> RoomId {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        RoomId::from_bytes(bytes)
    }

    #[test]
    fn ten_at_once_and_then_one_every_six_seconds() {
        let mut tries = Tries::default();
        let taken = |tries: &mut Tries, now| (0..20).filter(|_| tries.take(now, room(1))).count();
        assert_eq!(taken(&mut tries, NOW), 10);
        assert_eq!(taken(&mut tries, NOW + Duration::from_secs(13)), 2);
        assert_eq!(taken(&mut tries, NOW + Duration::from_secs(1000)), 10);
    }

    #[test]
    fn tries_in_many_other_rooms_give_none_back_in_this_one() {
        let mut tries = Tries::default();
        while tries.take(NOW, room(0)) {}
        for number in 1..TRIED_ROOMS_MAX + 50 {
            tries.take(NOW, room(number));
        }
        assert!(!tries.take(NOW, room(0)), "what was guessed is not forgotten");
        assert_eq!(tries.0.len(), TRIED_ROOMS_MAX);
        let later = NOW + Duration::from_secs(60);
        assert!(
            tries.take(later, room(usize::MAX)),
            "what is full again needs no place"
        );
        assert!(tries.0.len() <= 2, "{}", tries.0.len());
    }
}
