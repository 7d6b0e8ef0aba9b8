//! Who may come in: invitations, keys of operators, bans, and what is kept of rooms' doors. Sans-IO, owned by the rooms.
//!
//! The book is in memory, whole. What must survive a restart leaves it as [`Record`]s, which a driver writes down, and comes back
//! through the same records when a server starts. Deliberately absent: the disk, clocks, connections, and everything about
//! who is in a room now.

mod ban;
mod door;
mod invitation;
mod key;
mod password;
mod record;
#[cfg(test)]
mod tests;

pub use ban::{Banned, Source};
pub use door::KeptDoor;
pub use invitation::{Invitation, InvitationId, Terms};
pub use key::{ApiKey, KeyId, TicketKey};
pub use password::{Password, PasswordHash};
pub use record::Record;

use crate::key::ServerKey;
use crate::time::Moment;
use crate::token::Ticket;
use parley_proto::{ParticipantId, Role, RoomId};
use std::collections::HashMap;
use std::time::Duration;

/// Invitations at once; more are not made until some have run out or were revoked.
pub const INVITATIONS_MAX: usize = 100_000;
/// Keys at once.
pub const KEYS_MAX: usize = 64;
/// Bans at once; when full, the one that ends soonest gives way, those of hosts before those of operators.
pub const BANS_MAX: usize = 10_000;
/// Doors and ends of rooms that are kept; when full, the oldest ends give way, and where there are none, no more are kept.
pub const DOORS_MAX: usize = 100_000;
/// So many at once: looking for them takes a while.
const DOORS_GIVEN_UP: usize = 100;
/// Used tickets that are kept over a restart.
pub const USED_KEPT_MAX: usize = 100_000;
/// Those who left for good that are kept over a restart; when there are more, those who left first are forgotten.
pub const DEPARTED_KEPT_MAX: usize = 100_000;
/// For how long after "end for all" nobody comes in by a link: whose client does not know that word would come straight back.
const ENDED_FOR: Duration = Duration::from_secs(60);

/// Why something is not written into the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// There are too many of the kind.
    #[error("There are too many of these already. Revoke some first.")]
    Full,
    /// It is not there.
    #[error("There is no such thing here.")]
    Unknown,
    /// A time that is over, or too far away.
    #[error("The end must lie in the future, at most ten years away.")]
    BadTime,
    /// Bytes that are no Ed25519 public key.
    #[error("The public key must be 32 bytes of Ed25519, in URL-safe base64.")]
    BadKey,
}

/// What is known about who may come in.
#[derive(Debug, Default)]
pub struct Book {
    invitations: HashMap<InvitationId, Invitation>,
    keys: HashMap<KeyId, ApiKey>,
    bans: HashMap<Banned, Moment>,
    doors: HashMap<RoomId, KeptDoor>,
    records: Vec<Record>,
}

impl Book {
    /// The book as it was kept, without what is over by now.
    #[must_use]
    pub fn from_records(now: Moment, records: Vec<Record>) -> Self {
        let mut book = Self::default();
        for record in records {
            match record {
                Record::Invitation(invitation) => {
                    book.invitations.insert(invitation.id, invitation);
                }
                Record::InvitationGone(id) => {
                    book.invitations.remove(&id);
                }
                Record::Key(key) => {
                    book.keys.insert(key.id, key);
                }
                Record::KeyGone(id) => {
                    book.keys.remove(&id);
                }
                Record::Ban { who, until } => {
                    book.bans.insert(who, until);
                }
                Record::BanGone(who) => {
                    book.bans.remove(&who);
                }
                Record::Door { room, door } => book.put_door(room, door),
                // These are remembered by the rooms.
                Record::TicketUsed { .. } | Record::Departed { .. } => {}
            }
        }
        book.bans.retain(|_, until| !until.is_past(now));
        book.invitations.retain(|_, invitation| !invitation.is_over(now));
        book
    }

    /// What is to be written down since the last time, in order.
    pub fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// Makes an invitation; `token` (random) is known to whoever gets the link, and only its hash is kept.
    ///
    /// # Errors
    /// [`BookError`]
    pub fn invite(
        &mut self,
        now: Moment,
        room: RoomId,
        token: &str,
        terms: Terms,
    ) -> Result<Invitation, BookError> {
        if !terms.is_possible(now) {
            return Err(BookError::BadTime);
        }
        if self.invitations.len() >= INVITATIONS_MAX {
            self.forget_what_is_over(now);
        }
        if self.invitations.len() >= INVITATIONS_MAX {
            return Err(BookError::Full);
        }
        let invitation = Invitation::new(now, room, token, terms);
        self.invitations.insert(invitation.id, invitation.clone());
        self.records.push(Record::Invitation(invitation.clone()));
        Ok(invitation)
    }

