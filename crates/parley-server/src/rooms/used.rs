//! Which tickets were used, until they run out anyway.

use crate::time::Moment;
use crate::token::Ticket;
use std::collections::{BTreeSet, HashSet};

/// More joins than this within one ticket lifetime, and the ticket that would run out soonest is forgotten. Harmless: whoever holds
/// a ticket may ask for another one.
const USED_MAX: usize = 100_000;
/// Tickets that nobody can simply ask for again are never forgotten before their time; beyond so many nobody comes in by one.
const USED_ONCE_MAX: usize = crate::access::USED_KEPT_MAX;

/// Used tickets by the time they run out.
#[derive(Debug, Default)]
pub(super) struct UsedTickets {
    common: Expiring,
    once: Expiring,
}

impl UsedTickets {
    pub(super) fn contains(&self, ticket: &Ticket) -> bool {
        self.common.ids.contains(&ticket.jti) || self.once.ids.contains(&ticket.jti)
    }

    /// Whether another ticket that counts once can be remembered.
    pub(super) fn has_room(&mut self, now: Moment, ticket: &Ticket) -> bool {
        self.once.forget_before(now);
        !ticket.once || self.once.ids.len() < USED_ONCE_MAX
    }

    pub(super) fn insert(&mut self, now: Moment, ticket: &Ticket) {
        if ticket.once {
            return self.insert_kept(now, ticket.exp, ticket.jti.clone());
        }
        self.common.forget_before(now);
        while self.common.ids.len() >= USED_MAX {
            self.common.forget_first();
        }
        self.common.insert(ticket.exp, ticket.jti.clone());
    }

    /// One that was used before a restart, or must be known after one.
    pub(super) fn insert_kept(&mut self, now: Moment, exp_s: u64, jti: String) {
        self.once.forget_before(now);
        self.once.insert(exp_s, jti);
    }
}

#[derive(Debug, Default)]
struct Expiring {
    by_end: BTreeSet<(u64, String)>,
    ids: HashSet<String>,
}

impl Expiring {
    fn insert(&mut self, exp_s: u64, jti: String) {
        if self.ids.insert(jti.clone()) {
            self.by_end.insert((exp_s, jti));
        }
    }

    fn forget_before(&mut self, now: Moment) {
        while self
            .by_end
            .first()
            .is_some_and(|(exp_s, _)| *exp_s < now.unix_s())
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, jti)) = self.by_end.pop_first() {
            self.ids.remove(&jti);
        }
    }
}
