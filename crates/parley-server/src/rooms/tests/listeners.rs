//! Who only listens: who comes so, whom hosts make one, how many there are places for, and what the SFU is told of it.

use super::groups::{asked, offer};
use super::world::*;
use crate::rooms::*;
use crate::sfu::{Ask, Part};
use parley_proto::{Abilities, Offence, OffenceCount, Participant, Publish, Source, TopologyMode};

const DAN: ClientId = ClientId(4);
const FAY: ClientId = ClientId(5);
const OLD: ClientId = ClientId(6);

/// Three may speak in a room and two listen; where hosts say nothing, nobody does.
fn world() -> World {
    world_from(0)
}

fn world_from(from: u16) -> World {
    let mut world = World::new();
    world.rooms = world.rooms.with_groups(Some(3)).with_listeners(2, from);
    for client in [ADA, BOB, EVE, DAN, FAY] {
        world.say(client, ClientMessage::Groups(Abilities::plain(true)));
    }
    world.say(OLD, ClientMessage::Groups(Abilities::plain(false)));
    world
}

fn listen_from(people: u16) -> ClientMessage {
    ClientMessage::SetDoor {
        locked: None,
        lobby: None,
        listen_from: Some(people),
    }
}

fn set(id: ParticipantId, listens: bool) -> ClientMessage {
    ClientMessage::SetListens { id, listens }
}

/// Who listens, as the person who came last was told.
fn listeners(joined: &Joined) -> Vec<bool> {
    joined.participants.iter().map(|person| person.listens).collect()
}

fn changes(client: ClientId, outputs: &[Output]) -> Vec<(ParticipantId, bool)> {
    let messages = sent_to(client, outputs).into_iter();
    messages
        .filter_map(|message| match message {
            ServerMessage::ListensChanged { id, listens } => Some((id, listens)),
            _ => None,
        })
        .collect()
}

fn refusal(outputs: Vec<Output>) -> ErrorCode {
    match only(outputs) {
        (_, ServerMessage::Error { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

fn mode(world: &World, room: RoomId) -> TopologyMode {
    world.rooms.rooms[&room].topology.mode
}

fn microphone() -> Vec<Publish> {
    vec![Publish {
        mid: "0".to_owned(),
        source: Source::Microphone,
        on: true,
        layers: Vec::new(),
    }]
}

fn asks(world: &mut World) -> Vec<Ask> {
    asked(world).into_iter().map(|command| command.ask).collect()
}

#[test]
fn from_so_many_people_on_newcomers_listen_and_a_host_is_none_of_them() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    let told = world.say(ADA, listen_from(2));
    assert!(
        matches!(sent_to(ADA, &told)[..], [ServerMessage::Door(door)] if door.listen_from == 2),
        "{told:?}"
    );
    assert_eq!(listeners(&world.enter(BOB, Some(ada.room))), [false, false]);
    assert_eq!(listeners(&world.enter(EVE, Some(ada.room))), [false, false, true]);
    world.say(ADA, listen_from(0));
    let dan = world.enter(DAN, Some(ada.room));
    assert_eq!(
        listeners(&dan),
        [false, false, true, false],
        "nobody new any more"
    );
}

#[test]
fn what_the_server_is_told_goes_for_rooms_whose_hosts_say_nothing() {
    let mut world = world_from(1);
    let ada = world.enter(ADA, None);
    assert_eq!(listeners(&ada), [false], "whoever makes the room speaks");
    assert_eq!(listeners(&world.enter(BOB, Some(ada.room))), [false, true]);
}

#[test]
fn a_call_of_two_with_a_listener_goes_through_the_sfu_until_they_may_speak() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    world.say(ADA, listen_from(1));
    let bob = world.enter(BOB, Some(ada.room));
    assert_eq!(mode(&world, ada.room), TopologyMode::Sfu);
    world.wait(60);
    world.tick();
    assert_eq!(mode(&world, ada.room), TopologyMode::Sfu, "it does not go back");

    let told = world.say(ADA, set(bob.me, false));
    assert_eq!(changes(ADA, &told), [(bob.me, false)]);
    assert_eq!(changes(BOB, &told), [(bob.me, false)]);
    assert_eq!(mode(&world, ada.room), TopologyMode::Sfu);
    world.wait(3);
    world.tick();
    assert_eq!(mode(&world, ada.room), TopologyMode::Direct);

    world.say(ADA, set(bob.me, true));
    assert_eq!(mode(&world, ada.room), TopologyMode::Sfu, "and there again");
    let outputs = world.say(ADA, ClientMessage::Leave);
    assert_eq!(
        changes(BOB, &outputs),
        [(bob.me, false)],
        "whoever is alone may speak"
    );
}

#[test]
fn a_room_that_loses_its_third_stays_with_the_sfu_while_one_of_two_listens() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    let bob = world.enter(BOB, Some(ada.room));
    world.enter(EVE, Some(ada.room));
    world.say(EVE, ClientMessage::Leave);
    // About to go back.
    world.wait(1);
    world.say(ADA, set(bob.me, true));
    world.wait(10);
    world.tick();
    assert_eq!(mode(&world, ada.room), TopologyMode::Sfu);
}

#[test]
fn those_who_listen_have_places_of_their_own() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    world.say(ADA, listen_from(1));
    let bob = world.enter(BOB, Some(ada.room));
    let eve = world.enter(EVE, Some(ada.room));
    assert_eq!(
        world.ticket(DAN, Some(ada.room)).unwrap_err(),
        ErrorCode::RoomFull
    );
    world.say(ADA, set(bob.me, false));
    world.enter(DAN, Some(ada.room));
    world.say(ADA, set(eve.me, false));
    let fay = world.enter(FAY, Some(ada.room));
    assert_eq!(listeners(&fay), [false, false, false, true, true]);
    let refused = world.say(ADA, set(fay.me, false));
    assert_eq!(refusal(refused), ErrorCode::RoomFull, "three speak already");
    let refused = world.say(ADA, set(bob.me, true));
    assert_eq!(refusal(refused), ErrorCode::RoomFull, "two listen already");
}

