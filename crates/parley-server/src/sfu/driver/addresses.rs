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
