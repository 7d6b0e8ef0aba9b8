//! At the door: lock, lobby, password.

use super::world::*;
use crate::access::{Password, PasswordHash};
use crate::rooms::*;
use parley_proto::limits::LOBBY_PEOPLE_MAX;
use parley_proto::{Door, PROTOCOL_VERSION};

#[test]
fn a_locked_room_takes_nobody_new_until_it_is_opened() {
    let mut world = World::new();
    let ada = world.enter(ADA, None);
    let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
    let told = world.say(ADA, set_door(Some(true), None));
    let locked = Door {
        locked: true,
        ..Door::default()
    };
    assert_eq!(sent_to(ADA, &told), [ServerMessage::Door(locked)]);
    assert_eq!(world.join(BOB, &ticket).unwrap_err(), ErrorCode::Locked);
    world.say(ADA, set_door(Some(false), None));
    world.join(BOB, &ticket).expect("a refused ticket is not used up");
    assert_eq!(world.rooms.door_counts().locked, 1);
}

#[test]
fn who_comes_to_a_room_with_a_lobby_waits_until_the_host_lets_them_in() {
    let mut world = World::new();
    let ada = world.lobby_room();
    let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
    let outputs = world.knock(BOB, &ticket, None, true);
    assert_eq!(sent_to(BOB, &outputs), [ServerMessage::Waiting]);
    let people = at_the_door(ADA, &outputs).expect("Ada is told who waits");
    assert_eq!(people[0].name, "client 2");
    assert_eq!(world.rooms.counts().waiting, 1);
    assert_eq!(
        world.rooms.counts().participants,
        1,
        "nobody is in who only waits"
    );

    let id = people[0].id;
    let outputs = world.say(ADA, ClientMessage::Admit { id });
    let (bob, outputs) = joined(BOB, outputs).unwrap();
    assert_eq!(bob.participants.len(), 2);
    assert_eq!(at_the_door(ADA, &outputs), Some(Vec::new()));
    assert_eq!(world.join(EVE, &ticket).unwrap_err(), ErrorCode::TicketInvalid);
}

#[test]
fn who_is_refused_is_told_closed_and_kept_out_for_a_while() {
    let mut world = World::new();
    let ada = world.lobby_room();
    world.rooms.opened(BOB, source("203.0.113.5"));
    let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
    let outputs = world.knock(BOB, &ticket, None, true);
    let id = at_the_door(ADA, &outputs).unwrap()[0].id;
    let outputs = world.say(ADA, ClientMessage::Refuse { id });
    assert_put_out(BOB, ErrorCode::NotAdmitted, &outputs);
    assert_eq!(at_the_door(ADA, &outputs), Some(Vec::new()));
    world.rooms.disconnected(world.now, BOB);
    world.rooms.opened(EVE, source("203.0.113.5"));
    let again = world.ticket(EVE, Some(ada.room));
    assert_eq!(again.unwrap_err(), ErrorCode::RoomUnknown);
    world.wait(61);
    world.ticket(EVE, Some(ada.room)).unwrap();
}

#[test]
fn who_stops_waiting_is_no_longer_shown() {
    let mut world = World::new();
    let ada = world.lobby_room();
    for leaves in [true, false] {
        let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
        world.knock(BOB, &ticket, None, true);
        let outputs = if leaves {
            world.say(BOB, ClientMessage::Leave)
        } else {
            world.rooms.disconnected(world.now, BOB)
        };
        assert_eq!(at_the_door(ADA, &outputs), Some(Vec::new()));
        assert_eq!(world.rooms.counts().waiting, 0);
    }
}

