//! The servers that help to find a way, as the library takes them. It knows TURN over UDP only: other relays are reached
//! through a [`crate::relay::bridge::Bridge`], which it takes for a relay on this machine.

use crate::config::{CandidatePolicy, NetworkOptions};
use crate::ice::{HostPort, IceServer, RelayTransport, TurnServer};
use crate::relay::relays::Relays;
use std::net::SocketAddr;
use webrtc::peer_connection::RTCIceServer;

/// Opens what is behind streams, and gives all that the library may use; `None` where only relays may be used and there are none.
pub(super) async fn open(
    mut servers: Vec<IceServer>,
    network: &NetworkOptions,
    addresses: &[SocketAddr],
) -> Option<(Relays, Vec<RTCIceServer>)> {
    servers.extend(network.relays.iter().cloned().map(IceServer::Turn));
    let (relays, bridged) = Relays::open(&servers, addresses, network.proxy.as_ref()).await;
    let known = servers.iter().filter_map(direct);
    let behind = bridged.iter().map(|one| relay(&one.at, &one.server));
    let all: Vec<_> = known.chain(behind).collect();
    let is_hidden = network.candidates == CandidatePolicy::RelayOnly;
    (!is_hidden || all.iter().any(is_relay)).then_some((relays, all))
}

/// A server on UDP, in the library's words; `None` for what needs a bridge.
pub(super) fn direct(server: &IceServer) -> Option<RTCIceServer> {
    match server {
        IceServer::Stun(at) => Some(RTCIceServer {
            urls: vec![format!("stun:{at}")],
            ..RTCIceServer::default()
        }),
        IceServer::Turn(turn) if turn.transport == RelayTransport::Udp => Some(relay(&turn.at, turn)),
        IceServer::Turn(_) => None,
    }
}

/// A relay that the library reaches at `at`, opened by what opens `turn`.
pub(super) fn relay(at: &HostPort, turn: &TurnServer) -> RTCIceServer {
    RTCIceServer {
        urls: vec![format!("turn:{at}?transport=udp")],
        username: turn.username.clone(),
        credential: turn.password.clone(),
    }
}

/// Whether it is a relay.
pub(super) fn is_relay(server: &RTCIceServer) -> bool {
    server.urls.iter().any(|url| url.starts_with("turn:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_told_what_it_knows() {
        let read = |url| IceServer::read(url, Some("ada"), Some("secret")).unwrap();
        let stun = direct(&read("stun:[fd00::1]:3478")).unwrap();
        assert_eq!(stun.urls, ["stun:[fd00::1]:3478"]);
        let turn = direct(&read("turn:host:443?transport=udp")).unwrap();
        assert_eq!(turn.urls, ["turn:host:443?transport=udp"]);
        assert_eq!(
            (turn.username.as_str(), turn.credential.as_str()),
            ("ada", "secret")
        );
        assert!(direct(&read("turn:host?transport=tcp")).is_none());
        assert!(direct(&read("turns:host")).is_none());
        assert!(is_relay(&turn) && !is_relay(&stun));
        for url in ["stun:[fd00::1]:3478", "turn:[fd00::1]:3478", "turn:10.0.0.1"] {
            direct(&read(url)).unwrap().urls().expect("the library reads it");
        }
    }
}