    /// Takes an invitation back. Who is in the room already stays.
    ///
    /// # Errors
    /// [`BookError::Unknown`]
    pub fn revoke_invitation(&mut self, id: InvitationId) -> Result<(), BookError> {
        self.invitations.remove(&id).ok_or(BookError::Unknown)?;
        self.records.push(Record::InvitationGone(id));
        Ok(())
    }

    /// All invitations that are good now, newest first.
    #[must_use]
    pub fn invitations(&self, now: Moment) -> Vec<&Invitation> {
        let good = self.invitations.values().filter(|one| one.is_good(now));
        let mut all: Vec<_> = good.collect();
        all.sort_by_key(|one| (std::cmp::Reverse(one.made.unix_ms()), one.id));
        all
    }

    /// What `token` gives a right to in `room`, if it does now.
    #[must_use]
    pub fn find_invitation(&self, now: Moment, room: RoomId, token: &str) -> Option<(InvitationId, Role)> {
        let id = InvitationId::of(token);
        let invitation = self.invitations.get(&id)?;
        (invitation.room == room && invitation.is_good(now)).then_some((id, invitation.terms.role))
    }

    /// Whether an invitation that a ticket was made for still is one.
    #[must_use]
    pub fn is_invited(&self, now: Moment, id: InvitationId) -> bool {
        self.invitations.get(&id).is_some_and(|one| one.is_good(now))
    }

    /// Somebody came in by an invitation.
    pub fn use_invitation(&mut self, id: InvitationId) {
        let Some(invitation) = self.invitations.get_mut(&id) else {
            return;
        };
        if invitation.use_once() {
            self.records.push(Record::Invitation(invitation.clone()));
        }
    }

    /// Adds a key; `secret` (random) is known to the operator, and only its hash is kept.
    ///
    /// # Errors
    /// [`BookError`]
    pub fn add_key(&mut self, key: ApiKey) -> Result<(), BookError> {
        if self.keys.len() >= KEYS_MAX {
            return Err(BookError::Full);
        }
        self.records.push(Record::Key(key.clone()));
        self.keys.insert(key.id, key);
        Ok(())
    }

    /// Takes a key back: neither requests nor tickets of it are good from now on.
    ///
    /// # Errors
    /// [`BookError::Unknown`]
    pub fn revoke_key(&mut self, id: KeyId) -> Result<(), BookError> {
        self.keys.remove(&id).ok_or(BookError::Unknown)?;
        self.records.push(Record::KeyGone(id));
        Ok(())
    }

    /// All keys, oldest first.
    #[must_use]
    pub fn keys(&self) -> Vec<&ApiKey> {
        let mut all: Vec<_> = self.keys.values().collect();
        all.sort_by_key(|key| (key.made.unix_ms(), key.id));
        all
    }

    /// Whose key this is, if it is one. Takes as long for a wrong secret as for a right one.
    #[must_use]
    pub fn authenticate(&self, text: &str) -> Option<KeyId> {
        let (id, secret) = ApiKey::split(text)?;
        // An unknown id is compared with nothing's hash, so that ids are not told by the time.
        let kept = self.keys.get(&id).map_or([0; 32], |key| key.secret_hash);
        let right = ApiKey::fits(&kept, secret);
        (right && self.keys.contains_key(&id)).then_some(id)
    }

    /// Whether a key that vouched for a ticket still is one.
    #[must_use]
    pub fn is_key(&self, id: KeyId) -> bool {
        self.keys.contains_key(&id)
    }

    /// The ticket of an operator's own backend, if one of the keys vouches for it. Whether it was used is not known here.
    pub(crate) fn read_ticket(
        &self,
        now: Moment,
        server: &ServerKey,
        token: &str,
    ) -> Option<Result<Ticket, parley_proto::ErrorCode>> {
        let id = KeyId::named_in(token)?;
        self.keys.get(&id).map(|key| key.read_ticket(now, server, token))
    }

    /// Takes up invitations and keys that were written beside a server that runs; what it knows already stays as it is.
    pub fn take_up(&mut self, now: Moment, records: Vec<Record>) {
        for record in records {
            match record {
                Record::Invitation(one) if self.invitations.len() < INVITATIONS_MAX && !one.is_over(now) => {
                    self.invitations.entry(one.id).or_insert(one);
                }
                Record::Key(key) if self.keys.len() < KEYS_MAX => {
                    self.keys.entry(key.id).or_insert(key);
                }
                // One too many, like any other that is not made.
                Record::Invitation(one) => self.records.push(Record::InvitationGone(one.id)),
                Record::Key(key) => self.records.push(Record::KeyGone(key.id)),
                _ => {}
            }
        }
    }

