//! The SFU of a server: its ports, streams among them, and its way to the hub.

use crate::config::GroupConfig;
use crate::hub::Inbound;
use crate::sfu::driver::{BoundSfu, SfuDriver, StartSfuError};
use std::net::SocketAddr;
use tokio::sync::mpsc;

/// Holds its ports. Without them calls are for two, as everywhere else: a server that starts without groups is better than none.
/// `plain` and `tls` are where the front listens.
pub(super) fn bind(config: &GroupConfig, plain: &[SocketAddr], tls: &[SocketAddr]) -> Option<BoundSfu> {
    SfuDriver::bind(&config.sockets)
        .map(|bound| {
            if config.tcp {
                bound.with_streams_at(&doors(config.sockets.listen, plain, tls))
            } else {
                bound
            }
        })
        .inspect_err(|error| tracing::warn!("{error} Until then calls are for two."))
        .ok()
}

/// Starts its threads.
pub(super) fn run(bound: BoundSfu, hub: &mpsc::Sender<Inbound>) -> Result<SfuDriver, StartSfuError> {
    // Weak: a hub that held its own inbox open would never see that everybody is gone.
    let hub = hub.downgrade();
    bound.run(move |event| {
        hub.upgrade()
            .is_some_and(|hub| hub.try_send(Inbound::Sfu(event.clone())).is_ok())
    })
}

/// The port of the front that streams come in by: 443 where it has that, which firewalls let out, else the first that others reach.
/// What it has on loopback, behind a proxy, nobody reaches, unless the SFU is there too.
fn doors(sfu: SocketAddr, plain: &[SocketAddr], tls: &[SocketAddr]) -> Vec<SocketAddr> {
    const HTTPS_PORT: u16 = 443;
    let reached = |address: &&SocketAddr| sfu.ip().is_loopback() || !address.ip().is_loopback();
    let all = || plain.iter().chain(tls).filter(reached);
    let port = all()
        .map(SocketAddr::port)
        .find(|port| *port == HTTPS_PORT)
        .or_else(|| all().next().map(SocketAddr::port));
    all()
        .filter(|address| Some(address.port()) == port)
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_come_in_by_the_port_that_firewalls_let_out() {
        let parsed =
            |list: &[&str]| -> Vec<SocketAddr> { list.iter().map(|one| one.parse().unwrap()).collect() };
        for (plain, tls, expect) in [
            (&["[::]:7788"][..], &["[::]:7789"][..], &["[::]:7788"][..]),
            (
                &[],
                &["192.0.2.1:443", "[2001:db8::1]:443"],
                &["192.0.2.1:443", "[2001:db8::1]:443"],
            ),
            (&["[::]:80"], &["[::]:443"], &["[::]:443"]),
            (&["127.0.0.1:7788"], &[], &[]),
            (&["127.0.0.1:7788", "192.0.2.1:7788"], &[], &["192.0.2.1:7788"]),
        ] {
            assert_eq!(
                doors("[::]:3479".parse().unwrap(), &parsed(plain), &parsed(tls)),
                parsed(expect)
            );
        }
        let here = parsed(&["127.0.0.1:7788"]);
        assert_eq!(doors("127.0.0.1:3479".parse().unwrap(), &here, &[]), here);
    }
}
