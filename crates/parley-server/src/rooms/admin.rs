//! What whoever runs the server asks of the rooms.

use super::room::Room;
use super::{Output, Rooms};
use crate::access::{ApiKey, Book, BookError, Invitation, Terms, TicketKey};
use crate::key::ServerKey;
use crate::time::Moment;
use crate::token::Ticket;
use parley_proto::{Role, RoomId};

/// How many are in one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomCount {
    /// Which. Whole: whoever shows it cuts it short.
    pub room: RoomId,
    /// People in it, those away included.
    pub participants: usize,
    /// People who wait for it.
    pub waiting: usize,
    /// Whether it is locked.
    pub locked: bool,
}

/// A look at the book, and a few deeds.
impl Rooms {
    /// The book of invitations, keys and bans. What changes in it is written down by [`Rooms::take_errands`].
    pub const fn book(&mut self) -> &mut Book {
        &mut self.book
    }

    /// The key that everything of this server is made with.
    #[must_use]
    pub const fn key(&self) -> &ServerKey {
        &self.key
    }

    /// A fresh room that is entered by invitation only.
    pub fn new_room(&mut self) -> RoomId {
        let random = self.random();
        self.stamp.invited_room(random)
    }

    /// Makes an invitation to a room, and the token for its link.
    ///
    /// # Errors
    /// [`BookError`]; `Unknown` for a room of another server.
    pub fn invite(
        &mut self,
        now: Moment,
        room: RoomId,
        terms: Terms,
    ) -> Result<(Invitation, String), BookError> {
        if !self.stamp.is_ours(&room) {
            return Err(BookError::Unknown);
        }
        let token = crate::token::text_of(&self.random::<16>());
        let invitation = self.book.invite(now, room, &token, terms)?;
        Ok((invitation, token))
    }

    /// Makes a key of an operator: the key as it is kept, its text, and the secret to sign tickets with, where it is a shared one.
    ///
    /// # Errors
    /// [`BookError::Full`]
    pub fn make_key(
        &mut self,
        now: Moment,
        name: &str,
        tickets: TicketKey,
    ) -> Result<(ApiKey, String, Option<String>), BookError> {
        let (id, secret) = (self.random(), self.random());
        let (key, text) = ApiKey::make(now, id, secret, name, tickets);
        self.book.add_key(key.clone())?;
        let ticket_secret = key.ticket_secret(&self.key);
        Ok((key, text, ticket_secret))
    }

    /// A ticket for one join within ten minutes, and when it runs out, in seconds of the UNIX epoch. Nothing for a room of
    /// another server.
    pub fn mint_ticket(&mut self, now: Moment, room: RoomId, role: Role) -> Option<(String, u64)> {
        if !self.stamp.is_ours(&room) {
            return None;
        }
        let mut ticket = Ticket::new(now, room, role, self.random());
        ticket.once = true;
        Some((self.tokens.ticket(&ticket)?, ticket.exp))
    }

    /// Up to `most` rooms with somebody in them, the fullest first.
    #[must_use]
    pub fn list(&self, most: usize) -> Vec<RoomCount> {
        let mut all: Vec<RoomCount> = self
            .rooms
            .iter()
            .map(|(id, room)| self.count(*id, room))
            .collect();
        all.sort_by_key(|count| (std::cmp::Reverse(count.participants), count.room));
        all.truncate(most);
        all
    }

    /// Ends a call for everybody in it. False when there is none.
    pub fn close_room(&mut self, now: Moment, room: RoomId) -> (bool, Vec<Output>) {
        let found = self.end_room(now, room, None);
        (found, std::mem::take(&mut self.outputs))
    }

    fn count(&self, id: RoomId, room: &Room) -> RoomCount {
        RoomCount {
            room: id,
            participants: room.members().len(),
            waiting: self.lobbies.get(&id).map_or(0, Vec::len),
            locked: room.door.locked,
        }
    }
}
