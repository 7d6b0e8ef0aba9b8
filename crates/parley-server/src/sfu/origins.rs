//! Where one client comes from: the addresses whose checks were genuine, the one in use last. A bounded number; the one that was silent for
//! longest gives way.

use super::demux::Origin;
use std::collections::VecDeque;

/// Addresses a client may come from at a time.
const ADDRESSES_MAX: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Origins {
    known: VecDeque<Origin>,
}

impl Origins {
    /// Another one is known. The one that gives way for it.
    pub(super) fn add(&mut self, from: Origin) -> Option<Origin> {
        self.known.push_back(from);
        if self.known.len() > ADDRESSES_MAX {
            return self.known.pop_front();
        }
        None
    }

    /// Something came from there.
    pub(super) fn used(&mut self, from: Origin) {
        // Nearly all comes from where the last came from.
        if self.known.back() == Some(&from) {
            return;
        }
        if let Some(at) = self.known.iter().position(|other| *other == from) {
            self.known.remove(at);
            self.known.push_back(from);
        }
    }

    /// A stream is over.
    pub(super) fn forget(&mut self, from: Origin) {
        self.known.retain(|other| *other != from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, SocketAddr};

    fn origin(port: u16) -> Origin {
        Origin::stream(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    #[test]
    fn the_one_in_use_stays_however_many_others_come() {
        let mut origins = Origins::default();
        let mut gone = Vec::new();
        for port in 1..=20 {
            gone.extend(origins.add(origin(port)));
            origins.used(origin(1));
        }
        let expect: Vec<Origin> = (2..=13).map(origin).collect();
        assert_eq!(gone, expect);
        assert_eq!(origins.known.len(), ADDRESSES_MAX);
        assert_eq!(origins.known.back(), Some(&origin(1)));
    }

    #[test]
    fn what_is_forgotten_is_not_used_again_by_what_is_still_on_its_way() {
        let mut origins = Origins::default();
        origins.add(origin(1));
        origins.add(origin(2));
        origins.forget(origin(1));
        origins.used(origin(1));
        assert_eq!(origins.known, [origin(2)]);
    }
}
