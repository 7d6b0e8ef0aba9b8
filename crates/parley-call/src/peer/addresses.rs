//! Which local addresses a connection binds: one UDP socket each. Listing is done by the caller; choosing is a function.
//!
//! Deliberately not: watching for changes of the network, which is `network_watch`'s. Where a connection is to be mended and
//! they changed, the library would bind the same addresses again, so the driver asks for a fresh one ([`differ`]).

use crate::config::NetworkOptions;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// More addresses than this make more candidate pairs than checking them is worth.
const ADDRESSES_MAX: usize = 5;
/// Names of interfaces that lead to nobody: bridges and cables of containers and virtual machines on this machine.
const VIRTUAL_PREFIXES: [&str; 9] = [
    "docker", "veth", "br-", "virbr", "vmnet", "vboxnet", "cni", "flannel", "podman",
];

/// One address of an interface, as the system lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Interface {
    name: String,
    address: IpAddr,
    up: bool,
}

/// The addresses to bind now, best first; never empty.
pub(super) fn choose(options: &NetworkOptions) -> Vec<SocketAddr> {
    chosen(options).unwrap_or_else(|| any_port(select(&listed())))
}

/// The same, and all others that this machine has now: too many or too useless to bind, but there.
pub(super) fn look(options: &NetworkOptions) -> (Vec<SocketAddr>, Vec<IpAddr>) {
    if let Some(chosen) = chosen(options) {
        return (chosen, Vec::new());
    }
    let interfaces = listed();
    let there = interfaces
        .iter()
        .filter(|interface| interface.up)
        .map(|interface| interface.address)
        .collect();
    (any_port(select(&interfaces)), there)
}

/// The address of this machine by which the system goes there now. Nothing is sent for that.
pub(super) fn toward(there: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if there.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(there).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// What is said to be bound, if that is said.
fn chosen(options: &NetworkOptions) -> Option<Vec<SocketAddr>> {
    let mut addresses = options.addresses.clone();
    if addresses.is_empty() {
        return None;
    }
    if options.include_loopback && !addresses.iter().any(IpAddr::is_loopback) {
        addresses.push(Ipv4Addr::LOCALHOST.into());
    }
    Some(any_port(addresses))
}

fn listed() -> Vec<Interface> {
    let listed = match if_addrs::get_if_addrs() {
        Ok(listed) => listed,
        Err(error) => {
            tracing::warn!(%error, "the interfaces of this machine cannot be listed");
            Vec::new()
        }
    };
    listed
        .into_iter()
        .map(|interface| Interface {
            address: interface.ip(),
            up: interface.is_oper_up(),
            name: interface.name,
        })
        .collect()
}

/// Whether two choices name other addresses, in whatever order.
pub(super) fn differ(one: &[SocketAddr], other: &[SocketAddr]) -> bool {
    one.len() != other.len() || one.iter().any(|address| !other.contains(address))
}

fn any_port(addresses: Vec<IpAddr>) -> Vec<SocketAddr> {
    addresses
        .into_iter()
        .map(|address| SocketAddr::new(address, 0))
        .collect()
}

/// IPv4 before IPv6, real interfaces before virtual ones. 127.0.0.1 comes last, always: two windows of one machine then
/// connect, and stay connected, without any network.
fn select(interfaces: &[Interface]) -> Vec<IpAddr> {
    let usable = |interface: &&Interface| interface.up && reaches_others(interface.address);
    let mut real: Vec<IpAddr> = interfaces
        .iter()
        .filter(usable)
        .filter(|interface| !is_virtual(&interface.name))
        .map(|interface| interface.address)
        .collect();
    if real.is_empty() {
        real = interfaces
            .iter()
            .filter(usable)
            .map(|interface| interface.address)
            .collect();
    }
    real.sort_by_key(IpAddr::is_ipv6);
    real.dedup();
    real.truncate(ADDRESSES_MAX);
    real.push(Ipv4Addr::LOCALHOST.into());
    real
}

/// Not loopback, and not link-local: those need a scope that candidates cannot carry.
fn reaches_others(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => (address.segments()[0] & 0xffc0) == 0xfe80,
    };
    !link_local && !address.is_loopback() && !address.is_unspecified()
}

fn is_virtual(name: &str) -> bool {
    VIRTUAL_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, address: &str, up: bool) -> Interface {
        Interface {
            name: name.to_owned(),
            address: address.parse().unwrap(),
            up,
        }
    }

    fn selected(interfaces: &[Interface]) -> Vec<String> {
        select(interfaces).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn useless_addresses_are_left_out_and_loopback_comes_last() {
        let machine = [
            interface("lo", "127.0.0.1", true),
            interface("wlan0", "2001:db8::7", true),
            interface("wlan0", "192.168.1.7", true),
            interface("wlan0", "fe80::1", true),
            interface("eth0", "10.0.0.2", false),
            interface("docker0", "172.17.0.1", true),
        ];
        assert_eq!(selected(&machine), ["192.168.1.7", "2001:db8::7", "127.0.0.1"]);
    }

    #[test]
    fn virtual_interfaces_are_better_than_none() {
        let machine = [interface("veth1", "172.17.0.5", true)];
        assert_eq!(selected(&machine), ["172.17.0.5", "127.0.0.1"]);
    }

    #[test]
    fn without_any_network_loopback_remains() {
        assert_eq!(selected(&[]), ["127.0.0.1"]);
    }

    #[test]
    fn many_addresses_are_cut_to_the_first_few() {
        let machine: Vec<_> = (0..40)
            .map(|n| interface("eth0", &format!("10.0.0.{n}"), true))
            .collect();
        assert_eq!(selected(&machine).len(), ADDRESSES_MAX + 1);
    }

    #[test]
    fn another_network_is_noticed_and_another_order_is_not() {
        let addresses = |texts: &[&str]| any_port(texts.iter().map(|text| text.parse().unwrap()).collect());
        let home = addresses(&["192.168.1.7", "127.0.0.1"]);
        assert!(!differ(&home, &addresses(&["127.0.0.1", "192.168.1.7"])));
        assert!(differ(&home, &addresses(&["10.0.0.7", "127.0.0.1"])));
        assert!(differ(&home, &addresses(&["127.0.0.1"])));
        assert!(differ(&addresses(&["127.0.0.1"]), &home));
    }

    #[test]
    fn the_system_goes_to_this_machine_by_its_own_address() {
        for there in ["127.0.0.1", "::1"] {
            let there: IpAddr = there.parse().unwrap();
            // A machine may have no IPv6 at all.
            if let Some(by) = toward(SocketAddr::new(there, 9)) {
                assert_eq!(by, there);
            } else {
                assert!(there.is_ipv6(), "{there}");
            }
        }
    }

    #[test]
    fn chosen_addresses_are_taken_as_they_are() {
        let chosen = |include_loopback| {
            let options = NetworkOptions {
                addresses: vec!["10.1.2.3".parse().unwrap()],
                include_loopback,
                ..NetworkOptions::default()
            };
            choose(&options)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(chosen(false), ["10.1.2.3:0"]);
        assert_eq!(chosen(true), ["10.1.2.3:0", "127.0.0.1:0"]);
    }
}
