//! Which tickets were used, until they run out anyway.

use crate::time::Moment;
use crate::token::Ticket;
use std::collections::BTreeSet;

/// More joins than this within one ticket lifetime, and the ticket that would run out soonest is forgotten. Harmless: whoever holds
/// a ticket may ask for another one.
const USED_MAX: usize = 100_000;

/// Used tickets by the time they run out.
#[derive(Debug, Default)]
pub(super) struct UsedTickets(BTreeSet<(u64, String)>);

impl UsedTickets {
    pub(super) fn contains(&self, ticket: &Ticket) -> bool {
        self.0.contains(&(ticket.exp, ticket.jti.clone()))
    }

    pub(super) fn insert(&mut self, now: Moment, ticket: &Ticket) {
        while let Some((exp, _)) = self.0.first()
            && (*exp < now.unix_s() || self.0.len() >= USED_MAX)
        {
            self.0.pop_first();
        }
        self.0.insert((ticket.exp, ticket.jti.clone()));
    }
}
