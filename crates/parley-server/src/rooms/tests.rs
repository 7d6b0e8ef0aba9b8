//! Tests of the rooms in virtual time.

mod backends;
mod bypass;
mod doors;
mod entering;
mod groups;
mod hosts;
mod invited;
mod large;
mod listeners;
mod losses;
mod offences;
mod restarts;
mod world;

use super::*;
use world::*;

#[test]
fn messages_reach_the_other_and_nobody_else() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    let other_room = world.enter(EVE, None);
    let (to, message) = only(world.say(ADA, signal(bob.me)));
    assert_eq!(to, BOB);
    assert!(matches!(message, ServerMessage::Signal { from, .. } if from == ada.me));
    for (client, to, expect) in [
        (ADA, ada.me, ErrorCode::RecipientUnknown),
        (ADA, other_room.me, ErrorCode::RecipientUnknown),
        (ClientId(99), ada.me, ErrorCode::NotJoined),
    ] {
        let (told, message) = only(world.say(client, signal(to)));
        assert_eq!(told, client);
        assert!(matches!(message, ServerMessage::Error { code, fatal: false, .. } if code == expect));
    }
}

#[test]
fn pings_are_answered_and_unknown_messages_ignored() {
    let mut world = World::new();
    assert_eq!(
        only(world.say(ADA, ClientMessage::Ping { nonce: 5 })),
        (ADA, ServerMessage::Pong { nonce: 5 })
    );
    assert_eq!(world.say(ADA, ClientMessage::Unknown), []);
}

#[test]
fn a_server_about_to_stop_begins_no_call_and_ends_none() {
    let mut world = World::new();
    let (_, early) = world.ticket(EVE, None).unwrap();
    let (ada, bob) = world.pair();
    world.rooms.drain();
    assert_eq!(
        world.ticket(ClientId(9), None).unwrap_err(),
        ErrorCode::Unavailable
    );
    assert_eq!(world.join(EVE, &early).unwrap_err(), ErrorCode::Unavailable);
    world.rooms.disconnected(world.now, BOB);
    assert!(
        world.resume(BOB, &bob.token).is_ok(),
        "who was in a call comes back into it"
    );
    world.say(BOB, ClientMessage::Leave);
    let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
    assert!(
        world.join(BOB, &ticket).is_ok(),
        "a call that goes on lets people in"
    );
}

#[test]
fn everyone_is_given_credentials_of_their_own() {
    use crate::turn::TurnSecret;
    use parley_proto::{IceServer, IceServerKind};
    use rand::SeedableRng as _;
    let mut world = World::new();
    world.rooms = Rooms::new(
        START,
        &KEY,
        vec![IceServer::new(IceServerKind::Stun, None, 3478)],
        1000,
        StdRng::seed_from_u64(1),
    )
    .with_relays(Some(Relays {
        servers: vec![IceServer::new(IceServerKind::Turn, None, 3478)],
        secret: TurnSecret::new(b"secret"),
        lifetime: Duration::from_secs(3600),
    }));
    let mut names = BTreeSet::new();
    for client in [ADA, BOB] {
        let (_, ticket) = world.ticket(client, None).unwrap();
        let (_, outputs) = world.join(client, &ticket).unwrap();
        let Some(ServerMessage::Joined { you, ice_servers, .. }) =
            outputs.iter().find_map(|output| match output {
                Output::Send { message, .. } => Some(message),
                Output::SendAll { .. } | Output::Close { .. } => None,
            })
        else {
            panic!("{outputs:?}");
        };
        assert_eq!(ice_servers[0].credentials, None, "STUN asks for none");
        let credentials = ice_servers[1].credentials.as_ref().unwrap();
        assert_eq!(credentials.username, format!("{}:{you}", START.unix_s() + 3600));
        assert_eq!(credentials.expires_in_s, 3600);
        assert!(!credentials.credential.is_empty());
        names.insert(credentials.credential.clone());
    }
    assert_eq!(names.len(), 2);
}