#[test]
fn a_client_that_cannot_wait_is_told_so_and_a_lobby_has_an_end() {
    let mut world = World::new();
    let ada = world.lobby_room();
    let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
    let outputs = world.knock(BOB, &ticket, None, false);
    assert_eq!(refused(&outputs), Some(ErrorCode::CannotWait));
    for number in 0..LOBBY_PEOPLE_MAX as u64 {
        let client = ClientId(100 + number);
        let (_, ticket) = world.ticket(client, Some(ada.room)).unwrap();
        world.knock(client, &ticket, None, true);
    }
    let outputs = world.knock(BOB, &ticket, None, true);
    assert_eq!(refused(&outputs), Some(ErrorCode::Unavailable));
}

#[test]
fn who_waits_when_the_call_ends_is_told() {
    for ends_for_all in [true, false] {
        let mut world = World::new();
        let ada = world.lobby_room();
        let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
        world.knock(BOB, &ticket, None, true);
        let deed = if ends_for_all {
            ClientMessage::EndForAll
        } else {
            ClientMessage::Leave
        };
        let outputs = world.say(ADA, deed);
        assert_put_out(BOB, ErrorCode::Ended, &outputs);
        assert_eq!(world.rooms.counts(), RoomCounts::default());
    }
}

#[test]
fn a_password_is_asked_for_checked_and_never_stands_in_what_is_kept() {
    let mut world = World::new();
    let ada = world.enter(ADA, None);
    world.set_password(ADA, "open sesame");
    let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
    let none = world.knock(BOB, &ticket, None, true);
    assert_eq!(refused(&none), Some(ErrorCode::PasswordNeeded));
    let wrong = world.knock(BOB, &ticket, Some("open barley"), true);
    assert_eq!(refused(&wrong), Some(ErrorCode::PasswordWrong));
    let busy = world.say(
        ADA,
        ClientMessage::SetPassword {
            password: Some(String::new()),
        },
    );
    assert_eq!(refused(&busy), Some(ErrorCode::Malformed));
    let right = world.knock(BOB, &ticket, Some("open sesame"), true);
    joined(BOB, right).unwrap();
    assert_eq!(world.rooms.door_counts().password, 2);
}

#[test]
fn passwords_cannot_be_tried_without_end() {
    let mut world = World::new();
    let ada = world.enter(ADA, None);
    world.set_password(ADA, "open sesame");
    let mut tried = 0;
    for number in 0..1000 {
        let client = ClientId(100 + number);
        let (_, ticket) = world.ticket(client, Some(ada.room)).unwrap();
        let _ = world.knock_unchecked(client, &ticket, Some("guess"));
        tried += world.answer_passwords(false);
        world.rooms.disconnected(world.now, client);
    }
    assert!(tried <= 10, "{tried} guesses in a moment");
    world.wait(60);
    let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
    let right = world.knock(BOB, &ticket, Some("open sesame"), true);
    joined(BOB, right).expect("who knows it comes in after a minute");
}

#[test]
fn who_vanishes_while_the_password_is_checked_comes_in_nowhere() {
    let mut world = World::new();
    let ada = world.enter(ADA, None);
    world.set_password(ADA, "open sesame");
    let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
    world.knock_unchecked(BOB, &ticket, Some("open sesame"));
    assert_eq!(world.join(BOB, &ticket).unwrap_err(), ErrorCode::OutOfOrder);
    world.rooms.disconnected(world.now, BOB);
    assert_eq!(world.answer_passwords(true), 1);
    assert_eq!(world.rooms.counts().participants, 1);
}

#[test]
fn a_password_is_hashed_so_that_equal_ones_do_not_look_equal() {
    let password = Password::new("open sesame".to_owned()).unwrap();
    let one = PasswordHash::make(&password, [1; 16]).unwrap();
    let two = PasswordHash::make(&password, [2; 16]).unwrap();
    assert_ne!(one.to_bytes(), two.to_bytes());
    assert_eq!(PasswordHash::from_bytes(&one.to_bytes()), Some(one));
    assert!(one.fits(&password));
    assert!(!one.fits(&Password::new("Open sesame".to_owned()).unwrap()));
    assert!(!format!("{password:?}{one:?}").contains("sesame"));
}

