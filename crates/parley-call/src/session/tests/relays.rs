//! Relays that the server names, each time the room is entered with other credentials.

use super::world::World;
use crate::port::PeerEventKind;
use crate::session::NetworkChange;
use parley_proto::{IceCredentials, IceServer, IceServerKind, IceTransport, ServerMessage};

fn names_a_relay(message: &mut ServerMessage) {
    if let ServerMessage::Joined {
        ice_servers, resumed, ..
    } = message
    {
        let credential = if *resumed {
            "of the return"
        } else {
            "of the beginning"
        };
        *ice_servers = vec![IceServer {
            transport: Some(IceTransport::Udp),
            credentials: Some(IceCredentials {
                username: "ada".into(),
                credential: credential.into(),
                expires_in_s: 600,
            }),
            ..IceServer::new(IceServerKind::Turn, Some("relay.example.org".into()), 3478)
        }];
    }
}

#[test]
fn a_fresh_connection_opens_relays_with_what_the_server_said_last() {
    let mut world = World::pair(33);
    world.tamper = Some(names_a_relay);
    world.run_s(5);
    world.expect_media();
    assert_eq!(world.parties[1].peer.relay_passwords(), ["of the beginning"]);
    world.break_signaling(1);
    world.run_s(5);
    assert_eq!(
        world.parties[1].peer.opened, 1,
        "media flows: nothing is to be opened anew"
    );
    let change = NetworkChange {
        in_use: false,
        reaches_others: true,
        has_more: true,
        better: false,
    };
    world.peer_tells(1, PeerEventKind::NetworkChanged(change));
    world.run_ms(300);
    assert_eq!(world.parties[1].peer.opened, 2);
    assert_eq!(world.parties[1].peer.relay_passwords(), ["of the return"]);
}