#[test]
fn where_everybody_who_may_speak_is_in_newcomers_listen_though_more_were_allowed() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    world.say(ADA, listen_from(40));
    world.enter(BOB, Some(ada.room));
    world.enter(EVE, Some(ada.room));
    let dan = world.enter(DAN, Some(ada.room));
    assert_eq!(listeners(&dan), [false, false, false, true]);
}

#[test]
fn only_hosts_say_who_listens_and_only_of_people_who_are_there() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    let refused = world.say(ADA, set(ada.me, true));
    assert_eq!(refusal(refused), ErrorCode::SfuUnavailable, "alone");
    let bob = world.enter(BOB, Some(ada.room));
    let refused = world.say(BOB, set(ada.me, true));
    assert_eq!(refusal(refused), ErrorCode::NotAllowed);
    let nobody = ParticipantId::from_bytes([0; 16]);
    assert_eq!(
        refusal(world.say(ADA, set(nobody, true))),
        ErrorCode::RecipientUnknown
    );
    assert_eq!(
        world.say(ADA, set(bob.me, false)),
        [],
        "nothing new, nothing told"
    );
    // Without an SFU, or with a client that knows no groups, there are no listeners.
    let mut plain = World::new();
    let (_, bob) = plain.pair();
    let refused = plain.say(ADA, set(bob.me, true));
    assert_eq!(refusal(refused), ErrorCode::SfuUnavailable);
}

#[test]
fn the_sfu_is_told_before_each_offer_and_what_a_listener_publishes_is_an_offence() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    world.say(ADA, listen_from(1));
    let bob = world.enter(BOB, Some(ada.room));
    world.say(BOB, offer(1));
    world.say(BOB, offer(2));
    let told = asks(&mut world);
    assert!(
        matches!(
            told[..],
            [
                Ask::Part(Part::Listens),
                Ask::Offer { .. },
                Ask::Part(Part::Listens),
                Ask::Offer { .. }
            ]
        ),
        "{told:?}"
    );
    let publish = ClientMessage::Publish {
        publish: microphone(),
    };
    let mut outputs = Vec::new();
    for _ in 0..20 {
        outputs.extend(world.say(BOB, publish.clone()));
    }
    let offences: Vec<_> = sent_to(ADA, &outputs)
        .into_iter()
        .filter_map(|message| match message {
            ServerMessage::Offences { id, list, .. } => Some((id, list)),
            _ => None,
        })
        .collect();
    let [(id, list)] = &offences[..] else {
        panic!("{offences:?}")
    };
    assert_eq!(*id, bob.me);
    assert!(
        matches!(list[..], [OffenceCount { what: Offence::Upstream, count }] if count >= 10),
        "{list:?}"
    );
    asked(&mut world);

    world.wait(5);
    world.say(ADA, set(bob.me, false));
    assert_eq!(asks(&mut world), [Ask::Part(Part::Speaks)]);
    let outputs = world.say(BOB, publish);
    assert_eq!(outputs, []);
    assert_eq!(asks(&mut world), [Ask::Publish(microphone())]);
}

