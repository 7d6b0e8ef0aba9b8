//! The addresses of this machine that clients may reach a socket by.

use std::net::{IpAddr, SocketAddr};

/// More than these are no help: each client tries them all.
const ADDRESSES_MAX: usize = 8;

/// Of a socket bound to `local`: that address, or, where it is bound to all, each that the machine has. Loopback only where there is
/// nothing else, or where it was asked for.
pub(super) fn own_addresses(local: SocketAddr) -> Vec<SocketAddr> {
    if !local.ip().to_canonical().is_unspecified() {
        return vec![SocketAddr::new(local.ip().to_canonical(), local.port())];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut all: Vec<IpAddr> = interfaces
        .iter()
        .map(if_addrs::Interface::ip)
        .filter(|ip| (local.is_ipv6() || ip.is_ipv4()) && !is_link_local(*ip))
        .collect();
    // IPv4 first: where both work, it is the one that is written down everywhere.
    all.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    let outward = all.iter().filter(|ip| !ip.is_loopback()).count();
    if outward > 0 {
        all.truncate(outward);
    }
    all.truncate(ADDRESSES_MAX);
    all.into_iter()
        .map(|ip| SocketAddr::new(ip, local.port()))
        .collect()
}

/// The first few, each once, of those by which most can reach us: addresses of the whole internet before those of one network, which
/// often are a container's. What comes first among equals stays first.
pub(super) fn best_first(addresses: impl Iterator<Item = SocketAddr>, most: usize) -> Vec<SocketAddr> {
    let mut best: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !best.contains(&address) {
            best.push(address);
        }
    }
    best.sort_by_key(|address| is_of_one_network(address.ip()));
    best.truncate(most);
    best
}

fn is_of_one_network(ip: IpAddr) -> bool {
    match ip {
        // 100.64.0.0/10: what providers have behind their own NAT (RFC 6598).
        IpAddr::V4(ip) => {
            ip.is_private() || ip.is_loopback() || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback(),
    }
}

/// These need the name of an interface beside them, which no candidate has.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_only_a_few_are_told_those_are_that_most_can_reach() {
        let parsed =
            |list: &[&str]| -> Vec<SocketAddr> { list.iter().map(|one| one.parse().unwrap()).collect() };
        let all = parsed(&[
            "172.17.0.1:443",
            "10.0.0.2:443",
            "100.64.0.9:443",
            "[fd00::1]:443",
            "203.0.113.7:443",
            "[2001:db8::7]:443",
            "203.0.113.7:443",
            "100.128.0.1:443",
        ]);
        let best = |most| best_first(all.iter().copied(), most);
        let public = parsed(&["203.0.113.7:443", "[2001:db8::7]:443", "100.128.0.1:443"]);
        assert_eq!(best(3), public);
        assert_eq!(best(4)[..3], public);
        assert_eq!(best(4)[3], all[0], "the first of the others");
        assert_eq!(best(100).len(), 7, "each once");
    }

    #[test]
    fn a_socket_of_one_address_has_that_and_one_of_all_has_some() {
        let one: SocketAddr = "127.0.0.1:9".parse().unwrap();
        assert_eq!(own_addresses(one), [one]);
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:9".parse().unwrap();
        assert_eq!(own_addresses(mapped), ["192.0.2.1:9".parse().unwrap()]);
        let all = own_addresses("0.0.0.0:9".parse().unwrap());
        assert!(!all.is_empty() && all.len() <= ADDRESSES_MAX);
        assert!(all.iter().all(|address| address.is_ipv4() && address.port() == 9));
    }
}
