//! What waits to be told, and when it is tried again. Sans-IO: moments in, deliveries out.
//!
//! The contract: [`Outbox::poll`] until it gives nothing; each delivery is answered with [`Outbox::done`] before the next poll;
//! then wait for an event or [`Outbox::poll_timeout`].

use crate::rooms::{RoomEvent, RoomHappening};
use crate::time::Moment;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

/// Events that may wait for a program that does not answer; more are dropped and counted: what is old by then helps nobody.
const WAITING_MAX: usize = 1024;
/// Tries of one event: the last one some four minutes after the first.
const TRIES_MAX: u32 = 9;
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(120);

/// What became of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WebhookCounts {
    pub(crate) delivered: u64,
    /// Tries that failed; most of them were tried again.
    pub(crate) failed: u64,
    /// Events that were never told: too many waited, or nobody took them.
    pub(crate) lost: u64,
}

/// One request to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) body: String,
    /// For the header `Parley-Signature`: `t=SECONDS,v1=HEX`, HMAC-SHA256 over `SECONDS.BODY`. The moment is that of the try.
    pub(super) signature: String,
}

#[derive(Debug)]
pub(super) struct Outbox {
    secret: Vec<u8>,
    waiting: VecDeque<String>,
    tries: u32,
    /// When the first one may be tried.
    due: Option<Moment>,
    counts: WebhookCounts,
    number: u64,
}

impl Outbox {
    pub(super) fn new(secret: Vec<u8>) -> Self {
        Self {
            secret,
            waiting: VecDeque::new(),
            tries: 0,
            due: None,
            counts: WebhookCounts::default(),
            number: 0,
        }
    }

    pub(super) fn push(&mut self, now: Moment, event: &RoomEvent) {
        if self.waiting.len() >= WAITING_MAX {
            self.counts.lost += 1;
            return;
        }
        self.number += 1;
        self.waiting.push_back(body(self.number, event));
        self.due.get_or_insert(now);
    }

    pub(super) fn poll(&self, now: Moment) -> Option<Delivery> {
        let body = self
            .waiting
            .front()
            .filter(|_| self.due.is_some_and(|due| due <= now))?;
        Some(Delivery {
            body: body.clone(),
            signature: sign(&self.secret, now.unix_s(), body),
        })
    }

    pub(super) fn done(&mut self, now: Moment, taken: bool) {
        self.tries += 1;
        if taken {
            self.counts.delivered += 1;
        } else {
            self.counts.failed += 1;
            if self.tries < TRIES_MAX {
                let wait = BACKOFF_FIRST.saturating_mul(1 << (self.tries - 1).min(16));
                self.due = Some(now + wait.min(BACKOFF_MAX));
                return;
            }
            self.counts.lost += 1;
        }
        self.waiting.pop_front();
        self.tries = 0;
        self.due = (!self.waiting.is_empty()).then_some(now);
    }

    pub(super) const fn poll_timeout(&self) -> Option<Moment> {
        self.due
    }

    pub(super) const fn counts(&self) -> WebhookCounts {
        self.counts
    }
}

/// Rooms are named by a hash, as in the admin API: what is told to programs lets nobody in.
fn body(number: u64, event: &RoomEvent) -> String {
    let mut told = json!({
        "number": number,
        "at_ms": event.at.unix_ms(),
        "room": handle(event.room.as_bytes()),
    });
    match event.what {
        RoomHappening::Started => told["type"] = "room_started".into(),
        RoomHappening::Ended => told["type"] = "room_ended".into(),
        RoomHappening::Joined { id, role } => {
            told["type"] = "participant_joined".into();
            told["participant"] = json!({"id": id, "role": role});
        }
        RoomHappening::Left { id, reason } => {
            told["type"] = "participant_left".into();
            told["participant"] = json!({"id": id, "reason": reason});
        }
    }
    told.to_string()
}

