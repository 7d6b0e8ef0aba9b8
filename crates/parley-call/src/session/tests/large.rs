//! What goes and comes in one message where there are many: several messages of the server in one, and one word for everybody.

use super::groups::enter;
use super::world::World;
use crate::port::{LaneKind, TrackKind};
use crate::session::Input;
use bytes::Bytes;
use parley_proto::ServerMessage;

/// A server that never says anything by itself.
fn several_in_one(message: &mut ServerMessage) {
    let one = std::mem::replace(message, ServerMessage::Unknown);
    *message = ServerMessage::Several {
        list: vec![ServerMessage::Pong { nonce: 1 }, one, ServerMessage::Unknown],
    };
}

/// Four in one room.
fn four(mut world: World) -> World {
    world.server.groups.on = true;
    world.carries_words = true;
    for _ in 0..4 {
        enter(&mut world);
    }
    world.run_s(8);
    world
}

#[test]
fn what_comes_several_in_one_is_taken_as_if_each_came_by_itself() {
    let mut world = World::new(400);
    world.tamper = Some(several_in_one);
    let world = four(world);
    for party in 0..4 {
        let people = world.snapshot(party).people;
        assert_eq!(people.len(), 3);
        assert!(people.iter().all(|person| person.media_told));
        for other in (0..4).filter(|other| *other != party) {
            let has = world.parties[party].has(world.id(other), TrackKind::Audio);
            assert_eq!(has, Some(true), "{party} hears {other}");
        }
    }
}

#[test]
fn one_word_for_everybody_is_heard_by_all_the_others() {
    let mut world = four(World::new(401));
    let frame = Bytes::from_static(b"{\"type\":\"text\"}");
    let kind = LaneKind::Chat;
    let to = None;
    world.tell(
        1,
        Input::Frame {
            to,
            kind,
            frame: frame.clone(),
        },
    );
    world.run_s(1);
    let author = world.id(1);
    for party in [0, 2, 3] {
        assert_eq!(world.parties[party].frames, [(author, frame.clone())]);
    }
    assert!(world.parties[1].frames.is_empty());
}