impl World {
    /// Ada in a room with a lobby.
    pub(super) fn lobby_room(&mut self) -> Joined {
        let ada = self.enter(ADA, None);
        self.say(ADA, set_door(None, Some(true)));
        ada
    }

    /// Ada and Bob, and where they come from.
    pub(super) fn pair_from(&mut self, ada: &str, bob: &str) -> (Joined, Joined) {
        self.rooms.opened(ADA, source(ada));
        self.rooms.opened(BOB, source(bob));
        let (ada, bob) = self.pair();
        self.bobs = Some(bob.clone());
        (ada, bob)
    }

    fn knock_unchecked(&mut self, client: ClientId, ticket: &str, password: Option<&str>) -> Vec<Output> {
        self.say(client, knock(client, ticket, password, true))
    }

    /// Comes to the door; passwords are checked as a driver does.
    fn knock(&mut self, client: ClientId, ticket: &str, password: Option<&str>, waits: bool) -> Vec<Output> {
        let mut outputs = self.say(client, knock(client, ticket, password, waits));
        for errand in self.rooms.take_errands() {
            if let Errand::CheckPassword {
                client,
                hash,
                password,
            } = errand
            {
                outputs.extend(
                    self.rooms
                        .password_checked(self.now, client, hash.fits(&password)),
                );
            }
        }
        outputs
    }

    /// Answers all checks without hashing; how many there were.
    fn answer_passwords(&mut self, right: bool) -> usize {
        let mut answered = 0;
        for errand in self.rooms.take_errands() {
            if let Errand::CheckPassword { client, .. } = errand {
                answered += 1;
                self.rooms.password_checked(self.now, client, right);
            }
        }
        answered
    }

    pub(super) fn set_password(&mut self, host: ClientId, password: &str) {
        let password = Some(password.to_owned());
        self.say(host, ClientMessage::SetPassword { password });
        for errand in self.rooms.take_errands() {
            if let Errand::HashPassword {
                client,
                password,
                salt,
            } = errand
            {
                let told = self
                    .rooms
                    .password_hashed(client, PasswordHash::make(&password, salt));
                assert!(matches!(
                    sent_to(host, &told)[..],
                    [ServerMessage::Door(Door { password: true, .. })]
                ));
            }
        }
    }
}

fn knock(client: ClientId, ticket: &str, password: Option<&str>, waits: bool) -> ClientMessage {
    ClientMessage::Join {
        version: PROTOCOL_VERSION,
        ticket: ticket.to_owned(),
        name: format!("client {}", client.0),
        password: password.map(str::to_owned),
        waits,
    }
}

pub(super) fn set_door(locked: Option<bool>, lobby: Option<bool>) -> ClientMessage {
    ClientMessage::SetDoor {
        locked,
        lobby,
        listen_from: None,
    }
}

fn at_the_door(host: ClientId, outputs: &[Output]) -> Option<Vec<parley_proto::WaitingPerson>> {
    sent_to(host, outputs)
        .into_iter()
        .rev()
        .find_map(|message| match message {
            ServerMessage::AtTheDoor { people } => Some(people),
            _ => None,
        })
}

fn refused(outputs: &[Output]) -> Option<ErrorCode> {
    outputs.iter().find_map(|output| match output {
        Output::Send {
            message: ServerMessage::Error { code, .. },
            ..
        } => Some(*code),
        _ => None,
    })
}

pub(super) fn assert_put_out(client: ClientId, why: ErrorCode, outputs: &[Output]) {
    assert!(
        sent_to(client, outputs).contains(&error(why, true)),
        "{outputs:?}"
    );
    let close = Output::Close {
        client,
        code: CloseCode::Refused,
    };
    assert!(outputs.contains(&close), "{outputs:?}");
}

pub(super) fn source(ip: &str) -> Option<crate::access::Source> {
    crate::access::Source::of(ip.parse().unwrap())
}
