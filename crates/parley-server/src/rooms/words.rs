//! Words that people of a group say to each other through the server: sealed between clients, passed on unread, limited in number and
//! in bytes. Deliberately absent: what they are about, and who is put out for too many, which is `offences`'.

use super::room::Member;
use super::{ClientId, Rooms};
use crate::limit::TokenBucket;
use crate::time::Moment;
use parley_proto::limits::TELL_BYTES_MAX;
use parley_proto::{ErrorCode, ParticipantId, ServerMessage};

/// Words of one client.
const WORDS: (u32, u32) = (60, 20);
/// Bytes of those that are for everybody: each waits as often as there are people, and who reads slowly is closed for what waits. One
/// message of the largest at once, and some beside it.
const TO_ALL_BYTES: (u32, u32) = (64 * 1024, 8 * 1024);
/// The same of a listener, of whom there are many.
const LISTENER_TO_ALL_BYTES: (u32, u32) = (64 * 1024, 4 * 1024);
/// Bytes of those that are for one person, who is closed for what waits likewise: three who say the most they may leave room in a queue
/// that nobody reads.
const TO_ONE_BYTES: (u32, u32) = (256 * 1024, 64 * 1024);

/// How much one member may still say.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    count: Option<TokenBucket>,
    /// Bytes for everybody, and whether they are a listener's.
    to_all: Option<(TokenBucket, bool)>,
    /// Bytes for single people.
    to_one: Option<TokenBucket>,
}

/// How long a word is, and for whom.
#[derive(Debug, Clone, Copy)]
enum Length {
    ToAll(usize),
    ToOne(usize),
    /// Longer than any may be: refused for that, so only its number counts.
    TooLong,
}

impl Words {
    /// Whether one more may go. Whoever becomes a listener, or is let speak, begins with a full share: that is for a host to say.
    fn may_go(&mut self, now: Moment, listens: bool, length: Length) -> bool {
        let bucket = |(burst, per_s)| TokenBucket::new(now, burst, per_s);
        if !self.count.get_or_insert_with(|| bucket(WORDS)).take(now) {
            return false;
        }
        match length {
            Length::TooLong => true,
            Length::ToOne(bytes) => {
                let to_one = self.to_one.get_or_insert_with(|| bucket(TO_ONE_BYTES));
                to_one.take_some(now, bytes)
            }
            Length::ToAll(bytes) => {
                let limit = if listens {
                    LISTENER_TO_ALL_BYTES
                } else {
                    TO_ALL_BYTES
                };
                let before = self
                    .to_all
                    .take()
                    .filter(|(_, of_listener)| *of_listener == listens);
                let (to_all, _) = self
                    .to_all
                    .insert(before.unwrap_or_else(|| (bucket(limit), listens)));
                to_all.take_some(now, bytes)
            }
        }
    }
}

impl Rooms {
    /// Passes a word on within a group, unread.
    pub(super) fn tell(
        &mut self,
        now: Moment,
        client: ClientId,
        payload: serde_json::Value,
        to: Option<ParticipantId>,
    ) {
        let Some(seat) = self.may_use_sfu(client) else {
            return;
        };
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        let bytes = payload.to_string().len();
        let length = match to {
            _ if bytes > TELL_BYTES_MAX => Length::TooLong,
            None => Length::ToAll(bytes),
            Some(_) => Length::ToOne(bytes),
        };
        let listens = member.listens;
        if !member.grouped.words.may_go(now, listens, length) {
            if member.grouped.record.spares(now, 2 * WORDS.0) {
                return self.refuse(client, ErrorCode::TooFast);
            }
            return self.too_fast(now, client, seat);
        }
        if matches!(length, Length::TooLong) {
            return self.refuse(client, ErrorCode::TooLarge);
        }
        let told = ServerMessage::Told {
            from: seat.id,
            payload,
        };
        let Some(to) = to else {
            return self.tell_others(seat.room, seat.id, told);
        };
        let room = self.rooms.get(&seat.room).filter(|_| to != seat.id);
        match room.and_then(|room| room.member(to)).and_then(Member::here) {
            Some(there) => self.send(there, told),
            None => self.refuse(client, ErrorCode::RecipientUnknown),
        }
    }
}
