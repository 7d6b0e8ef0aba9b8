//! Large rooms: what is said once for all who hear it, who is told what before they come in, and what clients get that know no listeners.

use super::world::*;
use crate::rooms::*;
use parley_proto::limits::GROUP_PARTICIPANTS_MAX;
use parley_proto::{Abilities, ComesToListen, Participant, TopologyMode};
use serde_json::json;

const HOST: ClientId = ClientId(100);
const LAST: u64 = 250;

fn client(number: u64) -> ClientId {
    ClientId(100 + number)
}

fn world(speakers: usize, from: u16) -> World {
    let mut world = World::new();
    world.rooms = world.rooms.with_groups(Some(speakers)).with_listeners(600, from);
    for number in 0..=LAST + 9 {
        world.say(client(number), ClientMessage::Groups(Abilities::plain(true)));
    }
    world
}

/// The host and so many who came after; the host's seat.
fn room_of(world: &mut World, more: u64) -> Joined {
    let host = world.enter(HOST, None);
    for number in 1..=more {
        world.enter(client(number), Some(host.room));
    }
    host
}

fn to_all(outputs: &[Output]) -> Vec<(usize, &ServerMessage)> {
    let all = outputs.iter().filter_map(|output| match output {
        Output::SendAll { to, message } => Some((to.len(), message)),
        _ => None,
    });
    all.collect()
}

/// What somebody would be told with their ticket.
fn told_before(world: &mut World, client: ClientId, room: RoomId) -> Option<ComesToListen> {
    let ask = ClientMessage::RequestTicket {
        version: parley_proto::PROTOCOL_VERSION,
        room: Some(room),
        invitation: None,
    };
    match only(world.say(client, ask)) {
        (_, ServerMessage::Ticket { listens, .. }) => listens,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_hundreds_hear_is_said_once_for_all_of_them() {
    let mut world = world(3, 1);
    let host = room_of(&mut world, LAST);
    let payload = json!({"sealed": "words"});
    let word = ClientMessage::Tell {
        payload: payload.clone(),
        to: None,
    };
    let outputs = world.say(HOST, word);
    let from = host.me;
    let told = ServerMessage::Told { from, payload };
    assert_eq!(to_all(&outputs), [(LAST as usize, &told)]);
    assert_eq!(outputs.len(), 1);

    let (_, ticket) = world.ticket(client(LAST + 1), Some(host.room)).unwrap();
    let (_, outputs) = world.join(client(LAST + 1), &ticket).unwrap();
    let all = to_all(&outputs);
    assert!(
        matches!(all[..], [(many, ServerMessage::ParticipantJoined { .. })] if many == LAST as usize + 1),
        "{all:?}"
    );
    let outputs = world.say(client(7), ClientMessage::Leave);
    assert!(matches!(
        to_all(&outputs)[0].1,
        ServerMessage::ParticipantLeft { .. }
    ));
    // An answer to one is one.
    let answer = ClientMessage::Tell {
        payload: json!(1),
        to: Some(host.me),
    };
    assert!(matches!(
        only(world.say(client(9), answer)),
        (HOST, ServerMessage::Told { .. })
    ));
}

#[test]
fn whoever_came_into_a_group_keeps_nobody_waiting_and_tells_nobody_that_they_are_ready() {
    let mut world = world(3, 1);
    let host = room_of(&mut world, 1);
    let topology = &world.rooms.rooms[&host.room].topology;
    assert_eq!(topology.mode, TopologyMode::Sfu);
    let number = topology.number;
    let ready = ClientMessage::TopologyReady { number };
    let (to, _) = only(world.say(HOST, ready.clone()));
    assert_eq!(to, client(1), "who was there when it became a group");
    for number in 2..=20 {
        world.enter(client(number), Some(host.room));
        assert_eq!(world.say(client(number), ready.clone()), []);
    }
    let (to, _) = only(world.say(client(1), ready));
    assert_eq!(to, HOST);
}

#[test]
fn whoever_would_only_listen_knows_before_they_come_in_and_why() {
    let mut world = world(3, 3);
    let host = room_of(&mut world, 1);
    assert_eq!(told_before(&mut world, client(2), host.room), None);
    world.enter(client(2), Some(host.room));
    assert_eq!(
        told_before(&mut world, client(3), host.room),
        Some(ComesToListen::Many)
    );
    let later = ClientMessage::SetDoor {
        locked: None,
        lobby: None,
        listen_from: Some(40),
    };
    world.say(HOST, later);
    assert_eq!(
        told_before(&mut world, client(3), host.room),
        Some(ComesToListen::Full)
    );
}

#[test]
fn whoever_wants_only_to_listen_does_and_takes_no_place_of_those_who_speak() {
    let mut world = world(3, 0);
    let wants = Abilities {
        only_listens: true,
        ..Abilities::plain(true)
    };
    for number in 0..5 {
        world.say(client(number), ClientMessage::Groups(wants));
    }
    let host = world.enter(HOST, None);
    assert!(!host.participants[0].listens, "nobody is there to listen to");
    for number in 1..5 {
        assert_eq!(
            told_before(&mut world, client(number), host.room),
            Some(ComesToListen::Asked)
        );
        let here = world.enter(client(number), Some(host.room));
        assert!(
            here.participants
                .iter()
                .any(|one| one.id == here.me && one.listens)
        );
    }
    let speaks = world.enter(client(5), Some(host.room));
    assert!(
        speaks
            .participants
            .iter()
            .any(|one| one.id == speaks.me && !one.listens)
    );
    // Where the server takes no listeners they come as everybody does.
    let mut plain = World::new();
    plain.rooms = plain.rooms.with_groups(Some(3));
    for client in [ADA, BOB] {
        plain.say(client, ClientMessage::Groups(wants));
    }
    let ada = plain.enter(ADA, None);
    let bob = plain.enter(BOB, Some(ada.room));
    assert!(bob.participants.iter().all(|one| !one.listens));
}

#[test]
fn a_client_that_knows_no_listeners_is_told_of_as_many_as_it_keeps_and_of_all_who_speak() {
    let mut world = world(5, 2);
    let host = room_of(&mut world, LAST);
    let old = client(LAST + 1);
    world.say(old, ClientMessage::Groups(Abilities::plain(false)));
    let (_, ticket) = world.ticket(old, Some(host.room)).unwrap();
    let (here, outputs) = world.join(old, &ticket).unwrap();
    assert_eq!(here.participants.len(), GROUP_PARTICIPANTS_MAX);
    let has = |id: ParticipantId| here.participants.iter().any(|one| one.id == id);
    assert!(has(host.me) && has(here.me));
    let more = sent_to(old, &outputs)
        .into_iter()
        .any(|message| matches!(message, ServerMessage::Participants { .. }));
    assert!(!more, "it knows no such message");

    let room = &world.rooms.rooms[&host.room];
    let unknown: Vec<Participant> = room.members().iter().map(Member::participant).collect();
    let unknown = unknown.into_iter().find(|one| !has(one.id)).unwrap();
    let speaks = ClientMessage::SetListens {
        id: unknown.id,
        listens: false,
    };
    let outputs = world.say(HOST, speaks);
    let participant = Participant {
        listens: false,
        ..unknown
    };
    let named = ServerMessage::ParticipantJoined { participant };
    assert!(sent_to(old, &outputs).contains(&named));
    assert!(
        !sent_to(HOST, &outputs).contains(&named),
        "who knows them is told once"
    );
}