#[test]
fn an_older_client_listens_too_and_is_not_blamed_for_what_it_knows_nothing_of() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    world.say(ADA, listen_from(1));
    let old = world.enter(OLD, Some(ada.room));
    assert_eq!(listeners(&old), [false, true]);
    let with_microphone = ClientMessage::SfuOffer {
        connection: 1,
        sdp: "v=0".to_owned(),
        publish: microphone(),
    };
    assert_eq!(world.say(OLD, with_microphone), []);
    let told = asks(&mut world);
    assert!(
        matches!(told[..], [Ask::Part(Part::ListensUnaware), Ask::Offer { .. }]),
        "{told:?}"
    );
}

#[test]
fn the_host_who_is_one_because_nobody_else_is_may_speak() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    let bob = world.enter(BOB, Some(ada.room));
    world.say(ADA, listen_from(2));
    let eve = world.enter(EVE, Some(ada.room));
    world.say(ADA, set(bob.me, true));
    let outputs = world.say(ADA, ClientMessage::Leave);
    assert_eq!(changes(EVE, &outputs), [(bob.me, false)]);
    // Where one who speaks is there, they are asked first.
    let dan = world.enter(DAN, Some(ada.room));
    assert_eq!(listeners(&dan), [false, true, true]);
    world.say(BOB, set(eve.me, false));
    world.say(BOB, set(bob.me, true));
    let outputs = world.say(BOB, ClientMessage::Leave);
    let host = ServerMessage::RoleChanged {
        id: eve.me,
        role: parley_proto::Role::Host,
    };
    assert!(sent_to(DAN, &outputs).contains(&host));
    assert_eq!(changes(DAN, &outputs), []);
}

#[test]
fn who_listens_still_does_after_a_loss_and_after_a_restart() {
    let mut world = world();
    let ada = world.enter(ADA, None);
    world.say(ADA, listen_from(1));
    let mut bob = world.enter(BOB, Some(ada.room));
    world.rooms.disconnected(world.now, BOB);
    world.say(DAN, ClientMessage::Groups(Abilities::plain(true)));
    let (back, outputs) = world.resume(DAN, &bob.token).unwrap();
    assert_eq!(listeners(&back), [false, true]);
    bob.token = fresh_token(DAN, &outputs).unwrap_or(back.token);

    world.restart();
    world.rooms = std::mem::replace(&mut world.rooms, World::new().rooms)
        .with_groups(Some(3))
        .with_listeners(2, 0);
    world.say(BOB, ClientMessage::Groups(Abilities::plain(true)));
    world.say(ADA, ClientMessage::Groups(Abilities::plain(true)));
    let (back, _) = world.resume(BOB, &bob.token).unwrap();
    assert_eq!(listeners(&back), [false, true]);
    assert_eq!(mode(&world, ada.room), TopologyMode::Sfu);
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert_eq!(listeners(&back), [false, true]);
    assert_eq!(asks(&mut world), [], "until they offer");
}

#[test]
fn whoever_comes_to_hundreds_is_told_of_them_in_several_messages() {
    let mut world = World::new();
    world.rooms = world.rooms.with_groups(Some(3)).with_listeners(600, 1);
    let client = |number: u64| ClientId(100 + number);
    world.say(client(0), ClientMessage::Groups(Abilities::plain(true)));
    let host = world.enter(client(0), None);
    let mut last = Vec::new();
    for number in 1..=450 {
        world.say(client(number), ClientMessage::Groups(Abilities::plain(true)));
        let (_, ticket) = world.ticket(client(number), Some(host.room)).unwrap();
        last = world.join(client(number), &ticket).unwrap().1;
    }
    let told = sent_to(client(450), &last);
    let lists: Vec<&Vec<Participant>> = told
        .iter()
        .filter_map(|message| match message {
            ServerMessage::Joined { participants, .. } => Some(participants),
            ServerMessage::Participants { list } => Some(list),
            _ => None,
        })
        .collect();
    assert!(
        lists.iter().all(|list| list.len() <= 100),
        "within the limit of a message"
    );
    let mut all: Vec<u32> = lists
        .iter()
        .flat_map(|list| list.iter().map(|one| one.order))
        .collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 451, "everybody, once");
    assert!(
        lists[0].iter().any(|one| one.id == host.me),
        "who speaks comes first"
    );
    assert!(matches!(told[0], ServerMessage::Joined { you, .. } if lists[0].iter().any(|one| one.id == you)));
}

