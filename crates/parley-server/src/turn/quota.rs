//! How many allocations anybody may have, counted over all threads of one server. Touched when allocations come and go, never
//! for a packet.

use super::limit::source_prefix;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Allocations of one user (the id in their credentials).
    pub per_user: u32,
    /// Allocations from one client address (IPv6: from one /56).
    pub per_source: u32,
    /// Allocations in all.
    pub total: u32,
}

impl Default for Quotas {
    /// A client asks for a relay from each of its addresses by each way that it is told of: Parley from at most 6 by 4 (UDP on two
    /// ports, TCP, TLS), browsers about as many, and twice that while a fresh connection stands beside one that is being given
    /// up. A source may be an office behind one address, where most have two addresses.
    fn default() -> Self {
        Self {
            per_user: 64,
            per_source: 512,
            total: 8192,
        }
    }
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OverQuota {
    User,
    Source,
    Total,
}

/// Who has how many.
#[derive(Debug)]
pub(super) struct Quota {
    limits: Quotas,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    total: u32,
    users: HashMap<Box<str>, u32>,
    sources: HashMap<IpAddr, u32>,
}

impl Quota {
    pub(super) fn new(limits: Quotas) -> Self {
        Self {
            limits,
            used: Mutex::default(),
        }
    }

    /// Counts one more allocation, or says why not.
    pub(super) fn take(&self, user: &str, source: IpAddr) -> Result<(), OverQuota> {
        let source = source_prefix(source);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.total >= self.limits.total {
            return Err(OverQuota::Total);
        }
        if used.users.get(user).copied().unwrap_or(0) >= self.limits.per_user {
            return Err(OverQuota::User);
        }
        if used.sources.get(&source).copied().unwrap_or(0) >= self.limits.per_source {
            return Err(OverQuota::Source);
        }
        used.total += 1;
        *used.users.entry(user.into()).or_default() += 1;
        *used.sources.entry(source).or_default() += 1;
        Ok(())
    }

    /// Counts one less.
    pub(super) fn give_back(&self, user: &str, source: IpAddr) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.total = used.total.saturating_sub(1);
        one_less(&mut used.users, &Box::from(user));
        one_less(&mut used.sources, &source_prefix(source));
    }
}

fn one_less<K: Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_limit_holds_for_itself_and_nothing_is_left_behind() {
        let quota = Quota::new(Quotas {
            per_user: 2,
            per_source: 3,
            total: 4,
        });
        let take = |user, source| quota.take(user, ip(source));
        assert_eq!(take("alice", "192.0.2.1"), Ok(()));
        assert_eq!(take("alice", "192.0.2.2"), Ok(()));
        assert_eq!(take("alice", "192.0.2.3"), Err(OverQuota::User));
        assert_eq!(take("bob", "192.0.2.1"), Ok(()));
        assert_eq!(take("carol", "::ffff:192.0.2.1"), Ok(()));
        assert_eq!(take("dave", "192.0.2.9"), Err(OverQuota::Total));
        quota.give_back("alice", ip("192.0.2.2"));
        assert_eq!(take("dave", "192.0.2.1"), Err(OverQuota::Source));
        assert_eq!(take("dave", "192.0.2.2"), Ok(()));
        for (user, source) in [
            ("alice", "192.0.2.1"),
            ("bob", "192.0.2.1"),
            ("carol", "192.0.2.1"),
            ("dave", "192.0.2.2"),
        ] {
            quota.give_back(user, ip(source));
        }
        let used = quota.used.lock().unwrap();
        assert!(used.total == 0 && used.users.is_empty() && used.sources.is_empty());
    }

    #[test]
    fn one_household_of_ipv6_is_one_source() {
        let quota = Quota::new(Quotas {
            per_source: 1,
            ..Quotas::default()
        });
        assert_eq!(quota.take("alice", ip("2001:db8:1:100::1")), Ok(()));
        assert_eq!(quota.take("bob", ip("2001:db8:1:1ff::2")), Err(OverQuota::Source));
        assert_eq!(quota.take("bob", ip("2001:db8:1:200::2")), Ok(()));
    }
}