/// What a room is called where its id would let people in.
pub(crate) fn handle(room: &[u8]) -> String {
    let hash = Sha256::new()
        .chain_update(b"parley room handle\0")
        .chain_update(room)
        .finalize();
    crate::token::text_of(&hash[..12])
}

fn sign(secret: &[u8], at_s: u64, body: &str) -> String {
    // HMAC takes a key of any length, so this cannot fail; an empty signature would be refused.
    let mac: [u8; 32] = Hmac::<Sha256>::new_from_slice(secret)
        .map(|mac| {
            mac.chain_update(format!("{at_s}.{body}"))
                .finalize()
                .into_bytes()
                .into()
        })
        .unwrap_or_default();
    let mut text = format!("t={at_s},v1=");
    for byte in mac {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::{LeaveReason, ParticipantId, RoomId};

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);
    const ROOM: RoomId = RoomId::from_bytes([5; 24]);

    fn event(what: RoomHappening) -> RoomEvent {
        RoomEvent {
            at: NOW,
            room: ROOM,
            what,
        }
    }

    fn outbox(events: usize) -> Outbox {
        let mut outbox = Outbox::new(b"a secret of an operator".to_vec());
        for _ in 0..events {
            outbox.push(NOW, &event(RoomHappening::Started));
        }
        outbox
    }

    #[test]
    fn events_go_out_in_order_signed_and_without_ids_of_rooms() {
        let mut outbox = outbox(1);
        let id = ParticipantId::from_bytes([1; 16]);
        let reason = LeaveReason::Removed;
        outbox.push(NOW, &event(RoomHappening::Left { id, reason }));
        for expect in ["room_started", "participant_left"] {
            let delivery = outbox.poll(NOW).unwrap();
            let told: serde_json::Value = serde_json::from_str(&delivery.body).unwrap();
            assert_eq!(told["type"], expect);
            assert!(!delivery.body.contains(&ROOM.to_string()));
            let expect = sign(b"a secret of an operator", NOW.unix_s(), &delivery.body);
            assert_eq!(delivery.signature, expect);
            outbox.done(NOW, true);
        }
        assert_eq!(outbox.poll(NOW), None);
        assert_eq!(outbox.poll_timeout(), None);
        assert_eq!(outbox.counts().delivered, 2);
    }

    #[test]
    fn the_signature_is_hmac_over_moment_and_body() {
        // printf '1800000000.{}' | openssl dgst -sha256 -hmac 'key'
        let signature = sign(b"key", 1_800_000_000, "{}");
        assert!(signature.starts_with("t=1800000000,v1="), "{signature}");
        assert_eq!(signature.len(), "t=1800000000,v1=".len() + 64);
        assert_ne!(
            signature,
            sign(b"key", 1_800_000_001, "{}"),
            "an old one cannot be sent again later"
        );
        assert_ne!(signature, sign(b"kex", 1_800_000_000, "{}"));
    }

    #[test]
    fn what_is_not_taken_is_tried_again_ever_more_slowly_and_then_given_up() {
        let mut outbox = outbox(2);
        let mut now = NOW;
        let mut waits = Vec::new();
        while outbox.counts().lost == 0 {
            assert!(outbox.poll(now).is_some());
            outbox.done(now, false);
            let next = outbox.poll_timeout().unwrap();
            waits.push(next.since(now).as_secs());
            assert!(next == now || outbox.poll(now).is_none(), "not before its time");
            now = next;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 0]);
        assert!(outbox.poll(now).is_some(), "the next one has its own tries");
        outbox.done(now, true);
        assert_eq!(
            outbox.counts(),
            WebhookCounts {
                delivered: 1,
                failed: 9,
                lost: 1
            }
        );
    }

    #[test]
    fn the_queue_is_bounded() {
        let outbox = outbox(WAITING_MAX + 5);
        assert_eq!(outbox.waiting.len(), WAITING_MAX);
        assert_eq!(outbox.counts().lost, 5);
    }
}