    /// Keeps somebody out until then.
    pub fn ban(&mut self, now: Moment, who: Banned, until: Moment) {
        let is_full = |book: &Self| book.bans.len() >= BANS_MAX && !book.bans.contains_key(&who);
        if is_full(self) {
            self.forget_what_is_over(now);
        }
        if is_full(self) {
            // Anybody can be host of a room of their own: no number of bans in those pushes an operator's out.
            let of_operator = |who: &Banned| matches!(who, Banned::Everywhere(_));
            let gives_way = self
                .bans
                .iter()
                .filter(|(other, _)| of_operator(&who) || !of_operator(other))
                .min_by_key(|(other, until)| (of_operator(other), until.unix_ms()))
                .map(|(other, _)| *other);
            let Some(gives_way) = gives_way else { return };
            self.bans.remove(&gives_way);
            self.records.push(Record::BanGone(gives_way));
        }
        self.bans.insert(who, until);
        self.records.push(Record::Ban { who, until });
    }

    /// Lets them in again.
    ///
    /// # Errors
    /// [`BookError::Unknown`]
    pub fn lift_ban(&mut self, who: Banned) -> Result<(), BookError> {
        self.bans.remove(&who).ok_or(BookError::Unknown)?;
        self.records.push(Record::BanGone(who));
        Ok(())
    }

    /// All bans that count now, those that end soonest first.
    #[must_use]
    pub fn bans(&self, now: Moment) -> Vec<(Banned, Moment)> {
        let good = self.bans.iter().filter(|(_, until)| !until.is_past(now));
        let mut all: Vec<_> = good.map(|(who, until)| (*who, *until)).collect();
        all.sort_by_key(|(who, until)| (until.unix_ms(), *who));
        all
    }

    /// Whether this source may not come into this room.
    #[must_use]
    pub fn is_banned(&self, now: Moment, room: RoomId, source: Option<Source>) -> bool {
        let Some(source) = source else { return false };
        let counts = |who| self.bans.get(&who).is_some_and(|until| !until.is_past(now));
        counts(Banned::Everywhere(source)) | counts(Banned::FromRoom(room, source))
    }

    /// Whether this participant was put out of this room.
    #[must_use]
    pub fn was_removed(&self, now: Moment, room: RoomId, id: ParticipantId) -> bool {
        let until = self.bans.get(&Banned::Participant(room, id));
        until.is_some_and(|until| !until.is_past(now))
    }

    /// What is kept of a room's door.
    #[must_use]
    pub fn door(&self, room: RoomId) -> KeptDoor {
        self.doors.get(&room).cloned().unwrap_or_default()
    }

    /// Keeps how a room's door stands.
    pub fn keep_door(&mut self, room: RoomId, change: impl FnOnce(&mut KeptDoor)) {
        let before = self.door(room);
        let mut door = before.clone();
        change(&mut door);
        if door == before {
            return;
        }
        if self.doors.len() >= DOORS_MAX && !self.doors.contains_key(&room) {
            self.forget_ends();
            if self.doors.len() >= DOORS_MAX {
                return;
            }
        }
        self.put_door(room, door.clone());
        self.records.push(Record::Door { room, door });
    }

    fn put_door(&mut self, room: RoomId, door: KeptDoor) {
        if door == KeptDoor::default() {
            self.doors.remove(&room);
        } else {
            self.doors.insert(room, door);
        }
    }

    /// Makes place: forgets the ends of calls that are the longest ago. A lobby or a password is never given up for another room's.
    fn forget_ends(&mut self) {
        let open = self.doors.iter().filter(|(_, door)| door.stands_open());
        let ended = |door: &KeptDoor| door.ended.map(Moment::unix_ms);
        let mut ends: Vec<_> = open.map(|(room, door)| (ended(door), *room)).collect();
        ends.sort_unstable();
        for (_, room) in ends.into_iter().take(DOORS_GIVEN_UP) {
            self.doors.remove(&room);
            let door = KeptDoor::default();
            self.records.push(Record::Door { room, door });
        }
    }

    /// Whether a host ended the call in this room just now.
    #[must_use]
    pub fn just_ended(&self, now: Moment, room: RoomId) -> bool {
        let ended = self.doors.get(&room).and_then(|door| door.ended);
        ended.is_some_and(|ended| !(ended + ENDED_FOR).is_past(now))
    }

    /// Whether the call that a resume token of that moment belongs to was ended for everybody.
    #[must_use]
    pub fn ended_since(&self, room: RoomId, made_s: u64) -> bool {
        let ended = self.doors.get(&room).and_then(|door| door.ended);
        ended.is_some_and(|ended| made_s <= ended.unix_s())
    }

    /// Notes that a ticket that must not be used again even after a restart was used.
    pub(crate) fn ticket_used(&mut self, ticket: &Ticket) {
        self.records.push(Record::TicketUsed {
            jti: ticket.jti.clone(),
            exp_s: ticket.exp,
        });
    }

    fn forget_what_is_over(&mut self, now: Moment) {
        let records = &mut self.records;
        self.invitations.retain(|id, invitation| {
            let keep = !invitation.is_over(now);
            if !keep {
                records.push(Record::InvitationGone(*id));
            }
            keep
        });
        self.bans.retain(|who, until| {
            let keep = !until.is_past(now);
            if !keep {
                records.push(Record::BanGone(*who));
            }
            keep
        });
    }
}