/// Ada hosts Bob and Eve, who may speak; tokens as they came.
fn three(world: &mut World) -> (Joined, Joined) {
    let ada = world.enter(ADA, None);
    let bob = world.enter(BOB, Some(ada.room));
    world.enter(EVE, Some(ada.room));
    (ada, bob)
}

#[test]
fn no_token_from_before_makes_a_listener_speak_or_a_speaker_listen() {
    for listens in [true, false] {
        let mut world = world();
        let (_, bob) = three(&mut world);
        world.say(ADA, set(bob.me, true));
        world.rooms.disconnected(world.now, BOB);
        if !listens {
            // While they are away a host lets them speak again.
            world.say(ADA, set(bob.me, false));
        }
        world.wait(70);
        world.tick();
        assert!(world.rooms.rooms[&bob.room].member(bob.me).is_none(), "given up");
        world.say(DAN, ClientMessage::Groups(Abilities::plain(true)));
        let (back, _) = world.resume(DAN, &bob.token).unwrap();
        let me = back.participants.iter().find(|person| person.id == bob.me);
        assert_eq!(me.map(|me| me.listens), Some(listens));
    }
}

#[test]
fn a_server_that_takes_no_listeners_since_its_restart_has_none() {
    for groups in [None, Some(3)] {
        let mut world = world();
        let (_, bob) = three(&mut world);
        let outputs = world.say(ADA, set(bob.me, true));
        let token = fresh_token(BOB, &outputs).unwrap_or(bob.token);
        world.restart();
        world.rooms = std::mem::replace(&mut world.rooms, World::new().rooms)
            .with_groups(groups)
            .with_listeners(0, 0);
        world.say(BOB, ClientMessage::Groups(Abilities::plain(true)));
        let (back, _) = world.resume(BOB, &token).unwrap();
        assert!(!listeners(&back).contains(&true), "{groups:?}: {back:?}");
    }
}

#[test]
fn a_listeners_token_makes_no_group_of_clients_that_know_of_none() {
    let mut world = world();
    let (_, bob) = three(&mut world);
    let outputs = world.say(ADA, set(bob.me, true));
    let token = fresh_token(BOB, &outputs).unwrap_or(bob.token);
    world.restart();
    world.rooms = std::mem::replace(&mut world.rooms, World::new().rooms)
        .with_groups(Some(3))
        .with_listeners(2, 0);
    // Older clients, of which one has the token of a newer one's seat.
    let older = world.enter(DAN, Some(bob.room));
    let (back, outputs) = world.resume(BOB, &token).unwrap();
    assert_eq!(back.participants.len(), 2);
    assert!(!listeners(&back).contains(&true), "{back:?}");
    assert_eq!(mode(&world, older.room), TopologyMode::Direct);
    for client in [BOB, DAN] {
        let told = sent_to(client, &outputs);
        let of_groups = |one: &&ServerMessage| matches!(one, ServerMessage::Topology { .. });
        assert_eq!(told.iter().find(of_groups), None);
    }
}

#[test]
fn who_is_made_a_listener_is_blamed_from_when_they_say_that_they_send_nothing() {
    let mut world = world();
    let (_, bob) = three(&mut world);
    world.say(BOB, offer(1));
    asks(&mut world);
    world.say(ADA, set(bob.me, true));
    assert_eq!(asks(&mut world), [Ask::Part(Part::ListensUntold)]);
    let nothing = ClientMessage::Publish { publish: Vec::new() };
    world.say(BOB, nothing);
    assert_eq!(
        asks(&mut world),
        [Ask::Part(Part::Listens), Ask::Publish(Vec::new())]
    );
}
