//! Words that people of a group say to each other through the server: sealed between clients, passed on unread, limited in number and,
//! for everybody, in bytes. Deliberately absent: what they are about, and who is put out for too many, which is `offences`'.

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

/// How much one member may still say.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    count: Option<TokenBucket>,
    /// Bytes for everybody, and whether they are a listener's.
    to_all: Option<(TokenBucket, bool)>,
}

impl Words {
    /// Whether one more may go, with so many bytes for everybody if it is for all. Whoever becomes a listener, or is let speak, begins
    /// with a full share: that is for a host to say.
    fn may_go(&mut self, now: Moment, listens: bool, to_all: Option<usize>) -> bool {
        let (burst, per_s) = WORDS;
        let count = self
            .count
            .get_or_insert_with(|| TokenBucket::new(now, burst, per_s));
        if !count.take(now) {
            return false;
        }
        let Some(bytes) = to_all else { return true };
        let (burst, per_s) = if listens {
            LISTENER_TO_ALL_BYTES
        } else {
            TO_ALL_BYTES
        };
        let bucket = self.to_all.take();
        let bucket = bucket.filter(|(_, of_listener)| *of_listener == listens);
        let (mut bucket, _) = bucket.unwrap_or_else(|| (TokenBucket::new(now, burst, per_s), listens));
        let may = bucket.take_some(now, bytes);
        self.to_all = Some((bucket, listens));
        may
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
        let is_fit = bytes <= TELL_BYTES_MAX;
        let to_all = (to.is_none() && is_fit).then_some(bytes);
        let listens = member.listens;
        if !member.grouped.words.may_go(now, listens, to_all) {
            if member.grouped.record.spares(now, 2 * WORDS.0) {
                return self.refuse(client, ErrorCode::TooFast);
            }
            return self.too_fast(now, client, seat);
        }
        if !is_fit {
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
