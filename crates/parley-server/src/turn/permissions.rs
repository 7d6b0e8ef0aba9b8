//! From whom an allocation takes datagrams, and to whom it sends them (RFC 8656, section 9).

use super::moment::Moment;
use std::net::IpAddr;
use std::time::Duration;

/// RFC 8656, section 9: five minutes.
const LIFETIME: Duration = Duration::from_secs(300);
/// Peers of one allocation. A call has some, each with its candidates.
pub(super) const PERMISSIONS_MAX: usize = 128;

/// The permissions of one allocation.
#[derive(Debug, Default)]
pub(super) struct Permissions(Vec<Permission>);

#[derive(Debug)]
struct Permission {
    peer: IpAddr,
    expires_at: Moment,
}

impl Permissions {
    /// Whether so many more fit, counting as new those that are not there.
    pub(super) fn fit(&mut self, now: Moment, peers: &[IpAddr]) -> bool {
        self.0.retain(|permission| now < permission.expires_at);
        let new = peers.iter().filter(|peer| !self.holds(now, **peer)).count();
        self.0.len() + new <= PERMISSIONS_MAX
    }

    /// Installs or refreshes one that [`Permissions::fit`].
    pub(super) fn install(&mut self, now: Moment, peer: IpAddr) {
        let expires_at = now + LIFETIME;
        match self.0.iter_mut().find(|permission| permission.peer == peer) {
            Some(permission) => permission.expires_at = expires_at,
            None => self.0.push(Permission { peer, expires_at }),
        }
    }

    pub(super) fn holds(&self, now: Moment, peer: IpAddr) -> bool {
        self.0
            .iter()
            .any(|permission| permission.peer == peer && now < permission.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_unix_ms(1_000_000);

    #[test]
    fn a_permission_lasts_five_minutes_from_its_last_refresh() {
        let mut permissions = Permissions::default();
        let peer = "192.0.2.9".parse().unwrap();
        permissions.install(NOW, peer);
        permissions.install(NOW + Duration::from_secs(200), peer);
        assert!(permissions.holds(NOW + Duration::from_secs(499), peer));
        assert!(!permissions.holds(NOW + Duration::from_secs(500), peer));
        assert!(!permissions.holds(NOW, "192.0.2.8".parse().unwrap()));
    }

    #[test]
    fn there_is_room_for_so_many_and_the_expired_make_room() {
        let mut permissions = Permissions::default();
        let peer = |n: u32| IpAddr::V4(n.to_be_bytes().into());
        for n in 0..1000 {
            if permissions.fit(NOW, &[peer(n)]) {
                permissions.install(NOW, peer(n));
            }
        }
        assert_eq!(permissions.0.len(), PERMISSIONS_MAX);
        assert!(
            permissions.fit(NOW, &[peer(0)]),
            "one that is there needs no room"
        );
        assert!(!permissions.fit(NOW, &[peer(0), peer(5000)]));
        assert!(permissions.fit(NOW + LIFETIME, &[peer(5000)]));
    }
}
