//! Tests of the rooms in virtual time.

mod entering;
mod losses;
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
